/** Databases that some of the nodes host, in a replication group of their own; clients of every node use them. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { runLogCommand } from '../../../node/cli/log.ts';
import { TestCluster, type NodeStatus } from '../../support/cluster.ts';

const NODES = [0, 1, 2] as const;
type GroupStatus = NodeStatus['databaseGroups'][number];

const groupOf = (status: NodeStatus | undefined, database: string): GroupStatus | undefined =>
  status?.databaseGroups.find((group) => group.database === database);

/** Resolves once exactly these nodes host the database, and hold the same of it. */
async function sameOn(cluster: TestCluster, hosts: readonly number[], database = 'own'): Promise<GroupStatus> {
  const names = hosts.map((node) => `n${node}`);
  const statuses = await cluster.until(
    (all) => {
      const groups = all.map((status) => groupOf(status, database));
      const digests = new Set(hosts.map((node) => `${groups[node]?.final.height} ${groups[node]?.digest}`));
      return (
        digests.size === 1 &&
        groups.every((group, node) => (group !== undefined) === hosts.includes(node)) &&
        hosts.every((node) => {
          const { ready, tentative, members = [] } = groups[node] ?? {};
          return ready && tentative === 0 && members.map(({ name }) => name).join() === names.join();
        })
      );
    },
    `${database} is the same on ${names.join(' and ')}`,
  );
  return groupOf(statuses[hosts[0] ?? 0], database) ?? assert.fail('nobody hosts it');
}

const refusal = async (c: Connection, sql: string): Promise<{ errno?: number; message: string }> =>
  c.query(sql).then(
    () => assert.fail(`not refused: ${sql}`),
    (error: unknown) => error as { errno?: number; message: string },
  );

async function one(c: Connection, sql: string): Promise<unknown> {
  const [[row]] = await c.query<RowDataPacket[]>(sql);
  return Object.values(row ?? {})[0];
}

