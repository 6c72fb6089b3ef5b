/**
 * Keeps the state equal to a serial run of all known transactions in the total order: those of decided blocks first, then
 * the tentative ones by position. Transactions arrive in any order that respects causality; one that belongs before others
 * that were applied already is applied behind them where they commute, else those are undone and done again.
 *
 * Invariant: of two applied transactions that do not commute, the earlier in the order was applied first. So the state is
 * that of the serial run, and undoing in reverse order always meets the rows as the undone transaction left them.
 */
import { comparePositions, type Position } from './order.ts';
import { FootprintIndex, type Footprint } from './footprint.ts';

/** Runs transactions against the state. */
export interface Applier<T> {
  /**
   * Runs it against the state as it stands. Whatever comes of it (applied, refused by a constraint) is a function of what its
   * footprint names, and of nothing else.
   */
  apply(transaction: T, isFinal: boolean): Footprint;
  /** Takes back what its last apply() did. */
  undo(transaction: T): void;
  /** It will never be undone. Called in the final order. */
  settle(transaction: T): void;
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

class Node<T> {
  readonly transaction: T & Orderable;
  /** Height of the block that ordered it. */
  height = TENTATIVE;
  /** Of its last run; undefined: not applied. */
  footprint: Footprint | undefined;

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
  readonly stats: LinearizerStats = { applied: 0, undone: 0 };

  constructor(applier: Applier<T>) {
    this.applier = applier;
  }

  /** Transactions that no block has ordered yet. */
  get tentative(): number {
    return this.nodes.size;
  }

  /** A transaction that was run already, behind all others: the node's own. What it touched may be said later. */
  append(transaction: T, footprint: Footprint = UNTOLD): void {
    const node = new Node<T>(transaction);
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
  }

  /** Transactions that became known. Those that run only in blocks wait for theirs. */
  insert(transactions: readonly T[]): void {
    const nodes: Node<T>[] = [];
    for (const transaction of transactions) {
      const node = new Node<T>(transaction);
      this.nodes.set(transaction, node);
      if (!transaction.finalOnly) nodes.push(node);
    }
    this.run(nodes);
  }

  /** Transactions that shall never have been. */
  remove(transactions: readonly T[]): void {
    const gone = new Set<Node<T>>();
    for (const transaction of transactions) {
      const node = this.nodes.get(transaction);
      if (node) gone.add(node);
    }
    const applied = new Set([...gone].filter((node) => node.footprint));
    const withdrawn = this.withdraw(applied);
    for (const node of gone) this.nodes.delete(node.transaction);
    this.run(withdrawn.filter((node) => !gone.has(node)));
  }

  /** All that no block has ordered, in no particular order. */
  transactions(): T[] {
    return [...this.nodes.keys()];
  }

  /** A block was decided: `transactions` are all those it adds, in any order. They must be known. */
  decide(height: number, transactions: readonly T[]): void {
    const block = transactions.map((t) => {
      const node = this.nodes.get(t);
      if (!node) throw new Error(`block ${height} orders a transaction that is not here`);
      return node;
    });
    const inBlock = new Set(block);
    // A tentative transaction that stood before one of the block now stands behind it.
    const overtaken = new Set<Node<T>>();
    if (inBlock.size < this.nodes.size) {
      for (const node of block) {
        this.others(node, node.footprint, (other) => {
          if (!inBlock.has(other) && comparePositions(other.position, node.position) < 0) overtaken.add(other);
        });
      }
    }
    const queue = this.withdraw(overtaken);
    for (const node of block) {
      node.height = height;
      if (node.footprint === undefined && !queue.includes(node)) queue.push(node);
    }
    this.run(queue);
    for (const node of block.sort(compare)) {
      if (node.footprint) this.index.remove(node, node.footprint);
      this.nodes.delete(node.transaction);
      this.applier.settle(node.transaction);
    }
  }

  private applied(node: Node<T>, footprint: Footprint): void {
    node.footprint = footprint;
    this.index.add(node, footprint);
    this.stats.applied++;
  }

  /** Applied nodes that do not commute with a footprint, other than `node`. */
  private others(node: Node<T>, footprint: Footprint | undefined, found: (other: Node<T>) => void): void {
    if (!footprint) return;
    if (footprint.everything) {
      for (const other of this.nodes.values()) if (other !== node && other.footprint) found(other);
      return;
    }
    this.index.conflicting(footprint, (other) => {
      if (other !== node) found(other);
    });
  }

  private laterThan(node: Node<T>): ReadonlySet<Node<T>> {
    const later = new Set<Node<T>>();
    for (const other of this.nodes.values()) if (other.footprint && compare(other, node) > 0) later.add(other);
    return later;
  }

  /** Undoes nodes with all later ones that do not commute with them. Returns what is to be done again. */
  private withdraw(roots: ReadonlySet<Node<T>>): Node<T>[] {
    if (roots.size === 0) return [];
    const all = new Set(roots);
    for (const node of all) {
      this.others(node, node.footprint, (other) => {
        if (compare(other, node) > 0) all.add(other);
      });
    }
    const withdrawn = [...all].sort(compare);
    for (let i = withdrawn.length - 1; i >= 0; i--) this.undo(withdrawn[i] as Node<T>);
    return withdrawn;
  }

  private undo(node: Node<T>): void {
    this.applier.undo(node.transaction);
    if (node.footprint) this.index.remove(node, node.footprint);
    node.footprint = undefined;
    this.stats.undone++;
  }

  /** Applies nodes at their places in the order. */
  private run(nodes: readonly Node<T>[]): void {
    // A stack of sorted nodes, the first on top; what is undone on the way goes back onto it.
    let queue = [...nodes].sort((a, b) => compare(b, a));
    for (let node = queue.pop(); node; node = queue.pop()) {
      const current = node;
      if (current.transaction.exclusive) queue = merged(queue, this.withdraw(this.laterThan(current)));
      for (;;) {
        const footprint = this.applier.apply(current.transaction, current.height !== TENTATIVE);
        const later = new Set<Node<T>>();
        this.others(current, footprint, (other) => {
          if (compare(other, current) > 0) later.add(other);
        });
        if (later.size === 0) {
          this.applied(current, footprint);
          break;
        }
        // It ran on top of transactions that stand behind it and do not commute with it.
        this.applier.undo(current.transaction);
        queue = merged(queue, this.withdraw(later));
      }
    }
  }
}

/** `stack` is sorted backwards, `more` forwards; the outcome is sorted backwards. */
function merged<T>(stack: Node<T>[], more: readonly Node<T>[]): Node<T>[] {
  if (stack.length === 0) return [...more].reverse();
  return [...stack, ...more].sort((a, b) => compare(b, a));
}
