// The checker of histories: each kind of history that may not be is found.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SimulationFailure } from '../kernel/scenario.ts';
import type { Deed } from './client.ts';
import { checkHistory } from './history.ts';

type Reads = Record<number, readonly string[]>;

const deed = (tag: string, [start, end]: readonly [number, number], reads: Reads, more: Partial<Deed> = {}): Deed => ({
  tag,
  node: 'a',
  level: 'final',
  what: 'append',
  start,
  end,
  outcome: 'acknowledged',
  txid: tag,
  lists: new Map(Object.entries(reads).map(([id, tags]) => [Number(id), tags])),
  ...more,
});
const listsOf = (lists: Reads): Map<number, readonly string[]> =>
  new Map(Object.entries(lists).map(([id, tags]) => [Number(id), tags]));

const [x, y] = [deed('x', [0, 10], { 0: [] }), deed('y', [5, 20], { 0: ['x'] })];

it('what can have taken place one after the other passes', () => {
  checkHistory([x, y], listsOf({ 0: ['x', 'y'] }), [{ node: 'a', tags: new Set(['x', 'y']) }]);
});

it('a lost update, one that is there twice, and one that was refused are found', () => {
  const blind = deed('y', [5, 20], { 0: [] });
  const refused = deed('z', [5, 20], {}, { outcome: 'refused' });
  for (const [deeds, list] of [
    [[x, blind], ['y']],
    [
      [x, blind],
      ['x', 'y'],
    ],
    [
      [x, y],
      ['x', 'y', 'y'],
    ],
    [
      [x, y, refused],
      ['x', 'y', 'z'],
    ],
  ] as const)
    assert.throws(() => checkHistory(deeds, listsOf({ 0: list }), []), SimulationFailure);
});

it('a circle over two lists, and an order against real time, are found', () => {
  const [a, b] = [deed('a', [0, 10], { 0: [], 1: ['b'] }), deed('b', [0, 10], { 0: ['a'], 1: [] })];
  assert.throws(() => checkHistory([a, b], listsOf({ 0: ['a', 'b'], 1: ['b', 'a'] }), []), /no order of transactions/);
  const [early, between] = [
    deed('early', [0, 10], { 1: ['between'] }),
    deed('between', [0, 90], { 0: ['late'], 1: [] }),
  ];
  const late = deed('late', [50, 90], { 0: [] });
  const lists = listsOf({ 0: ['late', 'between'], 1: ['between', 'early'] });
  assert.throws(() => checkHistory([early, between, late], lists, []), /early ended before late began/);
});

it('who sees an effect without its cause is found', () => {
  const effect = deed('effect', [5, 6], {}, { seen: ['cause'], level: 'local', what: 'probe' });
  assert.throws(() => checkHistory([effect], new Map(), [{ node: 'a', tags: new Set(['effect']) }]), /and not cause/);
});
