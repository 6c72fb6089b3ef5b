/** Any arrival order, and any cut into blocks, gives the state of one serial run. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  comparePositions,
  finish,
  Linearizer,
  type Applier,
  type Footprint,
  type Orderable,
  type Position,
  type Steps,
} from '../../../node/consistency/index.ts';

/** Guarded changes of registers: `when` another register has reached a value, else the transaction is refused. */
interface Tx extends Orderable {
  readonly position: Position;
  readonly finalOnly: boolean;
  readonly set: readonly { readonly key: string; readonly add: number }[];
  readonly when: { readonly key: string; readonly below: number } | undefined;
  readonly clears: boolean;
}

class Registers implements Applier<Tx> {
  readonly values = new Map<string, number>();
  readonly outcomes = new Map<Tx, 'applied' | 'refused'>();
  readonly order: Tx[] = [];
  height = 0;
  private readonly undos = new Map<Tx, ReadonlyMap<string, number>>();

  *apply(tx: Tx): Steps<Footprint> {
    yield;
    const before = new Map(this.values);
    this.undos.set(tx, before);
    if (tx.clears) {
      this.values.clear();
      this.outcomes.set(tx, 'applied');
      return { reads: [], writes: [], everything: true };
    }
    const reads = tx.when ? [tx.when.key] : [];
    if (tx.when && (this.values.get(tx.when.key) ?? 0) >= tx.when.below) {
      this.outcomes.set(tx, 'refused');
      return { reads, writes: [] };
    }
    this.outcomes.set(tx, 'applied');
    for (const { key, add } of tx.set) this.values.set(key, (this.values.get(key) ?? 0) * 3 + add);
    return { reads, writes: tx.set.map((s) => s.key) };
  }

  *undo(tx: Tx): Steps<void> {
    yield;
    const before = this.undos.get(tx);
    assert.ok(before, 'only what was applied is undone');
    // Of its own keys alone: what commutes with it may have run since.
    assert.ok(!tx.clears, 'what is exclusive is never undone');
    if (this.outcomes.get(tx) === 'applied') {
      for (const { key } of tx.set) {
        const value = before.get(key);
        if (value === undefined) this.values.delete(key);
        else this.values.set(key, value);
      }
    }
    this.undos.delete(tx);
    this.outcomes.delete(tx);
  }

  settle(tx: Tx): void {
    this.order.push(tx);
    this.undos.delete(tx);
  }

  *settled(height: number): Steps<void> {
    yield;
    this.height = height;
  }
}

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const history = fc
  .array(
    fc.record({
      author: fc.constantFrom('x', 'y', 'z'),
      step: fc.integer({ min: 1, max: 3 }),
      set: fc.array(fc.record({ key, add: fc.integer({ min: 1, max: 5 }) }), { minLength: 0, maxLength: 2 }),
      when: fc.option(fc.record({ key, below: fc.integer({ min: 1, max: 40 }) }), { nil: undefined }),
      finalOnly: fc.boolean(),
      clears: fc.integer({ min: 0, max: 12 }).map((n) => n === 0),
    }),
    { minLength: 1, maxLength: 24 },
  )
  .map((items) => {
    const last = new Map<string, { lamport: number; seq: number }>();
    return items.map((item): Tx => {
      const { lamport, seq } = last.get(item.author) ?? { lamport: 0, seq: 0 };
      const at = { lamport: lamport + item.step, seq: seq + 1 };
      last.set(item.author, at);
      return {
        position: { ...at, author: item.author, index: 0 },
        finalOnly: item.finalOnly || item.clears,
        set: item.clears ? [] : item.set.filter((s, i, all) => all.findIndex((o) => o.key === s.key) === i),
        when: item.when,
        clears: item.clears,
        exclusive: item.clears,
      };
    });
  });

function serial(txs: readonly Tx[]): Registers {
  const registers = new Registers();
  for (const tx of txs) finish(registers.apply(tx));
  return registers;
}

const sorted = (txs: readonly Tx[]): Tx[] => [...txs].sort((a, b) => comparePositions(a.position, b.position));
const state = (r: Registers): [string, number][] => [...r.values].sort();

