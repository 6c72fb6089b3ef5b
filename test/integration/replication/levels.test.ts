/** What a client may rely on: commit and read levels, the fate of a transaction, conflicts and what can be done about them. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { TestCluster } from '../../support/cluster.ts';
import { stretched } from '../../support/ledger.ts';

describe('three nodes', () => {
  let cluster: TestCluster;
  let c: Connection[] = [];

  before(async () => {
    cluster = await TestCluster.start();
    c = await Promise.all([0, 1, 2].map((node) => cluster.connect(node)));
    await query(0, 'CREATE DATABASE d');
    await query(0, 'CREATE TABLE d.t (id INT PRIMARY KEY, u INT UNIQUE, v INT NOT NULL DEFAULT 0)');
    await cluster.converged();
  });
  after(() => cluster.stop());

  async function query<T = RowDataPacket>(node: number, sql: string): Promise<T[]> {
    const [rows] = await (c[node] as Connection).query(sql);
    return rows as T[];
  }
  async function one(node: number, sql: string): Promise<unknown> {
    return Object.values((await query(node, sql))[0] as object)[0];
  }
  const refusal = (node: number, sql: string): Promise<{ errno: number; message: string }> =>
    query(node, sql).then(
      () => assert.fail(`${sql} is not refused`),
      (error: unknown) => error as { errno: number; message: string },
    );

  it('a commit at level final is seen everywhere by a linearizable read', async () => {
    await query(1, "SET p2pdb_read = 'linearizable'");
    await query(0, "SET p2pdb_commit = 'final'");
    for (let i = 1; i <= 20; i++) {
      await query(0, `INSERT INTO d.t (id, u) VALUES (${i}, ${i})`);
      assert.equal(await one(1, 'SELECT count(*) FROM d.t'), i);
    }
    await query(0, "SET p2pdb_commit = 'local'");
    await query(1, "SET p2pdb_read = 'local'");
  });

  it('of two transactions at level final that saw the same row, one is refused with 1213', async () => {
    await query(0, "SET p2pdb_commit = 'final'");
    await query(1, "SET p2pdb_commit = 'final'");
    // Write skew: each reads what the other writes.
    for (const node of [0, 1]) {
      await query(node, 'BEGIN');
      await query(node, `SELECT v FROM d.t WHERE id = ${1 + node}`);
      await query(node, `UPDATE d.t SET v = 10 WHERE id = ${2 - node}`);
    }
    const outcomes = await Promise.allSettled([query(0, 'COMMIT'), query(1, 'COMMIT')]);
    const refused = outcomes.filter((o) => o.status === 'rejected');
    assert.equal(refused.length, 1);
    assert.equal((refused[0]?.reason as { errno: number }).errno, 1213);
    for (const node of [0, 1]) await query(node, "SET p2pdb_commit = 'local'");
  });

  it('a transaction at level final that scanned a table is refused when another one added to it before', async () => {
    await query(0, "SET p2pdb_commit = 'final'");
    await query(0, 'BEGIN');
    const seen = Number(await one(0, 'SELECT count(*) FROM d.t'));
    await query(1, 'INSERT /*+ P2PDB_COMMIT(final) */ INTO d.t (id) VALUES (99)');
    await query(0, `INSERT INTO d.t (id, v) VALUES (98, ${seen})`);
    assert.equal((await refusal(0, 'COMMIT')).errno, 1213);
    await query(0, "SET p2pdb_commit = 'local'");
    await cluster.converged();
    assert.equal(await one(2, 'SELECT count(*) FROM d.t WHERE id = 98'), 0);
  });

  it('a transaction at level final that read rows between bounds is refused for a change of one of them, and passes any other', async () => {
    await query(
      0,
      'CREATE TABLE d.part (id INT PRIMARY KEY, g INT, name VARCHAR(20) COLLATE utf8mb4_0900_ai_ci, v INT, KEY (g), KEY (name))',
    );
    const all = Array.from({ length: 40 }, (_, i) => `(${i}, ${i % 4}, 'n${i % 5}', ${i})`);
    await query(0, `INSERT INTO d.part VALUES ${all.join(',')}`);
    await query(0, "SET p2pdb_commit = 'final'");
    await query(1, "SET p2pdb_commit = 'final'");
    // What is read; what is changed meanwhile and lies outside; what lies within, or comes to.
    const cases: [string, string[], string[]][] = [
      [
        'SELECT SUM(v) FROM d.part WHERE id BETWEEN 10 AND 20',
        ['UPDATE d.part SET v = v + 1 WHERE id = 21', 'DELETE FROM d.part WHERE id = 9'],
        [
          'UPDATE d.part SET v = v + 1 WHERE id = 20',
          'DELETE FROM d.part WHERE id = 15',
          'INSERT INTO d.part VALUES (15, 0, NULL, 1)',
        ],
      ],
      [
        'SELECT COUNT(*) FROM d.part WHERE g = 2',
        ['UPDATE d.part SET v = v + 1 WHERE g = 1', 'INSERT INTO d.part VALUES (101, 3, NULL, 1)'],
        [
          'INSERT INTO d.part VALUES (102, 2, NULL, 1)',
          'UPDATE d.part SET g = 2 WHERE id = 101',
          'UPDATE d.part SET g = NULL WHERE id = 102',
        ],
      ],
      [
        "SELECT id FROM d.part WHERE name = 'N3' AND v < 1000 FOR UPDATE",
        ["UPDATE d.part SET v = v + 1 WHERE name = 'n4'", "INSERT INTO d.part VALUES (103, 9, 'n2', 1)"],
        ["INSERT INTO d.part VALUES (104, 9, 'ñ3', 1)", "UPDATE d.part SET name = 'N3' WHERE id = 103"],
      ],
      [
        'UPDATE d.part SET v = v + 1 WHERE g > 2',
        ['UPDATE d.part SET v = v + 1 WHERE g = 2', 'INSERT INTO d.part VALUES (105, 1, NULL, 1)'],
        ['UPDATE d.part SET g = 7 WHERE id = 105', 'UPDATE d.part SET v = v + 1 WHERE g = 7'],
      ],
      [
        'SELECT v FROM d.part WHERE id IN (1, 3) AND g = 1',
        ['UPDATE d.part SET v = v + 1 WHERE id = 2', 'UPDATE d.part SET v = v + 1 WHERE id = 4'],
        ['UPDATE d.part SET g = 1 WHERE id = 3'],
      ],
      [
        'SELECT p.v, q.v FROM d.part p LEFT JOIN d.part q ON q.g = p.id WHERE p.id = 9',
        ['UPDATE d.part SET v = v + 1 WHERE g = 1 AND id <> 9'],
        ['INSERT INTO d.part VALUES (106, 9, NULL, 1)', 'UPDATE d.part SET v = v + 1 WHERE g = 9'],
      ],
      // The same one in a subquery: seen whole.
      [
        'SELECT COUNT(*) FROM d.part WHERE g = 7 AND v <= (SELECT MAX(v) FROM d.part)',
        ['INSERT INTO d.t (id) VALUES (1000)'],
        ['UPDATE d.part SET v = v + 1 WHERE g = 1'],
      ],
    ];
    for (const [read, outside, inside] of cases)
      for (const [changes, errno] of [
        [outside, undefined],
        [inside, 1213],
      ] as const)
        for (const change of changes) {
          await query(0, 'BEGIN');
          await query(0, read);
          await query(0, 'INSERT INTO d.t (id) VALUES (5000)');
          await query(1, change);
          const refused = await query(0, 'COMMIT').then(
            () => undefined,
            (error: unknown) => (error as { errno: number }).errno,
          );
          assert.equal(refused, errno, `${read}; ${change}`);
          if (refused === undefined) await query(0, 'DELETE FROM d.t WHERE id = 5000');
          else await query(0, 'SELECT 1 FROM d.part LIMIT 1');
          await cluster.converged();
        }
    await query(0, 'DELETE FROM d.t WHERE id = 1000');
    for (const node of [0, 1]) await query(node, "SET p2pdb_commit = 'local'");
  });

  it('a transaction at level final whose snapshot shows a row as it was is refused when it writes that row', async () => {
    await query(0, "SET p2pdb_commit = 'final'");
    for (const key of ['1', '?']) {
      await query(0, 'BEGIN');
      await query(0, 'SELECT v FROM d.t WHERE id = 2');
      await query(1, 'UPDATE /*+ P2PDB_COMMIT(final) */ d.t SET v = v + 1 WHERE id = 1');
      await cluster.converged();
      // The row by its key, as a literal and as a parameter.
      await (c[0] as Connection).execute(`SELECT v FROM d.t WHERE id = ${key}`, key === '?' ? [1] : []);
      await query(0, 'UPDATE d.t SET v = 100 WHERE id = 1');
      assert.equal((await refusal(0, 'COMMIT')).errno, 1213);
    }
    await query(0, "SET p2pdb_commit = 'local'");
  });

  it('transactions at level final on other rows pass, whatever their keys are', async () => {
    await query(0, 'CREATE TABLE d.named (a VARCHAR(20), b INT, v INT NOT NULL, PRIMARY KEY (a, b))');
    await query(0, "INSERT INTO d.named VALUES ('one', 1, 0), ('two', 2, 0)");
    await cluster.converged();
    const add = async (node: number, key: string): Promise<void> => {
      for (let i = 0; i < 20; i++)
        await query(node, `UPDATE /*+ P2PDB_COMMIT(final) */ d.named SET v = v + 1 WHERE ${key}`);
    };
    await Promise.all([add(0, "a = 'one' AND b = 1"), add(1, "b = 2 AND a = 'TWO'")]);
    await cluster.converged();
    assert.deepEqual(await query(2, 'SELECT v FROM d.named ORDER BY a'), [{ v: 20 }, { v: 20 }]);

    // Who saw that a row is not there, is refused when it is.
    await query(0, "SET p2pdb_commit = 'final'");
    await query(0, 'BEGIN');
    assert.deepEqual(await query(0, "SELECT v FROM d.named WHERE a = 'three' AND b = 3"), []);
    await query(1, "INSERT /*+ P2PDB_COMMIT(final) */ INTO d.named VALUES ('three', 3, 0)");
    await query(0, "UPDATE d.named SET v = 0 WHERE a = 'one' AND b = 1");
    assert.equal((await refusal(0, 'COMMIT')).errno, 1213);
    await query(0, "SET p2pdb_commit = 'local'");
  });

  it('a transaction at level final stands also on a node that has changed its rows meanwhile, whatever their keys are', async () => {
    for (const [table, type] of Object.entries({ numbered: 'INT', lettered: 'VARCHAR(10)' })) {
      await query(0, `CREATE TABLE d.${table} (id ${type} PRIMARY KEY, v INT, w INT)`);
      await query(0, `INSERT INTO d.${table} VALUES (1, 0, 0)`);
      await cluster.converged();
      await cluster.cut([2], [0, 1]);
      await query(2, `UPDATE d.${table} SET w = 2 WHERE id = '1'`);
      await cluster.until(([n0]) => n0?.leader !== undefined && n0.leader !== 'n2', 'nobody leads', [0]);
      await query(0, `UPDATE /*+ P2PDB_COMMIT(final) */ d.${table} SET v = 1 WHERE id = '1'`);
      await cluster.heal();
      await cluster.converged();
      for (const node of [0, 2]) assert.deepEqual(await query(node, `SELECT v, w FROM d.${table}`), [{ v: 1, w: 2 }]);
    }
  });

  it('a hint chooses the level of one statement', async () => {
    await query(0, 'INSERT /*+ P2PDB_COMMIT(final) */ INTO d.t (id) VALUES (100)');
    const id = String(await one(0, 'SELECT @@p2pdb_last_txid'));
    assert.equal(await one(0, `SELECT p2pdb_wait_final('${id}', 0)`), 'final');
    // The same statement with and without it, whichever comes first: the plan of the one is not the other's.
    for (const sql of ['UPDATE @ d.t SET v = v + 1 WHERE id = 100', 'DELETE @ FROM d.t WHERE id = 100']) {
      await query(0, sql.replace('@', ''));
      await query(0, `INSERT IGNORE INTO d.t (id) VALUES (100)`);
      await query(0, sql.replace('@', '/*+ P2PDB_COMMIT(final) */'));
      const hinted = String(await one(0, 'SELECT @@p2pdb_last_txid'));
      assert.equal(await one(0, `SELECT p2pdb_wait_final('${hinted}', 0)`), 'final', sql);
    }
  });

  it('an open transaction whose rows another node changes adds to what is there, or is refused', async () => {
    await query(0, 'INSERT INTO d.t (id, v) VALUES (200, 0), (201, 0)');
    await cluster.converged();
    await query(0, 'BEGIN');
    await query(0, 'UPDATE d.t SET v = v + 1 WHERE id = 200');
    await query(1, 'UPDATE d.t SET v = v + 10 WHERE id = 200');
    await cluster.settled();
    await query(0, 'COMMIT');
    await cluster.converged();
    assert.equal(await one(2, 'SELECT v FROM d.t WHERE id = 200'), 11);

    await query(0, 'BEGIN');
    await query(0, 'UPDATE d.t SET v = 5 WHERE id = 201');
    await query(1, 'DELETE FROM d.t WHERE id = 201');
    await cluster.settled();
    assert.equal((await refusal(0, 'COMMIT')).errno, 1213);
    assert.equal(await one(0, 'SELECT count(*) FROM d.t WHERE id = 201'), 0);
  });

  it('a conflict is listed everywhere, and can be tried again or dismissed', async () => {
    await cluster.cut([0], [1, 2]);
    await query(0, 'INSERT INTO d.t (id, u) VALUES (300, 7000)');
    await query(1, 'INSERT INTO d.t (id, u) VALUES (301, 7000)');
    const ids = [0, 1].map((node) => one(node, 'SELECT @@p2pdb_last_txid'));
    const [a, b] = (await Promise.all(ids)).map(String);
    assert.equal(await one(0, `SELECT p2pdb_wait_final('${a}', 100)`), 'tentative');
    await cluster.heal();
    await cluster.converged();
    const fates = [
      await one(2, `SELECT p2pdb_wait_final('${a}', 5000)`),
      await one(2, `SELECT p2pdb_wait_final('${b}', 5000)`),
    ];
    assert.deepEqual([...fates].sort(), ['conflict', 'final']);
    const [loser, winner] = fates[0] === 'conflict' ? [a, b] : [b, a];
    // Who waits for it is told why.
    await query(2, `SELECT p2pdb_wait_final('${loser}', 5000)`);
    const [warning, ...more] = await query(2, 'SHOW WARNINGS');
    assert.deepEqual([warning?.['Level'], warning?.['Code'], more.length], ['Warning', 3101, 0]);
    assert.match(
      String(warning?.['Message']),
      new RegExp(`${loser}' was rejected \\(against transaction '${winner}'\\): Duplicate entry '7000' for key`),
    );
    for (const node of [0, 1, 2]) {
      const columns = 'tx, kind, reason, other_tx, user';
      const listed = await query(node, `SELECT ${columns} FROM p2pdb.conflicts WHERE tx = '${loser}'`);
      const user = 'root@localhost';
      assert.deepEqual(listed, [{ tx: loser, kind: 'rejected', reason: 'duplicate-key', other_tx: winner, user }]);
    }
    // What stood in its way goes: then it can be tried again.
    assert.equal((await refusal(2, `SELECT p2pdb_resolve_conflict('${loser}', 'retry')`)).errno, 1062);
    await query(2, 'UPDATE d.t SET u = 7001 WHERE u = 7000');
    assert.equal(await one(2, `SELECT p2pdb_resolve_conflict('${loser}', 'retry')`), 1);
    await cluster.converged();
    assert.equal(await one(0, 'SELECT count(*) FROM d.t WHERE id IN (300, 301)'), 2);
    assert.equal(await one(0, 'SELECT count(*) FROM p2pdb.conflicts'), 0);
    assert.equal((await refusal(0, `SELECT p2pdb_resolve_conflict('${loser}', 'dismiss')`)).errno, 1032);
  });

  it('a conflict is tried again once: where that can be decided, and whatever schema changes come between', async () => {
    await query(0, 'CREATE TABLE d.keyless (n INT)');
    await cluster.cut([0], [1, 2]);
    // Of the two, the earlier one in the order stays.
    for (const node of [0, 1]) {
      await query(node, 'BEGIN');
      await query(node, `INSERT INTO d.t (id, u) VALUES (${310 + node}, 7010)`);
      await query(node, `INSERT INTO d.keyless VALUES (${node})`);
      await query(node, 'COMMIT');
    }
    await cluster.heal();
    await cluster.converged();
    const [conflict] = await query(0, 'SELECT tx FROM p2pdb.conflicts');
    await query(0, 'UPDATE d.t SET u = 7011 WHERE u = 7010');
    await cluster.converged();
    const retry = `SELECT p2pdb_resolve_conflict('${conflict?.['tx']}', 'retry')`;

    await cluster.cut([0], [1, 2]);
    await query(0, 'SET p2pdb_commit_timeout = 1');
    while (
      !(await refusal(0, "ALTER TABLE d.keyless COMMENT 'none'")).message.startsWith('The cluster has no majority')
    );
    assert.equal((await refusal(0, retry)).errno, 3101);
    await cluster.heal();
    await cluster.converged();
    assert.equal(await one(2, 'SELECT count(*) FROM d.keyless'), 1);
    await query(0, 'SET p2pdb_commit_timeout = 10');

    const twice = await cluster.connect(0);
    let isDone = false;
    const changing = [1, 2].map(async (node) => {
      for (let i = 0; !isDone; i++) await query(node, `CREATE TABLE d.between${node}_${i} (id INT)`);
    });
    const outcomes = await Promise.allSettled([query(0, retry), twice.query(retry)]);
    isDone = true;
    await Promise.all(changing);
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    await cluster.converged();
    assert.equal(await one(2, 'SELECT count(*) FROM d.keyless'), 2);
    assert.equal(await one(2, 'SELECT count(*) FROM p2pdb.conflicts'), 0);
  });

  it('the smaller side goes on at level local, and refuses what needs a majority', async () => {
    await cluster.cut([0], [1, 2]);
    await cluster.until((all) => all.every((s) => s.leader === undefined), 'the leader is still heard', [0]);
    await query(0, 'UPDATE d.t SET v = v + 1 WHERE id = 3');
    // A leader is missed for a second before its absence counts.
    let refused: { errno: number; message: string } | undefined;
    const started = performance.now();
    await query(0, 'SET p2pdb_commit_timeout = 3');
    refused = await refusal(0, 'CREATE TABLE d.minority (a INT)');
    assert.equal(refused.errno, 3101);
    assert.ok(performance.now() - started < stretched(5000));
    refused = await refusal(0, 'UPDATE /*+ P2PDB_COMMIT(final) */ d.t SET v = 40 WHERE id = 4');
    assert.equal(refused.errno, 3101);
    assert.match(refused.message, /no majority in reach/);
    assert.equal((await refusal(0, 'SET PERSIST max_connections = 77')).errno, 3101);
    assert.notEqual(await one(0, 'SELECT @@max_connections'), 77);
    await query(0, "SET p2pdb_read = 'linearizable'");
    assert.equal((await refusal(0, 'SELECT * FROM d.t')).errno, 3101);
    await query(0, "SET p2pdb_read = 'local'");
    await query(0, "SET p2pdb_commit = 'replicated', p2pdb_commit_timeout = 1");
    refused = await refusal(0, 'UPDATE d.t SET v = v + 1 WHERE id = 5');
    assert.equal(refused.errno, 3101);
    const id = /p2pdb_wait_final\('([^']+)'/.exec(refused.message)?.[1];
    await query(1, 'CREATE TABLE d.majority (a INT PRIMARY KEY)');
    await query(1, 'UPDATE /*+ P2PDB_COMMIT(final) */ d.t SET v = 50 WHERE id = 4');
    await cluster.heal();
    await cluster.converged();
    // It was not confirmed in time, and says so; it was not lost either.
    assert.equal(await one(0, `SELECT p2pdb_wait_final('${id}', 5000)`), 'final');
    await query(0, 'SET p2pdb_commit_timeout = 10');
    await query(0, 'INSERT INTO d.majority VALUES (1)');
    await query(0, "SET p2pdb_commit = 'local'");
    assert.equal(await one(0, 'SELECT v FROM d.t WHERE id = 4'), 50);
  });

  it('numbers that nodes give by themselves never collide', async () => {
    await query(0, 'CREATE TABLE d.auto (id INT PRIMARY KEY AUTO_INCREMENT, n INT)');
    await query(0, 'CREATE TABLE d.nokey (n INT)');
    await cluster.converged();
    await cluster.cut([0], [1], [2]);
    for (const node of [0, 1, 2]) {
      for (let i = 0; i < 5; i++) await query(node, `INSERT INTO d.auto (n) VALUES (${node})`);
      await query(node, 'INSERT INTO d.nokey VALUES (1), (1)');
    }
    await cluster.heal();
    await cluster.converged();
    assert.deepEqual(await query(1, 'SELECT count(*) AS n, count(DISTINCT id) AS ids FROM d.auto'), [
      { n: 15, ids: 15 },
    ]);
    assert.equal(await one(1, 'SELECT count(*) FROM d.nokey'), 6);
    assert.equal(await one(1, 'SELECT count(*) FROM p2pdb.conflicts'), 0);
  });

  it('schema changes of several nodes at once all happen, one after the other', async () => {
    await Promise.all(
      [0, 1, 2].flatMap((node) =>
        [1, 2, 3].map(async (i) => {
          const own = await cluster.connect(node);
          await own.query(`CREATE TABLE d.s${node}_${i} (a INT PRIMARY KEY)`);
          await own.query(`ALTER TABLE d.auto ADD COLUMN c${node}_${i} INT DEFAULT ${i}`);
          await own.end();
        }),
      ),
    );
    await cluster.converged();
    for (const node of [0, 1, 2]) {
      assert.equal((await query(node, "SHOW TABLES FROM d LIKE 's%'")).length, 9);
      assert.equal((await query(node, 'SHOW COLUMNS FROM d.auto')).length, 11);
    }
  });
});
