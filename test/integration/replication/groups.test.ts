/** Databases that some of the nodes host, in a replication group of their own; clients of every node use them. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { TestCluster } from '../../support/cluster.ts';

const NODES = [0, 1, 2] as const;

describe('a database that two of three nodes host', () => {
  let cluster: TestCluster;
  let connections: readonly Connection[];

  before(async () => {
    cluster = await TestCluster.start();
    connections = await Promise.all(NODES.map((node) => cluster.connect(node)));
    await on(0).query("CREATE DATABASE own COMMENT 'p2pdb:replicas=n0,n1'");
    await on(0).query('CREATE DATABASE everywhere');
  });
  after(() => cluster.stop());

  const on = (node: number): Connection => connections[node] ?? assert.fail(`n${node} has no client`);
  const rows = async (node: number, sql: string): Promise<RowDataPacket[]> =>
    (await on(node).query<RowDataPacket[]>(sql))[0];
  const one = async (node: number, sql: string): Promise<unknown> => Object.values((await rows(node, sql))[0] ?? {})[0];

  it('is used from every node, by text and by prepared statements', async () => {
    await on(2).query('CREATE TABLE own.t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(40), n DECIMAL(20,4))');
    for (const node of NODES) {
      await on(node).execute('INSERT INTO own.t (v, n) VALUES (?, ?)', [`from n${node}`, 1.25]);
      assert.equal(await one(node, `SELECT count(*) FROM own.t WHERE v = 'from n${node}'`), 1);
      const [[row]] = await on(node).execute<RowDataPacket[]>('SELECT v, n FROM own.t WHERE v = ?', [`from n${node}`]);
      assert.deepEqual(row, { v: `from n${node}`, n: '1.2500' });
    }
    for (const node of NODES) assert.deepEqual(await rows(node, 'SHOW TABLES IN own'), [{ Tables_in_own: 't' }]);
  });
});
