/**
 * Keeps the state equal to a serial run of all known transactions in the total order: those of decided blocks first, then
 * the tentative ones by position. Transactions arrive in any order that respects causality; one that belongs before others
 * that were applied already is applied behind them where they commute, else those are undone and done again.
 *
 * Invariant: of two applied transactions that do not commute, the earlier in the order was applied first. So the state is
 * that of the serial run, and undoing in reverse order always meets the rows as the undone transaction left them.
 *
 * What may take long is done in steps: between two of them nothing else may be asked of the linearizer than to append().
 */
import { comparePositions, type Position } from './order.ts';
import { FootprintIndex, type Footprint, type KeyFilter } from './footprint.ts';
import { Heap } from './heap.ts';
import { STEP_ROWS, type Steps } from './steps.ts';

/** Runs transactions against the state. */
export interface Applier<T> {
  /**
   * Runs it against the state as it stands. Whatever comes of it (applied, refused by a constraint) is a function of what its
   * footprint names, and of nothing else.
   */
  apply(transaction: T, isFinal: boolean): Steps<Footprint>;
  /** Takes back what its last apply() did. */
  undo(transaction: T): Steps<void>;
  /** It will never be undone. Called in the final order. */
  settle(transaction: T): void;
  /** All that stands in blocks up to `height` is settled, and nothing else. */
  settled(height: number): Steps<void>;
}

/** A decided block: all transactions that it adds, in any order. */
export interface DecidedBlock<T> {
  readonly height: number;
  readonly transactions: readonly T[];
}

/** A transaction as the order needs to know it. */
export interface Orderable {
  readonly position: Position;
  /** Runs only at its place in a block: a schema change, or one that asked for certification. */
  readonly finalOnly: boolean;
  /** Commutes with nothing, and cannot be undone once it is applied: a schema change. */
  readonly exclusive: boolean;
}

const UNTOLD: Footprint = { reads: [], writes: [] };
const TENTATIVE = Number.POSITIVE_INFINITY;
/** All that are known are looked at, not only what a block's transactions touched, where they are no more than so many times these. */
const SCAN_FACTOR = 4;
/** Where blocks have overtaken so large a part of all that are known, the rest is postponed with it: then nobody is looked for any more. */
const MANY = 0.2;
const NOBODY: ReadonlySet<never> = new Set<never>();

class Node<T> {
  readonly transaction: T & Orderable;
  /** Height of the block that ordered it. */
  height = TENTATIVE;
  /** Of its run; undefined: not applied. */
  footprint: Footprint | undefined;
  /** Of the run before that was undone: what the next one will probably touch. */
  expected: Footprint | undefined;

  constructor(transaction: T & Orderable) {
    this.transaction = transaction;
  }

  /** Asked for anew: a transaction that has none yet gets one that is behind all that are known then. */
  get position(): Position {
    return this.transaction.position;
  }
}

function compare<T>(a: Node<T>, b: Node<T>): number {
  return a.height === b.height ? comparePositions(a.position, b.position) : a.height - b.height;
}

/** What it cost to keep the order, for metrics. */
export interface LinearizerStats {
  applied: number;
  undone: number;
}

export class Linearizer<T extends Orderable> {
  private readonly applier: Applier<T>;
  private readonly nodes = new Map<T, Node<T>>();
  private readonly index = new FootprintIndex<Node<T>>();
  /** Taken out of the state by blocks, and to be run again when no more of these are to come at once. */
  private readonly postponed = new Set<Node<T>>();
  /** No applied one stands behind this, which may have been undone, or settled and so in front of all. */
  private newest: Node<T> | undefined;
  /** Whether there may be some that did not say what they touched: they commute with nobody. */
  private hasUntold = false;
  readonly stats: LinearizerStats = { applied: 0, undone: 0 };

  constructor(applier: Applier<T>) {
    this.applier = applier;
  }

  /** Transactions that no block has ordered yet. */
  get tentative(): number {
    return this.nodes.size;
  }

  /** Whether the state holds what no block has ordered. */
  get hasApplied(): boolean {
    for (const { footprint } of this.nodes.values()) if (footprint) return true;
    return false;
  }

