/**
 * A node as a process that watches its own event loop: test/bench/beside.ts starts it and asks, by messages, what a statement did
 * to it.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { Session, type Profiler } from 'node:inspector/promises';
import { startTestNode } from '../../support/node.ts';

/** What the bench hears of the time from `start` to `end`. */
export interface Watched {
  /** The longest turns of the event loop, the longest first. */
  readonly stalls: readonly Stall[];
  /** Turns of more than 50 ms. */
  readonly over50: number;
  /** The most that the node's own thread worked in a turn, whatever else the machine did meanwhile. */
  readonly cpuMax: number;
  /** The garbage collector's longest pause, and all of its pauses. */
  readonly gcMax: number;
  readonly gcTotal: number;
  readonly heapMb: number;
}

export interface Stall {
  readonly ms: number;
  /** What the node's own thread had of it: the rest it waited for a core, the disk, or the garbage collector's threads. */
  readonly cpuMs: number;
  /** What ran in it, by its own time: with --profile. */
  readonly work: readonly string[];
}

export type Asked = { readonly kind: 'start' } | { readonly kind: 'end' } | { readonly kind: 'stop' };

const TICK_MS = 1;
const STALLS = 6;
const FRAMES = 6;
const isProfiled = process.argv.includes('--profile');

interface Gap {
  readonly fromUs: number;
  readonly toUs: number;
  readonly cpuMs: number;
}

const cpuUs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return user + system;
};
const nowUs = (): number => Number(process.hrtime.bigint() / 1000n);

/** Where the time of a gap went: functions by their own samples, with who called them. */
function workIn(profile: Profiler.Profile, { fromUs, toUs }: Gap): string[] {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const nameOf = (id: number): string => {
    const frame = nodes.get(id)?.callFrame;
    return frame ? `${frame.functionName || '(anonymous)'}:${frame.url.split('/').at(-1)}:${frame.lineNumber + 1}` : '';
  };
  const spent = new Map<string, number>();
  let at = profile.startTime;
  for (const [i, id] of (profile.samples ?? []).entries()) {
    const delta = profile.timeDeltas?.[i] ?? 0;
    at += delta;
    if (at < fromUs || at > toUs) continue;
    const chain: string[] = [];
    for (let n: number | undefined = id; n !== undefined && chain.length < 5; n = parents.get(n)) chain.push(nameOf(n));
    const text = chain.join(' < ');
    spent.set(text, (spent.get(text) ?? 0) + delta);
  }
  return [...spent]
    .sort((a, b) => b[1] - a[1])
    .slice(0, FRAMES)
    .map(([text, us]) => `${(us / 1000).toFixed(1)} ms ${text}`);
}

const node = await startTestNode(['--local-infile=on']);
let gaps: Gap[] = [];
let last = nowUs();
let lastCpu = cpuUs();
const tick = (): void => {
  const now = nowUs();
  const cpu = cpuUs();
  if (now - last > 5000) gaps.push({ fromUs: last, toUs: now, cpuMs: (cpu - lastCpu) / 1000 });
  last = now;
  lastCpu = cpu;
  setTimeout(tick, TICK_MS);
};
tick();
let collections: number[] = [];
const observer = new PerformanceObserver((list) => collections.push(...list.getEntries().map((e) => e.duration)));
observer.observe({ entryTypes: ['gc'] });
const session = new Session();
session.connect();

async function start(): Promise<void> {
  gaps = [];
  collections = [];
  if (isProfiled) {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: 500 });
    await session.post('Profiler.start');
  }
  last = nowUs();
  lastCpu = cpuUs();
}

async function end(): Promise<Watched> {
  const seen = gaps;
  const profile = isProfiled ? (await session.post('Profiler.stop')).profile : undefined;
  const lengthOf = ({ fromUs, toUs }: Gap): number => (toUs - fromUs) / 1000 - TICK_MS;
  return {
    stalls: [...seen]
      .sort((a, b) => lengthOf(b) - lengthOf(a))
      .slice(0, STALLS)
      .map((gap) => ({ ms: lengthOf(gap), cpuMs: gap.cpuMs, work: profile ? workIn(profile, gap) : [] })),
    over50: seen.filter((gap) => lengthOf(gap) > 50).length,
    cpuMax: Math.max(0, ...seen.map(({ cpuMs }) => cpuMs)),
    gcMax: Math.max(0, ...collections),
    gcTotal: collections.reduce((sum, ms) => sum + ms, 0),
    heapMb: process.memoryUsage().heapUsed / 1e6,
  };
}

process.on('message', (asked: Asked) => {
  void (async () => {
    if (asked.kind === 'start') {
      await start();
      process.send?.({ kind: 'started' });
    } else if (asked.kind === 'end') process.send?.(await end());
    else {
      await node.stop();
      process.exit(0);
    }
  })();
});
// The bench was ended.
process.on('disconnect', () => void node.stop().finally(() => process.exit(1)));
process.send?.(node.port);
