/** Lists and chains as long as ORMs write them: the same rows as short ones find, and no bound of SQLite's. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { startTestNode, type TestNode } from '../../support/node.ts';

const ROWS = 400;
/** More than SQLite has parameters. */
const MANY = 40_000;

let node: TestNode;
let db: Connection;

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const found = async (condition: string, parameters?: (string | number)[]): Promise<unknown[]> => {
  const options = { sql: `SELECT id FROM t WHERE ${condition} ORDER BY id`, rowsAsArray: true };
  const [rows] = await (parameters
    ? db.execute<RowDataPacket[][]>(options, parameters)
    : db.query<RowDataPacket[][]>(options));
  return rows.map(([id]) => id as unknown);
};

before(async () => {
  node = await startTestNode();
  db = await node.connect();
  await db.query('CREATE DATABASE lists');
  await db.query('USE lists');
  await db.query(
    'CREATE TABLE t (id int PRIMARY KEY, b bigint unsigned, s varchar(40), x varchar(40) COLLATE utf8mb4_bin, n decimal(10,2), f double, d date, y varbinary(20), KEY (s))',
  );
  await db.query('INSERT INTO t VALUES ?', [
    numbers(ROWS).map((i) => [
      i,
      BigInt(i) * 46116860184273879n,
      `S ${i}`,
      `x${i}\0`,
      i / 4,
      i / 10,
      `2026-01-${String((i % 28) + 1).padStart(2, '0')}`,
      Buffer.from([i % 256, 0, 1]),
    ]),
  ]);
  await db.query('INSERT INTO t (id) VALUES (1000)');
});
after(() => node.stop());

describe('a long list', () => {
  const lists: Readonly<Record<string, (i: number) => string>> = {
    id: (i) => String(3 * i),
    b: (i) => String(BigInt(i) * 46116860184273879n),
    s: (i) => `'s ${2 * i}'`,
    x: (i) => db.escape(`x${i}\0`),
    n: (i) => String(i / 2),
    f: (i) => String(i / 5),
    d: (i) => `'2026-01-${String((i % 9) + 1).padStart(2, '0')}'`,
    y: (i) => `x'${(i % 256).toString(16).padStart(2, '0')}0001'`,
    "CONCAT(s, '')": (i) => `'S ${5 * i}'`,
    'id + 0': (i) => `'${7 * i}'`,
    'id * 1.0': (i) => `${i}.0`,
  };
  for (const [operand, item] of Object.entries(lists)) {
    it(`of ${operand} finds what single comparisons find`, async () => {
      const items = numbers(150).map(item);
      const one = await found(`(${items.map((value) => `${operand} = ${value}`).join(' OR ')})`);
      assert.ok(one.length > 10, `${one.length} rows`);
      assert.deepEqual(await found(`${operand} IN (${items.join()})`), one);
      assert.deepEqual(
        await found(`${operand} NOT IN (${items.join()})`),
        await found(`NOT (${items.map((value) => `${operand} = ${value}`).join(' OR ')})`),
      );
    });
  }

  it('with NULL in it leaves NOT IN unknown', async () => {
    const items = numbers(150).join();
    assert.deepEqual(await found(`id NOT IN (${items}, NULL)`), []);
    assert.deepEqual(await found(`id IN (${items}, NULL) AND id < 3`), [0, 1, 2]);
  });

  it('is as long as the client likes', async () => {
    const items = numbers(MANY);
    assert.equal((await found(`id IN (${items.join()})`)).length, ROWS + 1);
    assert.equal((await found(`s IN (${items.map((i) => `'S ${i}'`).join()})`)).length, ROWS);
    assert.equal((await found(`id IN (${items.map(() => '?').join()})`, items)).length, ROWS + 1);
    await db.query(`UPDATE t SET f = f WHERE id IN (${items.join()})`);
  });

  it('is looked up by the index', async () => {
    const [rows] = await db.query<RowDataPacket[]>(
      `EXPLAIN FORMAT=TRADITIONAL SELECT * FROM t WHERE s IN (${numbers(150)
        .map((i) => `'S ${i}'`)
        .join()})`,
    );
    assert.deepEqual(
      rows.map((row) => [row['select_type'], row['table'], row['key']] as unknown[]),
      [['SIMPLE', 't', 's']],
    );
  });
});

