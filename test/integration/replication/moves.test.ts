/** A database that has tables goes from the group that all nodes host to one of its own. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { cpSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { TestCluster, type NodeStatus } from '../../support/cluster.ts';
import { seeded } from '../../support/crash.ts';
import { Ledger } from '../../support/ledger.ts';

const NODES = [0, 1, 2] as const;

const groupOf = (status: NodeStatus | undefined, database: string): NodeStatus['databaseGroups'][number] | undefined =>
  status?.databaseGroups.find((group) => group.database === database);

async function started(t: TestContext): Promise<TestCluster> {
  const cluster = await TestCluster.start();
  t.after(() => cluster.stop());
  return cluster;
}

/** Writers on all nodes, who end with the test. */
async function writers(t: TestContext, ...args: Parameters<typeof Ledger.open>): Promise<Ledger> {
  const ledger = await Ledger.open(...args);
  // Where a test failed, the cluster is gone, and queries of before never end.
  t.after(() => void ledger.stop().catch(() => undefined));
  return ledger;
}

/** Resolves once exactly these nodes host the database, and serve it. */
const served = (cluster: TestCluster, hosts: readonly number[], database: string): Promise<unknown> =>
  cluster.until(
    (all) => all.every((status, node) => (groupOf(status, database)?.ready ?? false) === hosts.includes(node)),
    `${database} is served by ${hosts.join()}`,
  );

