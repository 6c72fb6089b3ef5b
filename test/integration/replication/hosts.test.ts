/** Who hosts a database with a group of its own changes: hosts come, go, and come again. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { TestCluster, type NodeStatus } from '../../support/cluster.ts';

const NODES = [0, 1, 2] as const;
type GroupStatus = NodeStatus['databaseGroups'][number];

const groupOf = (status: NodeStatus | undefined): GroupStatus | undefined => status?.databaseGroups[0];

async function one(c: Connection, sql: string): Promise<unknown> {
  const [[row]] = await c.query<RowDataPacket[]>(sql);
  return Object.values(row ?? {})[0];
}

const refusal = async (asked: Promise<unknown>): Promise<{ errno?: number; message: string }> =>
  asked.then(
    () => assert.fail('not refused'),
    (error: unknown) => error as { errno?: number; message: string },
  );

describe('a database with a group of its own', () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await TestCluster.start({ env: { P2PDB_LOG_RETENTION: '1M' } });
    const c = await cluster.connect(1);
    await c.query("CREATE DATABASE own COMMENT 'p2pdb:replicas=n0'");
    await c.query('CREATE TABLE own.t (id INT PRIMARY KEY AUTO_INCREMENT, v LONGTEXT)');
    await c.query("INSERT INTO own.t (v) VALUES ('first')");
    await c.end();
    await cluster.converged();
  });
  after(() => cluster.stop());

  async function alter(by: number, hosts: readonly number[]): Promise<void> {
    const c = await cluster.connect(by);
    await c.query(`ALTER DATABASE own COMMENT 'p2pdb:replicas=${hosts.map((node) => `n${node}`).join()}'`);
    await c.end();
  }

  /** Resolves once exactly these nodes host it, all that should vote do, and they hold the same; gives the group's name. */
  async function hosted(hosts: readonly number[]): Promise<string> {
    const voters = hosts.length - (1 - (hosts.length % 2));
    const names = hosts.map((node) => `n${node}`).join();
    const all = await cluster.until((statuses) => {
      const groups = hosts.map((node) => groupOf(statuses[node]));
      return (
        NODES.every((node) => hosts.includes(node) || !groupOf(statuses[node])) &&
        new Set(groups.map((group) => `${group?.final.height} ${group?.digest}`)).size === 1 &&
        groups.every(
          (group) =>
            group?.ready &&
            !group.leaving &&
            group.votersDecide &&
            group.tentative === 0 &&
            group.members.map(({ name }) => name).join() === names &&
            group.members.filter(({ voter }) => voter).length === voters,
        )
      );
    }, `${names} host it`);
    return groupOf(all[hosts[0] ?? 0])?.group ?? '';
  }

  it('moves from its only host to another one, and back, with all that was written', async () => {
    const c = await cluster.connect(2);
    for (const [from, to] of [
      [0, 1],
      [1, 0],
    ] as const) {
      await alter(2, [from, to]);
      await hosted([0, 1]);
      assert.equal((await refusal(alter(2, [2]))).errno, 1235);
      await alter(2, [to]);
      const group = await hosted([to]);
      const left = path.join(cluster.folder(from), 'groups', group);
      await cluster.until(() => readdirSync(left).join() === 'left.json', `n${from} keeps nothing else`);
      for (const node of NODES) {
        const own = await cluster.connect(node);
        await own.query('INSERT /*+ P2PDB_COMMIT(final) */ INTO own.t (v) VALUES (?)', [`by n${node} on n${to}`]);
        await own.end();
      }
      assert.equal(await one(c, "SELECT GROUP_CONCAT(host) FROM p2pdb.hosts WHERE database_name = 'own'"), `n${to}`);
    }
    assert.equal(await one(c, 'SELECT count(*) FROM own.t'), 7);
    await c.end();
  });

  it('lets open transactions end where they are', async () => {
    await alter(0, [0, 1]);
    await hosted([0, 1]);
    const c = await cluster.connect(1);
    const guest = await cluster.connect(2);
    const there = await Promise.all([c, guest].map(async (own) => one(own, 'SELECT count(*) FROM own.t')));
    for (const own of [c, guest]) {
      await own.query('BEGIN');
      await own.query("INSERT INTO own.t (v) VALUES ('in a transaction')");
    }
    await alter(0, [0]);
    await cluster.until((all) => groupOf(all[1])?.leaving === true, 'n1 is about to leave');
    for (const own of [c, guest]) {
      await own.query("INSERT INTO own.t (v) VALUES ('in the same')");
      await own.query('COMMIT');
    }
    await hosted([0]);
    for (const own of [c, guest]) {
      assert.equal(await one(own, 'SELECT count(*) FROM own.t'), Number(there[0]) + 4);
      await own.end();
    }
  });

  it('gives up on one that does not end, which is told so', async () => {
    await alter(0, [0, 1]);
    await hosted([0, 1]);
    const c = await cluster.connect(1);
    const before = await one(c, 'SELECT count(*) FROM own.t');
    await c.query('BEGIN');
    await c.query("INSERT INTO own.t (v) VALUES ('too long')");
    await alter(0, [0]);
    await hosted([0]);
    assert.ok([1213, 1053].includes((await refusal(c.query('COMMIT'))).errno ?? 0));
    assert.equal(await one(c, 'SELECT count(*) FROM own.t'), before);
    await c.end();
  });

  it('goes and comes as it was said last, however quickly', async () => {
    for (const hosts of [[0, 1], [0], [0, 1], [0], [0, 1, 2], [0, 2], [0, 1, 2]]) await alter(0, hosts);
    await hosted([0, 1, 2]);
    await alter(1, [1, 2]);
    await alter(1, [0, 1]);
    await hosted([0, 1]);
  });

  it('is taken away from a node that is not there, and given back to it', async () => {
    await alter(0, [0, 1, 2]);
    await hosted([0, 1, 2]);
    const late = await cluster.connect(2);
    await late.query("INSERT INTO own.t (v) VALUES ('before it died')");
    await cluster.kill(2);
    await alter(0, [0, 1]);
    await cluster.until(
      (all) => groupOf(all[0])?.members.filter(({ voter }) => voter).length === 1,
      'the others do without its vote',
      [0, 1],
    );
    const c = await cluster.connect(0);
    // Longer than the log that is kept.
    for (let n = 0; n < 8; n++) await c.query('INSERT INTO own.t (v) VALUES (?)', ['x'.repeat(400_000)]);
    await cluster.start(2);
    const group = await hosted([0, 1]);
    assert.equal(await one(c, "SELECT count(*) FROM own.t WHERE v = 'before it died'"), 1);
    await alter(0, [0, 1, 2]);
    await hosted([0, 1, 2]);
    await cluster.kill(0);
    const back = await cluster.connect(2);
    await back.query("INSERT /*+ P2PDB_COMMIT(final) */ INTO own.t (v) VALUES ('it votes')");
    await cluster.start(0);
    await hosted([0, 1, 2]);
    await alter(1, [0, 1]);
    await hosted([0, 1]);
    await back.query('DROP DATABASE own');
    const folders = NODES.map((node) => path.join(cluster.folder(node), 'groups', group));
    await cluster.until(() => !folders.some((folder) => existsSync(folder)), 'nothing is left of it');
  });
});