  /**
   * A transaction that was run already, behind all others: the node's own. What it touched may be said later, where nobody else writes:
   * then only what waits for its block can come before it, and it is done again behind that.
   */
  append(transaction: T, footprint: Footprint = UNTOLD): void {
    const node = new Node<T>(transaction);
    this.hasUntold ||= footprint === UNTOLD;
    this.nodes.set(transaction, node);
    this.applied(node, footprint);
  }

  /** Before anything comes between: what those transactions touched that were appended without saying so. */
  tell(footprintOf: (transaction: T) => Footprint): void {
    for (const node of this.nodes.values()) {
      if (node.footprint !== UNTOLD) continue;
      node.footprint = footprintOf(node.transaction);
      this.index.add(node, node.footprint);
    }
    this.hasUntold = false;
  }

  /** Transactions that became known. Those that run only in blocks wait for theirs. */
  *insert(transactions: readonly T[]): Steps<void> {
    const nodes: Node<T>[] = [];
    for (const transaction of transactions) {
      const node = new Node<T>(transaction);
      this.nodes.set(transaction, node);
      if (!transaction.finalOnly) nodes.push(node);
    }
    yield* this.run(nodes);
  }

  /** Transactions that shall never have been. */
  *remove(transactions: readonly T[]): Steps<void> {
    const gone = new Set<Node<T>>();
    for (const transaction of transactions) {
      const node = this.nodes.get(transaction);
      if (node) gone.add(node);
    }
    const applied = new Set([...gone].filter((node) => node.footprint));
    const withdrawn = yield* this.withdraw(applied);
    for (const node of gone) {
      this.nodes.delete(node.transaction);
      this.postponed.delete(node);
    }
    yield* this.run(withdrawn.filter((node) => !gone.has(node)));
  }

  /** All that no block has ordered, in no particular order. */
  transactions(): T[] {
    return [...this.nodes.keys()];
  }

  /**
   * Blocks were decided, in this order, the newest that there are. What is not known yet becomes known. What they overtake is
   * undone and done again once for all of them; where more are to come, by resume() only: until then the state lacks it.
   */
  *decide(blocks: readonly DecidedBlock<T>[], areMoreToCome = false): Steps<void> {
    const heights = new Map<Node<T>, number>();
    const decided = blocks.map(({ height, transactions }) => {
      const nodes = transactions.map((transaction) => this.nodes.get(transaction) ?? new Node<T>(transaction));
      for (const node of nodes) heights.set(node, height);
      return { height, nodes };
    });
    const withdrawn = yield* this.withdraw(yield* this.overtaken(decided, heights));
    for (const [node, height] of heights) {
      node.height = height;
      this.nodes.set(node.transaction, node);
      this.postponed.delete(node);
    }
    // It moved to the front.
    if (this.newest && heights.has(this.newest)) this.findNewest();
    const queue = new Set([...heights.keys()].filter((node) => !node.footprint));
    for (const node of withdrawn) (areMoreToCome && node.height === TENTATIVE ? this.postponed : queue).add(node);
    yield* this.run(queue, areMoreToCome);
    for (const { height, nodes } of decided) {
      for (const node of nodes.sort(compare)) {
        if (node.footprint) yield* this.index.remove(node, node.footprint);
        this.nodes.delete(node.transaction);
        this.applier.settle(node.transaction);
        yield;
      }
      yield* this.applier.settled(height);
    }
    if (this.nodes.size < SCAN_FACTOR * heights.size) this.findNewest();
  }

  /** How many wait for resume(). */
  get postponedCount(): number {
    return this.postponed.size;
  }

  /** No more blocks are to come at once: what they overtook is done again. */
  *resume(): Steps<void> {
    const nodes = [...this.postponed];
    this.postponed.clear();
    yield* this.run(nodes);
  }

