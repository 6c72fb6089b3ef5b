// The checker of what is read by predicate: each kind of history that may not be is found, and what may be is let pass.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulationFailure } from '../kernel/scenario.ts';
import type { Deed } from './client.ts';
import { checkPredicates, type PredicateRead, type PredicateSight, type RowWrite } from './predicates.ts';

const table = 't';
/** Rows by id, each as the tags of its writers. */
type Found = Record<string, string>;

const asTags = (found: Found): Map<string, string[]> =>
  new Map(Object.entries(found).map(([id, tags]) => [id, tags.split(' ')]));
const read = (g: number, found: Found = {}): PredicateRead => ({
  table,
  low: g,
  high: g,
  found: asTags(found),
  count: Object.keys(found).length,
});
const count = (g: number, rows: number): PredicateRead => ({ table, low: g, high: g, found: undefined, count: rows });
const write = (id: string, before: string, g: number | undefined): RowWrite => ({
  table,
  id,
  before: before === '' ? [] : before.split(' '),
  g,
});
const make = (id: string, g: number): RowWrite => write(id, '', g);

const deed = (tag: string, reads: PredicateRead[], writes: readonly RowWrite[], more: Partial<Deed> = {}): Deed => ({
  tag,
  node: 'a',
  level: 'final',
  what: writes.length > 0 ? 'predicate' : 'look',
  start: 0,
  end: 100,
  outcome: 'acknowledged',
  txid: tag,
  reads,
  writes,
  ...more,
});
const early = { start: 0, end: 10 };
const late = { start: 20, end: 30 };

/** All but those that are named took place. */
function check(deeds: readonly Deed[], rows: Found, sights: readonly PredicateSight[] = [], lost: string[] = []): void {
  const present = deeds.filter(({ tag, what }) => what !== 'look' && !lost.includes(tag)).map(({ tag }) => tag);
  checkPredicates(deeds, new Set(present), asTags(rows), sights);
}
function refuses(finding: RegExp, ...history: Parameters<typeof check>): void {
  assert.throws(
    () => check(...history),
    (error: Error) => error instanceof SimulationFailure && finding.test(error.message),
  );
}

describe('strict serializability', () => {
  it('one after the other passes, whoever began first', () => {
    check([deed('x', [read(0)], [make('x', 0)]), deed('y', [read(0, { x: 'x' })], [make('y', 0)])], { x: 'x', y: 'y' });
    check([deed('x', [read(0)], [make('x', 1)]), deed('y', [read(0)], [make('y', 0)])], { x: 'x', y: 'y' });
    check([deed('x', [], [make('x', 0)], late), deed('y', [read(0)], [], { start: 0, end: 25 })], { x: 'x' });
  });

  it('write skew by phantoms is found: in two predicates, in one, and around three', () => {
    const rows = { x: 'x', y: 'y' };
    const [x, y] = [deed('x', [read(0)], [make('x', 1)]), deed('y', [read(1)], [make('y', 0)])];
    refuses(/no serial order explains .*–rw/, [x, y], rows);
    refuses(/no serial order/, [deed('x', [read(0)], [make('x', 0)]), deed('y', [read(0)], [make('y', 0)])], rows);
    const z = deed('z', [read(2)], [make('z', 0)]);
    const w = deed('w', [read(1)], [make('w', 2)]);
    refuses(/no serial order/, [x, w, z], { x: 'x', w: 'w', z: 'z' });
  });

  it('a phantom is found that an update makes, and one that it takes', () => {
    const row = deed('m', [], [make('m', 5)]);
    const makes = deed('x', [read(1)], [write('m', 'm', 0)]);
    refuses(/no serial order/, [row, makes, deed('y', [read(0)], [make('y', 1)])], { m: 'm x', y: 'y' });
    const takes = deed('x', [read(1)], [write('m', 'm', 0)]);
    const skewed = deed('y', [read(5, { m: 'm' })], [make('y', 1)]);
    refuses(/no serial order/, [row, takes, skewed], { m: 'm x', y: 'y' });
  });

  it('a read that misses what ended before it began is found', () => {
    const x = deed('x', [], [make('x', 0)], early);
    refuses(/x –real time→ y –rw x→ x/, [x, deed('y', [read(0)], [], late)], { x: 'x' });
    refuses(/y counted 0 rows where there are 1 to 1/, [x, deed('y', [count(0, 0)], [], late)], { x: 'x' });
    check([x, deed('y', [count(0, 1)], [], late)], { x: 'x' });
    const unsure = deed('x', [], [make('x', 0)], { ...early, outcome: 'unconfirmed' });
    check([unsure, deed('y', [read(0)], [], late)], { x: 'x' });
    for (const rows of [0, 1]) check([unsure, deed('y', [count(0, rows)], [], late)], { x: 'x' });
  });

  it('of a row that comes and goes, any time when it did not match may be meant, and only such', () => {
    const life = [
      deed('m', [], [make('m', 0)], early),
      deed('c', [], [write('m', 'm', 1)]),
      deed('d', [], [write('m', 'm c', 0)]),
    ];
    const rows = { m: 'm c d' };
    check([...life, deed('y', [read(0)], [])], rows);
    check([...life, deed('y', [read(0)], [], late)], rows);
    const afterwards = deed('e', [read(0, { m: 'm c d' })], [make('e', 3)]);
    const y = deed('y', [read(0), read(3, { e: 'e' })], [], late);
    refuses(/d –wr m→ e –wr e→ y –rw m→ d/, [...life, afterwards, y], { ...rows, e: 'e' });
    const times = [early, { start: 12, end: 14 }, { start: 16, end: 18 }];
    const past = life.map((each, i) => ({ ...each, ...times[i] }));
    refuses(/no serial order explains what y read of row m/, [...past, deed('y', [read(0)], [], late)], rows);
  });

  it('a row that was taken away is missed from then on', () => {
    const [m, x] = [
      deed('m', [], [make('m', 0)], early),
      deed('x', [read(0, { m: 'm' })], [write('m', 'm', undefined)], early),
    ];
    check([m, x, deed('y', [read(0)], [], late)], {});
    refuses(/no serial order/, [m, x, deed('y', [read(0, { m: 'm' })], [], late)], {});
    refuses(/both take row m away/, [m, x, deed('y', [read(0, { m: 'm' })], [write('m', 'm', undefined)])], {});
    refuses(/was taken away by x, and is there/, [m, x], { m: 'm' });
  });

  it('a change of all that match is a read of them', () => {
    const sweep = deed('s', [], [], { what: 'predicate', sweep: { table, low: 0, high: 0 }, ...late });
    const m = deed('m', [], [make('m', 0)], early);
    check([m, sweep], { m: 'm s' });
    refuses(/m –real time→ s –rw m→ m/, [m, sweep], { m: 'm' });
    refuses(/s found row m as m, which does not match/, [deed('m', [], [make('m', 1)], early), sweep], { m: 'm s' });
    const skewed = { what: 'predicate', sweep: { table, low: 0, high: 0 } };
    refuses(/no serial order/, [deed('s', [read(1)], [], skewed), deed('n', [read(0)], [make('n', 1)]), m], {
      m: 'm s',
      n: 'n',
    });
  });

  it('what was lost, and what nobody wrote, are found', () => {
    const m = deed('m', [], [make('m', 0)]);
    refuses(/row m was made, and is not there/, [m], {});
    refuses(/x wrote row m, and that is lost/, [m, deed('x', [], [write('m', 'm', 1)])], { m: 'm' });
    refuses(
      /x read row m as m, and stands behind m y/,
      [m, deed('x', [], [write('m', 'm', 1)]), deed('y', [], [write('m', 'm', 1)])],
      {
        m: 'm y x',
      },
    );
    refuses(/row z is there, and nobody made it/, [m], { m: 'm', z: 'z' });
    refuses(/y read row m as m x, which it never was/, [m, deed('y', [read(0, { m: 'm x' })], [])], { m: 'm' });
    refuses(/y found row m as m, which does not match/, [m, deed('y', [read(1, { m: 'm' })], [])], { m: 'm' });
  });

  it('at other levels reads need no place in the order', () => {
    const level = 'local' as const;
    const [x, y] = [deed('x', [read(0)], [make('x', 0)], { level }), deed('y', [read(0)], [make('y', 0)], { level })];
    check([x, y], { x: 'x', y: 'y' });
    check([x, deed('z', [read(0)], [], { ...late, level })], { x: 'x' });
  });
});