describe('a database that two of three nodes host', () => {
  let cluster: TestCluster;
  let connections: readonly Connection[];
  const on = (node: number): Connection => connections[node] ?? assert.fail(`n${node} has no client`);

  before(async () => {
    cluster = await TestCluster.start();
    connections = await Promise.all(NODES.map((node) => cluster.connect(node)));
    await on(0).query("CREATE DATABASE own COMMENT 'p2pdb:replicas=n0,n1'");
    await on(0).query('CREATE DATABASE everywhere');
    await on(0).query('CREATE TABLE everywhere.e (id INT PRIMARY KEY, v INT)');
    await cluster.converged();
    await on(2).query('CREATE TABLE own.t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(40), n DECIMAL(20,4))');
    await sameOn(cluster, [0, 1]);
  });
  after(() => cluster.stop());

  it('is used from every node, by text and by prepared statements', async () => {
    for (const node of NODES) {
      await on(node).execute('INSERT INTO own.t (v, n) VALUES (?, ?)', [`from n${node}`, 1.25]);
      assert.equal(await one(on(node), `SELECT count(*) FROM own.t WHERE v = 'from n${node}'`), 1);
      const [[row]] = await on(node).execute<RowDataPacket[]>('SELECT v, n FROM own.t WHERE v = ?', [`from n${node}`]);
      assert.deepEqual(row, { v: `from n${node}`, n: '1.2500' });
    }
    await sameOn(cluster, [0, 1]);
    for (const node of NODES) {
      assert.deepEqual((await on(node).query('SHOW TABLES IN own'))[0], [{ Tables_in_own: 't' }]);
      assert.equal(await one(on(node), 'SELECT count(*) FROM own.t'), 3);
      assert.ok((await on(node).query<RowDataPacket[]>('SHOW DATABASES'))[0].some((row) => row['Database'] === 'own'));
    }
    const columns = "SELECT count(*) FROM information_schema.columns WHERE table_schema IN ('own', 'everywhere')";
    assert.equal(await one(on(1), columns), 5);
  });

  it('takes what a session has set along, there and back', async () => {
    const c = await cluster.connect(2);
    await c.query(
      "SET @a = 18446744073709551615, @b = x'00ff', @c = 1.50, sql_mode = 'ANSI_QUOTES', time_zone = '+05:00'",
    );
    await c.query("PREPARE p FROM 'SELECT count(*) FROM own.t WHERE id < ?'");
    await c.query('USE own');
    const [{ insertId }] = await c.query<ResultSetHeader>(`INSERT INTO "t" (v) VALUES (@b)`);
    assert.ok(insertId > 0);
    assert.equal(Number(await one(c, 'SELECT last_insert_id()')), insertId);
    const state = `SELECT CONCAT_WS(',', @a, HEX(@b), @c, @@sql_mode, @@time_zone, DATABASE()) AS "s"`;
    assert.equal(await one(c, state), '18446744073709551615,00FF,1.50,ANSI_QUOTES,+05:00,own');
    await c.query('SET @d = 7');
    assert.equal(await one(c, 'EXECUTE p USING @d'), await one(c, 'SELECT count(*) FROM t WHERE id < 7'));
    assert.equal(await one(c, 'SELECT count(*) FROM everywhere.e'), 0);
    assert.equal(
      await one(c, `SELECT CONCAT_WS(',', @a, @d, @@time_zone, DATABASE()) AS "s"`),
      '18446744073709551615,7,+05:00,own',
    );
    assert.equal(Number(await one(c, 'SELECT last_insert_id()')), insertId);
    assert.equal(await one(c, 'SELECT connection_id()'), c.threadId);
    await c.query('DELETE FROM own.t WHERE v = @b');
    await c.end();
  });

  it('has a session see what it wrote elsewhere once it is home again, also what takes its node long', async () => {
    const c = await cluster.connect(2);
    await c.query('SET cte_max_recursion_depth = 20000');
    assert.ok(Number(await one(c, 'SELECT count(*) FROM own.t')) >= 0);
    // It begins where the session is, and goes on there.
    await c.query('BEGIN');
    await c.query('SELECT count(*) FROM own.t');
    await c.query(
      'INSERT INTO everywhere.e WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, i FROM n',
    );
    await c.query('COMMIT');
    assert.equal(await one(c, 'SELECT count(*) FROM everywhere.e'), 20000);
    await c.query('DELETE FROM everywhere.e');
    await c.end();
    await cluster.converged();
  });

  for (const node of NODES) {
    it(`has transactions, from n${node}`, async () => {
      // What others wrote before is not to come while rows are counted.
      await sameOn(cluster, [0, 1]);
      const c = await cluster.connect(node);
      const count = (): Promise<unknown> => one(c, 'SELECT count(*) FROM own.t');
      const before = await count();
      await c.query('BEGIN');
      assert.equal(await one(c, 'SELECT count(*) FROM everywhere.e'), 0);
      await c.query("INSERT INTO own.t (v) VALUES ('undone')");
      await c.query('SAVEPOINT s');
      await c.query("INSERT INTO own.t (v) VALUES ('undone first')");
      await c.query('ROLLBACK TO s');
      assert.equal(await count(), Number(before) + 1);
      await c.query('ROLLBACK');
      assert.equal(await count(), before);
      await c.query('SET autocommit = 0');
      await c.query("INSERT INTO own.t (v) VALUES ('kept')");
      await c.query('COMMIT');
      await c.query('SET autocommit = 1');
      assert.equal(await count(), Number(before) + 1);
      await c.query("DELETE FROM own.t WHERE v = 'kept'");

      // One commit is of one group: a second one is refused before anything is done.
      await c.query('BEGIN');
      await c.query('INSERT INTO everywhere.e VALUES (1, 1)');
      const refused = await refusal(c, "INSERT INTO own.t (v) VALUES ('second group')");
      assert.equal(refused.errno, 1235);
      // A second one is read.
      await c.query("PREPARE q FROM 'SELECT count(*) FROM own.t'");
      assert.equal(await one(c, 'EXECUTE q'), before);
      await c.query('ROLLBACK');
      assert.equal(await one(c, 'SELECT count(*) FROM everywhere.e'), 0);
      const mixed = await refusal(c, 'SELECT * FROM own.t JOIN everywhere.e USING (id)');
      assert.equal(mixed.errno, 1235);
      assert.match(mixed.message, /p2pdb:replicas/);
      await c.end();
    });
  }

  it('keeps a session that locked its tables from those of others', async () => {
    for (const node of [0, 2]) {
      const c = await cluster.connect(node);
      await c.query('LOCK TABLES own.t READ');
      assert.equal((await refusal(c, 'SELECT * FROM everywhere.e')).errno, 1100);
      assert.equal((await refusal(c, 'DELETE FROM own.t')).errno, 1099);
      await c.query('LOCK TABLES everywhere.e WRITE');
      assert.equal((await refusal(c, 'SELECT * FROM own.t')).errno, 1100);
      // Its earlier lock is gone.
      await on(0).query('DELETE FROM own.t WHERE id < 0');
      await c.query('UNLOCK TABLES');
      assert.equal(await one(c, 'SELECT count(*) FROM everywhere.e'), 0);
      await c.end();
    }
  });

  it('is merged and certified as others are', async () => {
    await on(0).query("INSERT INTO own.t (id, v, n) VALUES (1000, 'sum', 0)");
    await sameOn(cluster, [0, 1]);
    await Promise.all(
      NODES.flatMap((node) =>
        Array.from({ length: 20 }, () => on(node).query('UPDATE own.t SET n = n + 1 WHERE id = 1000')),
      ),
    );
    await sameOn(cluster, [0, 1]);
    for (const node of NODES) assert.equal(await one(on(node), 'SELECT n FROM own.t WHERE id = 1000'), '60.0000');
    await on(2).query('INSERT /*+ P2PDB_COMMIT(final) */ INTO own.t (id) VALUES (1001)');
    assert.equal((await refusal(on(2), 'INSERT INTO own.t (id) VALUES (1001)')).errno, 1062);
  });

  it('obeys the grants of the cluster', async () => {
    await on(1).query("CREATE USER reader@'%' IDENTIFIED BY 'secret'");
    await cluster.converged();
    await on(2).query("GRANT SELECT (id, v) ON own.t TO reader@'%'");
    assert.equal((await refusal(on(2), "GRANT SELECT ON own.nothing TO reader@'%'")).errno, 1146);
    assert.equal((await refusal(on(1), "GRANT SELECT (nothing) ON own.t TO reader@'%'")).errno, 1054);
    await cluster.converged();
    for (const node of NODES) {
      const c = await cluster.connect(node, { user: 'reader', password: 'secret' });
      assert.equal(await one(c, "SELECT count(v) FROM own.t WHERE v LIKE 'from%'"), 3);
      assert.equal((await refusal(c, 'SELECT n FROM own.t')).errno, 1143);
      assert.equal((await refusal(c, "INSERT INTO own.t (v) VALUES ('no')")).errno, 1142);
      await c.end();
    }
  });

  it('goes on without the nodes that do not host it, and they say that they do not reach it', async () => {
    await cluster.cut([0, 1], [2]);
    await on(0).query("INSERT /*+ P2PDB_COMMIT(final) */ INTO own.t (v) VALUES ('during a cut')");
    const c = await cluster.connect(2);
    assert.equal((await refusal(c, 'SELECT * FROM own.t')).errno, 1429);
    await c.query('INSERT INTO everywhere.e VALUES (2, 2)');
    await cluster.heal();
    await cluster.converged();
    await sameOn(cluster, [0, 1]);
    assert.equal(await one(c, "SELECT count(*) FROM own.t WHERE v = 'during a cut'"), 1);
    await c.end();
  });

  it('is served by the other host when one dies, and comes back with it', async () => {
    await cluster.kill(0, 'SIGKILL');
    const c = await cluster.connect(2);
    await c.query("INSERT INTO own.t (v) VALUES ('while n0 was down')");
    await c.end();
    await cluster.start(0);
    await sameOn(cluster, [0, 1]);
    const back = await cluster.connect(0);
    assert.equal(await one(back, "SELECT count(*) FROM own.t WHERE v = 'while n0 was down'"), 1);
    await back.end();
  });

  it('stays where it is, and its log can be verified', async () => {
    const { group } = await sameOn(cluster, [0, 1]);
    const c = await cluster.connect(1);
    assert.equal((await refusal(c, "ALTER DATABASE own COMMENT 'p2pdb:replicas=n2'")).errno, 1235);
    await c.query("ALTER DATABASE own COMMENT 'orders; p2pdb:replicas=n1,n0' COLLATE utf8mb4_bin");
    assert.equal(
      await one(c, "SELECT default_collation_name FROM information_schema.schemata WHERE schema_name = 'own'"),
      'utf8mb4_bin',
    );
    await c.query('CREATE TABLE own.bin (v VARCHAR(10))');
    assert.match(
      String(Object.values((await c.query<RowDataPacket[]>('SHOW CREATE TABLE own.bin'))[0][0] ?? {})[1]),
      /utf8mb4_bin/,
    );
    assert.match(
      (await refusal(c, "CREATE DATABASE x COMMENT 'p2pdb:replicas=nobody'")).message,
      /there is no member 'nobody'/,
    );
    await c.query('CREATE DATABASE no_tables');
    await c.query("ALTER DATABASE no_tables COMMENT 'p2pdb:replicas=n2'");
    await sameOn(cluster, [2], 'no_tables');
    await c.query('DROP DATABASE no_tables');
    let text = '';
    assert.equal(runLogCommand(['verify', cluster.folder(1)], { write: (line) => (text += line) }), 0, text);
    assert.match(text, new RegExp(`${group}\\nok: every hash`));
    await c.end();
  });

  it('ends with DROP DATABASE', async () => {
    const { group } = await sameOn(cluster, [0, 1]);
    const c = await cluster.connect(0);
    await c.query('DROP DATABASE own');
    await cluster.until(
      () => NODES.every((node) => !existsSync(path.join(cluster.folder(node), 'groups', group))),
      'nobody has its data',
    );
    assert.equal((await refusal(c, 'SELECT * FROM own.t')).errno, 1049);
    await c.query("CREATE DATABASE own COMMENT 'p2pdb:group=own'");
    await c.query('CREATE TABLE own.t (id INT PRIMARY KEY)');
    await sameOn(cluster, [0, 1, 2]);
    await c.end();
  });
});

