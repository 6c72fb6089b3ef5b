/** Who votes at which height. */
import { height, type Height, type NodeId } from './ids.ts';

/** `voters` decide from height `from` on, until the next span begins. */
export interface VoterSpan {
  readonly from: Height;
  readonly voters: readonly NodeId[];
}

export class VoterSet {
  /** In ascending order. */
  readonly nodes: readonly NodeId[];

  constructor(nodes: readonly NodeId[]) {
    this.nodes = [...new Set(nodes)].sort((a, b) => (a < b ? -1 : 1));
    if (this.nodes.length === 0) throw new RangeError('a height without voters can never be decided');
  }

  get majority(): number {
    return Math.floor(this.nodes.length / 2) + 1;
  }

  has(node: NodeId): boolean {
    return this.nodes.includes(node);
  }

  /** True when the voters for which `holds` is true are a majority. */
  isQuorum(holds: (node: NodeId) => boolean): boolean {
    let count = 0;
    for (const node of this.nodes) if (holds(node)) count++;
    return count >= this.majority;
  }

  equals(other: VoterSet): boolean {
    return this.nodes.length === other.nodes.length && this.nodes.every((node, i) => node === other.nodes[i]);
  }
}

/** The voters of every height that this node can know: those up to its applied height plus the window. */
export class VoterSchedule {
  private entries: { from: Height; set: VoterSet }[] = [];
  private appliedHeight: Height = height(0);
  private readonly window: number;

  constructor(applied: Height, spans: readonly VoterSpan[], window: number) {
    this.window = window;
    this.reset(applied, spans);
  }

  /** Starts anew from a state. `spans` ascending, the first at or below applied + 1. */
  reset(applied: Height, spans: readonly VoterSpan[]): void {
    const first = spans[0];
    if (!first || first.from > applied + 1) throw new RangeError('the voters of the next height are missing');
    this.appliedHeight = applied;
    this.entries = spans.map(({ from, voters }) => ({ from, set: new VoterSet(voters) }));
  }

  get applied(): Height {
    return this.appliedHeight;
  }

  /** The last height whose voters are known. */
  get known(): Height {
    return height(this.appliedHeight + this.window);
  }

  /** The voters of a height; undefined when it is past `known` or before the oldest span. */
  at(h: Height): VoterSet | undefined {
    if (h > this.known) return undefined;
    for (let i = this.entries.length - 1; i >= 0; i--) {
      const entry = this.entries[i];
      if (entry && entry.from <= h) return entry.set;
    }
    return undefined;
  }

  /** Block `applied` is applied and says who decides the height a window after it. True when that changes the voters. */
  apply(applied: Height, voters: readonly NodeId[]): boolean {
    if (applied !== this.appliedHeight + 1)
      throw new RangeError(`height ${applied} applied after ${this.appliedHeight}`);
    const before = this.at(this.known);
    this.appliedHeight = applied;
    const set = new VoterSet(voters);
    const changed = before === undefined || !before.equals(set);
    if (changed) this.entries.push({ from: this.known, set });
    while (this.entries.length > 1 && (this.entries[1]?.from ?? 0) <= applied) this.entries.shift();
    return changed;
  }

  /** Who votes at any height in [from, known]. */
  votersFrom(from: Height): NodeId[] {
    const nodes = new Set<NodeId>();
    for (const set of this.setsFrom(from)) for (const node of set.nodes) nodes.add(node);
    return [...nodes];
  }

  /** The distinct sets that decide the heights in [from, known]. */
  setsFrom(from: Height): VoterSet[] {
    return this.entries.filter((_, i) => (this.entries[i + 1]?.from ?? Infinity) > from).map(({ set }) => set);
  }

  /** The first height that the voters of `h` decide; undefined when those are unknown. */
  startOf(h: Height): Height | undefined {
    return h > this.known ? undefined : this.entries.findLast(({ from }) => from <= h)?.from;
  }

  /** True when other voters take over at `h`, or at a height above it that is known already. */
  changesFrom(h: Height): boolean {
    return this.entries.some(({ from }, i) => i > 0 && from >= h);
  }

  /** What to keep beside the applied state, and to give to the next start. */
  spans(): VoterSpan[] {
    return this.entries.map(({ from, set }) => ({ from, voters: set.nodes }));
  }
}
