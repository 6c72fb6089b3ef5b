/**
 * What a session stores is what every other node makes of its transactions, whatever the session had set: a node whose state is made
 * anew from its log has the same rows, and finds the digest in each of its blocks.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, it } from 'node:test';
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import { ROOT_PASSWORD } from '../../support/node.ts';
import { startProgram, type Program } from '../../support/process.ts';

const HISTORIES: Readonly<Record<string, readonly string[]>> = {
  'generated columns and CHECKs under what a session has set': [
    `CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, ts TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP(3),
       dt DATETIME DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, a INT UNSIGNED, b VARCHAR(20), c DECIMAL(10,3),
       g1 DATE AS (DATE(ts)) STORED, g2 VARCHAR(30) AS (DATE_FORMAT(dt, '%W %M')) STORED, g3 INT AS (WEEK(dt)) STORED,
       g4 DECIMAL(20,10) AS (c / 3) STORED, g5 INT AS (b = 'X') STORED, g6 VARCHAR(40) AS (CONCAT(ts)) STORED,
       g7 BIGINT AS (UNIX_TIMESTAMP(dt)) STORED, g8 VARCHAR(30) AS (CAST(ts AS CHAR)) VIRTUAL, KEY (g8), UNIQUE ((CONCAT(id, DATE(ts)))))`,
    "SET time_zone = '+09:30', lc_time_names = 'de_DE', default_week_format = 3, div_precision_increment = 9",
    "INSERT INTO t (a, b, c, dt) VALUES (5, 'X', 10, '2024-01-01'), (1, 'X ', 7, '2023-01-01')",
    "SET collation_connection = utf8mb4_bin, sql_mode = 'NO_UNSIGNED_SUBTRACTION,PAD_CHAR_TO_FULL_LENGTH,ANSI'",
    "INSERT INTO t (a, b, c) VALUES (3, 'x', 1.5)",
    "SET time_zone = '-08:00', timestamp = 31536000",
    'UPDATE t SET a = a + 1, c = c + 1',
    'ALTER TABLE t ADD n1 VARCHAR(50) AS (CONCAT(dt, ts)) STORED, ADD n2 VARCHAR(60) DEFAULT (CONCAT(dt, NOW()))',
    'ALTER TABLE t MODIFY ts DATETIME(3), MODIFY dt TIMESTAMP',
    "SET sql_mode = 'TIME_TRUNCATE_FRACTIONAL,ALLOW_INVALID_DATES'",
    'CREATE TABLE z (a DATETIME(6), d VARCHAR(10), g DATETIME AS (a) STORED, h TIME(1) AS (TIME(a)) STORED, i DATE AS (d) STORED)',
    "INSERT INTO z (a, d) VALUES ('2024-01-01 10:10:10.987654', NULL)",
    "SET sql_mode = ''",
    "INSERT INTO z (a, d) VALUES ('2024-01-01 10:10:10.987654', '2024-02-30')",
    'SET sql_mode = DEFAULT',
    'CREATE TABLE n (a INT, g TINYINT AS (a * 100) STORED NOT NULL)',
    'INSERT IGNORE INTO n (a) VALUES (1), (2), (NULL)',
    'UPDATE IGNORE n SET a = a + 1',
  ],
  'tables that are altered': [
    `CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, a INT, b VARCHAR(30), at TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6),
       e ENUM('x','y','z'), j JSON, f FLOAT, bi BIGINT UNSIGNED, ti TIME(3), bl BLOB)`,
    `INSERT INTO t (a, b, e, j, f, bi, ti, bl) VALUES (1, '10.7abc', 'x', '{"b":1,"a":[1,2]}', 1.1, 18446744073709551615, '-12:34:56.789', x'00ff'),
       (2, 'é', 'y', '[1.0, 1e3]', 16777217, 0, '838:59:59', ''), (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
    "SET sql_mode = '', time_zone = '+03:00'",
    "ALTER TABLE t MODIFY e ENUM('z','x'), MODIFY b INT, MODIFY f INT, MODIFY bi INT, MODIFY ti DATETIME, MODIFY bl TEXT, MODIFY j TEXT",
    'ALTER TABLE t MODIFY at DATETIME(3)',
    'ALTER TABLE t MODIFY at VARCHAR(30)',
    'ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (id, a)',
    'ALTER TABLE t MODIFY id BIGINT',
    'ALTER TABLE t DROP PRIMARY KEY, ADD v DATETIME NOT NULL, ADD w ENUM("u", "v") NOT NULL, ADD x YEAR NOT NULL, ADD y BIT(3) NOT NULL',
    'INSERT INTO t (a) VALUES (100)',
    'ALTER TABLE t ADD n INT AUTO_INCREMENT PRIMARY KEY, ORDER BY a DESC',
    'ALTER TABLE t DROP COLUMN n, ADD u VARCHAR(40) DEFAULT (CONCAT(a, b))',
    'CREATE TABLE k (x INT AUTO_INCREMENT PRIMARY KEY) SELECT a, b FROM t',
    'INSERT INTO k (a, b) SELECT a, b FROM k',
  ],
  'keys that rows take from others, seen and hidden': [
    'CREATE TABLE p (k VARCHAR(300), v INT, UNIQUE (k(3)), UNIQUE ((LOWER(k))))',
    "INSERT INTO p VALUES ('abcdef', 1)",
    "INSERT IGNORE INTO p VALUES ('ABCx', 2), ('xyz', 3), ('XYZ1', 4)",
    "REPLACE INTO p VALUES ('xyzz', 5)",
    "DELETE /*+ P2PDB_COMMIT(final) */ FROM p WHERE k LIKE 'x%'",
    'CREATE TABLE q (a INT, b INT, v INT, UNIQUE (a, b))',
    'INSERT INTO q VALUES (1, NULL, 1), (1, NULL, 2), (1, 2, 3)',
    'INSERT INTO q VALUES (1, 2, 4) ON DUPLICATE KEY UPDATE b = NULL',
    'REPLACE INTO q VALUES (5, 5, 1), (5, 5, 2)',
    'CREATE TABLE f (k FLOAT PRIMARY KEY, v INT)',
    'INSERT INTO f VALUES (0.1, 1), (-0.0, 2), (16777217, 3)',
    'INSERT IGNORE INTO f VALUES (0, 5), (16777216, 6)',
    'UPDATE f SET k = k * 3',
    'CREATE TABLE f0 (k VARCHAR(10) PRIMARY KEY, u INT UNIQUE)',
    'CREATE TABLE f1 (id INT PRIMARY KEY AUTO_INCREMENT, k VARCHAR(10), FOREIGN KEY (k) REFERENCES f0 (k) ON UPDATE CASCADE ON DELETE SET NULL)',
    'CREATE TABLE f2 (u INT, FOREIGN KEY (u) REFERENCES f0 (u) ON UPDATE CASCADE ON DELETE CASCADE)',
    "INSERT INTO f0 VALUES ('a', 1), ('b', 2)",
    "INSERT INTO f1 (k) VALUES ('A'), ('b'), (NULL)",
    'INSERT INTO f2 VALUES (1), (2), (2)',
    "UPDATE f0 SET k = 'AA', u = u + 10 WHERE k = 'a'",
    "REPLACE INTO f0 VALUES ('b', 50)",
  ],
};

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