/** As served(), and until all nodes know that, and the hosts hold the same of it: nobody writes. */
async function hosted(cluster: TestCluster, hosts: readonly number[], database = 'shop'): Promise<void> {
  await served(cluster, hosts, database);
  await cluster.linked();
  await cluster.converged();
  await cluster.until((all) => {
    const groups = hosts.map((host) => groupOf(all[host], database));
    const positions = new Set(groups.map((group) => `${group?.final.height} ${group?.digest}`));
    return positions.size === 1 && groups.every((group) => group?.tentative === 0 && group.lag.entries === 0);
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
  'SELECT tx, n, kind, reason, other_tx FROM p2pdb.conflicts ORDER BY 1, 2',
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
  const dump = await cluster.connect(1);
  await dump.query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
  assert.equal(await one(dump, 'SELECT COUNT(*) FROM shop.customer'), 2);
  const locker = await cluster.connect(0);
  await locker.query('BEGIN');
  await locker.query('SELECT * FROM shop.customer WHERE id = 1 FOR UPDATE');
  const temporary = await cluster.connect(1);
  await temporary.query('CREATE TEMPORARY TABLE shop.draft (id INT)');
  const ended = new Promise<void>((resolve) => temporary.once('error', () => resolve()));

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

  // Snapshots and locks of before do not go on with what came after them; nor does what lay beside the tables.
  for (const by of [dump, locker]) {
    assert.equal((await refusal(by, 'SELECT COUNT(*) FROM shop.note')).errno, 1213);
    assert.equal(await one(by, 'SELECT COUNT(*) FROM shop.note'), 2);
  }
  await ended;

  // It goes on as it was: keys, checks, foreign keys, counters, privileges.
  const buyer = await cluster.connect(2, { user: 'buyer', password: 'secret' });
  await buyer.query("INSERT INTO shop.customer (name) VALUES ('next')");
  await hosted(cluster, [1, 2]);
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

it('comes back with everything, as it went', async (t) => {
  const cluster = await started(t);
  const options = { multipleStatements: true, dateStrings: true, supportBigNumbers: true };
  const maker = await cluster.connect(1, options);
  await maker.query("CREATE DATABASE shop COMMENT 'p2pdb:replicas=n1,n2'; CREATE DATABASE other");
  await maker.query('CREATE TABLE other.t (id INT PRIMARY KEY)');
  await maker.query(SCHEMA);
  await hosted(cluster, [1, 2]);
  const connections = await Promise.all(NODES.map((node) => cluster.connect(node, options)));
  await cluster.cut([0, 1], [2]);
  for (const by of connections.slice(1)) await by.query("INSERT INTO shop.customer (id, name) VALUES (77, 'twice')");
  await cluster.heal();
  await hosted(cluster, [1, 2]);
  // Each node shows what it would give next itself.
  const shown = (rows: unknown[][]): string => JSON.stringify(rows).replace(/AUTO_INCREMENT=\d+/, '');
  const look = (by: Connection): Promise<string[]> => Promise.all(ALL.map(async (sql) => shown(await rowsOf(by, sql))));
  const before = await look(connections[1] as Connection);
  assert.match(before.at(-1) ?? '', /rejected/);
  const prepared = await Promise.all(
    connections.map((by) => by.prepare('SELECT name FROM shop.customer WHERE id = ?')),
  );
  for (const statement of prepared) await statement.execute([1]);
  const dump = await cluster.connect(1);
  await dump.query('START TRANSACTION');
  assert.equal(await one(dump, 'SELECT COUNT(*) FROM shop.note'), 2);
  const writer = await cluster.connect(1);
  await writer.query('BEGIN');
  await writer.query("INSERT INTO shop.note (text) VALUES ('never')");
  const temporary = await cluster.connect(2);
  await temporary.query('CREATE TEMPORARY TABLE shop.draft (id INT)');
  const ended = new Promise<void>((resolve) => temporary.once('error', () => resolve()));
  const c = await cluster.connect(0, { ...options, database: 'shop' });

  await c.query("ALTER DATABASE shop COMMENT ''");
  await served(cluster, [], 'shop');
  await cluster.converged();
  assert.equal((await refusal(dump, 'SELECT COUNT(*) FROM shop.note')).errno, 1213);
  assert.ok([1053, 1213].includes((await refusal(writer, 'COMMIT')).errno ?? 0));
  await ended;
  for (const [node, by] of connections.entries()) {
    assert.deepEqual(await look(by), before);
    const [rows] = (await prepared[node]?.execute([1])) ?? [];
    assert.deepEqual(rows, [{ name: 'ann' }]);
    assert.deepEqual(await moves(by), []);
    assert.deepEqual(await rowsOf(by, 'SELECT * FROM p2pdb.hosts'), []);
  }
  for (const by of [dump, writer]) assert.equal(await one(by, 'SELECT COUNT(*) FROM shop.note'), 2);
  const buyer = await cluster.connect(2, { user: 'buyer', password: 'secret' });
  await buyer.query("INSERT INTO shop.customer (name) VALUES ('next')");
  assert.ok(Number(await one(buyer, 'SELECT MAX(id) FROM shop.customer')) > 77);
  assert.equal((await refusal(c, "INSERT INTO customer (name) VALUES ('ann')")).errno, 1062);
  assert.equal((await refusal(c, "INSERT INTO purchase (customer, code) VALUES (99, 'x')")).errno, 1452);
  await c.query('ALTER TABLE customer ADD COLUMN mail VARCHAR(80); DELETE FROM customer WHERE id = 1');
  await cluster.converged();
  const after = await look(connections[1] as Connection);
  for (const node of NODES) await cluster.restart(node, 'SIGKILL');
  assert.deepEqual(await look(await cluster.connect(0, options)), after);

  // And goes again.
  const again = await cluster.connect(0, options);
  await again.query("ALTER DATABASE shop COMMENT 'p2pdb:replicas=n0'");
  await hosted(cluster, [0]);
  assert.deepEqual(await look(again), after);
});

/** Rows that take a while to copy. */
async function ballast(c: Connection, database: string): Promise<void> {
  await c.query(`CREATE TABLE ${database}.ballast (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(100))`);
  await c.query(`SET cte_max_recursion_depth = 100000`);
  await c.query(
    `INSERT INTO ${database}.ballast (v) WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
     SELECT REPEAT(CHAR(65 + i % 26), 100) FROM n`,
  );
}

/** A client that reads all the time, is never refused, and never sees fewer rows than before. Resolves with how often it read. */
async function reader(c: Connection, sql: string, stop: AbortSignal): Promise<number> {
  const statement = await c.prepare(sql);
  let seen = 0;
  let count = 0;
  for (; !stop.aborted; count++) {
    const [rows] = count % 2 === 0 ? await c.query<RowDataPacket[]>(sql) : await statement.execute([]);
    const [[now] = []] = (rows as RowDataPacket[]).map((row) => Object.values(row) as number[]);
    assert.ok(now !== undefined && now >= seen, `${now} rows after ${seen}`);
    seen = now;
    await sleep(5);
  }
  return count;
}

for (const hosts of [NODES, [1]])
  it(`loses no row that was acknowledged on any node, and is refused for a short while only: to ${hosts.length} nodes and back`, async (t) => {
    const cluster = await started(t);
    const ledger = await writers(t, cluster, 'shop');
    const by = await cluster.connect(1);
    await ballast(by, 'shop');
    await ledger.goesOn(NODES, 'local');
    const reading = new AbortController();
    const readers = Promise.all(
      NODES.map(async (node) => reader(await cluster.connect(node), 'SELECT COUNT(*) FROM shop.tag', reading.signal)),
    );
    readers.catch(() => undefined);
    ledger.mark();
    await by.query(`ALTER DATABASE shop COMMENT 'p2pdb:replicas=${hosts.map((host) => `n${host}`).join()}'`);
    await served(cluster, hosts, 'shop');
    for (const level of ['local', 'replicated', 'final'] as const) await ledger.goesOn(NODES, level);
    t.diagnostic(`20000 rows and the writers': refused for ${Math.round(ledger.pauseMs(NODES, 'local'))} ms at most`);
    ledger.mark();
    await by.query("ALTER DATABASE shop COMMENT ''");
    await served(cluster, [], 'shop');
    for (const level of ['local', 'replicated', 'final'] as const) await ledger.goesOn(NODES, level);
    t.diagnostic(`and back: refused for ${Math.round(ledger.pauseMs(NODES, 'local'))} ms at most`);
    reading.abort();
    t.diagnostic(`read ${String(await readers)} times meanwhile`);
    await ledger.stop();
    await cluster.converged();
    t.diagnostic(JSON.stringify(await ledger.check()));
  });

it('comes to its end, whoever is killed at whatever moment of it', async (t) => {
  const seed = Number(process.env['TEST_SEED'] ?? randomInt(1 << 30));
  t.diagnostic(`TEST_SEED=${seed}`);
  const random = seeded(seed);
  const cluster = await started(t);
  for (const [round, victims] of [[0], [2, 1], [0, 1]].entries()) {
    const database = `shop${round}`;
    const ledger = await writers(t, cluster, database, { paceMs: 20 });
    const by = await cluster.connect(0);
    await ballast(by, database);
    await ledger.goesOn(NODES, 'local');
    for (const [comment, hosts] of [
      ['p2pdb:group=own', NODES],
      ['', []],
    ] as const) {
      ledger.mark();
      const alter = `ALTER DATABASE ${database} COMMENT '${comment}'`;
      const moving = (await cluster.connect(0)).query(alter).catch(() => undefined);
      for (const victim of victims) {
        await sleep(random() * 800);
        await cluster.restart(victim);
      }
      await moving;
      // Whether it was decided before its node was killed, nobody was told; who has only just started may hear no majority yet;
      // and it may have been handed over meanwhile.
      const again = await cluster.connect(1);
      const isDecided = (): Promise<boolean> =>
        again.query(alter).then(
          () => true,
          ({ errno }: { errno?: number }) => {
            assert.ok(errno === 3101 || errno === 1213, String(errno));
            return false;
          },
        );
      await until(isDecided, alter);
      await served(cluster, hosts, database);
      for (const level of ['local', 'replicated', 'final'] as const) await ledger.goesOn(NODES, level);
      t.diagnostic(`n${victims.join()}: refused for ${Math.round(ledger.pauseMs(NODES, 'local'))} ms at most`);
    }
    await ledger.stop();
    await cluster.converged();
    t.diagnostic(JSON.stringify(await ledger.check()));
  }
});

it('waits for a member that is away, and can be taken back meanwhile', async (t) => {
  const cluster = await started(t);
  const ledger = await writers(t, cluster, 'shop', { levels: ['local'] });
  const by = await cluster.connect(0);
  await cluster.cut([0, 1], [2]);
  await by.query("ALTER DATABASE shop COMMENT 'p2pdb:replicas=n0,n1'");
  await until(async () => String(await moves(by)) === 'shop,n2', 'n2 alone is waited for');
  // The one that does not know goes on, and loses nothing; the others are refused, and read.
  await ledger.goesOn([2], 'local');
  const refused = await refusal(by, 'UPDATE shop.counter SET v = 0');
  assert.equal(refused.errno, 1213);
  assert.match(refused.message, /Database 'shop' is on its way/);
  for (const sql of ['CREATE TABLE shop.late (id INT)', 'DROP TABLE shop.tag', 'TRUNCATE shop.tag'])
    assert.equal((await refusal(by, sql)).errno, 1213, sql);
  assert.ok(Number(await one(by, 'SELECT COUNT(*) FROM shop.tag')) > 0);

  await by.query("ALTER DATABASE shop COMMENT ''");
  assert.deepEqual(await moves(by), []);
  await ledger.goesOn(NODES, 'local');

  await by.query("ALTER DATABASE shop COMMENT 'p2pdb:replicas=n0,n1'");
  await until(async () => String(await moves(by)) === 'shop,n2', 'n2 alone is waited for again');
  await ledger.goesOn([2], 'local');
  await cluster.heal();
  await served(cluster, [0, 1], 'shop');
  await ledger.goesOn(NODES, 'local');
  await ledger.stop();
  await hosted(cluster, [0, 1]);
  t.diagnostic(JSON.stringify(await ledger.check()));
});

it('waits for a host that is away on its way back, and can be called back meanwhile', async (t) => {
  const cluster = await started(t);
  const ledger = await writers(t, cluster, 'shop', { levels: ['local'] });
  const by = await cluster.connect(0);
  const stay = "ALTER DATABASE shop COMMENT 'p2pdb:replicas=n0,n1,n2'";
  await by.query(stay);
  await served(cluster, NODES, 'shop');
  await ledger.goesOn(NODES, 'local');
  await cluster.cut([0, 1], [2]);
  for (const comesHome of [false, true]) {
    await by.query("ALTER DATABASE shop COMMENT ''");
    await until(async () => String(await moves(by)) === 'shop,n2', 'n2 alone is waited for');
    await ledger.goesOn([2], 'local');
    assert.equal((await refusal(by, 'UPDATE shop.counter SET v = 0')).errno, 1213);
    assert.equal((await refusal(by, 'CREATE TABLE shop.late (id INT)')).errno, 1213);
    assert.ok(Number(await one(by, 'SELECT COUNT(*) FROM shop.tag')) > 0);
    if (comesHome) break;
    await by.query(stay);
    await ledger.goesOn(NODES, 'local');
    assert.deepEqual(await moves(by), []);
  }
  await cluster.heal();
  await served(cluster, [], 'shop');
  await ledger.goesOn(NODES, 'local');
  await ledger.stop();
  await cluster.converged();
  t.diagnostic(JSON.stringify(await ledger.check()));
});

it('does without a member that is removed; is refused where something joins it to another database', async (t) => {
  const cluster = await started(t);
  const by = await cluster.connect(0, { multipleStatements: true });
  await by.query('CREATE DATABASE shop; CREATE DATABASE other');
  await by.query('CREATE TABLE shop.t (id INT PRIMARY KEY); INSERT INTO shop.t VALUES (1), (2)');
  const move = "ALTER DATABASE shop COMMENT 'p2pdb:replicas=n0,n1'";
  for (const [make, drop, edge] of [
    [
      'CREATE TABLE other.c (t INT, CONSTRAINT up FOREIGN KEY (t) REFERENCES shop.t (id))',
      'DROP TABLE other.c',
      "foreign key 'up' of 'other.c' refers to 'shop.t'",
    ],
    ['CREATE VIEW other.v AS SELECT * FROM shop.t', 'DROP VIEW other.v', "view 'other.v' reads 'shop.t'"],
    [
      'CREATE TABLE other.p (id INT PRIMARY KEY); CREATE VIEW shop.v AS SELECT * FROM other.p',
      'DROP VIEW shop.v',
      "view 'shop.v' reads 'other.p'",
    ],
  ] as const) {
    await by.query(make);
    const { errno, message } = await refusal(by, move);
    assert.deepEqual([errno, message.includes(edge)], [1235, true], message);
    await by.query(drop);
  }
  await cluster.converged();
  await cluster.kill(2);
  await by.query(move);
  await until(async () => String(await moves(by)) === 'shop,n2', 'n2 alone is waited for');
  for (const sql of [
    'CREATE VIEW other.v AS SELECT * FROM shop.t',
    'CREATE TABLE other.c (t INT, FOREIGN KEY (t) REFERENCES shop.t (id))',
  ])
    assert.equal((await refusal(by, sql)).errno, 1213, sql);
  await by.query("SET p2pdb_commit_timeout = 60; SELECT p2pdb_remove_member('n2')");
  await cluster.until(
    (all) => all.slice(0, 2).every(({ databaseGroups: [group] }) => group?.ready),
    'n0 and n1 host it',
    [0, 1],
  );
  assert.equal(await one(by, 'SELECT COUNT(*) FROM shop.t'), 2);
});

it('lists what a member wrote that had lost all it knew of the move', async (t) => {
  const cluster = await started(t);
  const by = await cluster.connect(0, { multipleStatements: true });
  await by.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); INSERT INTO shop.t VALUES (1)');
  await cluster.converged();
  const main = path.join(cluster.folder(2), 'groups/main');
  const old = path.join(cluster.folder(2), 'before');
  await cluster.kill(2, 'SIGTERM');
  cpSync(main, old, { recursive: true });
  await cluster.start(2);
  await by.query("ALTER DATABASE shop COMMENT 'p2pdb:replicas=n0,n1'");
  await served(cluster, [0, 1], 'shop');
  for (const node of NODES) await cluster.kill(node);
  rmSync(main, { recursive: true });
  renameSync(old, main);
  await cluster.start(2);
  const late = await cluster.connect(2);
  await late.query('INSERT INTO shop.t VALUES (2)');
  await Promise.all([0, 1].map((node) => cluster.start(node)));
  await hosted(cluster, [0, 1]);
  for (const node of NODES) {
    const c = await cluster.connect(node);
    assert.deepEqual(await rowsOf(c, 'SELECT * FROM shop.t'), [[1]]);
    const [tx, key] = (await rowsOf(c, 'SELECT tx, image FROM p2pdb.conflicts'))[0] ?? [];
    assert.match(String(key), /2/);
    assert.equal((await refusal(c, `SELECT p2pdb_resolve_conflict('${String(tx)}', 'retry')`)).errno, 1146);
  }
});
