import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { MadeEntry } from '../../support/log.ts';
import { INSERT, SCHEMA_CHANGE, TestReplica, writtenBy } from './support.ts';

type Made = [MadeEntry, MadeEntry, MadeEntry];

describe('decided blocks', () => {
  let node: TestReplica;
  afterEach(() => node.close());

  it('are applied together once what they order is here', () => {
    node = new TestReplica();
    const [a1, a2, a3] = writtenBy('a', 3, 0) as Made;
    node.decide(1, a1);
    node.decide(2, a2);
    node.decide(3, a3);
    node.turn();
    assert.deepEqual(node.heights, []);
    node.receive(a1, a2);
    assert.deepEqual(node.heights, [[1, 2]]);
    node.receive(a3);
    assert.deepEqual(node.heights, [[1, 2], [3]]);
    assert.deepEqual(node.machine.applied, ['a1', 'a2', 'a3']);
  });

  it('tell who waits for the next one', async () => {
    node = new TestReplica();
    const [a1] = writtenBy('a', 1, 0) as Made;
    let height = -1;
    const next = node.replica.nextBlock().then(() => (height = node.replica.height));
    node.receive(a1);
    node.decide(1, a1);
    node.turn();
    await next;
    assert.equal(height, 1);
  });

  it('that change the schema are applied alone, and those behind them later', () => {
    node = new TestReplica();
    const [a1, a2, a3] = writtenBy('a', 3, 0, (seq) => (seq === 2 ? [SCHEMA_CHANGE] : [INSERT])) as Made;
    node.receive(a1, a2, a3);
    for (const [index, one] of [a1, a2, a3].entries()) node.decide(index + 1, one);
    node.turn();
    assert.deepEqual(node.heights, [[1], [2], [3]]);
    assert.deepEqual(node.machine.applied, ['a1', 'a2', 'a3']);
  });

  it('overtake what no block has ordered', () => {
    node = new TestReplica();
    const [b1] = writtenBy('b', 1, 0) as Made;
    const [a1] = writtenBy('a', 1, 10) as Made;
    node.receive(b1);
    node.receive(a1);
    node.decide(1, a1);
    node.turn();
    assert.deepEqual(node.machine.done, ['+b1', '+a1', '-a1', '-b1', '+a1', '+b1']);
  });
});

describe('a replica that catches up', () => {
  /** More changes than two are long work. */
  const slicing = { changes: 2, sliceMs: 5 };
  const tentative = writtenBy('b', 3, 0) as Made;
  const ordered = writtenBy('a', 3, 10, () => [INSERT, INSERT, INSERT]) as Made;
  let node: TestReplica;
  afterEach(() => node.close());

  /** Has done what is due, and what was promised by then. */
  const settle = async (): Promise<void> => {
    for (let turns = 0; turns < 50; turns++) {
      node.turn();
      await Promise.resolve();
    }
  };

  it('does again once what several blocks overtake, when no next one has come in time', async () => {
    node = new TestReplica(slicing);
    node.receive(...tentative);
    node.receive(...ordered);
    await settle();
    assert.deepEqual(node.machine.done.splice(0), ['+b1', '+b2', '+b3', '+a1', '+a2', '+a3']);
    node.machine.onApply = () => node.pass(30);
    for (const [index, one] of ordered.entries()) {
      node.decide(index + 1, one);
      await settle();
      assert.deepEqual(node.heights.at(-1), [index + 1]);
      assert.ok(node.replica.gate.isClosed);
    }
    assert.deepEqual(node.machine.done.splice(0), ['-a3', '-a2', '-a1', '-b3', '-b2', '-b1', '+a1', '+a2', '+a3']);
    node.pass(99);
    await settle();
    assert.ok(node.replica.gate.isClosed);
    node.pass(1);
    await settle();
    assert.deepEqual(node.machine.done, ['+b1', '+b2', '+b3']);
    assert.equal(node.replica.gate.isClosed, false);
  });

  it('waits longer where a peer has more, by what it took until then', async () => {
    node = new TestReplica(slicing);
    node.receive(...tentative);
    node.receive(...ordered);
    await settle();
    node.machine.onApply = () => node.pass(300);
    node.decider.isBehind = true;
    node.decide(1, ordered[0]);
    await settle();
    node.pass(149);
    await settle();
    assert.ok(node.replica.gate.isClosed);
    node.pass(1);
    await settle();
    assert.equal(node.replica.gate.isClosed, false);
  });

  it('does not wait longer than a few times what the first of them took', async () => {
    node = new TestReplica(slicing);
    node.receive(...tentative);
    node.receive(...ordered);
    await settle();
    node.machine.onApply = () => node.pass(10);
    node.decide(1, ordered[0]);
    await settle();
    node.pass(35);
    node.decide(2, ordered[1]);
    await settle();
    assert.equal(node.replica.gate.isClosed, false);
    assert.deepEqual(node.machine.applied, ['a1', 'a2', 'b1', 'b2', 'b3', 'a3']);
  });
});