describe('a long chain', () => {
  it('of OR finds its rows', async () => {
    assert.equal(
      (
        await found(
          numbers(3000)
            .map((i) => `id = ${i}`)
            .join(' OR '),
        )
      ).length,
      ROWS + 1,
    );
    assert.deepEqual(
      await found(
        numbers(500)
          .map((i) => `(id = ${i} AND s = 'S ${i + (i % 2)}')`)
          .join(' OR '),
      ),
      numbers(ROWS).filter((i) => i % 2 === 0),
    );
  });

  it('of AND does', async () => {
    assert.deepEqual(
      await found(
        numbers(2000)
          .map((i) => `id <> ${i + 3}`)
          .join(' AND '),
      ),
      [0, 1, 2],
    );
  });

  it('of rows does', async () => {
    const pairs = numbers(2000).map((i) => `(${i}, 'S ${i}')`);
    assert.equal((await found(`(id, s) IN (${pairs.join()})`)).length, ROWS);
  });

  it('is known as a key of GROUP BY', async () => {
    const chain = numbers(60)
      .map((i) => `id = ${i}`)
      .join(' OR ');
    const [rows] = await db.query<RowDataPacket[][]>({
      sql: `SELECT ${chain} AS k, COUNT(*) FROM t GROUP BY ${chain} ORDER BY k`,
      rowsAsArray: true,
    });
    assert.deepEqual(rows, [
      [0, ROWS - 59],
      [1, 60],
    ]);
  });
});

describe('many values', () => {
  it('stand in CASE and in a change', async () => {
    const branches = numbers(3000).map((i) => `WHEN ${i} THEN ${i}.5`);
    const [result] = await db.query(`UPDATE t SET n = CASE id ${branches.join(' ')} END WHERE id < ${ROWS}`);
    assert.equal((result as { affectedRows: number }).affectedRows, ROWS);
    assert.deepEqual(await found('n = id + 0.5 AND id < 3'), [0, 1, 2]);
  });

  it('are counted without their LIMIT', async () => {
    const all = numbers(300)
      .map((i) => `id + ${i} >= ${i}`)
      .join(' AND ');
    await db.query(`SELECT SQL_CALC_FOUND_ROWS id FROM t WHERE ${all} ORDER BY id LIMIT 2`);
    const [rows] = await db.query<RowDataPacket[][]>({ sql: 'SELECT FOUND_ROWS()', rowsAsArray: true });
    assert.deepEqual(rows, [[ROWS + 1]]);
  });
});

describe('more parameters than SQLite has', () => {
  const twice = numbers(MANY).map((i) => Math.floor(i / 2));
  const one = async (sql: string, parameters: readonly number[]): Promise<unknown> => {
    const [rows] = await db.execute<RowDataPacket[][]>({ sql, rowsAsArray: true }, [...parameters]);
    return rows[0];
  };

  it('fill a chain', async () => {
    const chain = numbers(MANY).map(() => 'id = ?');
    assert.equal((await found(chain.join(' OR '), numbers(MANY))).length, ROWS + 1);
  });

  it('fill CASE, and lists beside it', async () => {
    const branches = 'WHEN ? THEN ? '.repeat(MANY / 2);
    await db.execute(`UPDATE t SET n = CASE id ${branches} END WHERE id IN (?,?)`, [...twice, 7, 1000]);
    assert.deepEqual(await one('SELECT SUM(n) FROM t WHERE id IN (?,?)', [7, 1000]), ['1007.00']);
  });

  it('fill VALUES', async () => {
    const rows = Array<string>(MANY / 2).fill('ROW(?,?)');
    const sql = `SELECT COUNT(*), SUM(column_0), MAX(column_1) FROM (VALUES ${rows.join()}) v`;
    assert.deepEqual(await one(sql, twice), [MANY / 2, 199_990_000, MANY / 2 - 1]);
  });

  it('fill an INSERT, computed ones, too; and are as many as MySQL takes', async () => {
    await db.query('CREATE TABLE many (a int, b int)');
    await db.execute(`INSERT INTO many VALUES ${Array<string>(20_000).fill('(?, ? + 1)').join()}`, twice);
    assert.deepEqual(await one('SELECT COUNT(*), SUM(a), SUM(b) FROM many', []), [20_000, '199990000', '200010000']);
    const most = Array<string>(65_535).fill('?').join();
    assert.deepEqual(await one(`SELECT 7 IN (${most})`, numbers(65_535)), [1]);
    await assert.rejects(db.execute(`SELECT 7 IN (${most}, ?)`, numbers(65_536)), { errno: 1390 });
  });
});
