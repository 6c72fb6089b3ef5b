/** A database that has tables goes from the group that all nodes host to one of its own. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { TestCluster, type NodeStatus } from '../../support/cluster.ts';
import { seeded } from '../../support/crash.ts';
import { Ledger } from '../../support/ledger.ts';

const NODES = [0, 1, 2] as const;
type GroupStatus = NodeStatus['databaseGroups'][number];

async function started(t: TestContext): Promise<TestCluster> {
  const cluster = await TestCluster.start();
  t.after(() => cluster.stop());
  return cluster;
}

/** Resolves once exactly these nodes host the database, serve it, and hold the same of it. */
async function hosted(cluster: TestCluster, hosts: readonly number[], database = 'shop'): Promise<void> {
  await cluster.until((all) => {
    const groups = all.map(({ databaseGroups }): GroupStatus | undefined =>
      databaseGroups.find((group) => group.database === database),
    );
    const positions = new Set(hosts.map((host) => `${groups[host]?.final.height} ${groups[host]?.digest}`));
    return (
      positions.size === 1 &&
      groups.every((group, node) => (group !== undefined) === hosts.includes(node)) &&
      hosts.every((host) => groups[host]?.ready && groups[host].tentative === 0)
    );
  }, `${database} is the same on ${hosts.join()}`);
}

const rowsOf = async (c: Connection, sql: string): Promise<unknown[][]> =>
  (await c.query<RowDataPacket[][]>({ sql, rowsAsArray: true }))[0];

const one = async (c: Connection, sql: string): Promise<unknown> => (await rowsOf(c, sql))[0]?.[0];

const refusal = async (c: Connection, sql: string): Promise<{ errno?: number; message: string }> =>
  c.query(sql).then(
    () => assert.fail(`not refused: ${sql}`),
    (error: unknown) => error as { errno?: number; message: string },
  );

/** Who is waited for, as a node sees it. */
const moves = async (c: Connection): Promise<unknown[][]> =>
  rowsOf(c, 'SELECT database_name, awaits FROM p2pdb.moves ORDER BY 2');

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (let left = 1500; !(await holds()); left--) {
    assert.ok(left > 0, `not in time: ${what}`);
    await sleep(20);
  }
}

const SCHEMA = `
  CREATE TABLE shop.customer (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(40) NOT NULL, born DATE,
    initial CHAR(1) GENERATED ALWAYS AS (LEFT(name, 1)) STORED, shout VARCHAR(40) AS (UPPER(name)),
    UNIQUE KEY names (name), KEY loud ((LOWER(name))), CONSTRAINT named CHECK (name <> ''));
  CREATE TABLE shop.purchase (customer INT, code VARCHAR(20) COLLATE utf8mb4_bin, price DECIMAL(30,4), weight DOUBLE, data JSON,
    picture BLOB, big BIGINT UNSIGNED, PRIMARY KEY (customer, code),
    CONSTRAINT bought FOREIGN KEY (customer) REFERENCES shop.customer (id) ON DELETE CASCADE);
  CREATE TABLE shop.note (text TEXT, at DATETIME(6), n BIGINT);
  CREATE VIEW shop.loud AS SELECT id, shout FROM shop.customer;
  INSERT INTO shop.customer (name, born) VALUES ('ann', '1990-02-28'), ('Ören', NULL), ('last', '2000-01-01');
  DELETE FROM shop.customer WHERE name = 'last';
  INSERT INTO shop.purchase SELECT id, 'a', 12345678901234567890.1234, -0e0, '{"a": [1, 2.50, null]}', x'00ff10', 18446744073709551615
    FROM shop.customer;
  INSERT INTO shop.purchase SELECT id, 'A', -0.0001, 1e300, NULL, NULL, 9007199254740993 FROM shop.customer;
  INSERT INTO shop.note VALUES ('same', '2024-02-29 12:00:00.123456', -9223372036854775808), ('same', NULL, 9007199254740993);
  CREATE USER buyer IDENTIFIED BY 'secret';
  GRANT SELECT, INSERT ON shop.customer TO buyer`;

const ALL = [
  'SELECT * FROM shop.customer ORDER BY id',
  'SELECT customer, code, price, weight, data, HEX(picture), big FROM shop.purchase ORDER BY 1, 2',
  'SELECT * FROM shop.note ORDER BY n',
  'SELECT * FROM shop.loud ORDER BY id',
  'SHOW CREATE TABLE shop.customer',
  'SHOW CREATE TABLE shop.purchase',
  'SHOW CREATE TABLE shop.note',
  'SHOW CREATE VIEW shop.loud',
  'SELECT COUNT(*) FROM other.t',
];

it('takes everything along, and clients find it where it is', async (t) => {
  const cluster = await started(t);
  const c = await cluster.connect(0, { multipleStatements: true, dateStrings: true, supportBigNumbers: true });
  await c.query('CREATE DATABASE shop; CREATE DATABASE other; CREATE TABLE other.t (id INT PRIMARY KEY)');
  await c.query(SCHEMA);
  await cluster.converged();
  const look = async (by: Connection): Promise<unknown[]> => Promise.all(ALL.map((sql) => rowsOf(by, sql)));
  const before = await look(c);
  const connections = await Promise.all(
    NODES.map((node) => cluster.connect(node, { dateStrings: true, supportBigNumbers: true })),
  );
  const prepared = await Promise.all(
    connections.map((by) => by.prepare('SELECT name FROM shop.customer WHERE id = ?')),
  );
  await c.query('USE shop');

  await c.query("ALTER DATABASE shop COMMENT 'p2pdb:replicas=n1,n2'");
  await hosted(cluster, [1, 2]);
  for (const [node, by] of connections.entries()) {
    assert.deepEqual(await look(by), before);
    const [rows] = (await prepared[node]?.execute([1])) ?? [];
    assert.deepEqual(rows, [{ name: 'ann' }]);
    assert.deepEqual(await moves(by), []);
  }
  assert.deepEqual(await rowsOf(c, 'SELECT database_name, host FROM p2pdb.hosts ORDER BY 2'), [
    ['shop', 'n1'],
    ['shop', 'n2'],
  ]);

  // It goes on as it was: keys, checks, foreign keys, counters, privileges.
  const buyer = await cluster.connect(2, { user: 'buyer', password: 'secret' });
  await buyer.query("INSERT INTO shop.customer (name) VALUES ('next')");
  assert.ok(Number(await one(buyer, 'SELECT MAX(id) FROM shop.customer')) > 3);
  assert.equal((await refusal(buyer, 'SELECT * FROM shop.note')).errno, 1142);
  assert.equal((await refusal(c, "INSERT INTO customer (name) VALUES ('ann')")).errno, 1062);
  assert.equal((await refusal(c, "INSERT INTO customer (name) VALUES ('')")).errno, 3819);
  assert.equal((await refusal(c, "INSERT INTO purchase (customer, code) VALUES (99, 'x')")).errno, 1452);
  await c.query('DELETE FROM customer WHERE id = 1');
  assert.equal(await one(c, 'SELECT COUNT(*) FROM purchase'), 2);
  await c.query("ALTER TABLE customer ADD COLUMN mail VARCHAR(80); UPDATE customer SET mail = 'x'");
  await hosted(cluster, [1, 2]);
  for (const node of NODES) await cluster.restart(node, 'SIGKILL');
  await hosted(cluster, [1, 2]);
  assert.equal(await one(await cluster.connect(0), "SELECT COUNT(*) FROM shop.customer WHERE mail = 'x'"), 2);
});