test('tentative transactions in any order of arrival give the serial state', () => {
  fc.assert(
    fc.property(history, fc.infiniteStream(fc.nat()), (txs, random) => {
      const registers = new Registers();
      const linearizer = new Linearizer(registers);
      const waiting = [...txs];
      while (waiting.length > 0) {
        const batch = waiting.splice((random.next().value ?? 0) % waiting.length, 1 + ((random.next().value ?? 0) % 3));
        finish(linearizer.insert(batch));
      }
      const expected = serial(sorted(txs.filter((t) => !t.finalOnly)));
      assert.deepEqual(state(registers), state(expected));
      for (const [tx, outcome] of expected.outcomes) assert.equal(registers.outcomes.get(tx), outcome);
    }),
    { numRuns: 3000 },
  );
});

test('blocks put their transactions first, whatever was applied before', () => {
  fc.assert(
    fc.property(history, fc.infiniteStream(fc.nat()), (txs, random) => {
      const registers = new Registers();
      const linearizer = new Linearizer(registers);
      let unknown = [...txs];
      let known: Tx[] = [];
      const final: Tx[] = [];
      for (let height = 1; unknown.length + known.length > 0; height++) {
        const arriving = unknown.filter(() => (random.next().value ?? 0) % 2 === 0);
        unknown = unknown.filter((t) => !arriving.includes(t));
        finish(linearizer.insert(arriving));
        known.push(...arriving);
        // A cut has a prefix of each author.
        const block = known.filter((t) =>
          [...known, ...unknown]
            .filter((o) => o.position.author === t.position.author && o.position.seq < t.position.seq)
            .every((o) => known.includes(o)),
        );
        const cut = block.slice(0, (random.next().value ?? 0) % (block.length + 1));
        const closed = cut.filter((t) =>
          known.every(
            (o) => o.position.author !== t.position.author || o.position.seq >= t.position.seq || cut.includes(o),
          ),
        );
        finish(linearizer.decide([{ height, transactions: closed }]));
        known = known.filter((t) => !closed.includes(t));
        final.push(...sorted(closed));
        const expected = serial([...final, ...sorted(known.filter((t) => !t.finalOnly))]);
        assert.deepEqual(state(registers), state(expected));
        assert.deepEqual(registers.order, final);
        assert.equal(registers.height, height);
      }
      assert.equal(linearizer.tentative, 0);
    }),
    { numRuns: 3000 },
  );
});

test('blocks that come together, of what is known and what is not, give what they give one by one', () => {
  fc.assert(
    fc.property(history, fc.infiniteStream(fc.nat()), (txs, random) => {
      const below = (n: number): number => (random.next().value ?? 0) % n;
      const registers = new Registers();
      const linearizer = new Linearizer(registers);
      // Every author's transactions fall into blocks in their order; some are known before.
      const order = new Map(txs.map((tx) => [tx, 0]));
      const last = new Map<string, number>();
      for (const tx of txs) {
        const height = (last.get(tx.position.author) ?? 1) + (below(3) === 0 ? 1 : 0);
        last.set(tx.position.author, height);
        order.set(tx, height);
      }
      const top = Math.max(...order.values());
      const blocks = Array.from({ length: top }, (_, i) => ({
        height: i + 1,
        transactions: txs.filter((tx) => order.get(tx) === i + 1),
      }));
      const known = txs.filter(() => below(2) === 0);
      finish(linearizer.insert(known));
      const final: Tx[] = [];
      while (blocks.length > 0) {
        const batch = blocks.splice(0, 1 + below(3));
        finish(linearizer.decide(batch));
        final.push(...batch.flatMap((block) => sorted(block.transactions)));
        const rest = sorted(known.filter((tx) => !final.includes(tx) && !tx.finalOnly));
        assert.deepEqual(state(registers), state(serial([...final, ...rest])));
        assert.deepEqual(registers.order, final);
        assert.equal(registers.height, batch.at(-1)?.height);
      }
      assert.equal(linearizer.tentative, 0);
    }),
    { numRuns: 3000 },
  );
});

