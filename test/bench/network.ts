// What the network between two nodes does: round trip of a small message, and bulk, between two processes over loopback.
//   node bin/run.mjs test/bench/network.ts [--seconds N]
// `thread` is how a node runs it, with libp2p in a thread of its own at both ends; `here` is without that thread.
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { NodeId } from '../../node/discovery/index.ts';
import type { TestNode } from '../integration/discovery/support.ts';
import { withChild } from '../integration/discovery/with-child.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '3' } } });
const RUN_MS = Number(values.seconds) * 1_000;
const WARM_UP = 500;
const MIB = 1 << 20;

async function roundTrips(node: TestNode, to: NodeId): Promise<string> {
  const times: number[] = [];
  const message = new Uint8Array(100);
  const end = performance.now() + RUN_MS;
  for (let i = 0; performance.now() < end; i++) {
    const start = performance.now();
    const answered = new Promise<void>((resolve) => (node.onMessage = () => resolve()));
    node.network.send(to, message);
    await answered;
    if (i >= WARM_UP) times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const at = (part: number): string => `${(times[Math.floor(times.length * part)] ?? NaN).toFixed(3)} ms`;
  return `round trip: median ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}`;
}

/** The child answers each MiB with a byte. */
async function bulk(node: TestNode, to: NodeId, size: number): Promise<string> {
  const message = new Uint8Array(size);
  let acknowledged = 0;
  node.onMessage = () => void (acknowledged += MIB);
  const cpu = process.cpuUsage();
  const start = performance.now();
  while (performance.now() < start + RUN_MS) {
    for (let bytes = 0; bytes < MIB && node.network.send(to, message) === 'queued'; bytes += size);
    await setImmediate();
  }
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  await node.until(() => node.network.peers()[0]?.queueBytes === 0, 'all is sent', 60_000);
  const rate = (acknowledged / seconds / 1e6).toFixed(0);
  return `${size} B: ${rate} MB/s, ${((user + system) / 1e6 / seconds).toFixed(2)} cores at the sender`;
}

for (const where of ['thread', 'here'] as const) {
  await withChild(async (node, _child, to) => {
    console.log(`${where}: ${await roundTrips(node, to)}`);
    for (const size of [2_000, 64 << 10, MIB]) console.log(`${where}: ${await bulk(node, to, size)}`);
    console.log(`${where}: ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB resident`);
  }, where);
}
