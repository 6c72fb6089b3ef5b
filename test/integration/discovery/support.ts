/** Nodes of a swarm for tests, over loopback, and what they saw. */
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import {
  createNetwork,
  type Network,
  type NetworkHandler,
  type NetworkOptions,
  type NodeId,
  type SwarmIdentity,
} from '../../../node/discovery/index.ts';

export const newSwarm = (): SwarmIdentity => ({ id: `test-${randomBytes(4).toString('hex')}`, key: randomBytes(32) });

export interface TestNode {
  readonly id: NodeId;
  readonly seed: Uint8Array;
  readonly network: Network;
  /** Peers that are up. */
  readonly up: Set<NodeId>;
  /** Resolves when the condition holds; rejects after `ms` with what is known. */
  until(condition: () => boolean, what: string, ms?: number): Promise<void>;
}

export interface TestNodeSettings extends Partial<NetworkOptions> {
  readonly handler?: NetworkHandler;
  readonly where?: 'thread' | 'here';
}

/** A node that is not started. */
export async function makeNode(swarm: SwarmIdentity, settings: TestNodeSettings = {}): Promise<TestNode> {
  const { handler = {}, where = 'here', ...options } = settings;
  const seed = options.privateKey ?? randomBytes(32);
  const changes = new EventEmitter();
  const up = new Set<NodeId>();
  const lines: string[] = [];
  const changed =
    <A extends unknown[]>(react: ((...args: A) => void) | undefined) =>
    (...args: A): void => {
      react?.(...args);
      changes.emit('change');
    };
  const network = await createNetwork(
    {
      privateKey: seed,
      listen: { host: '127.0.0.1', port: 0 },
      swarm,
      bootstrap: [],
      mdns: false,
      members: [],
      ...options,
    },
    {
      ...handler,
      peerUp: changed((id: NodeId) => {
        up.add(id);
        handler.peerUp?.(id);
      }),
      peerDown: changed((id: NodeId) => {
        up.delete(id);
        handler.peerDown?.(id);
      }),
      message: (from, bytes) => {
        const waits = handler.message?.(from, bytes);
        changes.emit('change');
        return waits;
      },
      gossip: changed(handler.gossip?.bind(handler)),
      drained: changed(handler.drained?.bind(handler)),
      log: (level, text, detail) => {
        lines.push(`${level} ${text} ${JSON.stringify(detail)}`);
        handler.log?.(level, text, detail);
      },
    },
    where,
  );
  return {
    id: network.id,
    seed,
    network,
    up,
    until: (condition, what, ms = 15_000) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (!condition()) return;
          clearTimeout(timer);
          changes.off('change', check);
          resolve();
        };
        const timer = setTimeout(() => {
          changes.off('change', check);
          reject(new Error(`not within ${ms} ms: ${what}\n${lines.slice(-30).join('\n')}`));
        }, ms);
        changes.on('change', check);
        check();
      }),
  };
}

/** `127.0.0.1:port` of a started node. */
export const hostPort = (node: TestNode): string => {
  const [, , host, , port] = (node.network.addresses[0] ?? '').split('/');
  return `${host}:${port}`;
};

export const stopAll = async (nodes: readonly TestNode[]): Promise<void> => {
  await Promise.all(nodes.map((node) => node.network.stop()));
};
