/**
 * What a client does in a transaction. Each inserts a row into `tag`, which says whether the transaction stands; and what it did to other
 * rows must agree with that in the end: a counter is the sum of what the tags say, the accounts are zero together.
 */
import type { RowDataPacket } from 'mysql2/promise';
import { append, LIST_TABLES } from './appends.ts';
import { contended, CONTENDED_BROKEN, CONTENDED_TABLES } from './contended.ts';
import type { Level } from '../support/ledger.ts';
import type { Dice } from './dice.ts';

/** The second goes to a replication group of its own, and home again. */
export const DATABASES = ['home', 'mover'] as const;
export type Database = (typeof DATABASES)[number];

export const COUNTERS = 5;
const ACCOUNTS = 20;
const PARENTS = 20;
const KEYS = 300;
/** More than a statement may change in one piece. */
const ROWS = 3_000;
/** Tables that schema changes make, change and drop; s0, s1 … */
export const LOOSE = 4;

const some = (count: number, row: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => row(i)).join(',');

export const TABLES = (database: Database): string => `
  CREATE DATABASE ${database};
  CREATE TABLE ${database}.tag (id VARCHAR(30) PRIMARY KEY, counter INT NOT NULL DEFAULT 0, d INT NOT NULL DEFAULT 0, text LONGTEXT);
  CREATE TABLE ${database}.counter (id INT PRIMARY KEY, v BIGINT NOT NULL, w INT);
  INSERT INTO ${database}.counter VALUES ${some(COUNTERS, (i) => `(${i}, 0, 0)`)};
  CREATE TABLE ${database}.account (id INT PRIMARY KEY, v BIGINT NOT NULL, name VARCHAR(20) UNIQUE);
  INSERT INTO ${database}.account VALUES ${some(ACCOUNTS, (i) => `(${i}, 0, 'a${i}')`)};
  CREATE TABLE ${database}.parent (id INT PRIMARY KEY, name VARCHAR(20));
  INSERT INTO ${database}.parent VALUES ${some(PARENTS, (i) => `(${i}, 'p${i}')`)};
  CREATE TABLE ${database}.child (id BIGINT AUTO_INCREMENT PRIMARY KEY, parent INT, x INT CHECK (x >= 0),
    FOREIGN KEY (parent) REFERENCES ${database}.parent (id) ON DELETE CASCADE ON UPDATE CASCADE);
  CREATE TABLE ${database}.ruled (id VARCHAR(10) PRIMARY KEY, most INT COMMENT 'p2pdb:merge=max', least INT COMMENT 'p2pdb:merge=min',
    first VARCHAR(20) COMMENT 'p2pdb:merge=first-writer', parts JSON COMMENT 'p2pdb:merge=union', doc JSON COMMENT 'p2pdb:merge=json',
    total INT COMMENT 'p2pdb:merge=counter', single INT COMMENT 'p2pdb:merge=reject', flags SET('a', 'b', 'c') COMMENT 'p2pdb:merge=union',
    price DECIMAL(12,2) NOT NULL DEFAULT 0, weight DOUBLE NOT NULL DEFAULT 0, small TINYINT UNSIGNED NOT NULL DEFAULT 5, at TIMESTAMP(6) NULL);
  CREATE TABLE ${database}.keyless (a INT, b VARCHAR(20), KEY (a));
  CREATE TABLE ${database}.bulk (id INT PRIMARY KEY, v INT NOT NULL);
  INSERT INTO ${database}.bulk VALUES ${some(ROWS, (i) => `(${i}, 0)`)};
  CREATE TABLE ${database}.single (id BIGINT AUTO_INCREMENT PRIMARY KEY, k INT UNIQUE, twice INT AS (k * 2) STORED, text VARCHAR(100),
    at TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), KEY (twice));
  ${CONTENDED_TABLES(database)};
  ${LIST_TABLES(database)}`;

/** Queries that find nothing where all is well. */
export const BROKEN = (database: Database): Readonly<Record<string, string>> => ({
  'counters that are not the sum of what stands': `SELECT c.id, c.v, (SELECT COALESCE(SUM(d), 0) FROM ${database}.tag t WHERE t.counter = c.id) AS sum FROM ${database}.counter c HAVING v <> sum`,
  'accounts that are not zero together': `SELECT SUM(v) AS sum FROM ${database}.account HAVING sum <> 0`,
  'rows that not all of what stands was added to': `SELECT v, COUNT(*) FROM ${database}.bulk WHERE v <> (SELECT COUNT(*) FROM ${database}.tag WHERE text = 'bulk') GROUP BY v`,
  'children without parents': `SELECT c.id FROM ${database}.child c LEFT JOIN ${database}.parent p ON p.id = c.parent WHERE c.parent IS NOT NULL AND p.id IS NULL`,
  'rows that a CHECK refuses': `SELECT id FROM ${database}.child WHERE x < 0`,
  'keys that are there twice': `SELECT k, COUNT(*) AS n FROM ${database}.single WHERE k IS NOT NULL GROUP BY k HAVING n > 1`,
  'generated values that are not what they derive from': `SELECT id FROM ${database}.single WHERE NOT twice <=> k * 2`,
  'rows that an index does not find': `SELECT COUNT(*) AS a, (SELECT COUNT(*) FROM ${database}.single FORCE INDEX (twice) WHERE twice > -1) AS b FROM ${database}.single WHERE k IS NOT NULL HAVING a <> b`,
  ...CONTENDED_BROKEN(database),
});

