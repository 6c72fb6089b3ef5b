/**
 * Work of clients who all want the same few rows, keys and words, and transactions that are large. Each inserts into `tag`, as in
 * `work.ts`, and what it did elsewhere must agree with that in the end.
 */
import { createHash } from 'node:crypto';
import type { Database, Moment, Work } from './work.ts';

const HOT = 3;
/** Of `tag.counter`: above those of the plain counters. */
const HOT_BASE = 100;
/** So many rows the larger transactions insert; mostly fewer. */
const MANY = [100, 2_500, 50_000] as const;
const BLOB_BYTES = 1 << 20;
/** Several are the same in the collation of the key, and differ as bytes. */
const WORDS = ['Straße', 'strasse', 'STRASSE', 'é', 'E', 'e', 'ｅ', 'Æ', 'ae', 'a b', 'a-b', 'ﬁn', 'fin', 'Ω'];

export const CONTENDED_TABLES = (database: Database): string => `
  CREATE TABLE ${database}.hot (id INT PRIMARY KEY, v BIGINT NOT NULL DEFAULT 0, d DECIMAL(30,4) NOT NULL DEFAULT 0,
    kind ENUM('a', 'b', 'c') NOT NULL DEFAULT 'a', doc JSON, twice BIGINT AS (v * 2) STORED, thrice BIGINT AS (v * 3) VIRTUAL,
    color VARCHAR(20) AS (doc->>'$.color') VIRTUAL, KEY (thrice), KEY (color), KEY (kind, d), CHECK (v > -1000000000));
  INSERT INTO ${database}.hot (id, doc) VALUES ${Array.from({ length: HOT }, (_, i) => `(${i}, '{}')`).join(',')};
  CREATE TABLE ${database}.tree (id BIGINT AUTO_INCREMENT PRIMARY KEY, parent BIGINT, friend BIGINT, name VARCHAR(30),
    FOREIGN KEY (parent) REFERENCES ${database}.tree (id) ON DELETE CASCADE,
    FOREIGN KEY (friend) REFERENCES ${database}.tree (id) ON DELETE SET NULL);
  CREATE TABLE ${database}.branch (w VARCHAR(20) COLLATE utf8mb4_0900_ai_ci PRIMARY KEY, n INT NOT NULL DEFAULT 0);
  CREATE TABLE ${database}.leaf (id BIGINT AUTO_INCREMENT PRIMARY KEY, w VARCHAR(20) COLLATE utf8mb4_0900_ai_ci, n INT NOT NULL DEFAULT 0,
    UNIQUE (w, n), FOREIGN KEY (w) REFERENCES ${database}.branch (w) ON UPDATE CASCADE ON DELETE CASCADE);
  CREATE TABLE ${database}.word (w VARCHAR(40) COLLATE utf8mb4_0900_ai_ci PRIMARY KEY, n INT NOT NULL, CHECK (n >= 0));
  CREATE TABLE ${database}.priced (price DECIMAL(10,2), size ENUM('s', 'm', 'l') NOT NULL, at DATE, tags JSON,
    low VARCHAR(40) AS (LOWER(CONCAT(size, price))) STORED, PRIMARY KEY (price, size), UNIQUE (at, size), CHECK (price < 1000));
  CREATE TABLE ${database}.piece (id BIGINT AUTO_INCREMENT PRIMARY KEY, sum CHAR(32), data LONGBLOB, size INT AS (LENGTH(data)) STORED);
  CREATE TABLE ${database}.many (id BIGINT AUTO_INCREMENT PRIMARY KEY, tag VARCHAR(30) NOT NULL, v INT NOT NULL, KEY (tag, v));
  CREATE TABLE ${database}.numbered (id BIGINT AUTO_INCREMENT PRIMARY KEY, tag VARCHAR(30) UNIQUE)`;

