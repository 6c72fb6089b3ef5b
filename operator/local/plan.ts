/**
 * What to do next with the processes that stand for pods: from what was observed to a list of actions, without doing any.
 *
 * A process that ends is started again, at once after it served for a while, else with growing waits. One whose liveness
 * probe fails is told to end, and is killed when it does not. Times are milliseconds of a monotonic clock.
 */

/** A process as it was seen. */
export interface Running {
  readonly kind: 'running';
  readonly startedAt: number;
  /** When /readyz first said yes. */
  readonly readyAt?: number;
  /** /healthz answered at least once: only then can it be missed. */
  readonly answered: boolean;
  /** Probes in a row that /healthz did not answer. */
  readonly misses: number;
  /** Undefined when it serves; else why it does not. */
  readonly notReady: string | undefined;
  /** When it was told to end. */
  readonly terminatedAt?: number;
  readonly killed: boolean;
}

export type Process = Running | { readonly kind: 'none'; readonly endedAt?: number };

export interface Pod {
  readonly name: string;
  readonly process: Process;
  /** Ends in a row that came before the process had served for a while. */
  readonly failures: number;
  /** Starts after the first one. */
  readonly restarts: number;
}

export type Action =
  | { readonly kind: 'start'; readonly pod: string }
  | { readonly kind: 'terminate'; readonly pod: string; readonly reason: string }
  | { readonly kind: 'kill'; readonly pod: string; readonly reason: string };

export interface Plan {
  readonly actions: readonly Action[];
  /** When time alone changes what is to do. */
  readonly wakeAt: number | undefined;
}

/** A node makes everything durable within this time after SIGTERM, or never. */
export const GRACE_MS = 12_000;
/** A node that catches up from a long log answers no probe until it is through. */
export const STARTUP_MS = 10 * 60_000;
export const MISSES_MAX = 6;
/** Whoever served that long and ends did not fail at its start. */
const STABLE_MS = 10_000;
const WAIT_FIRST_MS = 100;
const WAIT_MS = 1_000;
const WAIT_MAX_MS = 30_000;

export function plan(desired: 'run' | 'stop', pods: readonly Pod[], now: number): Plan {
  const steps = pods.map((pod) => planPod(desired, pod, now));
  const wakes = steps.flatMap(({ wakeAt }) => (wakeAt === undefined ? [] : [wakeAt]));
  return {
    actions: steps.flatMap(({ actions }) => actions),
    wakeAt: wakes.length === 0 ? undefined : Math.min(...wakes),
  };
}

function planPod(desired: 'run' | 'stop', pod: Pod, now: number): Plan {
  const { name, process } = pod;
  if (process.kind === 'none') {
    if (desired === 'stop') return NOTHING;
    const due = dueAt(pod);
    return due <= now ? act({ kind: 'start', pod: name }) : { actions: [], wakeAt: due };
  }
  if (process.killed) return NOTHING;
  if (process.terminatedAt !== undefined) {
    const due = process.terminatedAt + GRACE_MS;
    if (due > now) return { actions: [], wakeAt: due };
    return act({ kind: 'kill', pod: name, reason: `did not end within ${GRACE_MS / 1000} s` });
  }
  if (desired === 'stop') return act({ kind: 'terminate', pod: name, reason: 'the cluster stops' });
  if (!process.answered) {
    const due = process.startedAt + STARTUP_MS;
    if (due > now) return { actions: [], wakeAt: due };
    return act({ kind: 'terminate', pod: name, reason: `did not come up within ${STARTUP_MS / 60_000} minutes` });
  }
  if (process.misses >= MISSES_MAX) {
    return act({ kind: 'terminate', pod: name, reason: `did not answer ${process.misses} probes` });
  }
  return NOTHING;
}

const NOTHING: Plan = { actions: [], wakeAt: undefined };
const act = (action: Action): Plan => ({ actions: [action], wakeAt: undefined });

/** When a pod without a process is started. */
export function dueAt({ process, failures }: Pod): number {
  if (process.kind === 'running' || process.endedAt === undefined) return 0;
  const wait = failures <= 1 ? WAIT_FIRST_MS : Math.min(WAIT_MAX_MS, WAIT_MS * 2 ** (failures - 2));
  return process.endedAt + wait;
}

// What was observed, as the next state

export const newPod = (name: string): Pod => ({ name, process: { kind: 'none' }, failures: 0, restarts: 0 });

export const started = (pod: Pod, now: number): Pod => ({
  ...pod,
  restarts: pod.process.kind === 'none' && pod.process.endedAt !== undefined ? pod.restarts + 1 : pod.restarts,
  process: {
    kind: 'running',
    startedAt: now,
    answered: false,
    misses: 0,
    notReady: 'starting',
    killed: false,
  },
});

export function ended(pod: Pod, now: number): Pod {
  const { process } = pod;
  const stable = process.kind === 'running' && process.readyAt !== undefined && now - process.readyAt >= STABLE_MS;
  return { ...pod, failures: stable ? 1 : pod.failures + 1, process: { kind: 'none', endedAt: now } };
}

export type Probe =
  { readonly kind: 'silent' } | { readonly kind: 'ready' } | { readonly kind: 'not ready'; readonly reason: string };

export function probed(pod: Pod, probe: Probe, now: number): Pod {
  const { process } = pod;
  if (process.kind === 'none') return pod;
  if (probe.kind === 'silent') {
    if (!process.answered) return pod;
    return { ...pod, process: { ...process, misses: process.misses + 1, notReady: 'does not answer' } };
  }
  const answered = { ...process, answered: true, misses: 0 };
  if (probe.kind === 'not ready') return { ...pod, process: { ...answered, notReady: probe.reason } };
  return { ...pod, process: { ...answered, notReady: undefined, readyAt: process.readyAt ?? now } };
}

export function told(pod: Pod, action: 'terminate' | 'kill', now: number): Pod {
  const { process } = pod;
  if (process.kind === 'none') return pod;
  return {
    ...pod,
    process: action === 'kill' ? { ...process, killed: true } : { ...process, terminatedAt: now },
  };
}

export const isReady = ({ process }: Pod): boolean =>
  process.kind === 'running' && process.notReady === undefined && process.terminatedAt === undefined;

/** What a person wants to know of the pod's process, in a few words. */
export function stateOf(pod: Pod, now: number): string {
  const { process, restarts } = pod;
  if (process.kind === 'none') {
    if (process.endedAt === undefined) return 'waits';
    const seconds = Math.max(0, (dueAt(pod) - now) / 1000);
    return `ended, starts in ${seconds < 1 ? 'a moment' : `${Math.ceil(seconds)} s`}`;
  }
  if (process.terminatedAt !== undefined) return 'stops';
  const state = process.notReady ?? 'ready';
  return restarts === 0 ? state : `${state}, ${restarts} restart${restarts === 1 ? '' : 's'}`;
}
