/** A new node takes a snapshot instead of a long history; logs are kept short, and who missed what was pruned comes back. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { verifyLog } from '../../../node/store/index.ts';
import { TestCluster } from '../../support/cluster.ts';

const MEGABYTE = 1 << 20;

const logOf = (cluster: TestCluster, node: number): string => path.join(cluster.folder(node), 'groups/main/log');
const snapshotsOf = (cluster: TestCluster, node: number): string[] =>
  readdirSync(path.join(cluster.folder(node), 'groups/main/snapshots'));

async function rowsOf(c: Connection, sql: string): Promise<unknown[][]> {
  const [rows] = await c.query<RowDataPacket[]>({ sql, rowsAsArray: true });
  return rows as unknown[][];
}

const lastOf = async (c: Connection): Promise<unknown> => (await rowsOf(c, 'SELECT @@p2pdb_last_txid'))[0]?.[0];

/** So many megabytes of history over few rows. */
async function write(c: Connection, megabytes: number): Promise<void> {
  for (let n = 0; n < megabytes; n++)
    await c.query('REPLACE INTO d.big VALUES (?, ?)', [n % 8, Buffer.alloc(MEGABYTE, n + 1)]);
}

async function prepare(c: Connection): Promise<void> {
  await c.query('CREATE DATABASE d');
  await c.query('CREATE TABLE d.big (id INT PRIMARY KEY, b LONGBLOB)');
  await c.query('CREATE TABLE d.t (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20), v INT, UNIQUE (name))');
  await c.query('CREATE TABLE d.keyless (a INT)');
  await c.query('CREATE VIEW d.w AS SELECT name FROM d.t');
  await c.query("CREATE USER reader IDENTIFIED BY 'secret'");
  await c.query('GRANT SELECT ON d.* TO reader');
  await c.query("INSERT INTO d.t (name, v) VALUES ('a', 1), ('b', 2), ('c', 3)");
  await c.query('INSERT INTO d.keyless VALUES (1), (1), (2)');
}

it('lets a newcomer in by a snapshot, from which it can begin again', { timeout: 180_000 }, async () => {
  const cluster = await TestCluster.start({ nodes: 3, newcomers: 1 });
  try {
    const c = await cluster.connect(0);
    await prepare(c);
    await write(c, 40);
    // What no block has ordered comes with the snapshot, and is not in it.
    await cluster.cut([0], [1]);
    await c.query("INSERT INTO d.t (name, v) VALUES ('tentative', 4)");
    await c.query('UPDATE d.t SET v = v + 1');
    await cluster.heal();
    await cluster.join(2, 0);
    await cluster.converged();
    const { log } = await cluster.status(2);
    assert.ok(log.oldestHeight > 1, 'it was given a snapshot');
    const newcomer = await cluster.connect(2);
    assert.deepEqual(await rowsOf(newcomer, 'SELECT name, v FROM d.t ORDER BY id'), [
      ['a', 2],
      ['b', 3],
      ['c', 4],
      ['tentative', 5],
    ]);
    assert.deepEqual(await rowsOf(newcomer, 'SELECT COUNT(*), MIN(LENGTH(b)) FROM d.big'), [[8, MEGABYTE]]);
    assert.deepEqual(await rowsOf(newcomer, 'SELECT COUNT(*) FROM d.w'), [[4]]);
    // It writes like any other, and its numbers are its own.
    await newcomer.query("INSERT INTO d.t (name, v) VALUES ('new', 9)");
    await newcomer.query('INSERT INTO d.keyless VALUES (3)');
    await c.query("INSERT INTO d.t (name, v) VALUES ('old', 9)");
    const reader = await cluster.connect(2, { user: 'reader', password: 'secret' });
    await assert.rejects(reader.query('DELETE FROM d.t'), { errno: 1142 });
    await cluster.converged();

    // Without its state, and killed, it begins again from the snapshot and its own log.
    await cluster.kill(2);
    const file = path.join(cluster.folder(2), 'groups/main/state.sqlite');
    for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
    await cluster.start(2);
    await cluster.converged();
    assert.equal(verifyLog(logOf(cluster, 2)).fault, undefined);
  } finally {
    await cluster.stop();
  }
});