test('what blocks overtake is done again when no more of them come, as if it had been after each', () => {
  fc.assert(
    fc.property(history, fc.infiniteStream(fc.nat()), (txs, random) => {
      const below = (n: number): number => (random.next().value ?? 0) % n;
      const registers = new Registers();
      const linearizer = new Linearizer(registers);
      const known = new Set<Tx>();
      const insert = (): void => {
        const arriving = txs.filter((tx) => !known.has(tx) && !final.includes(tx) && below(3) === 0);
        for (const tx of arriving) known.add(tx);
        finish(linearizer.insert(arriving));
      };
      const final: Tx[] = [];
      const blocks = Array.from({ length: Math.ceil(txs.length / 2) }, (_, i) => ({
        height: i + 1,
        transactions: txs.slice(2 * i, 2 * i + 2),
      }));
      insert();
      while (blocks.length > 0) {
        const areMoreToCome = below(3) > 0;
        const batch = blocks.splice(0, 1 + below(2));
        finish(linearizer.decide(batch, areMoreToCome));
        final.push(...batch.flatMap((block) => sorted(block.transactions)));
        assert.deepEqual(registers.order, final);
        insert();
        if (areMoreToCome && below(2) === 0) continue;
        const removed = [...known].filter((tx) => !final.includes(tx) && below(4) === 0);
        for (const tx of removed) known.delete(tx);
        finish(linearizer.remove(removed));
        finish(linearizer.resume());
        const rest = sorted([...known].filter((tx) => !final.includes(tx) && !tx.finalOnly));
        assert.deepEqual(state(registers), state(serial([...final, ...rest])));
        assert.equal(linearizer.postponedCount, 0);
      }
      assert.deepEqual(registers.order, final);
    }),
    { numRuns: 3000 },
  );
});

test('what was appended without saying what it touched stands behind those that waited for their block before it', () => {
  fc.assert(
    fc.property(history, fc.infiniteStream(fc.nat()), (txs, random) => {
      const below = (n: number): number => (random.next().value ?? 0) % n;
      const registers = new Registers();
      const linearizer = new Linearizer(registers);
      // One author alone: each is known in its turn, and blocks order them in theirs.
      const waiting = sorted(txs).map((tx, i): Tx => {
        return { ...tx, position: { lamport: i + 1, author: 'x', seq: i + 1, index: 0 } };
      });
      const known: Tx[] = [];
      const final: Tx[] = [];
      for (let height = 1; waiting.length + known.length > 0; height++) {
        for (const tx of waiting.splice(0, below(4))) {
          if (tx.finalOnly) finish(linearizer.insert([tx]));
          else {
            finish(registers.apply(tx));
            linearizer.append(tx);
          }
          known.push(tx);
        }
        const block = known.splice(0, below(known.length + 1));
        finish(linearizer.decide([{ height, transactions: block }]));
        final.push(...block);
        const expected = serial([...final, ...known.filter((tx) => !tx.finalOnly)]);
        assert.deepEqual(state(registers), state(expected));
        for (const [tx, outcome] of expected.outcomes) assert.equal(registers.outcomes.get(tx), outcome);
      }
      assert.deepEqual(registers.order, final);
    }),
    { numRuns: 3000 },
  );
});

test('many blocks that come one after the other undo what they overtake once', () => {
  const registers = new Registers();
  const linearizer = new Linearizer(registers);
  const tx = (author: string, seq: number): Tx => ({
    position: { lamport: seq, author, seq, index: 0 },
    finalOnly: false,
    exclusive: false,
    set: [{ key: 'a', add: 1 }],
    when: undefined,
    clears: false,
  });
  const own = Array.from({ length: 10 }, (_, i) => tx('x', i + 1));
  finish(linearizer.insert(own));
  for (let height = 1; height <= 10; height++)
    finish(linearizer.decide([{ height, transactions: [tx('y', 10 + height)] }], true));
  finish(linearizer.resume());
  assert.equal(linearizer.stats.undone, own.length);
});

test('transactions that have nothing in common are not undone', () => {
  const registers = new Registers();
  const linearizer = new Linearizer(registers);
  const tx = (lamport: number, author: string, name: string): Tx => ({
    position: { lamport, author, seq: lamport, index: 0 },
    finalOnly: false,
    exclusive: false,
    set: [{ key: name, add: 1 }],
    when: undefined,
    clears: false,
  });
  finish(linearizer.insert([tx(5, 'x', 'a'), tx(6, 'x', 'b')]));
  finish(linearizer.insert([tx(1, 'y', 'c'), tx(2, 'y', 'd')]));
  assert.equal(linearizer.stats.undone, 0);
  finish(linearizer.insert([tx(3, 'y', 'b')]));
  assert.equal(linearizer.stats.undone, 1);
});
