// What is done with processes that stand for pods: tables of what was seen and what follows.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  dueAt,
  ended,
  GRACE_MS,
  isReady,
  MISSES_MAX,
  newPod,
  plan,
  probed,
  STARTUP_MS,
  started,
  stateOf,
  told,
  type Pod,
  type Process,
} from '../../../operator/local/plan.ts';

const pod = (process: Process, more: Partial<Pod> = {}): Pod => ({ ...newPod('a-0'), process, ...more });
const RUNNING = {
  kind: 'running',
  startedAt: 1000,
  readyAt: 2000,
  answered: true,
  misses: 0,
  notReady: undefined,
  killed: false,
} as const satisfies Process;
const STARTING = { ...RUNNING, answered: false, notReady: 'starting' };

const NOW = 5000;
const table: readonly (readonly [
  title: string,
  desired: 'run' | 'stop',
  pod: Pod,
  actions: string,
  wakeAt?: number,
])[] = [
  ['never started', 'run', newPod('a-0'), 'start'],
  ['serves', 'run', pod(RUNNING), ''],
  ['starts', 'run', pod(STARTING), '', 1000 + STARTUP_MS],
  ['starts for too long', 'run', pod({ ...STARTING, startedAt: NOW - STARTUP_MS }), 'terminate'],
  ['ended after it had served', 'run', pod({ kind: 'none', endedAt: NOW - 100 }, { failures: 1 }), 'start'],
  ['ended just now', 'run', pod({ kind: 'none', endedAt: NOW }, { failures: 1 }), '', NOW + 100],
  ['ended again and again', 'run', pod({ kind: 'none', endedAt: NOW }, { failures: 4 }), '', NOW + 4000],
  ['ended very often', 'run', pod({ kind: 'none', endedAt: NOW }, { failures: 99 }), '', NOW + 30_000],
  ['missed some probes', 'run', pod({ ...RUNNING, misses: MISSES_MAX - 1 }), ''],
  ['missed too many', 'run', pod({ ...RUNNING, misses: MISSES_MAX }), 'terminate'],
  ['is told to end', 'run', pod({ ...RUNNING, terminatedAt: NOW }), '', NOW + GRACE_MS],
  ['does not end', 'run', pod({ ...RUNNING, terminatedAt: NOW - GRACE_MS }), 'kill'],
  ['was killed', 'run', pod({ ...RUNNING, terminatedAt: 0, killed: true }), ''],
  ['serves and shall stop', 'stop', pod(RUNNING), 'terminate'],
  ['starts and shall stop', 'stop', pod(STARTING), 'terminate'],
  ['stops', 'stop', pod({ ...RUNNING, terminatedAt: NOW - 1 }), '', NOW - 1 + GRACE_MS],
  ['does not stop', 'stop', pod({ ...RUNNING, terminatedAt: NOW - GRACE_MS }), 'kill'],
  ['has stopped', 'stop', pod({ kind: 'none', endedAt: 1 }, { failures: 1 }), ''],
  ['was never started and shall stop', 'stop', newPod('a-0'), ''],
];

describe('the plan for a node that', () => {
  for (const [title, desired, seen, actions, wakeAt] of table) {
    it(title, () => {
      const found = plan(desired, [seen], NOW);
      assert.equal(found.actions.map(({ kind }) => kind).join(), actions);
      assert.equal(found.wakeAt, wakeAt);
    });
  }

  it('is one of several wakes at the first of their times', () => {
    const late = pod({ ...RUNNING, terminatedAt: NOW }, { name: 'late' });
    const soon = pod({ kind: 'none', endedAt: NOW }, { name: 'soon', failures: 1 });
    const due = { ...newPod('due') };
    const { actions, wakeAt } = plan('run', [late, soon, due], NOW);
    assert.deepEqual(actions, [{ kind: 'start', pod: 'due' }]);
    assert.equal(wakeAt, dueAt(soon));
  });
});

describe('what was seen', () => {
  it('of a start, probes and an end', () => {
    let p = started(newPod('a-0'), 1000);
    assert.equal(stateOf(p, 1000), 'starting');
    p = probed(p, { kind: 'silent' }, 1100);
    assert.deepEqual(p.process, { ...started(newPod('a-0'), 1000).process }, 'it has not come up: nothing is missed');
    p = probed(p, { kind: 'not ready', reason: 'catches up' }, 1200);
    assert.equal(stateOf(p, 1200), 'catches up');
    assert.ok(!isReady(p));
    p = probed(p, { kind: 'ready' }, 1300);
    assert.equal(stateOf(p, 1300), 'ready');
    assert.ok(isReady(p));
    p = probed(probed(p, { kind: 'silent' }, 1400), { kind: 'silent' }, 1500);
    assert.equal(p.process.kind === 'running' && p.process.misses, 2);
    assert.equal(stateOf(p, 1500), 'does not answer');
    p = probed(p, { kind: 'ready' }, 1600);
    assert.equal(p.process.kind === 'running' && p.process.misses, 0);
    p = ended(p, 1700);
    assert.equal(p.failures, 1);
    assert.equal(stateOf(p, 1700), 'ended, starts in a moment');
    p = probed(started(p, 1800), { kind: 'ready' }, 1900);
    assert.equal(stateOf(p, 1900), 'ready, 1 restart');
  });

  it('of ends: who served for a while has not failed at its start', () => {
    const serve = (p: Pod, ms: number): Pod => ended(probed(started(p, 0), { kind: 'ready' }, 0), ms);
    let p = newPod('a-0');
    for (const failures of [1, 2, 3]) {
      p = serve(p, 9_999);
      assert.equal(p.failures, failures);
    }
    assert.equal(stateOf(p, 9_999), 'ended, starts in 2 s');
    assert.equal(serve(p, 10_000).failures, 1);
  });

  it('of orders: each is given once', () => {
    const running = pod(RUNNING);
    const asked = told(running, 'terminate', NOW);
    assert.deepEqual(plan('stop', [asked], NOW).actions, []);
    assert.equal(stateOf(asked, NOW), 'stops');
    assert.ok(!isReady(asked));
    assert.deepEqual(plan('stop', [told(asked, 'kill', NOW)], NOW + 2 * GRACE_MS).actions, []);
  });
});