it('keeps the log of a lone node short, and what it has', { timeout: 120_000 }, async () => {
  const cluster = await TestCluster.start({ nodes: 1, env: { P2PDB_LOG_RETENTION: '2M' } });
  try {
    const c = await cluster.connect(0);
    await prepare(c);
    await write(c, 12);
    await cluster.until(([status]) => (status?.log.oldestHeight ?? 0) > 1, 'the log was not pruned');
    await c.query("INSERT INTO d.t (name, v) VALUES ('behind', 4)");
    await cluster.restart(0);
    const again = await cluster.connect(0);
    await again.query("INSERT INTO d.t (name, v) VALUES ('later', 5)");
    assert.deepEqual(await rowsOf(again, 'SELECT id, v FROM d.t'), [
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
      [5, 5],
    ]);
    // When a block has ordered the last row, too.
    const [{ digest } = assert.fail('there is no node')] = await cluster.converged();
    await cluster.kill(0);
    for (const suffix of ['', '-wal', '-shm'])
      rmSync(path.join(cluster.folder(0), `groups/main/state.sqlite${suffix}`), { force: true });
    await cluster.start(0);
    await cluster.until(([status]) => status?.digest === digest, 'the state that was made anew is another one');
    assert.equal(verifyLog(logOf(cluster, 0)).fault, undefined);
  } finally {
    await cluster.stop();
  }
});

it('keeps logs short, and loses nothing of a member that was away meanwhile', { timeout: 240_000 }, async () => {
  const cluster = await TestCluster.start({ env: { P2PDB_LOG_RETENTION: '4M' } });
  try {
    const [a, b, c] = (await Promise.all([0, 1, 2].map((node) => cluster.connect(node)))) as [
      Connection,
      Connection,
      Connection,
    ];
    await prepare(a);
    await cluster.converged();
    await cluster.cut([0, 1], [2]);
    // The one that is cut off writes, too: also rows that the others change.
    await c.query("INSERT INTO d.t (name, v) VALUES ('alone', 7)");
    await c.query("UPDATE d.t SET v = v + 10 WHERE name = 'a'");
    await c.query('DELETE FROM d.keyless WHERE a = 2');
    await c.query("UPDATE d.t SET v = 9 WHERE name = 'b'");
    const loser = await lastOf(c);
    await write(a, 24);
    await b.query("UPDATE d.t SET v = v + 100 WHERE name = 'a'");
    await b.query("DELETE FROM d.t WHERE name = 'b'");
    const winner = await lastOf(b);
    await cluster.until(
      (statuses) => statuses.every(({ log }) => log.oldestHeight > 1),
      'the logs were not pruned',
      [0, 1],
    );
    await cluster.converged([0, 1]);
    assert.ok(!existsSync(path.join(logOf(cluster, 0), '00000001.log')));
    await cluster.heal();
    await cluster.converged();
    assert.ok(
      snapshotsOf(cluster, 2).some((name) => name.startsWith('base-')),
      'it was given a snapshot',
    );
    for (const node of [0, 1, 2]) {
      const now = await cluster.connect(node);
      assert.deepEqual(await rowsOf(now, 'SELECT name, v FROM d.t ORDER BY name'), [
        ['a', 111],
        ['alone', 7],
        ['c', 3],
      ]);
      assert.deepEqual(await rowsOf(now, 'SELECT a FROM d.keyless'), [[1], [1]]);
      // Who won is known where its entry is not any more, or never was.
      const conflicts = 'SELECT tx, reason, other_tx FROM p2pdb.conflicts';
      assert.deepEqual(await rowsOf(now, conflicts), [[loser, 'row-gone', winner]], `node ${node}`);
      assert.equal(verifyLog(logOf(cluster, node)).fault, undefined);
    }
    // All of them may end and begin again.
    await Promise.all([0, 1, 2].map((node) => cluster.kill(node)));
    await Promise.all([0, 1, 2].map((node) => cluster.start(node)));
    await cluster.converged();
    assert.deepEqual(snapshotsOf(cluster, 0).filter((name) => name.startsWith('base-')).length, 1);
  } finally {
    await cluster.stop();
  }
});
