import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Pace } from '../../../node/replica/pace.ts';

it('the first news go at once, what follows at the end of its interval, and one interval follows the other', () => {
  const pace = new Pace(5);
  assert.equal(pace.waitMs(100), 0);
  assert.equal(pace.waitMs(101), 4);
  assert.equal(pace.waitMs(104), 1);
  // What was kept back left at 105.
  assert.equal(pace.waitMs(106), 4);
  assert.equal(pace.waitMs(110), 5);
});

it('after an interval in which nothing came the next news go at once', () => {
  const pace = new Pace(5);
  assert.equal(pace.waitMs(100), 0);
  assert.equal(pace.waitMs(105), 0);
  assert.equal(pace.waitMs(106), 4);
  assert.equal(pace.waitMs(115), 0);
});
