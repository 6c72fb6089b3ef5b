import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AsideEntries } from '../../../node/store/aside-entries.ts';
import { placeOf } from '../../../node/store/log-index.ts';

/** `CID`: the segment in which it lies, and the CID of the entry before it. */
function asideOf(author: string, entries: Record<string, readonly [segment: number, prev: string]>): AsideEntries {
  const aside = new AsideEntries();
  for (const [index, [cid, [segment, prev]]] of Object.entries(entries).entries())
    aside.add(author, cid, { seq: index + 2, place: placeOf(segment, 16), prev });
  return aside;
}

it('a tail of which something is kept is kept whole', () => {
  const aside = asideOf('a', { b: [2, 'base'], c: [3, 'b'], d: [5, 'c'] });
  assert.deepEqual(
    [6, 5, 4, 3, 2, 1].map((segment) => aside.wholeFrom(segment)),
    [6, 2, 2, 2, 2, 1],
  );
});

it('what is kept for one tail keeps another one whole', () => {
  const aside = asideOf('a', { b: [4, 'base'], c: [6, 'b'] });
  aside.add('other', 'x', { seq: 2, place: placeOf(1, 16), prev: 'base' });
  aside.add('other', 'y', { seq: 3, place: placeOf(5, 16), prev: 'x' });
  assert.equal(aside.wholeFrom(6), 1);
  assert.equal(aside.wholeFrom(7), 7);
});

it('what lies in segments that are gone is forgotten, and an author of whom nothing is left', () => {
  const aside = asideOf('a', { b: [2, 'base'], c: [3, 'b'] });
  aside.add('other', 'x', { seq: 2, place: placeOf(2, 99), prev: 'base' });
  aside.dropBefore(3);
  assert.deepEqual(aside.authors, ['a']);
  assert.deepEqual([...aside.of('a').keys()], ['c']);
  assert.equal(aside.get('other', 'x'), undefined);
  aside.dropBefore(4);
  assert.deepEqual(aside.authors, []);
});
