/** A list of changes, whatever its length, is what an array of them would be. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { SqliteValue, TableDef } from '../../../node/sql/index.ts';
import { ChangeList, inverse, type Intent, type Row, type RowChange, type RowId } from '../../../node/store/index.ts';

const table = (id: number, temporary = false): TableDef =>
  ({ id, temporary, name: `t${id}`, columns: [], indexes: [], foreignKeys: [] }) as unknown as TableDef;
const TABLES = [table(1), table(2), table(3, true)];

const rowid: fc.Arbitrary<RowId> = fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: 1n << 60n, max: 1n << 62n }));
const value: fc.Arbitrary<SqliteValue> = fc.oneof(
  fc.constant(null),
  fc.maxSafeInteger(),
  fc.double(),
  fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
  fc.string({ unit: 'binary' }),
  fc.uint8Array({ maxLength: 20 }),
);
const row: fc.Arbitrary<Row> = fc.array(value, { maxLength: 4 });
const ids = fc.array(fc.nat(9), { maxLength: 3 });
const maybe = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined });
const intent: fc.Arbitrary<Intent> = fc.oneof(
  fc.constantFrom({ mode: 'ignore' as const }, { mode: 'replace' as const }),
  fc.record(
    { mode: fc.constant('upsert' as const), inserted: row, base: row, updated: row, adds: ids, assigned: ids },
    { noNullPrototype: true },
  ),
);
const change: fc.Arbitrary<RowChange> = fc.record(
  {
    table: fc.constantFrom(...TABLES),
    rowid,
    newRowid: maybe(rowid),
    before: maybe(row),
    after: maybe(row),
    adds: maybe(ids),
    intent: maybe(intent),
    derived: maybe(fc.constant(true)),
  },
  { noNullPrototype: true },
);
/** Lists of thousands take long to be made smaller. */
const RUNS = { numRuns: 25, endOnFailure: true };
/** Short ones, and long ones, which repeat a few. */
const changes = fc
  .tuple(fc.array(change, { minLength: 1, maxLength: 20 }), fc.constantFrom(1, 10, 1999, 2000, 2001, 2100, 2250, 4321))
  .map(([some, length]) => Array.from({ length }, (_, i) => some[i % some.length] as RowChange));

function assertSame(list: ChangeList, model: readonly RowChange[]): void {
  assert.equal(list.length, model.length);
  for (const [i, one] of [...list].entries()) assert.deepEqual(one, model[i], `change ${i}`);
  const meant = model.filter(({ table: of, derived }) => of.temporary !== true && derived !== true);
  assert.equal(list.meant, meant.length);
  for (const { table: of } of model) assert.ok(list.tables.includes(of));
}

describe('a list of changes', () => {
  it('holds what was put into it, in order', () => {
    fc.assert(
      fc.property(changes, (given) => assertSame(ChangeList.of(given), given)),
      RUNS,
    );
  });

  it('is gone through from any place on, backwards, and one by one', () => {
    fc.assert(
      fc.property(changes, fc.nat(), (given, n) => {
        const list = ChangeList.of(given);
        const place = n % given.length;
        assert.deepEqual([...list.from(place)], given.slice(place));
        assert.deepEqual([...list.backwards()], [...given].reverse());
        assert.deepEqual([...list.backwards(place)], given.slice(0, place).reverse());
        assert.deepEqual(list.at(place), given[place]);
      }),
      RUNS,
    );
  });

  it('is cut at any place, and goes on from there', () => {
    fc.assert(
      fc.property(changes, fc.nat(), changes, (given, n, more) => {
        const list = ChangeList.of(given);
        const place = n % (given.length + 1);
        list.at(0);
        list.truncate(place);
        assertSame(list, given.slice(0, place));
        for (const one of more) list.push(one);
        assertSame(list, [...given.slice(0, place), ...more]);
      }),
      RUNS,
    );
  });

  it('keeps a table that is defined anew apart from what it was', () => {
    const anew = table(1);
    const given = Array.from({ length: 5000 }, (_, i): RowChange => {
      const of = i < 2500 ? TABLES[0] : anew;
      return { table: of as TableDef, rowid: i, before: undefined, after: [i] };
    });
    for (const [i, { table: of }] of [...ChangeList.of(given)].entries()) assert.equal(of, given[i]?.table);
  });
});

it('a change that is taken back twice is as it was', () => {
  fc.assert(
    fc.property(change, (given) => {
      const { table: of, rowid: id, newRowid, before, after } = given;
      const twice = inverse(inverse(given));
      assert.deepEqual(
        [twice.table, twice.rowid, twice.newRowid, twice.before, twice.after],
        [of, id, newRowid, before, after],
      );
    }),
  );
});