async function withNode<T>(data: string, work: (c: Connection, program: Program) => Promise<T>): Promise<T> {
  const program = startProgram(data);
  try {
    const port = await program.ready();
    const c = await mysql.createConnection({
      host: '127.0.0.1',
      port,
      user: 'root',
      password: ROOT_PASSWORD,
      dateStrings: true,
    });
    try {
      return await work(c, program);
    } finally {
      c.destroy();
    }
  } finally {
    await program.kill('SIGTERM');
  }
}

async function rowsOf(c: Connection): Promise<Record<string, unknown>> {
  const all: Record<string, unknown> = {};
  const rows = async (sql: string): Promise<unknown[][]> =>
    (await c.query<RowDataPacket[][]>({ sql, rowsAsArray: true }))[0];
  for (const [table] of (await rows('SHOW TABLES IN d')) as [string][]) {
    const found = (await rows(`SELECT * FROM d.${table}`)).map((row) => JSON.stringify(row));
    all[table] = found.sort();
  }
  return all;
}

for (const [name, statements] of Object.entries(HISTORIES)) {
  it(name, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'p2pdb-replayed-'));
    folders.push(folder);
    const data = path.join(folder, 'data');
    await withNode(data, async (c) => {
      await c.query('CREATE DATABASE d');
      await c.query('USE d');
      for (const sql of statements) await c.query(sql);
    });
    const stored = await withNode(data, rowsOf);
    for (const suffix of ['', '-wal', '-shm'])
      rmSync(path.join(data, `groups/main/state.sqlite${suffix}`), { force: true });
    await withNode(data, async (c) => {
      assert.deepEqual(await rowsOf(c), stored);
      const [conflicts] = await c.query('SELECT * FROM p2pdb.conflicts');
      assert.deepEqual(conflicts, []);
      // Another block, which says what the state was after those before.
      await c.query('CREATE TABLE d.last (id INT PRIMARY KEY)');
      await c.query('INSERT /*+ P2PDB_COMMIT(final) */ INTO d.last VALUES (1)');
    });
  });
}
