/**
 * What certification notes of random queries: whatever another transaction changes then, either some of it is not so any more, or the query
 * gives what it gave.
 */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { EngineCore } from '../../../node/engine/index.ts';
import { digestWithin, type SeenRow } from '../../../node/engine/merge/index.ts';
import { hashOf, NO_DIGEST, sameDigest } from '../../../node/store/index.ts';
import { startTestNode, type TestNode } from '../../support/node.ts';

const QUERIES = 600;
const TABLES = ['a', 'b', 'c'];
const NAMES = ['x', 'X', 'y', 'é', 'e'];

let node: TestNode;
let core: EngineCore;
let db: Connection;
let other: Connection;

before(async () => {
  node = await startTestNode();
  ({ core } = node.node.engine);
  db = await node.connect();
  await db.query('CREATE DATABASE d');
  for (const table of TABLES) {
    await db.query(
      `CREATE TABLE d.${table} (id INT PRIMARY KEY, k INT, u BIGINT UNSIGNED, name VARCHAR(5), v INT, KEY (k), KEY (u, v), KEY (name))`,
    );
    const rows = Array.from({ length: 12 }, (_, i) => `(${i}, ${i % 4}, ${i % 3}, '${NAMES[i % 5]}', ${i % 5})`);
    await db.query(`INSERT INTO d.${table} VALUES ${rows.join(',')}`);
  }
  await db.query('USE d');
  await db.query("SET p2pdb_commit = 'final'");
  other = await node.connect({ database: 'd' });
});
after(() => node.stop());

/** The same numbers each time (Park and Miller). */
let state = 7;
const below = (count: number): number => (state = (state * 48271) % 2147483647) % count;
const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
const column = (): string => pick(['id', 'k', 'u', 'v', 'name']);
const constant = (name: string): string => (name === 'name' ? `'${pick(NAMES)}'` : String(below(5)));

function condition(aliases: readonly string[]): string {
  const [one, two] = [pick(aliases), pick(aliases)];
  const name = column();
  const number = pick(['id', 'k', 'u', 'v']);
  return pick([
    () => `${one}.${name} = ${constant(name)}`,
    () => `${constant(name)} = ${one}.${name}`,
    () => `${one}.${number} ${pick(['<', '<=', '>', '>='])} ${below(5)}`,
    () => `${below(5)} ${pick(['<', '<=', '>', '>='])} ${one}.${number}`,
    () => `${one}.${number} BETWEEN ${below(4)} AND ${below(7)}`,
    () => `${one}.${name} IN (${constant(name)}, ${constant(name)})`,
    () => `${one}.${name} = ${two}.${name}`,
    () => `${one}.${number} = ${two}.${pick(['id', 'k'])}`,
    () => `(${one}.k = ${below(4)} OR ${two}.id = ${below(9)})`,
    () => `NOT ${one}.${number} = ${below(4)}`,
    () => `${one}.name <> ${constant('name')}`,
    () => `${one}.${number} IS NULL`,
    () => `${one}.id IN (SELECT k FROM ${pick(TABLES)} WHERE v = ${below(4)})`,
    () =>
      `${pick(['', 'NOT '])}EXISTS (SELECT 1 FROM ${pick(TABLES)} z WHERE z.id = ${one}.k AND z.k = ${below(4)} AND ${two}.k = 1)`,
  ])();
}
/** Two columns that are equal, and constants that one of them is compared with. */
function linked(aliases: readonly string[]): string {
  const [one, two] = [pick(aliases), aliases.at(-1) as string];
  const name = column();
  return `${one}.${name} = ${two}.${name} AND ${pick([one, two])}.${name} ${pick(['=', '=', '>', '<'])} ${constant(name)}`;
}
const conditions = (aliases: readonly string[], most: number): string =>
  Array.from({ length: 1 + below(most) }, () => condition(aliases)).join(' AND ');

