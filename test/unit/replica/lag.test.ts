// Lag behind peers, by a clock that the test moves.
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { nodeId } from '../../../node/consensus/index.ts';
import { Lag } from '../../../node/replica/lag.ts';

const A = nodeId('a'.repeat(64));
const B = nodeId('b'.repeat(64));

describe('lag', () => {
  let applied: Map<string, number>;
  let lag: Lag;
  beforeEach(() => {
    applied = new Map();
    lag = new Lag((author) => applied.get(author) ?? 0, 1_000_000);
  });
  const says = (seq: number, nowMs: number, peer = A, author = 'x'): void =>
    lag.says(peer, new Map([[author, seq]]), nowMs);
  const seen = (nowMs: number, peer = A): [number, number] => {
    const { entries, seconds } = lag.behind(peer, nowMs);
    return [entries, seconds];
  };

  it('is 0 in sync, however long nobody writes', () => {
    lag.up(A, 1_000_000);
    applied.set('x', 7);
    says(7, 1_001_000);
    assert.deepEqual(seen(1_001_000), [0, 0]);
    assert.deepEqual(seen(9_000_000), [0, 0]);
  });

  it('grows from the word of an entry until the entry is applied', () => {
    lag.up(A, 1_000_000);
    applied.set('x', 7);
    lag.entry('x', 900_000);
    says(7, 1_001_000);
    // An hour of silence is no lag of the entry that ends it.
    says(9, 4_601_000);
    assert.deepEqual(seen(4_601_000), [2, 0]);
    assert.deepEqual(seen(4_602_500), [2, 1.5]);
    applied.set('x', 8);
    assert.deepEqual(seen(4_603_000), [1, 2]);
    applied.set('x', 9);
    assert.deepEqual(seen(4_604_000), [0, 0]);
  });

  it('goes on growing while the peer is cut off and known to be ahead', () => {
    lag.up(A, 1_000_000);
    says(3, 1_010_000);
    lag.down(A, 1_010_001);
    assert.deepEqual(seen(1_070_000), [3, 60]);
  });

  it('counts from what is oldest, when what is older was applied', () => {
    lag.up(A, 1_000_000);
    says(1, 1_010_000);
    says(2, 1_011_000);
    says(3, 1_012_000);
    applied.set('x', 2);
    assert.deepEqual(seen(1_013_000), [1, 1]);
  });

  it('counts from the loss of the link when it is back, and less as entries come', () => {
    lag.up(A, 1_000_000);
    applied.set('x', 5);
    says(5, 1_000_100);
    lag.down(A, 1_100_000);
    lag.up(A, 1_400_000);
    says(100, 1_400_010);
    assert.deepEqual(seen(1_400_010), [95, 300.01]);
    applied.set('x', 50);
    lag.entry('x', 1_250_000);
    assert.deepEqual(seen(1_400_500), [50, 150.5]);
    // A clock that is wrong makes it neither younger than the word of it, nor older than the loss of the link.
    lag.entry('x', 99_000_000);
    assert.deepEqual(seen(1_400_500), [50, 0.49]);
    lag.entry('x', -99_000_000);
    assert.deepEqual(seen(1_400_500), [50, 300.5]);
  });

  it('after a start, an author whose entries come is as far back as they say', () => {
    lag.up(A, 1_000_000);
    says(100, 1_000_010);
    assert.deepEqual(seen(1_001_010), [100, 1]);
    lag.entry('x', 1_000_000 - 3_600_000);
    applied.set('x', 1);
    assert.deepEqual(seen(1_001_010), [99, 3601.01]);
  });

  it('knows each peer for itself, and each author', () => {
    says(4, 1_000_000, A, 'x');
    says(2, 1_002_000, A, 'y');
    says(1, 1_003_000, B, 'y');
    assert.deepEqual(seen(1_004_000, A), [6, 4]);
    assert.deepEqual(seen(1_004_000, B), [1, 1]);
    applied.set('x', 4);
    assert.deepEqual(seen(1_004_000, A), [2, 2]);
  });

  it('a peer that was set back to an old copy takes back what it said', () => {
    says(9, 1_000_000);
    says(0, 1_001_000);
    assert.deepEqual(seen(1_002_000), [0, 0]);
    says(3, 1_003_000);
    assert.deepEqual(seen(1_004_000), [3, 1]);
  });

  it('is right to a hundredth where a peer writes on while this node is far behind', () => {
    lag.up(A, 0);
    for (let second = 0; second < 1000; second += 0.01) says(Math.round(second * 100) + 1, 1_000_000 + second * 1000);
    for (const at of [10, 100, 500, 990]) {
      applied.set('x', at * 100);
      const [entries, seconds] = seen(2_000_000);
      assert.ok(Math.abs(entries - (100_000 - at * 100)) <= 1000, `${entries} entries at ${at} s`);
      assert.ok(Math.abs(seconds - (1000 - at)) <= 10.1, `${seconds} s at ${at} s`);
    }
  });

  it('tells when a peer was heard last, from the start on', () => {
    assert.equal(lag.behind(A, 1_030_000).contactSeconds, 30);
    lag.contact(A, 1_030_000);
    assert.equal(lag.behind(A, 1_031_000).contactSeconds, 1);
  });
});