export const CONTENDED_BROKEN = (database: Database): Readonly<Record<string, string>> => ({
  'hot rows that are not the sum of what stands': `SELECT h.id, h.v, h.d, (SELECT COALESCE(SUM(d), 0) FROM ${database}.tag t WHERE t.counter = h.id + ${HOT_BASE}) AS sum FROM ${database}.hot h HAVING v <> sum OR d * 100 <> sum`,
  'generated values of hot rows': `SELECT id, v, twice, thrice FROM ${database}.hot WHERE NOT twice <=> v * 2 OR NOT thrice <=> v * 3 OR NOT color <=> (doc->>'$.color')`,
  'hot rows that an index does not find': `SELECT h.id FROM ${database}.hot h WHERE NOT EXISTS (SELECT 1 FROM ${database}.hot i FORCE INDEX (thrice) WHERE i.thrice = h.v * 3 AND i.id = h.id)`,
  'nodes of trees without those above': `SELECT t.id, t.parent, t.friend FROM ${database}.tree t WHERE (t.parent IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ${database}.tree p WHERE p.id = t.parent)) OR (t.friend IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ${database}.tree f WHERE f.id = t.friend))`,
  'leaves without branches': `SELECT l.id, l.w FROM ${database}.leaf l LEFT JOIN ${database}.branch b ON b.w = l.w WHERE l.w IS NOT NULL AND b.w IS NULL`,
  'leaves that are there twice': `SELECT w, n, COUNT(*) AS c FROM ${database}.leaf WHERE w IS NOT NULL GROUP BY w, n HAVING c > 1`,
  'words that are there twice': `SELECT w, COUNT(*) AS c FROM ${database}.word GROUP BY w HAVING c > 1`,
  'words that a key does not find': `SELECT a.w FROM ${database}.word a WHERE NOT EXISTS (SELECT 1 FROM ${database}.word b WHERE b.w = UPPER(a.w))`,
  'words that a CHECK refuses': `SELECT w, n FROM ${database}.word WHERE n < 0`,
  'prices that are there twice': `SELECT at, size, COUNT(*) AS c FROM ${database}.priced WHERE at IS NOT NULL GROUP BY at, size HAVING c > 1`,
  'prices that a CHECK or an expression refuses': `SELECT price, size, low FROM ${database}.priced WHERE price >= 1000 OR NOT low <=> LOWER(CONCAT(size, price))`,
  'pieces that are not what was written': `SELECT id, size FROM ${database}.piece WHERE NOT sum <=> MD5(data) OR NOT size <=> LENGTH(data)`,
  'transactions of many rows that are there in part': `SELECT m.tag, COUNT(*) AS n, (SELECT text FROM ${database}.tag t WHERE t.id = m.tag) AS told FROM ${database}.many m GROUP BY m.tag HAVING told IS NULL OR CONCAT('many ', n) <> told`,
  'numbers that are not whose they were given to': `SELECT t.id, t.text, n.id AS number FROM ${database}.tag t LEFT JOIN ${database}.numbered n ON n.tag = t.id WHERE t.text LIKE 'number %' AND NOT t.text <=> CONCAT('number ', n.id)`,
});

const tagged = (
  { database, tag, query }: Moment,
  more: Readonly<Record<string, string | number>> = {},
): Promise<unknown> =>
  query(
    `INSERT INTO ${database}.tag (${['id', ...Object.keys(more)].join()}) VALUES (${[tag, ...Object.values(more)].map((v) => (typeof v === 'number' ? v : `'${v}'`)).join()})`,
  );

/** Adds to a hot row what its tag says. */
async function heat(moment: Moment): Promise<void> {
  const { database, dice, query } = moment;
  const [hot, d] = [dice.int(HOT), dice.int(100) - 40];
  await tagged(moment, { counter: HOT_BASE + hot, d });
  await query(
    `UPDATE ${database}.hot SET v = v ${d < 0 ? '-' : '+'} ${Math.abs(d)}, d = d + ${(d / 100).toFixed(2)} WHERE id = ${hot}`,
  );
  if (!dice.chance(0.4)) return;
  const other = `UPDATE ${database}.hot SET kind = '${dice.pick(['a', 'b', 'c'])}', doc = JSON_SET(doc, '$.color', '${dice.pick(['red', 'Red', 'blue'])}', '$.n', ${dice.int(9)})`;
  await query(`${other} WHERE ${dice.pick(['id = 1', "kind = 'b'", "color = 'red'", 'thrice > 0'])}`);
}

const some =
  (times: number, statements: (moment: Moment) => string[]): Work['run'] =>
  async (moment) => {
    await tagged(moment);
    for (let i = 0; i < times; i++) await moment.query(moment.dice.pick(statements(moment)));
  };

