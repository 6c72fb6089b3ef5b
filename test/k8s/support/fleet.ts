/** Many clusters on one API server, whose pods are objects only, or none: nobody runs them. */
import { KubeConfig } from '@kubernetes/client-node';
import { ApiClient } from '../../../operator/kube/client.ts';
import { RESOURCES } from '../../../operator/kube/resources.ts';
import type { KubeObject } from '../../../operator/specs/index.ts';
import { startApiServer, type ApiServer } from './api-server.ts';
import { Daemons } from './daemons.ts';
import { installKinds } from './kinds.ts';
import { program } from './machine.ts';

const NAMESPACES = 10;
export const REPLICAS = 3;

export class Fleet {
  readonly client: ApiClient;
  readonly kubeconfig: string;
  private readonly api: ApiServer;
  private readonly controllers: Daemons;
  private readonly pods: number;

  /** `folder` takes logs. `hasPods`: Kubernetes' own StatefulSet controller makes them. */
  static async start(folder: string, hasPods: boolean): Promise<Fleet> {
    const api = await startApiServer();
    const fleet = new Fleet(api, folder, hasPods);
    await installKinds(api.kubeconfig);
    for (let i = 0; i < NAMESPACES; i++) {
      const metadata = { name: namespaceOf(i) };
      await fleet.client.create(RESOURCES.Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata });
    }
    return fleet;
  }

  private constructor(api: ApiServer, folder: string, hasPods: boolean) {
    this.api = api;
    this.pods = hasPods ? REPLICAS : 0;
    this.kubeconfig = api.kubeconfig;
    const config = new KubeConfig();
    config.loadFromFile(api.kubeconfig);
    this.client = new ApiClient(config);
    this.controllers = new Daemons(folder);
    if (!hasPods) return;
    this.controllers.start('controllers', [
      program('kube'),
      'kube-controller-manager',
      `--kubeconfig=${api.kubeconfig}`,
      '--leader-elect=false',
      '--secure-port=0',
      '--controllers=statefulset',
      '--kube-api-qps=2000',
      '--kube-api-burst=4000',
    ]);
  }

  async stop(): Promise<void> {
    await this.controllers.stop();
    this.client.close();
    await this.api.stop();
  }

  /** Clusters c0, c1, … */
  async declare(count: number): Promise<void> {
    const numbers = Array.from({ length: count }, (_, i) => i);
    const one = async (): Promise<void> => {
      for (let i = numbers.pop(); i !== undefined; i = numbers.pop()) {
        const head = { apiVersion: RESOURCES.P2PDBCluster.apiVersion, kind: 'P2PDBCluster' };
        const metadata = { name: `c${i}`, namespace: namespaceOf(i) };
        await this.client.create(RESOURCES.P2PDBCluster, { ...head, metadata, spec: { replicas: REPLICAS } });
      }
    };
    await Promise.all(Array.from({ length: 8 }, one));
  }

  /** How many have all the pods that there can be, and say so in a status of their newest manifest. */
  async reconciled(): Promise<number> {
    const clusters: KubeObject[] = [];
    for (let page: string | undefined = ''; page !== undefined;) {
      const query = { limit: '500', ...(page !== '' && { continue: page }) };
      const list = await this.client.list(RESOURCES.P2PDBCluster, undefined, query);
      clusters.push(...list.items);
      page = list.metadata.continue === '' ? undefined : list.metadata.continue;
    }
    return clusters.filter(({ metadata, status }) => {
      const { observedGeneration, replicas } = (status ?? {}) as { observedGeneration?: number; replicas?: number };
      return observedGeneration === metadata.generation && replicas === this.pods;
    }).length;
  }
}

export const namespaceOf = (i: number): string => `n${i % NAMESPACES}`;
