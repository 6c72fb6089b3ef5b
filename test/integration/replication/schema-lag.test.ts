/** What one node acknowledged of the schema, of accounts and of privileges, clients of all others can use at once. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { TestCluster } from '../../support/cluster.ts';

const NODES = [0, 1, 2];
let cluster: TestCluster;
let early: Connection;
let late: Connection;
/** The node of `late`; it does not lead. */
let laggard = 0;
let leading = 0;

before(async () => {
  cluster = await TestCluster.start();
  const [{ leader } = {}] = await cluster.until((all) => all.every((s) => s.leader !== undefined), 'nobody leads');
  leading = NODES.find((node) => leader === `n${node}`) ?? assert.fail('nobody leads');
  laggard = (leading + 1) % 3;
  early = await cluster.connect(leading, { multipleStatements: true });
  late = await cluster.connect(laggard, { multipleStatements: true });
  await early.query("CREATE DATABASE d; CREATE USER u@'%' IDENTIFIED BY 'secret'");
  await cluster.converged();
});
after(() => cluster.stop());

const refusal = (asked: Promise<unknown>): Promise<{ errno?: number }> =>
  asked.then(
    () => assert.fail('not refused'),
    (error: unknown) => error as { errno?: number },
  );

/** The others decide `change` while one node stands still; `use` is the first that it meets when it goes on. */
async function behind(change: string, use: () => Promise<unknown>): Promise<void> {
  const { child } = cluster.program(laggard);
  child.kill('SIGSTOP');
  try {
    await early.query(change);
    const used = use();
    // It has left this process.
    await new Promise((resolve) => setImmediate(resolve));
    child.kill('SIGCONT');
    await used;
  } finally {
    child.kill('SIGCONT');
  }
}

it('is there for every kind of statement', { timeout: 120_000 }, async () => {
  for (let round = 0; round < 5; round++) {
    const name = `r${round}`;
    await behind(`CREATE TABLE d.${name} (id INT PRIMARY KEY)`, () => late.query(`INSERT INTO d.${name} VALUES (1)`));
    await behind(`ALTER TABLE d.${name} ADD COLUMN v INT NOT NULL DEFAULT 7`, async () => {
      const [rows] = await late.execute(`SELECT v FROM d.${name} WHERE id = ?`, [1]);
      assert.deepEqual(rows, [{ v: 7 }]);
    });
    await behind(`CREATE TABLE d.${name}b (id INT PRIMARY KEY)`, () =>
      late.query(`DO 1; INSERT INTO d.${name}b VALUES (1); SELECT * FROM d.${name}b`),
    );
    await behind(`DROP TABLE d.${name}b`, () => late.query(`CREATE TABLE d.${name}b (id INT PRIMARY KEY)`));
    await behind(`CREATE DATABASE ${name}`, () => late.query(`USE ${name}`));
    await behind(`CREATE DATABASE ${name}b`, () => late.changeUser({ database: `${name}b` }));
    await behind(`CREATE DATABASE ${name}c`, async () => {
      const c = await cluster.connect(laggard, { database: `${name}c` });
      await c.end();
    });
    await behind(`CREATE USER ${name} IDENTIFIED BY 'secret'`, () => late.query(`GRANT SELECT ON d.* TO ${name}`));
    const login = async (user: string, password: string): Promise<void> => {
      const c = await cluster.connect(laggard, { user, password });
      await c.end();
    };
    await behind(`CREATE USER ${name}l IDENTIFIED BY 'secret'`, () => login(`${name}l`, 'secret'));
    await behind(`ALTER USER ${name}l IDENTIFIED BY 'other'`, () => login(`${name}l`, 'other'));
    await behind(`CREATE USER ${name}e`, () => login(`${name}e`, ''));
    const own = await cluster.connect(laggard, { user: 'u', password: 'secret' });
    await behind(`GRANT SELECT ON d.${name} TO u`, () => own.query(`SELECT * FROM d.${name}`));
    await own.end();
  }
});

it('is there for prepared statements about a database that other nodes host', { timeout: 120_000 }, async () => {
  const placed = (name: string): string =>
    `CREATE DATABASE ${name} COMMENT 'p2pdb:replicas=n${leading}'; CREATE TABLE ${name}.t (id INT PRIMARY KEY)`;
  await behind(placed('first'), () => late.execute('INSERT INTO first.t VALUES (?)', [1]));
  await behind(placed('second'), () => late.execute('INSERT INTO second.t VALUES (?)', [1]));
  // It was prepared when its table was in the group of all nodes.
  await early.query('CREATE DATABASE third; CREATE TABLE third.t (id INT PRIMARY KEY)');
  const insert = await late.prepare('INSERT INTO third.t VALUES (?)');
  await early.query('DROP TABLE third.t');
  await cluster.converged();
  await behind(`DROP DATABASE third; ${placed('third')}`, () => insert.execute([1]));
  for (const name of ['first', 'second', 'third']) {
    const [rows] = await early.query(`SELECT id FROM ${name}.t`);
    assert.deepEqual(rows, [{ id: 1 }]);
  }
});

