/** Events: what people see in kubectl describe and kubectl events. */
import { randomBytes } from 'node:crypto';
import type { Notice } from '../plan/index.ts';
import { FIELD_MANAGER, type KubeObject } from '../specs/index.ts';
import type { ApiClient } from './client.ts';
import { RESOURCES } from './resources.ts';

const NOTE_MAX = 1024;

export class Events {
  private readonly client: ApiClient;
  private readonly instance: string;
  private readonly onError: (error: Error) => void;

  constructor(client: ApiClient, instance: string, onError: (error: Error) => void) {
    this.client = client;
    this.instance = instance;
    this.onError = onError;
  }

  /** Never rejects: the work does not hang on what is told of it. */
  async tell(regarding: KubeObject, { type, reason, note }: Notice, now: number): Promise<void> {
    const { apiVersion, kind, metadata } = regarding;
    const { namespace = 'default', name, uid, resourceVersion } = metadata;
    const event = {
      apiVersion: RESOURCES.Event.apiVersion,
      kind: 'Event',
      metadata: { name: `${name}.${randomBytes(8).toString('hex')}`, namespace },
      eventTime: new Date(now).toISOString().replace('Z', '000Z'),
      reportingController: `p2pdb.io/${FIELD_MANAGER}`,
      reportingInstance: this.instance,
      action: reason,
      reason,
      type,
      note: note.slice(0, NOTE_MAX),
      regarding: { apiVersion, kind, name, namespace, uid, resourceVersion },
    };
    try {
      await this.client.create(RESOURCES.Event, event);
    } catch (error) {
      this.onError(error as Error);
    }
  }
}
