import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Pace } from '../../../node/replica/pace.ts';

const waits = (pace: Pace, times: readonly number[]): number[] => times.map((ms) => pace.waitMs(ms));

it('few news go at once, however long', () => {
  assert.deepEqual(waits(new Pace(5, 2), [100, 103, 106, 109, 112, 115, 118]), [0, 0, 0, 0, 0, 0, 0]);
});

it('of many news the first go at once, what follows at the end of its interval, and one interval follows the other', () => {
  // What was kept back left at 105, and at 110.
  assert.deepEqual(waits(new Pace(5, 2), [100, 101, 102, 104, 106, 108, 110]), [0, 0, 3, 1, 4, 2, 5]);
});

it('after an interval in which nothing came the next news go at once', () => {
  assert.deepEqual(waits(new Pace(5, 1), [100, 101, 111, 112, 115, 121]), [0, 4, 0, 4, 1, 0]);
});