export interface Moment {
  readonly database: Database;
  readonly tag: string;
  readonly dice: Dice;
  /** `values`: as a prepared statement. */
  readonly query: (sql: string, values?: (string | number | Buffer)[]) => Promise<RowDataPacket[]>;
  /** LOAD DATA LOCAL INFILE of a file that holds this. */
  readonly load: (sql: string, content: string) => Promise<unknown>;
  /** What it read of lists that it appends to. */
  readonly sees: (lists: ReadonlyMap<number, readonly string[]>) => void;
}

export interface Work {
  /** BEGIN otherwise. */
  readonly begin?: string;
  /** COMMIT otherwise. */
  readonly end?: 'ROLLBACK' | 'SET autocommit = 1';
  /** Any level otherwise. */
  readonly level?: Level;
  /** Gives what is wrong with what it saw. */
  readonly run: (moment: Moment) => Promise<string | undefined | void>;
}

/** Savepoints take back what this names. */
export const never = (tag: string): string => `${tag}-never`;

const insertTag = ({ database, tag, query }: Moment, counter = 0, d = 0): Promise<unknown> =>
  query(`INSERT INTO ${database}.tag (id, counter, d) VALUES ('${tag}', ${counter}, ${d})`);

const add = ({ database, query }: Moment, counter: number, d: number): Promise<unknown> =>
  query(`UPDATE ${database}.counter SET v = v ${d < 0 ? '-' : '+'} ${Math.abs(d)} WHERE id = ${counter}`);

/** Adds to a counter, with the row that says so. */
async function count(moment: Moment, between?: () => Promise<unknown>): Promise<void> {
  const [counter, d] = [moment.dice.int(COUNTERS), moment.dice.int(100) - 40];
  await insertTag(moment, counter, d);
  await between?.();
  await add(moment, counter, d);
}

/** Some of these statements, after the tag. */
const mixed =
  (times: number, statements: (moment: Moment) => string[]): Work['run'] =>
  async (moment) => {
    await insertTag(moment);
    for (let i = 0; i < times; i++) await moment.query(moment.dice.pick(statements(moment)));
  };

const relations = ({ database, dice }: Moment): string[] => {
  const p = dice.int(PARENTS);
  return [
    `INSERT INTO ${database}.child (parent, x) VALUES (${p}, ${dice.int(10)})`,
    `INSERT INTO ${database}.child (parent, x) SELECT id, 1 FROM ${database}.parent`,
    `DELETE FROM ${database}.parent WHERE id = ${p}`,
    `INSERT IGNORE INTO ${database}.parent VALUES (${p}, 'again')`,
    `REPLACE INTO ${database}.parent VALUES (${p}, 'replaced')`,
    `UPDATE ${database}.parent SET id = id + 100 WHERE id = ${p}`,
    `UPDATE ${database}.parent SET id = ${p} WHERE id = ${p + 100}`,
    `UPDATE ${database}.child SET x = x - 1 WHERE parent = ${p}`,
    `UPDATE ${database}.child SET parent = ${dice.int(PARENTS)} WHERE parent = ${p} LIMIT 2`,
    `DELETE FROM ${database}.child WHERE id % 3 = 0`,
  ];
};

const keys = ({ database, tag, dice }: Moment): string[] => {
  const k = dice.int(KEYS);
  return [
    `INSERT INTO ${database}.single (k, text) VALUES (${k}, '${tag}')`,
    `INSERT INTO ${database}.single (k, text) VALUES (${k}, '${tag}') ON DUPLICATE KEY UPDATE text = CONCAT(text, '+'), k = k + ${KEYS}`,
    `UPDATE ${database}.single SET k = ${k} WHERE k = ${dice.int(KEYS)}`,
    `DELETE FROM ${database}.single WHERE k BETWEEN ${k} AND ${k + 3}`,
    `REPLACE INTO ${database}.single (k, text) VALUES (${k}, '${tag}')`,
    `UPDATE ${database}.single SET k = k + 1 WHERE k > ${k} ORDER BY k DESC LIMIT 3`,
    `UPDATE ${database}.single SET text = '${tag}' WHERE twice > ${2 * k}`,
  ];
};