describe('causal consistency', () => {
  const level = 'local' as const;
  const sight = (past: string[], seen: PredicateRead): PredicateSight => ({
    node: 'a',
    past: new Set(past),
    read: seen,
  });
  const cause = deed('c', [], [make('c', 0)], { level });
  const between = deed('b', [], [make('b', 1)], { level, past: new Set(['c']) });
  const effect = deed('e', [], [make('e', 0)], { level, past: new Set(['b']) });
  const [deeds, rows] = [[cause, between, effect], { c: 'c', b: 'b', e: 'e' }];

  it('who sees an effect sees all its causes that match', () => {
    check(deeds, rows, [sight([], read(0, { c: 'c', e: 'e' })), sight([], read(0, { c: 'c' })), sight([], read(0))]);
    refuses(/shows row c as none, and its session knew of c/, deeds, rows, [sight([], read(0, { e: 'e' }))]);
  });

  it('a session sees what it wrote and saw before, in other predicates too', () => {
    refuses(/shows row c as none/, deeds, rows, [sight(['c'], read(0))]);
    refuses(/shows row c as none/, deeds, rows, [sight(['b'], read(0))]);
    check(deeds, rows, [sight(['c'], read(1))]);
  });

  it('a later version need not match', () => {
    const moved = deed('x', [read(0, { c: 'c' })], [write('c', 'c', 2)]);
    check([...deeds, moved], { ...rows, c: 'c x' }, [sight(['c'], read(0))]);
    refuses(/shows row c as c, and its session knew of x/, [...deeds, moved], { ...rows, c: 'c x' }, [
      sight(['x'], read(0, { c: 'c' })),
    ]);
  });

  it('what came to nothing need not be seen', () => {
    check(deeds, { b: 'b', e: 'e' }, [sight([], read(0, { e: 'e' }))], ['c']);
    check(deeds, { b: 'b', e: 'e' }, [sight([], read(0, { c: 'c', e: 'e' }))], ['c']);
  });

  it('what does not match, and what was counted otherwise, are found', () => {
    refuses(/found row c as c, which does not match/, deeds, rows, [sight([], read(1, { c: 'c' }))]);
    refuses(/counted 1 rows, and found 0/, deeds, rows, [sight([], { ...read(0), count: 1 })]);
  });
});
