// Locks of transactions, sessions and names: who excludes whom, and what outlives a transaction.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  isWhole,
  keyLock,
  LockManager,
  LockOwner,
  LockWait,
  nameLock,
  rowLock,
  tableLock,
  type LockKey,
} from '../../../node/engine/locks.ts';

const BEYOND = 2n ** 60n;
const meets = (key: LockKey) => (error: unknown) =>
  error instanceof LockWait && error.key.table === key.table && error.key.id === key.id;

describe('locks', () => {
  const all = [rowLock(7, 1), rowLock(7, BEYOND), keyLock(7, 2, 'ada'), tableLock(7), nameLock('*')];

  it('are apart by table, and by what they are on', () => {
    const locks = new LockManager();
    const [one, other] = [new LockOwner(1), new LockOwner(2)];
    for (const key of all) {
      locks.take(key, one, 'exclusive');
      assert.throws(() => locks.take(key, other, 'shared'), meets(key));
    }
    for (const free of [rowLock(8, 1), rowLock(7, 2), rowLock(7, BEYOND + 1n), keyLock(7, 3, 'ada'), nameLock('1')]) {
      locks.take(free, other, 'exclusive');
      assert.equal(other.modeOf(free), 'exclusive');
    }
    assert.deepEqual(all.map(isWhole), [false, false, false, true, false]);
  });

  it('that are shared end with the last who holds them', () => {
    const locks = new LockManager();
    const owners = [1, 2, 3].map((id) => new LockOwner(id)) as [LockOwner, LockOwner, LockOwner];
    const row = rowLock(7, 1);
    locks.take(row, owners[0], 'shared');
    locks.take(row, owners[1], 'shared');
    locks.release(row, owners[0]);
    assert.throws(() => locks.take(row, owners[2], 'exclusive'), meets(row));
    // Who holds it alone may have it whole.
    locks.take(row, owners[1], 'exclusive');
    assert.throws(() => locks.take(row, owners[2], 'shared'), meets(row));
    locks.releaseAll(owners[1]);
    locks.take(row, owners[2], 'exclusive');
  });

  it('of a transaction end with it; names and LOCK TABLES do not', () => {
    const locks = new LockManager();
    const [one, other] = [new LockOwner(1), new LockOwner(2)];
    for (const key of all) locks.take(key, one, 'exclusive');
    one.lockedTables.set(7, tableLock(7));
    locks.releaseAll(one);
    locks.take(rowLock(7, 1), other, 'exclusive');
    locks.take(keyLock(7, 2, 'ada'), other, 'exclusive');
    assert.throws(() => locks.take(tableLock(7), other, 'shared'), meets(tableLock(7)));
    assert.throws(() => locks.take(nameLock('*'), other, 'shared'), meets(nameLock('*')));
    assert.equal(one.modeOf(tableLock(7)), 'exclusive');
    assert.equal(one.modeOf(rowLock(7, 1)), undefined);
    locks.release(tableLock(7), one);
    locks.release(nameLock('*'), one);
    assert.ok(!one.holdsAny);
    // Not held any more: nothing of the other one's goes.
    locks.release(rowLock(7, 1), one);
    assert.ok(locks.isTaken(rowLock(7, 1), one, 'shared'));
  });

  it('tell of a table whether it has any, and whose exclude who takes it whole', () => {
    const locks = new LockManager();
    const [one, other] = [new LockOwner(1), new LockOwner(2)];
    locks.take(rowLock(7, 1), one, 'shared');
    assert.ok(locks.tableHasLocks(7));
    assert.ok(!locks.tableHasLocks(8));
    locks.checkTable(7, one);
    assert.throws(() => locks.checkTable(7, other), meets(rowLock(7, 1)));
    locks.releaseAll(one);
    assert.ok(!locks.tableHasLocks(7));
    locks.checkTable(7, other);
  });

  it('are waited for until they are free, unless the wait closes a cycle', async () => {
    const locks = new LockManager();
    const [one, other] = [new LockOwner(1), new LockOwner(2)];
    const [first, second] = [rowLock(7, 1), rowLock(7, 2)];
    locks.take(first, one, 'exclusive');
    locks.take(second, other, 'exclusive');
    const waiting = locks.wait(second, one, 'exclusive', 60, () => undefined);
    await assert.rejects(
      locks.wait(first, other, 'exclusive', 60, () => undefined),
      { errno: 1213 },
    );
    locks.releaseAll(other);
    await waiting;
    locks.take(second, one, 'exclusive');
  });
});
