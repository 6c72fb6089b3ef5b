/** The operator's queue: turns, failures, and what is stuck. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkQueue } from '../../../operator/kube/queue.ts';

describe('the queue', () => {
  it('tells what has been worked on for longest', async () => {
    const ends: (() => void)[] = [];
    const work = (): Promise<undefined> => new Promise((resolve) => ends.push(() => resolve(undefined)));
    const queue = new WorkQueue({ workers: 2, work, onFailure: () => undefined });
    const longest = () => queue.longest;
    assert.equal(longest(), undefined);
    queue.add('first');
    await sleep(20);
    queue.add('second');
    assert.equal(longest()?.key, 'first');
    assert.ok((longest()?.milliseconds ?? 0) >= 19);
    ends.shift()?.();
    await sleep(0);
    assert.equal(longest()?.key, 'second');
    ends.shift()?.();
    await queue.stop();
    assert.equal(longest(), undefined);
  });

  it('works once more on what came meanwhile, and later on what failed', async () => {
    const turns: string[] = [];
    const failed: number[] = [];
    const done = Promise.withResolvers<undefined>();
    const queue: WorkQueue = new WorkQueue({
      workers: 1,
      work: (key) => {
        turns.push(key);
        if (turns.length === 1) for (let i = 0; i < 3; i++) queue.add(key);
        if (turns.length === 2) return Promise.reject(new Error('no'));
        if (turns.length === 3) done.resolve(undefined);
        return Promise.resolve(undefined);
      },
      onFailure: (_key, _error, retryMs) => failed.push(retryMs),
    });
    queue.add('a');
    await done.promise;
    await queue.stop();
    assert.deepEqual([turns, failed], [['a', 'a', 'a'], [100]]);
  });
});
