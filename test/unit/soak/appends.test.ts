/** The check of what really happened finds what no order explains. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { checkAppends, type ListRead } from '../../soak/appends.ts';
import type { Write } from '../../soak/clients.ts';

const append = (tag: string, start: number, end: number, read: readonly string[]): Write => ({
  tag,
  database: 'home',
  level: 'final',
  kind: 'append',
  node: 'n0',
  outcome: 'acknowledged',
  start,
  end,
  lists: new Map([[0, read]]),
});
const read = (start: number, end: number, tags: readonly string[]): ListRead => ({
  database: 'home',
  node: 'n1',
  start,
  end,
  lists: new Map([[0, tags]]),
});
const check = (writes: readonly Write[], reads: readonly ListRead[], list: readonly string[]): void =>
  checkAppends('home', writes, reads, new Map([[0, list]]));

const writes = [append('t1', 0, 10, []), append('t2', 20, 30, ['t1'])];
const list = ['t1', 't2'];

it('takes what an order explains', () => {
  check(writes, [read(11, 19, ['t1']), read(15, 25, ['t1', 't2']), read(40, 50, list)], list);
});

it('finds transactions that no order explains', () => {
  assert.throws(() => check([append('t1', 0, 10, []), append('t2', 20, 30, [])], [], list), /t2 read list 0 as /);
  assert.throws(() => check(writes, [], ['t1']), /t2 is final, and not in list 0/);
  const swapped = [append('t1', 0, 10, ['t2']), append('t2', 20, 30, [])];
  assert.throws(() => check(swapped, [], ['t2', 't1']), /t1 ended before t2 began, and comes after it/);
});

it('finds linearizable reads of what was, of what is yet to come, and of what never was', () => {
  for (const wrong of [
    read(40, 50, ['t1']),
    read(11, 19, list),
    read(40, 50, ['t1', 't3']),
    read(40, 50, ['t1', 't2', 't3']),
  ])
    assert.throws(() => check(writes, [wrong], list), /a linearizable read of n1/);
});
