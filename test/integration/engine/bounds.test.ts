/** Rows between bounds, as certification asks for them: SQLite finds those that lie within, and no others. */
import fc from 'fast-check';
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { EngineCore } from '../../../node/engine/index.ts';
import { digestWithin, fitsBounds, isWithin } from '../../../node/engine/merge/index.ts';
import type { Bounds, LogValue } from '../../../node/log/index.ts';
import type { TableDef } from '../../../node/sql/index.ts';
import { addDigests, hashOf, NO_DIGEST } from '../../../node/store/index.ts';
import { startTestNode, type TestNode } from '../../support/node.ts';

const TEXTS = ['a', 'A', 'ä', 'a ', 'b', 'ab', '', 'ß', 'ss'];
const NUMBERS = ['-9223372036854775808', '-1', '0', '1', '2', '3', '9007199254740993', '9223372036854775807'];
const LARGE = ['0', '5', '9223372036854775808', '18446744073709551615'];

let node: TestNode;
let core: EngineCore;
let table: TableDef;

before(async () => {
  node = await startTestNode();
  ({ core } = node.node.engine);
  const db = await node.connect();
  await db.query('CREATE DATABASE d');
  await db.query(
    'CREATE TABLE d.t (id INT PRIMARY KEY AUTO_INCREMENT, n BIGINT, u BIGINT UNSIGNED, ci VARCHAR(9) COLLATE utf8mb4_0900_ai_ci,' +
      ' bin VARCHAR(9) COLLATE utf8mb4_bin, old CHAR(9) COLLATE utf8mb4_general_ci, KEY (n), KEY (u), KEY (ci), KEY (bin), KEY (old))',
  );
  const rows = Array.from({ length: 200 }, (_, i) => {
    const text = TEXTS[i % TEXTS.length];
    return `(${NUMBERS[(i * 7) % NUMBERS.length]}, ${LARGE[(i * 5) % LARGE.length]}, '${text}', '${text}', '${text}')`;
  });
  await db.query(`INSERT INTO d.t (n, u, ci, bin, old) VALUES ${rows.join(',')}, (NULL, NULL, NULL, NULL, NULL)`);
  table = core.catalog.table('d', 't') as TableDef;
});
after(() => node.stop());

const number = fc.constantFrom(...NUMBERS).map((digits): LogValue => {
  const value = BigInt(digits);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
});
const bound = fc.option(number, { freq: 3 });
const range = fc.record({ column: fc.constantFrom(0, 1, 2), low: bound, high: bound });
const text = fc
  .tuple(fc.constantFrom(3, 4, 5), fc.constantFrom(...TEXTS))
  .map(([column, value]): Bounds => ({ column, low: value, high: value }));

it('are those that lie within all of them', () => {
  const rows = [...core.state.scan(table)];
  let found = 0;
  fc.assert(
    fc.property(fc.array(fc.oneof(range, text), { minLength: 1, maxLength: 3 }), (bounds) => {
      fc.pre(fitsBounds(table, bounds));
      const within = rows.filter(({ row }) => isWithin(table, bounds, row));
      found += within.length;
      const sum = within.reduce((all, { rowid, row }) => addDigests(all, hashOf(table, rowid, row)), NO_DIGEST);
      assert.deepEqual(digestWithin(core.state, table, bounds), sum);
    }),
    { numRuns: 1000, seed: 1 },
  );
  assert.ok(found > 1000);
});

it('are told of up to 500', async () => {
  const db = await node.connect({ database: 'd' });
  await db.query('CREATE TABLE d.many (id INT PRIMARY KEY)');
  await db.query(`INSERT INTO d.many VALUES ${Array.from({ length: 600 }, (_, i) => `(${i})`).join(',')}`);
  const many = core.catalog.table('d', 'many') as TableDef;
  const first = (count: number): Bounds[] => [{ column: 0, low: 0, high: count - 1 }];
  assert.ok(digestWithin(core.state, many, first(500)));
  assert.equal(digestWithin(core.state, many, first(501)), undefined);
});

it('are refused that no column can have', () => {
  const bad: Bounds[] = [
    { column: 99, low: 1, high: 1 },
    { column: 1, low: 'a', high: 'a' },
    { column: 1, low: null, high: null },
    { column: 1, low: 1.5, high: 2 },
    { column: 1, low: 2n ** 63n, high: null },
    { column: 3, low: 'a', high: 'b' },
    { column: 3, low: null, high: null },
    { column: 3, low: 1, high: 1 },
  ];
  for (const bounds of bad)
    assert.equal(
      fitsBounds(table, [bounds]),
      false,
      JSON.stringify(bounds, (_, v) => String(v)),
    );
});
