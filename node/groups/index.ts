/**
 * Replication groups of single databases, next to the one that every node hosts: a database whose comment names its hosts has a log,
 * consensus and state of its own on those nodes, and clients of all nodes reach it. See DESIGN.md.
 */
import { nodeId } from '../consensus/index.ts';
import { Forwarding } from '../forwarding/index.ts';
import { Channels } from './channels.ts';
import { Gateway } from './gateway.ts';
import { HostedGroups, type HostedOptions } from './hosted.ts';

export { Channels } from './channels.ts';
export { Gateway } from './gateway.ts';
export type { GroupsLogger, HostedGroup, HostedGroups } from './hosted.ts';

export interface GroupsOptions extends Omit<HostedOptions, 'channels'> {
  /** For a session that comes from another node. */
  readonly nextSessionId: () => number;
}

export interface Groups {
  readonly channels: Channels;
  readonly hosted: HostedGroups;
  readonly gateway: Gateway;
  /** In any group. */
  readonly openTransactions: number;
  setCut(ids: readonly string[]): void;
  /** Sessions from elsewhere end; everything is durable. */
  stop(): Promise<void>;
}

export function openGroups({ nextSessionId, ...options }: GroupsOptions): Groups {
  const { main, log } = options;
  const forwarding: Forwarding = new Forwarding({
    send: (to, message) => channels.sendSession(to, message),
    openSession: (who, client, image) => gateway.takeIn(nextSessionId(), who, client, image),
    onInternalError: (error) => log.error({ err: error }, 'a session at another node met an internal error'),
  });
  const channels: Channels = new Channels(forwarding);
  const hosted = new HostedGroups({ ...options, channels });
  const gateway: Gateway = new Gateway(main.core, hosted, channels, forwarding);
  return {
    channels,
    hosted,
    gateway,
    get openTransactions() {
      return [...hosted].reduce(
        (sum, { engine }) => sum + engine.core.openTransactions.size,
        main.core.openTransactions.size,
      );
    },
    setCut: (ids) => {
      channels.setCut(ids.map(nodeId));
      hosted.setCut(ids.map(nodeId));
    },
    stop: () => {
      forwarding.stop();
      return hosted.stop();
    },
  };
}
