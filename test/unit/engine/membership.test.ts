/** Who gives which keys, also in a group that goes on with another one's state. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { nodeId, type NodeId } from '../../../node/consensus/index.ts';
import { Membership, type Genesis } from '../../../node/engine/membership.ts';
import { Catalog } from '../../../node/sql/index.ts';

const idOf = (n: number): string => n.toString(16).padStart(64, '0');

it('gives no key twice, not even after a majority was lost', () => {
  const ids = [1, 2, 3, 4, 5].map(idOf);
  const old: Genesis = { members: ids.map((id, n) => ({ id, name: `m${n}` })), voters: ids };
  const catalog = new Catalog();
  const classOf = (genesis: Genesis, id: string) => new Membership(catalog, genesis, nodeId(id)).keyClass();
  const classes = ids.map((id) => classOf(old, id));

  const before = new Membership(catalog, old, nodeId(idOf(2)));
  for (const member of before.all())
    catalog.apply({ kind: 'put-member', member: { ...member, voter: false, removed: true } });
  const founder = idOf(6);
  const genesis: Genesis = { members: [{ id: founder, name: 'm1' }], voters: [founder], slots: before.slots };
  for (const [n, id] of [6, 7, 8, 9, 10, 11, 12].map(idOf).entries()) {
    const slot = new Membership(catalog, genesis, nodeId(founder)).nextSlot();
    catalog.apply({ kind: 'put-member', member: { id, name: `n${n}`, slot, voter: n < 3, removed: false } });
    classes.push(classOf(genesis, id));
  }
  assert.deepEqual(new Membership(catalog, genesis, nodeId(founder)).voters(), [6, 7, 8].map(idOf));

  const given = new Map<number, number>();
  for (const [n, keys] of classes.entries()) {
    assert.ok(keys);
    for (let key = keys.offset; key < 10_000; key += keys.increment) {
      assert.equal(given.get(key), undefined, `${n} gives ${key}, as ${given.get(key)} does`);
      given.set(key, n);
    }
  }
});

it('tells the stays of a node apart', () => {
  const ids = [1, 2].map(idOf);
  const genesis: Genesis = { members: ids.map((id, n) => ({ id, name: `m${n}` })), voters: ids };
  const catalog = new Catalog();
  const [a, b] = ids.map((id) => nodeId(id)) as [NodeId, NodeId];
  const first = new Membership(catalog, genesis, b);
  const second = new Membership(catalog, { ...genesis, stay: 2, introduced: [a, b] }, b);
  const third = new Membership(catalog, { ...genesis, stay: 3 }, b);
  const seen = (): string =>
    [first, second, third].map((one) => (one.isAdmitted ? 'in' : one.isOver ? 'over' : 'not yet')).join();
  assert.equal(seen(), 'in,not yet,not yet');
  assert.deepEqual([first.isAlone, second.isAlone], [false, false]);
  const old = { ...(first.find(b) ?? assert.fail()), voter: false };
  const keys = first.keyClass();
  catalog.apply({ kind: 'put-member', member: { ...old, removed: true } });
  assert.equal(seen(), 'over,not yet,not yet');
  assert.equal(first.mayWrite(b, 7), false);
  catalog.apply({ kind: 'put-member', member: { ...old, stay: 2, since: 8 } });
  assert.equal(seen(), 'over,in,not yet');
  // What it wrote in its first stay and nobody had ordered comes too late, also now.
  assert.deepEqual([second.mayWrite(b, 7), second.mayWrite(b, 8), second.mayWrite(a, 0)], [false, true, true]);
  assert.deepEqual(second.keyClass(), keys);
  catalog.apply({ kind: 'put-member', member: { ...old, stay: 3, removed: true } });
  assert.equal(seen(), 'over,over,over');
});