  /** Whether a block of these transactions finds nothing to be run or undone: they are applied, and alone. */
  confirms(transactions: readonly T[]): boolean {
    const nodes = new Set<Node<T>>();
    for (const transaction of transactions) {
      const node = this.nodes.get(transaction);
      if (!node?.footprint) return false;
      nodes.add(node);
    }
    return this.index.holdsOnly(nodes);
  }

  /** Applied transactions that stood before one of the blocks', do not commute with it, and stand behind it from now on. */
  private *overtaken(
    blocks: readonly { readonly height: number; readonly nodes: readonly Node<T>[] }[],
    heights: ReadonlyMap<Node<T>, number>,
  ): Steps<ReadonlySet<Node<T>>> {
    const overtaken = new Set<Node<T>>();
    if (blocks.length === 1 && this.index.holdsOnly(heights)) return overtaken;
    if (this.nodes.size < SCAN_FACTOR * heights.size && this.areNext(blocks, heights)) return overtaken;
    yield* this.index.enter();
    let keys = 0;
    for (const { height, nodes } of blocks) {
      const test = (other: Node<T>, last: Position): void => {
        if (comparePositions(other.position, last) < 0 && (heights.get(other) ?? TENTATIVE) > height)
          overtaken.add(other);
      };
      for (const [key, last] of yield* lastPositions(nodes, 'writes')) {
        if (++keys % STEP_ROWS === 0) yield;
        for (const other of this.index.writersOf(key)) test(other, last);
        for (const other of this.index.readersOf(key)) test(other, last);
      }
      for (const [key, last] of yield* lastPositions(nodes, 'reads')) {
        if (++keys % STEP_ROWS === 0) yield;
        for (const other of this.index.writersOf(key)) test(other, last);
      }
    }
    return overtaken;
  }

  /** Whether the applied ones of these blocks stand in front of all others, block by block: where one node writes at a time. */
  private areNext(
    blocks: readonly { readonly nodes: readonly Node<T>[] }[],
    heights: ReadonlyMap<Node<T>, number>,
  ): boolean {
    let last: Position | undefined;
    const isBehind = ({ position }: Node<T>): boolean => !last || comparePositions(position, last) > 0;
    for (const { nodes } of blocks) {
      const applied = nodes.filter(({ footprint }) => footprint);
      if (!applied.every(isBehind)) return false;
      for (const node of applied) if (isBehind(node)) last = node.position;
    }
    for (const node of this.nodes.values()) if (node.footprint && !heights.has(node) && !isBehind(node)) return false;
    return true;
  }

  private applied(node: Node<T>, footprint: Footprint): void {
    if (this.isNewest(node)) this.newest = node;
    node.footprint = footprint;
    this.index.add(node, footprint);
    this.stats.applied++;
  }

  /** Nothing that is applied stands behind it. */
  private isNewest(node: Node<T>): boolean {
    return !this.newest || compare(node, this.newest) >= 0;
  }

  private findNewest(): void {
    this.newest = undefined;
    for (const node of this.nodes.values()) if (node.footprint && this.isNewest(node)) this.newest = node;
  }

  private laterThan(node: Node<T>): ReadonlySet<Node<T>> {
    const later = new Set<Node<T>>();
    for (const other of this.nodes.values()) if (other.footprint && compare(other, node) > 0) later.add(other);
    return later;
  }

  /** Undoes nodes with all later ones that do not commute with them. Returns what is to be done again. */
  private *withdraw(roots: ReadonlySet<Node<T>>): Steps<Node<T>[]> {
    if (roots.size === 0) return [];
    const all = new Set(roots);
    yield* this.addLater(all);
    return yield* this.takeOut(all);
  }

  /** Undoes nodes behind which none stands that does not commute with them. */
  private *takeOut(all: Iterable<Node<T>>): Steps<Node<T>[]> {
    const withdrawn = [...all].sort(compare);
    for (let i = withdrawn.length - 1; i >= 0; i--) yield* this.undo(withdrawn[i] as Node<T>);
    if (this.nodes.size < SCAN_FACTOR * withdrawn.length) this.findNewest();
    return withdrawn;
  }

