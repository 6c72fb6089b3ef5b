/** Who came before whom, and why: the graph of direct dependencies, in which a cycle says that no serial order explains a history. */
import { ensure } from '../kernel/scenario.ts';

export class Precedence<Node> {
  private readonly nodes: readonly Node[];
  private readonly places: ReadonlyMap<Node, number>;
  private readonly nameOf: (node: Node) => string;
  /** Of each, those that come directly before it, and why. */
  private readonly before: Map<number, string>[];
  /** Of each, all that come before it, a bit for each, as of the last `close()`. */
  private readonly ancestors: Uint32Array[];

  constructor(nodes: readonly Node[], nameOf: (node: Node) => string) {
    this.nodes = nodes;
    this.nameOf = nameOf;
    this.places = new Map(nodes.map((node, place) => [node, place]));
    this.before = nodes.map(() => new Map<number, string>());
    this.ancestors = nodes.map(() => new Uint32Array((nodes.length + 31) >> 5));
  }

  add(first: Node, second: Node, why: string): void {
    if (first === second) return;
    const before = this.before[this.place(second)] as Map<number, string>;
    const place = this.place(first);
    if (!before.has(place)) before.set(place, why);
  }

  /** Follows all ways. Throws SimulationFailure where one leads back to where it began. */
  close(): void {
    const followers: number[][] = this.nodes.map(() => []);
    const waits = this.before.map((before) => before.size);
    for (const [place, before] of this.before.entries())
      for (const first of before.keys()) followers[first]?.push(place);
    const ready = [...waits.keys()].filter((place) => waits[place] === 0);
    for (const place of ready) {
      const all = (this.ancestors[place] as Uint32Array).fill(0);
      for (const first of (this.before[place] as Map<number, string>).keys()) {
        for (const [i, bits] of (this.ancestors[first] as Uint32Array).entries()) all[i] = (all[i] as number) | bits;
        all[first >> 5] = (all[first >> 5] as number) | (1 << (first & 31));
      }
      for (const next of followers[place] as number[]) if (--(waits[next] as number) === 0) ready.push(next);
    }
    ensure(ready.length === this.nodes.length, () => `no serial order explains ${this.cycle(waits)}`);
  }

  /** True for a node and itself, too. */
  precedes(first: Node, second: Node): boolean {
    const place = this.place(first);
    return (
      first === second ||
      (((this.ancestors[this.place(second)] as Uint32Array)[place >> 5] as number) & (1 << (place & 31))) !== 0
    );
  }

  private place(node: Node): number {
    const place = this.places.get(node);
    if (place === undefined) throw new Error(`${this.nameOf(node)} is none of the graph's nodes`);
    return place;
  }

  /** Who still waits has somebody before it who waits. */
  private cycle(waits: readonly number[]): string {
    const way: number[] = [];
    let place = waits.findIndex((count) => count > 0);
    while (!way.includes(place)) {
      way.push(place);
      place = [...(this.before[place] as Map<number, string>).keys()].find(
        (first) => (waits[first] as number) > 0,
      ) as number;
    }
    const cycle = [...way.slice(way.indexOf(place)), place].reverse();
    return cycle
      .map((at, i) => {
        const next = cycle[i + 1];
        const name = this.nameOf(this.nodes[at] as Node);
        return next === undefined ? name : `${name} –${this.before[next]?.get(at)}→ `;
      })
      .join('');
  }
}