const trees = ({ database, tag, dice }: Moment): string[] => {
  const t = `${database}.tree`;
  const any = `(SELECT * FROM (SELECT id FROM ${t} ORDER BY id DESC LIMIT 1 OFFSET ${dice.int(12)}) x)`;
  return [
    `INSERT INTO ${t} (name) VALUES ('${tag}')`,
    `INSERT INTO ${t} (name, parent) SELECT '${tag}', id FROM ${t} ORDER BY id DESC LIMIT ${1 + dice.int(3)}`,
    `INSERT INTO ${t} (name, parent, friend) SELECT '${tag}', MAX(id), MIN(id) FROM ${t}`,
    `UPDATE ${t} SET friend = ${any} WHERE id > ${any} LIMIT 5`,
    `UPDATE ${t} SET parent = NULL WHERE id = ${any}`,
    `DELETE FROM ${t} WHERE id = ${any}`,
    `DELETE FROM ${t} WHERE parent IS NULL ORDER BY id LIMIT 2`,
  ];
};

const branches = ({ database, dice }: Moment): string[] => {
  const [w, v, n] = [dice.pick(WORDS), dice.pick(WORDS), dice.int(3)];
  return [
    `INSERT INTO ${database}.branch (w) VALUES ('${w}')`,
    `INSERT IGNORE INTO ${database}.branch (w) VALUES ('${w}'), ('${v}')`,
    `INSERT INTO ${database}.leaf (w, n) VALUES ('${v}', ${n})`,
    `INSERT INTO ${database}.leaf (w, n) SELECT UPPER(w), ${n} FROM ${database}.branch`,
    `UPDATE ${database}.branch SET w = '${v}' WHERE w = '${w}'`,
    `UPDATE ${database}.branch SET w = UPPER(w), n = n + 1 WHERE w = '${w}'`,
    `UPDATE ${database}.leaf SET w = '${v}' WHERE w = '${w}' AND n = ${n}`,
    `UPDATE ${database}.leaf SET n = n + 1 WHERE w = '${w}' ORDER BY n DESC`,
    `DELETE FROM ${database}.branch WHERE w = '${w}'`,
    `REPLACE INTO ${database}.branch (w) VALUES ('${w}')`,
  ];
};

const words = ({ database, dice }: Moment): string[] => {
  const [w, v] = [dice.pick(WORDS), dice.pick(WORDS)];
  return [
    `INSERT INTO ${database}.word VALUES ('${w}', ${dice.int(5)})`,
    `INSERT INTO ${database}.word VALUES ('${w}', 1) ON DUPLICATE KEY UPDATE n = n + 1`,
    `INSERT INTO ${database}.word VALUES ('${w}', 1) AS new ON DUPLICATE KEY UPDATE w = new.w, n = word.n - 1`,
    `REPLACE INTO ${database}.word VALUES ('${w}', 3)`,
    `UPDATE ${database}.word SET w = '${v}' WHERE w = '${w}'`,
    `UPDATE ${database}.word SET w = LOWER(w), n = n - 1 WHERE w = '${w}'`,
    `UPDATE ${database}.word SET n = n - 2 WHERE w >= '${w}'`,
    `DELETE FROM ${database}.word WHERE w = '${w}'`,
  ];
};

const prices = ({ database, dice }: Moment): string[] => {
  const [price, size] = [`${dice.int(4)}.${dice.pick(['5', '50', '05'])}`, dice.pick(['s', 'm', 'l'])];
  const at = `2024-0${1 + dice.int(3)}-01`;
  return [
    `INSERT INTO ${database}.priced (price, size, at, tags) VALUES (${price}, '${size}', '${at}', '["x"]')`,
    `INSERT INTO ${database}.priced (price, size) VALUES (${price}, '${size}') ON DUPLICATE KEY UPDATE price = price + 1`,
    `REPLACE INTO ${database}.priced (price, size, at) VALUES (${price}, '${size}', '${at}')`,
    `UPDATE ${database}.priced SET price = price * 1.1 WHERE size = '${size}' ORDER BY price DESC LIMIT 2`,
    `UPDATE ${database}.priced SET price = ${price} WHERE at = '${at}' AND size = '${size}'`,
    `UPDATE ${database}.priced SET size = '${size}', tags = JSON_ARRAY_APPEND(tags, '$', ${dice.int(9)}) WHERE price = ${price}`,
    `UPDATE ${database}.priced SET at = '${at}' WHERE price < ${price} ORDER BY price LIMIT 1`,
    `DELETE FROM ${database}.priced WHERE price > ${price} LIMIT 2`,
  ];
};

