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
import { openHere } from '../../../node/discovery/here.ts';

export const newSwarm = (): SwarmIdentity => ({ id: `test-${randomBytes(4).toString('hex')}`, key: randomBytes(32) });

export interface TestNode {
  readonly id: NodeId;
  readonly seed: Uint8Array;
  readonly network: Network;
  readonly swarm: SwarmIdentity;
  /** What it logged. */
  readonly lines: readonly string[];
  /** Peers that are up. */
  readonly up: Set<NodeId>;
  /** Sees each message, after the handler. */
  onMessage: (from: NodeId, bytes: Uint8Array) => void;
  /** Resolves when the condition holds; rejects after `ms` with what is known. */
  until(condition: () => boolean, what: string, ms?: number): Promise<void>;
}

export interface TestNodeSettings extends Partial<NetworkOptions> {
  readonly handler?: NetworkHandler;
  readonly where?: 'thread' | 'here';
}

/** A node that is not started. */
export function makeNode(swarm: SwarmIdentity, settings: TestNodeSettings = {}): TestNode {
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
  const network = createNetwork(
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
        node.onMessage(from, bytes);
        changes.emit('change');
        return waits;
      },
      gossip: changed(handler.gossip?.bind(handler)),
      drained: changed(handler.drained?.bind(handler)),
      log: (level, text, detail) => {
        lines.push(`${level} ${text} ${JSON.stringify(detail)}`);
        handler.log?.(level, text, detail);
        changes.emit('change');
      },
    },
    where === 'here' ? openHere : undefined,
  );
  const node: TestNode = {
    onMessage: () => undefined,
    id: network.id,
    seed,
    swarm,
    lines,
    network,
    up,
    until: (condition, what, ms = 15_000) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (!condition()) return;
          clearTimeout(timer);
          clearInterval(looks);
          changes.off('change', check);
          resolve();
        };
        // Figures change without an event.
        const looks = setInterval(check, 50);
        const timer = setTimeout(() => {
          clearInterval(looks);
          changes.off('change', check);
          reject(new Error(`not within ${ms} ms: ${what}\n${lines.slice(-30).join('\n')}`));
        }, ms);
        changes.on('change', check);
        check();
      }),
  };
  return node;
}

/** `127.0.0.1:port` of a started node. */
export const hostPort = (node: TestNode): string => {
  const [, , host, , port] = (node.network.addresses[0] ?? '').split('/');
  return `${host}:${port}`;
};

export const stopAll = async (nodes: readonly TestNode[]): Promise<void> => {
  await Promise.all(nodes.map((node) => node.network.stop()));
};

/** `count` members of which all but the first know only the first one's address; started. */
export async function cluster(
  swarm: SwarmIdentity,
  count: number,
  settings: TestNodeSettings | ((index: number) => TestNodeSettings) = {},
): Promise<TestNode[]> {
  const settingsOf = typeof settings === 'function' ? settings : (): TestNodeSettings => settings;
  const first = makeNode(swarm, settingsOf(0));
  await first.network.start();
  const nodes = [first];
  for (let i = 1; i < count; i++) nodes.push(makeNode(swarm, { ...settingsOf(i), bootstrap: [hostPort(first)] }));
  for (const node of nodes) node.network.setMembers(nodes.map((n) => n.id));
  for (const node of nodes.slice(1)) await node.network.start();
  return nodes;
}

export const allUp = (nodes: readonly TestNode[], ms?: number): Promise<void[]> =>
  Promise.all(nodes.map((n) => n.until(() => n.up.size === nodes.length - 1, `all of ${nodes.length} are up`, ms)));