/** Columns that merge by other rules, and types whose sums and keys are not plain numbers. */
const ruled = ({ database, tag, dice }: Moment): string[] => {
  const id = dice.pick(['x', 'X', 'y', 'ä', 'Z ']);
  const n = dice.int(50);
  const change = (set: string): string => `UPDATE ${database}.ruled SET ${set} WHERE id = '${id}'`;
  return [
    `INSERT INTO ${database}.ruled (id, most, least, parts, doc, total) VALUES ('${id}', 0, 0, '[]', '{}', 0)`,
    `INSERT INTO ${database}.ruled (id, most) VALUES ('${id}', ${n}) ON DUPLICATE KEY UPDATE most = most + 1, price = price + 0.1`,
    `REPLACE INTO ${database}.ruled (id, first, parts, doc) VALUES ('${id}', '${tag}', '[1]', '{"a": 1}')`,
    `DELETE FROM ${database}.ruled WHERE id = '${id}' AND most > ${n}`,
    change(`most = ${n}, least = ${-n}`),
    change(`first = '${tag}', single = ${n}`),
    change(`single = ${n}`),
    change(
      `parts = JSON_ARRAY_APPEND(parts, '$', ${n}), flags = CONCAT_WS(',', flags, '${dice.pick(['a', 'b', 'c'])}')`,
    ),
    change(`doc = JSON_SET(doc, '$.${dice.pick(['a', 'b'])}', ${n})`),
    change(`doc = JSON_REMOVE(doc, '$.a'), flags = '${dice.pick(['a', 'b', 'c'])}'`),
    change(`total = total + ${n}, price = price - ${n}.05`),
    change(`total = ${n}`),
    change(`weight = weight + 0.${n}, small = small + ${dice.pick([1, 100])}`),
    change(`small = small - 3, weight = weight * 1.1`),
    change(`at = NOW(6), price = ROUND(RAND() * 100, 2)`),
    `UPDATE ${database}.ruled SET weight = weight + 0.1, most = most + 1`,
    `INSERT INTO ${database}.keyless VALUES (${n}, '${tag}'), (${n}, 'same'), (${n}, 'same')`,
    `UPDATE ${database}.keyless SET a = a + 1 WHERE a < ${n} LIMIT 5`,
    `DELETE FROM ${database}.keyless WHERE a > ${n} LIMIT 3`,
    `UPDATE ${database}.keyless k JOIN ${database}.ruled r ON r.most = k.a SET k.b = 'joined', r.total = r.total + 1`,
  ];
};

/** Of tables that others may have dropped or changed. */
const loose = ({ database, tag, dice }: Moment): string[] => {
  const t = `${database}.s${dice.int(LOOSE)}`;
  const n = (): number => dice.int(100);
  return [
    `INSERT INTO ${t} (b) VALUES ('${tag}')`,
    `INSERT INTO ${t} (a, b) VALUES (${n()}, '${tag}'), (${n()}, 'x${n()}')`,
    `INSERT IGNORE INTO ${t} (a, b) VALUES (${n()}, 'x${n()}')`,
    `INSERT INTO ${t} (a, b) VALUES (${n()}, 'x${n()}') ON DUPLICATE KEY UPDATE a = a - -3`,
    `INSERT INTO ${t} (a, b) SELECT d, id FROM ${database}.tag LIMIT 3`,
    `REPLACE INTO ${t} (a, b) VALUES (${n()}, 'x${n()}')`,
    `UPDATE ${t} SET a = a + 1 WHERE a < ${n()}`,
    `UPDATE ${t} SET b = CONCAT('w', a) WHERE a < ${n()}`,
    `DELETE FROM ${t} WHERE a = ${n()}`,
    `SELECT COUNT(*) FROM ${database}.v${dice.int(3)}`,
    `SELECT * FROM ${t} ORDER BY 1 LIMIT 5 FOR UPDATE`,
  ];
};

