/**
 * A node in a process of its own, for tests that stop, freeze or measure one. It is told what to do by IPC, and echoes short
 * messages.
 */
import { openHere } from '../../../node/discovery/here.ts';
import { createNetwork, type NodeId } from '../../../node/discovery/index.ts';

export interface ChildSettings {
  readonly seed: string;
  readonly swarm: { readonly id: string; readonly key: string };
  readonly bootstrap: readonly string[];
  readonly members: readonly NodeId[];
  readonly where: 'thread' | 'here';
}

/** What the child tells. */
export type ChildReport =
  | { readonly kind: 'started'; readonly address: string }
  | { readonly kind: 'up'; readonly count: number; readonly rssBytes: number }
  | { readonly kind: 'stopped' };

/** What the child is told: 'block' keeps its main thread busy for so long. */
export type ChildOrder =
  | { readonly kind: 'block'; readonly ms: number }
  | { readonly kind: 'stop' }
  | { readonly kind: 'members'; readonly members: readonly NodeId[] };

const settings = JSON.parse(process.argv[2] ?? '') as ChildSettings;
const tell = (report: ChildReport): void => void process.send?.(report);
let up = 0;
const network = createNetwork(
  {
    privateKey: Buffer.from(settings.seed, 'hex'),
    listen: { host: '127.0.0.1', port: 0 },
    swarm: { id: settings.swarm.id, key: Buffer.from(settings.swarm.key, 'hex') },
    bootstrap: settings.bootstrap,
    mdns: false,
    members: settings.members,
  },
  {
    peerUp: () => tell({ kind: 'up', count: ++up, rssBytes: process.memoryUsage.rss() }),
    peerDown: () => tell({ kind: 'up', count: --up, rssBytes: process.memoryUsage.rss() }),
    // Echoes what is short, and answers each MiB of the rest with a byte.
    message: (from, bytes) => {
      if (bytes.length <= 1_000) network.send(from, bytes.slice());
      else {
        received += bytes.length;
        for (; received >= 1 << 20; received -= 1 << 20) network.send(from, new Uint8Array(1));
      }
    },
  },
  settings.where === 'here' ? openHere : undefined,
);
let received = 0;
process.on('message', (order: ChildOrder) => {
  switch (order.kind) {
    case 'block': {
      const end = performance.now() + order.ms;
      while (performance.now() < end);
      return;
    }
    case 'members':
      network.setMembers(order.members);
      return;
    case 'stop':
      void network.stop().then(() => {
        tell({ kind: 'stopped' });
        // Nothing is left that keeps the process: it ends by itself.
        process.disconnect?.();
      });
  }
});
process.on('disconnect', () => void network.stop());
await network.start();
tell({ kind: 'started', address: (network.addresses[0] ?? '').split('/p2p/')[0] ?? '' });