describe('a host that is removed from the cluster', () => {
  it(
    'hands over its database, also where the node that is asked is cut off and takes it for absent',
    { timeout: 120_000 },
    async (t) => {
      const cluster = await TestCluster.start();
      t.after(() => cluster.stop());
      const c = await cluster.connect(2);
      // Of two hosts the first one votes.
      await c.query("CREATE DATABASE own COMMENT 'p2pdb:replicas=n1,n2'");
      await c.query('CREATE TABLE own.t (id INT PRIMARY KEY)');
      await c.query('INSERT INTO own.t VALUES (1)');
      await cluster.converged();
      const asked = await cluster.connect(0);
      const other = await cluster.connect(0);
      // Other voters decide some 60 blocks later: a busy machine takes its time for them.
      await asked.query('SET p2pdb_commit_timeout = 60');
      // Nobody takes it for cut off yet, itself included.
      await cluster.cut([0], [1, 2]);
      const removed = asked.query("SELECT p2pdb_remove_member('n1')");
      for (let isAtWork = false; !isAtWork;)
        isAtWork = (await other.query<RowDataPacket[]>('SHOW PROCESSLIST'))[0].some(({ Info }) =>
          /p2pdb_remove_member/.test(String(Info)),
        );
      // It sees both others, who do not see each other: nothing is handed over yet.
      await cluster.cut([1], [2]);
      await cluster.cut([0]);
      await Promise.race([removed, cluster.until((all) => groupOf(all[1])?.leaving === true, 'n1 is to leave')]);
      await cluster.heal();
      await removed;
      await cluster.kill(1);
      await c.query('INSERT /*+ P2PDB_COMMIT(final) */ INTO own.t VALUES (2)');
      assert.equal(await one(c, 'SELECT count(*) FROM own.t'), 2);
    },
  );
});