const works = {
  insert: { run: (moment) => insertTag(moment).then(() => undefined) },
  big: {
    run: async (moment) => {
      const { database, tag, dice, query } = moment;
      await query(`INSERT INTO ${database}.tag (id, text) VALUES ('${tag}', REPEAT('x', ${dice.int(60_000)}))`);
    },
  },
  count: { run: (moment) => count(moment) },
  'count with autocommit off': {
    begin: 'SET autocommit = 0',
    run: (moment) => count(moment),
  },
  'count, committed by autocommit': {
    begin: 'SET autocommit = 0',
    end: 'SET autocommit = 1',
    run: (moment) => count(moment),
  },
  'count at length': {
    run: (moment) => count(moment, () => moment.query(`SELECT SLEEP(${moment.dice.between(0, 3).toFixed(1)})`)),
  },
  'roll back': { end: 'ROLLBACK', run: (moment) => count(moment) },
  savepoint: {
    run: (moment) =>
      count(moment, async () => {
        await moment.query('SAVEPOINT s');
        await moment.query(`INSERT INTO ${moment.database}.tag (id) VALUES ('${never(moment.tag)}')`);
        await add(moment, moment.dice.int(COUNTERS), 1_000_000);
        await moment.query('ROLLBACK TO s');
      }),
  },
  prepared: {
    run: async ({ database, tag, dice, query }) => {
      const [counter, d] = [dice.int(COUNTERS), dice.int(100) - 40];
      await query(`INSERT INTO ${database}.tag (id, counter, d) VALUES (?, ?, ?)`, [tag, counter, d]);
      await query(`UPDATE ${database}.counter SET v = v + ? WHERE id = ?`, [d, counter]);
    },
  },
  assign: {
    run: mixed(1, ({ database, dice }) => [
      `UPDATE ${database}.counter SET w = ${dice.int(1000)} WHERE id = ${dice.int(COUNTERS)}`,
    ]),
  },
  transfer: {
    run: async (moment) => {
      const { database, dice, query } = moment;
      const amount = dice.int(50);
      await insertTag(moment);
      await query(`UPDATE ${database}.account SET v = v - ${amount} WHERE name = 'a${dice.int(ACCOUNTS)}'`);
      await query(`UPDATE ${database}.account SET v = v + ${amount} WHERE name = 'a${dice.int(ACCOUNTS)}'`);
    },
  },
  'transfer over locked rows': {
    run: async (moment) => {
      const { database, dice, query } = moment;
      const of = [dice.int(ACCOUNTS), dice.int(ACCOUNTS)];
      const wait = dice.pick(['', ' SKIP LOCKED', ' NOWAIT']);
      await query(`SELECT v FROM ${database}.account WHERE id IN (${of.join(', ')}) FOR UPDATE${wait}`);
      await insertTag(moment);
      await query(`UPDATE ${database}.account SET v = v - 7 WHERE id = ${of[0]}`);
      await query(`UPDATE ${database}.account SET v = v + 7 WHERE id = ${of[1]}`);
    },
  },
  'look twice': {
    begin: 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ',
    run: async (moment) => {
      const { database, dice, query } = moment;
      const look = async (): Promise<string> =>
        JSON.stringify(
          await query(
            `SELECT COUNT(*) AS tags, (SELECT SUM(v) FROM ${database}.counter) + (SELECT SUM(v) FROM ${database}.hot) - COALESCE(SUM(d), 0) AS rest, (SELECT SUM(v) FROM ${database}.account) AS money FROM ${database}.tag`,
          ),
        );
      await query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
      const first = await look();
      await query(`SELECT SLEEP(${dice.between(0, 0.4).toFixed(2)})`);
      const second = await look();
      await insertTag(moment);
      if (first !== second) return `a snapshot changed from ${first} to ${second}`;
      return /"rest":"?0"?,"money":"?0"?}/.test(first) ? undefined : `a snapshot shows half a transaction: ${first}`;
    },
  },
  'count in many rows': {
    run: async ({ database, tag, query }) => {
      await query(`INSERT INTO ${database}.tag (id, text) VALUES ('${tag}', 'bulk')`);
      await query(`UPDATE ${database}.bulk SET v = v + 1`);
    },
  },
  'temporary table': {
    run: async (moment) => {
      const { database, tag, query } = moment;
      await query(`DROP TEMPORARY TABLE IF EXISTS ${database}.draft`);
      await query(`CREATE TEMPORARY TABLE ${database}.draft (id VARCHAR(30), v BIGINT)`);
      await query(`INSERT INTO ${database}.draft SELECT '${tag}', MAX(v) FROM ${database}.account`);
      await query(`INSERT INTO ${database}.tag (id) SELECT id FROM ${database}.draft`);
      await query(`DROP TEMPORARY TABLE ${database}.draft`);
    },
  },
  'read in one, write in the other': {
    run: async (moment) => {
      for (const other of DATABASES) await moment.query(`SELECT COUNT(*) FROM ${other}.parent`);
      await count(moment);
    },
  },
  relations: { run: mixed(3, relations) },
  keys: { run: mixed(2, keys) },
  'other rules': { run: mixed(2, ruled) },
  loose: { run: mixed(2, loose) },
  append,
  ...contended,
} satisfies Record<string, Work>;

export type Kind = keyof typeof works;
export const KINDS: Readonly<Record<Kind, Work>> = works;