/** Mostly small ones: the others wait for the large. */
const howMany = ({ dice }: Moment): number => MANY[dice.chance(0.6) ? 0 : dice.chance(0.8) ? 1 : 2];

export const contended = {
  'hot row': { run: (moment) => heat(moment) },
  'hot row, and again': { run: (moment) => heat(moment) },
  'hot row, locked': {
    run: async (moment) => {
      const { database, dice, query } = moment;
      await query(`SELECT v FROM ${database}.hot WHERE id = ${dice.int(HOT)} FOR UPDATE`);
      await heat(moment);
    },
  },
  trees: { run: some(2, trees) },
  branches: { run: some(3, branches) },
  words: { run: some(2, words) },
  prices: { run: some(2, prices) },
  number: {
    run: async (moment) => {
      const { database, tag, query } = moment;
      await query(`INSERT INTO ${database}.numbered (tag) VALUES ('${tag}')`);
      const [row] = await query('SELECT LAST_INSERT_ID() AS id');
      await tagged(moment, { text: `number ${String(row?.['id'])}` });
    },
  },
  piece: {
    run: async (moment) => {
      const { database, dice, query } = moment;
      const data = Buffer.alloc(dice.chance(0.3) ? dice.int(BLOB_BYTES) : dice.int(2_000), dice.int(256));
      await tagged(moment);
      if (dice.chance(0.5)) await query(`DELETE FROM ${database}.piece ORDER BY id LIMIT 1`);
      await query(`INSERT INTO ${database}.piece (sum, data) VALUES (?, ?)`, [
        createHash('md5').update(data).digest('hex'),
        data,
      ]);
    },
  },
  many: {
    run: async (moment) => {
      const { database, tag, query } = moment;
      const n = howMany(moment);
      await tagged(moment, { text: `many ${n}` });
      await query(
        `INSERT INTO ${database}.many (tag, v) SELECT '${tag}', b.id FROM ${database}.bulk b JOIN ${database}.account a LIMIT ${n}`,
      );
    },
  },
  load: {
    run: async (moment) => {
      const { database, tag, query, load } = moment;
      const n = howMany(moment);
      await tagged(moment, { text: `many ${n}` });
      const lines = Array.from({ length: n }, (_, i) => `${i % 1000}\n`).join('');
      await load(`LOAD DATA LOCAL INFILE 'x' INTO TABLE ${database}.many (v) SET tag = '${tag}'`, lines);
      await query(`UPDATE ${database}.many SET v = v + 1 WHERE tag = '${tag}' AND v < 10`);
    },
  },
  'take many away': {
    run: async (moment) => {
      const { database, query } = moment;
      const [row] = await query(`SELECT MIN(tag) AS tag FROM ${database}.many`);
      await tagged(moment);
      if (typeof row?.['tag'] !== 'string') return;
      await query(`DELETE FROM ${database}.many WHERE tag = '${row['tag']}'`);
    },
  },
  'temporary table for long': {
    run: async (moment) => {
      const { database, tag, dice, query } = moment;
      const name = `${database}.draft${dice.int(2)}`;
      await query(
        `CREATE TEMPORARY TABLE IF NOT EXISTS ${name} (id INT AUTO_INCREMENT PRIMARY KEY, tag VARCHAR(30) COLLATE utf8mb4_0900_ai_ci UNIQUE, v BIGINT, w BIGINT AS (v + 1))`,
      );
      await query(`INSERT INTO ${name} (tag, v) SELECT '${tag}', SUM(v) FROM ${database}.hot`);
      await query(`UPDATE ${name} SET v = v + 1`);
      await query(`INSERT INTO ${database}.tag (id) SELECT tag FROM ${name} WHERE tag = '${tag}' AND w = v + 1`);
    },
  },
} satisfies Record<string, Work>;