describe('databases of one node and of two', () => {
  it('are there after a crash that takes back the schema that names them', async (t) => {
    const cluster = await TestCluster.start();
    t.after(() => cluster.stop());
    const groups = path.join(cluster.folder(1), 'groups');
    await cluster.kill(1, 'SIGTERM');
    cpSync(path.join(groups, 'main'), path.join(cluster.folder(1), 'before'), { recursive: true });
    await cluster.start(1);
    await cluster.linked();
    const c = await cluster.connect(1);
    await c.query("CREATE DATABASE d COMMENT 'p2pdb:replicas=n1'");
    await c.query('CREATE TABLE d.t (id INT PRIMARY KEY)');
    await c.query('INSERT INTO d.t VALUES (1)');
    await c.query("CREATE DATABASE gone COMMENT 'p2pdb:replicas=n1'");
    await cluster.until((all) => groupOf(all[1], 'gone')?.ready === true, 'both are there');
    const folders = readdirSync(groups);
    assert.equal(folders.length, 3);
    await cluster.converged();

    // It starts without the blocks that made them; one of them is dropped meanwhile.
    await cluster.kill(1);
    const other = await cluster.connect(0);
    await other.query('DROP DATABASE gone');
    rmSync(path.join(groups, 'main'), { recursive: true });
    renameSync(path.join(cluster.folder(1), 'before'), path.join(groups, 'main'));
    await cluster.start(1);
    await cluster.until((all) => groupOf(all[1], 'd')?.ready === true, 'it is there again');
    assert.equal(await one(await cluster.connect(1), 'SELECT count(*) FROM d.t'), 1);
    await cluster.until(() => readdirSync(groups).length === 2, 'the dropped one is gone');
    assert.ok(readdirSync(groups).every((name) => folders.includes(name)));
  });

  it('are there after every loss, and sessions that were lost say so', async (t) => {
    const cluster = await TestCluster.start({ env: { P2PDB_LOG_RETENTION: '2M' } });
    t.after(() => cluster.stop());
    const c = await cluster.connect(2, { multipleStatements: true });
    for (const [name, hosts] of [
      ['d0', 'n0,n2'],
      ['d1', 'n1'],
    ]) {
      await c.query(`CREATE DATABASE ${name} COMMENT 'p2pdb:replicas=${hosts}'`);
      await c.query(`CREATE TABLE ${name}.t (id INT PRIMARY KEY, v LONGTEXT)`);
    }
    // What stands before a statement that has an error is carried out.
    assert.equal((await refusal(c, 'INSERT INTO d0.t VALUES (9, NULL); SELEC 1')).errno, 1064);
    await c.query('DELETE FROM d0.t WHERE id = 9');
    // Several statements of one text, each where its database is.
    const [results] = await c.query<RowDataPacket[][]>(
      "INSERT INTO d0.t VALUES (1, 'zero'); INSERT INTO d1.t VALUES (1, 'one'); SELECT v FROM d0.t; SELECT v FROM d1.t",
    );
    assert.deepEqual(results.slice(2), [[{ v: 'zero' }], [{ v: 'one' }]]);
    assert.deepEqual(
      (await c.query<RowDataPacket[]>('SELECT database_name, host FROM p2pdb.hosts ORDER BY 1, 2'))[0].map(
        (row) => `${row['database_name']} ${row['host']}`,
      ),
      ['d0 n0', 'd0 n2', 'd1 n1'],
    );
    // Whatever node the session is at, it is told of the one that it came to first.
    assert.equal(await one(c, 'SELECT count(*) FROM d1.t'), 1);
    assert.equal(await one(c, "SELECT name FROM p2pdb.members WHERE self = 'YES'"), 'n2');

    // The transaction is at n1, and goes with it.
    const lost = await cluster.connect(2);
    await lost.query('BEGIN');
    await lost.query("INSERT INTO d1.t VALUES (2, 'uncommitted')");
    const ended = new Promise<void>((resolve) => lost.on('error', () => resolve()));
    const writing = refusal(lost, 'SELECT sleep(60), v FROM d1.t FOR UPDATE');
    await cluster.kill(1, 'SIGKILL');
    assert.equal((await writing).errno, 3101);
    await ended;
    const other = await cluster.connect(2);
    assert.equal((await refusal(other, 'SELECT * FROM d1.t')).errno, 1429);
    assert.equal(await one(other, 'SELECT count(*) FROM d0.t'), 1);
    await cluster.start(1);
    await cluster.linked();
    await cluster.until((all) => groupOf(all[1], 'd1')?.ready === true, 'n1 hosts d1 again');
    assert.equal(await one(other, 'SELECT count(*) FROM d1.t'), 1);

    // A host that was away for longer than the log reaches back takes a snapshot.
    await cluster.kill(2, 'SIGKILL');
    const text = 'x'.repeat(500_000);
    const writer = await cluster.connect(1);
    for (let id = 10; id < 30; id++) await writer.query('INSERT INTO d0.t VALUES (?, ?)', [id, text]);
    await cluster.start(2);
    await sameOn(cluster, [0, 2], 'd0');
    assert.equal(await one(await cluster.connect(2), 'SELECT count(*) FROM d0.t'), 21);

    await Promise.all([0, 1, 2].map((node) => cluster.kill(node, 'SIGKILL')));
    await Promise.all([0, 1, 2].map((node) => cluster.start(node)));
    await sameOn(cluster, [0, 2], 'd0');
    await cluster.linked();
    const again = await cluster.connect(1);
    assert.equal(await one(again, 'SELECT count(*) FROM d0.t'), 21);
    assert.equal(await one(again, 'SELECT v FROM d1.t'), 'one');

    // Who is let go by the cluster is let go by its databases, which others host, too.
    // Other voters decide some 60 blocks later: a busy machine takes its time for them.
    await again.query('SET p2pdb_commit_timeout = 60');
    assert.match((await refusal(again, "SELECT p2pdb_remove_member('n1')")).message, /Nobody else hosts database 'd1'/);
    await again.query("SELECT p2pdb_remove_member('n2')");
    await cluster.linked([0, 1]);
    await cluster.until(([n0]) => groupOf(n0, 'd0')?.members.length === 1, 'n0 hosts d0 alone', [0]);
    await again.query("INSERT /*+ P2PDB_COMMIT(final) */ INTO d0.t VALUES (100, 'alone')");

    // Another one comes in its place, and takes a snapshot, too.
    const taken = await refusal(again, "ALTER DATABASE d0 COMMENT 'p2pdb:replicas=n1'");
    assert.deepEqual([taken.errno, /away from all members that host it/.test(taken.message)], [1235, true]);
    await again.query("ALTER DATABASE d0 COMMENT 'p2pdb:replicas=n0,n1'");
    await cluster.until((all) => all.every((one) => groupOf(one, 'd0')?.members.length === 2), 'n1, too', [0, 1]);
    await cluster.until(([n1]) => groupOf(n1, 'd0')?.ready === true, 'n1 serves it', [1]);
    // The session comes home.
    assert.equal(await one(again, 'SELECT count(*) FROM d0.t'), 22);
    await cluster.cut([0], [1]);
    assert.equal(await one(again, 'SELECT count(*) FROM d0.t'), 22);
    await again.query("INSERT INTO d0.t VALUES (101, 'cut off')");
    await cluster.heal();
    await cluster.until(
      (all) =>
        new Set(all.slice(0, 2).map((one) => groupOf(one, 'd0')?.digest)).size === 1 &&
        groupOf(all[0], 'd0')?.tentative === 0,
      'both have it',
      [0, 1],
    );
  });
});