it('does not keep what is not there from being refused', { timeout: 120_000 }, async () => {
  const { final } = await cluster.status(laggard);
  for (let i = 0; i < 200; i++) assert.equal((await refusal(late.query('SELECT * FROM d.nowhere'))).errno, 1146);
  assert.equal((await refusal(late.query('SELECT nothing FROM d.r1'))).errno, 1054);
  assert.equal((await refusal(late.query('USE nowhere'))).errno, 1049);
  assert.equal((await refusal(cluster.connect(laggard, { database: 'nowhere' }))).errno, 1049);
  const logins = Array.from({ length: 30 }, () => refusal(cluster.connect(laggard, { user: 'nobody', password: 'x' })));
  for (const { errno } of await Promise.all(logins)) assert.equal(errno, 1045);
  const after = await cluster.status(laggard);
  // Who asks in vain makes the cluster decide something once in a while, not each time.
  assert.ok(after.final.height - final.height < 50, `${after.final.height - final.height} blocks`);

  // Nobody to ask is no reason to wait.
  await cluster.cut(
    [laggard],
    NODES.filter((node) => node !== laggard),
  );
  await cluster.until((all) => all.every((s) => s.leader === undefined), 'the leader is still heard', [laggard]);
  assert.equal((await refusal(late.query<RowDataPacket[]>('SELECT * FROM d.nowhere'))).errno, 1146);
  assert.equal((await refusal(cluster.connect(laggard, { user: 'nobody', password: 'x' }))).errno, 1045);
  await early.query('CREATE TABLE d.majority (id INT PRIMARY KEY)');
  assert.equal((await refusal(late.query('SELECT * FROM d.majority'))).errno, 1146);
  await cluster.heal();
  await cluster.converged();
  await late.query('SELECT * FROM d.majority');
});

it('is there for a session that comes from another node', { timeout: 120_000 }, async () => {
  for (const [name, host] of [
    ['away', leading],
    ['own', laggard],
  ] as const)
    await behind(`CREATE DATABASE ${name} COMMENT 'p2pdb:replicas=n${host}'`, () =>
      late.query(`CREATE TABLE ${name}.t (id INT PRIMARY KEY)`),
    );
  const { child } = cluster.program(laggard);
  for (let round = 0; round < 5; round++) {
    const user = `moved${round}`;
    await cluster.converged();
    child.kill('SIGSTOP');
    try {
      await early.query(`CREATE USER ${user} IDENTIFIED BY 'secret'`);
      const own = await cluster.connect(leading, { user, password: 'secret' });
      const refused = refusal(own.query('SELECT COUNT(*) FROM own.t'));
      await new Promise((resolve) => setImmediate(resolve));
      child.kill('SIGCONT');
      assert.equal((await refused).errno, 1142);
      await own.end();
    } finally {
      child.kill('SIGCONT');
    }
  }
});

it('a temporary table of one node is never taken for a table that another one makes', async () => {
  await early.query('CREATE DATABASE apart; CREATE TEMPORARY TABLE apart.draft (id INT PRIMARY KEY, v INT)');
  await early.query('INSERT INTO apart.draft VALUES (1, 1)');
  await late.query('CREATE TABLE apart.made (id INT PRIMARY KEY, v INT, name VARCHAR(20) UNIQUE)');
  await late.query("INSERT INTO apart.made VALUES (2, 2, 'b')");
  await early.query("INSERT INTO apart.made VALUES (3, 3, 'c')");
  await cluster.converged();
  for (const c of [early, late]) {
    const [rows] = await c.query<RowDataPacket[][]>({ sql: 'SELECT * FROM apart.made ORDER BY id', rowsAsArray: true });
    assert.deepEqual(rows, [
      [2, 2, 'b'],
      [3, 3, 'c'],
    ]);
  }
  const [rows] = await early.query<RowDataPacket[][]>({ sql: 'SELECT * FROM apart.draft', rowsAsArray: true });
  assert.deepEqual(rows, [[1, 1]]);
  await early.query('DROP TEMPORARY TABLE apart.draft');
});