function source(count: number): { text: string; aliases: string[] } {
  const aliases = ['p', 'q', 'r'].slice(0, count);
  const named = aliases.map((alias) => `${pick(TABLES)} ${alias}`);
  const join = (left: string, right: string, of: readonly string[]): string => {
    const kind = pick(['JOIN', 'LEFT JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'RIGHT JOIN', 'STRAIGHT_JOIN']);
    return `${left} ${kind} ${right} ON ${pick([conditions, linked])(of, 2)}`;
  };
  const [p = '', q = '', r] = named;
  if (count === 1) return { text: p, aliases };
  if (r === undefined) return { text: pick([`${p}, ${q}`, join(p, q, aliases)]), aliases };
  const nested = `(${join(q, r, ['q', 'r'])})`;
  return {
    text: pick([join(join(p, q, ['p', 'q']), r, aliases), join(p, nested, aliases), `${p}, ${q}, ${r}`]),
    aliases,
  };
}

function query(): string {
  const { text, aliases } = source(pick([1, 1, 2, 2, 2, 3]));
  const where = below(3) === 0 ? '' : ` WHERE ${conditions(aliases, 3)}`;
  const columns = aliases.flatMap((alias) => [`${alias}.id`, `${alias}.v`]).join(', ');
  return pick([
    `SELECT ${columns} FROM ${text}${where}`,
    `SELECT COUNT(*), SUM(p.v) FROM ${text}${where}`,
    `SELECT p.k, MAX(p.id) FROM ${text}${where} GROUP BY p.k WITH ROLLUP`,
    `SELECT p.id FROM ${text}${where} UNION SELECT id FROM ${pick(TABLES)} WHERE ${condition(['c']).replaceAll('c.', '')}`,
    `SELECT w.id FROM (SELECT p.id FROM ${text}${where}) w`,
    `WITH w AS (SELECT p.id, p.k FROM ${text}${where}) SELECT * FROM w x JOIN w y ON x.k = y.id WHERE x.id < 6`,
  ]);
}

function change(): string {
  const table = pick(TABLES);
  const name = column();
  const id = below(14);
  return pick([
    `REPLACE INTO ${table} VALUES (${id}, ${below(5)}, ${below(5)}, '${pick(NAMES)}', ${below(5)})`,
    `DELETE FROM ${table} WHERE id = ${id}`,
    `UPDATE IGNORE ${table} SET ${name} = ${pick([constant(name), name === 'id' ? '3' : 'NULL'])} WHERE id = ${id}`,
  ]);
}

const rows = async (sql: string): Promise<string> => {
  const [found] = await db.query<RowDataPacket[][]>({ sql, rowsAsArray: true });
  return JSON.stringify(found.map((row) => JSON.stringify(row)).sort());
};

function stands({ table, rowid, bounds, digest }: SeenRow): boolean {
  const row = rowid === undefined ? undefined : core.state.get(table, rowid);
  if (rowid !== undefined) return sameDigest(row ? hashOf(table, rowid, row) : NO_DIGEST, digest);
  return sameDigest(
    (bounds ? digestWithin(core.state, table, bounds) : core.state.digests.of(table)) ?? [0, 1],
    digest,
  );
}

const printed = ({ table, rowid, bounds }: SeenRow): string =>
  `${table.name}:${String(rowid ?? bounds?.map(({ column: place, low, high }) => `${place}=${String(low)}..${String(high)}`).join('&') ?? '*')}`;

it('is all that a query answers for', async () => {
  const session = core.sessions.get(db.threadId);
  let within = 0;
  let kept = 0;
  let changed = 0;
  for (let i = 0; i < QUERIES; i++) {
    const sql = query();
    await db.query('BEGIN');
    let before: string;
    try {
      before = await rows(sql);
    } catch (error) {
      // An ambiguous name, or one that ON may not use.
      assert.ok([1052, 1054].includes((error as { errno: number }).errno), `${sql}: ${String(error)}`);
      await db.query('ROLLBACK');
      continue;
    }
    const seen = [...(session?.transaction?.seen.values() ?? [])];
    await db.query('ROLLBACK');
    assert.ok(seen.length > 0, sql);
    if (seen.some(({ bounds }) => bounds)) within++;
    for (let k = 0; k < 3; k++) {
      const done = change();
      await other.query(done);
      if (!seen.every(stands)) {
        changed++;
        break;
      }
      kept++;
      assert.equal(await rows(sql), before, `${sql}; ${done}; ${seen.map(printed).join(' ')}`);
    }
  }
  assert.ok(within > QUERIES / 4 && kept > QUERIES / 4 && changed > QUERIES / 4, `${within} ${kept} ${changed}`);
});
