import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gathering } from '../../../node/replica/gathering.ts';

function gathering(): { go: (pending: number) => boolean; others: () => void; after: (ms: number) => void } {
  let now = 0;
  let handovers = 0;
  const it = new Gathering(
    {
      now: () => now,
      elapsed: () => now,
      defer: () => assert.fail('it makes no turn of its own'),
      after: () => assert.fail('it waits for no time'),
    },
    () => handovers,
  );
  return { go: (pending) => it.goesOn(pending), others: () => handovers++, after: (ms) => (now += ms) };
}

test('who is alone waits for nobody', () => {
  const { go, after } = gathering();
  for (let i = 0; i < 5; i++) {
    assert.equal(go(1), false);
    after(0.1);
  }
});

test('as long as others are at work, they are waited for; a turn without any of them ends it', () => {
  const { go, others } = gathering();
  others();
  assert.equal(go(1), true);
  others();
  assert.equal(go(2), true);
  assert.equal(go(2), false);
});

test('nobody waits longer than two milliseconds, however busy the others are', () => {
  const { go, others, after } = gathering();
  let turns = 0;
  for (others(); go(1); others()) {
    after(0.3);
    turns++;
  }
  assert.equal(turns, 7);
  // The next one has as long.
  others();
  assert.equal(go(1), true);
});

test('sixteen are enough', () => {
  const { go, others } = gathering();
  others();
  assert.equal(go(15), true);
  others();
  assert.equal(go(16), false);
});
