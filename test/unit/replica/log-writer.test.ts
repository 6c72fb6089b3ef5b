/** What becomes of a commit whose write fails: before there was room for it, and after the others were given it. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, it } from 'node:test';
import { GroupTransaction } from '../../../node/replica/transaction.ts';
import { DiskFullError, TakenBackError } from '../../../node/store/index.ts';
import { NOTHING } from '../../support/log.ts';
import { INSERT, TestReplica } from './support.ts';

let replica: TestReplica;
let fatal: Error[];
/** What the log's next write in the background is told. */
let land: { written: () => void; done: (error: Error | undefined) => void };

const full = new DiskFullError('no space is left for the log');
/** Large, so that the disk works on it while the replica goes on. */
const sql = 'x'.repeat(2 << 20);
const commit = (): Promise<void> => {
  const transaction = { ...NOTHING, sql, tables: [{ id: 1, version: 1, columns: [1] }], operations: [INSERT] };
  return replica.replica.submit(GroupTransaction.own('local', false, 1, () => transaction));
};

beforeEach(() => {
  replica = new TestReplica();
  fatal = [];
  replica.onFatal = (error) => fatal.push(error);
});
afterEach(() => replica.close());

const failNextWrite = (): void => {
  const { log } = replica;
  log.appendLater = (_items, written, done) => {
    Reflect.deleteProperty(log, 'appendLater');
    land = { written, done };
  };
};

it('a commit for which there is no room is refused and given to nobody; the next one has its number', async () => {
  failNextWrite();
  const refused = assert.rejects(commit(), DiskFullError);
  replica.turn();
  assert.deepEqual(replica.made, []);
  land.done(full);
  await refused;
  assert.deepEqual(fatal, []);
  void commit();
  await replica.written();
  assert.deepEqual(replica.made, [1]);
  assert.equal(replica.log.seq, 1);
});

it('who read rows of a commit for which there is no room hears of it', async () => {
  failNextWrite();
  const refused = assert.rejects(commit(), DiskFullError);
  replica.turn();
  const first = assert.rejects(replica.replica.flushed(), TakenBackError);
  const behind = assert.rejects(commit(), DiskFullError);
  const second = assert.rejects(replica.replica.flushed(), TakenBackError);
  land.done(full);
  await Promise.all([refused, first, behind, second]);
  assert.ok(!replica.replica.hasUnflushed);
  await replica.replica.flushed();
});

it('who waits to read what is lost hears that it is, and so does who comes to read it', async () => {
  failNextWrite();
  void commit().catch(() => undefined);
  replica.turn();
  land.written();
  replica.turn();
  // One waits for what flies, the other for what comes behind it as well.
  const first = assert.rejects(replica.replica.flushed(), DiskFullError);
  void commit().catch(() => undefined);
  const second = assert.rejects(replica.replica.flushed(), DiskFullError);
  land.done(full);
  await first;
  await second;
  assert.ok(replica.replica.hasUnflushed);
  await assert.rejects(replica.replica.flushed(), DiskFullError);
});

it('a node that loses an entry which others were given writes nothing behind it', async () => {
  failNextWrite();
  void commit();
  replica.turn();
  land.written();
  replica.turn();
  assert.deepEqual(replica.made, [1]);
  // It waits for the write, and then goes with it.
  const pending = assert.rejects(commit(), DiskFullError);
  replica.turn();
  land.done(full);
  assert.deepEqual(fatal, [full]);
  await pending;
  await assert.rejects(commit(), DiskFullError);
  await assert.rejects(replica.replica.flushed(), DiskFullError);
  replica.turn();
  replica.pass(1000);
  replica.turn();
  assert.deepEqual([replica.made, replica.log.seq], [[1], 0]);
});