  /** Adds all later ones that do not commute with one of these nodes. */
  private *addLater(all: Set<Node<T>>): Steps<void> {
    if (this.hasUntold) {
      const [first] = [...all].sort(compare);
      if (first) for (const other of this.laterThan(first)) all.add(other);
      return;
    }
    // Whoever is behind a node on a key is behind all that precede it there: each key is looked at from its first node on.
    const first = { reads: new Map<string, Node<T>>(), writes: new Map<string, Node<T>>() };
    const isFirst = (node: Node<T>) => (key: string, what: 'reads' | 'writes') => {
      const known = first[what].get(key);
      if (known && compare(known, node) <= 0) return false;
      first[what].set(key, node);
      return true;
    };
    for (const node of all)
      for (const other of yield* this.laterWith(node, node.footprint, isFirst(node))) all.add(other);
  }

  /** All that no block has ordered and is applied still: nothing stands behind it. */
  private *postponeRest(): Steps<void> {
    const rest = [...this.nodes.values()].filter(({ footprint, height }) => footprint && height === TENTATIVE);
    for (const node of yield* this.takeOut(rest)) this.postponed.add(node);
  }

  private *undo(node: Node<T>): Steps<void> {
    yield* this.applier.undo(node.transaction);
    if (node.footprint) yield* this.index.remove(node, node.footprint);
    node.expected = node.footprint;
    node.footprint = undefined;
    this.stats.undone++;
    yield;
  }

  /** Applied nodes behind `node` that do not commute with a footprint of it, or with those of its keys that are `wanted`. */
  private *laterWith(node: Node<T>, footprint: Footprint | undefined, wanted?: KeyFilter): Steps<ReadonlySet<Node<T>>> {
    if (this.hasUntold || footprint?.everything) return this.laterThan(node);
    if (!footprint) return NOBODY;
    let later: Set<Node<T>> | undefined;
    yield* this.index.later(
      footprint,
      (other) => compare(other, node) > 0,
      (other) => (later ??= new Set()).add(other),
      wanted,
    );
    return later ?? NOBODY;
  }

  /** Applies nodes at their places in the order; `postpones`: only those of blocks. */
  private *run(nodes: Iterable<Node<T>>, postpones = false): Steps<void> {
    // What is undone on the way goes back into it.
    const queue = new Heap<Node<T>>(compare, nodes);
    let isRestPostponed = !postpones;
    const clear = function* (this: Linearizer<T>, later: ReadonlySet<Node<T>>): Steps<void> {
      for (const node of yield* this.withdraw(later)) {
        if (postpones && node.height === TENTATIVE) this.postponed.add(node);
        else queue.push(node);
      }
      if (isRestPostponed || this.postponed.size < MANY * this.nodes.size) return;
      isRestPostponed = true;
      yield* this.postponeRest();
    }.bind(this);
    for (let node = queue.pop(); node; node = queue.pop()) {
      if (!this.isNewest(node)) {
        const { transaction, expected } = node;
        const later = transaction.exclusive ? this.laterThan(node) : yield* this.laterWith(node, expected);
        if (later.size > 0) yield* clear(later);
      }
      for (;;) {
        const footprint = yield* this.applier.apply(node.transaction, node.height !== TENTATIVE);
        const later = this.isNewest(node) ? NOBODY : yield* this.laterWith(node, footprint);
        if (later.size === 0) {
          this.applied(node, footprint);
          break;
        }
        // It ran on top of transactions that stand behind it and do not commute with it.
        yield* this.applier.undo(node.transaction);
        yield* clear(later);
      }
      yield;
    }
  }
}

/** Of each key that one of the nodes read, or wrote, the last position among these. */
function* lastPositions<T>(nodes: readonly Node<T>[], what: 'reads' | 'writes'): Steps<ReadonlyMap<string, Position>> {
  const last = new Map<string, Position>();
  let keys = 0;
  for (const { footprint, position } of nodes) {
    for (const key of footprint?.[what] ?? []) {
      if (++keys % STEP_ROWS === 0) yield;
      const known = last.get(key);
      if (!known || comparePositions(known, position) < 0) last.set(key, position);
    }
  }
  return last;
}
