/** Links between nodes, and what is wrong with them. A link is one way: a cut can be, too. */
import type { Random } from './random.ts';

export interface LinkFaults {
  /** Milliseconds. */
  delayMin: number;
  delayMax: number;
  /** Probabilities for each message. */
  drop: number;
  duplicate: number;
  corrupt: number;
  /** Whether a message may overtake another on the same link. */
  reorder: boolean;
}

export const HEALTHY: Readonly<LinkFaults> = {
  delayMin: 0.05,
  delayMax: 0.5,
  drop: 0,
  duplicate: 0,
  corrupt: 0,
  reorder: false,
};

export class Network {
  faults: LinkFaults = { ...HEALTHY };
  private readonly random: Random;
  private readonly cuts = new Set<string>();
  private readonly lastArrival = new Map<string, number>();

  constructor(random: Random) {
    this.random = random;
  }

  cut(from: string, to: string): void {
    this.cuts.add(`${from} ${to}`);
  }

  /** Cuts every link between the sides, or only those that lead out of the first. */
  partition(side: readonly string[], other: readonly string[], oneWay: boolean): void {
    for (const a of side) {
      for (const b of other) {
        this.cut(a, b);
        if (!oneWay) this.cut(b, a);
      }
    }
  }

  isCut(from: string, to: string): boolean {
    return this.cuts.has(`${from} ${to}`);
  }

  mend(): void {
    this.cuts.clear();
  }

  heal(): void {
    this.mend();
    this.faults = { ...HEALTHY };
  }

  /** When a message that leaves at some time arrives: never, once or twice. */
  deliveries(from: string, to: string, leaves: number): number[] {
    const { random, faults } = this;
    if (this.isCut(from, to) || random.chance(faults.drop)) return [];
    const link = `${from} ${to}`;
    const arrival = (): number => {
      const at = leaves + random.between(faults.delayMin, faults.delayMax);
      if (faults.reorder) return at;
      const inOrder = Math.max(at, this.lastArrival.get(link) ?? 0);
      this.lastArrival.set(link, inOrder);
      return inOrder;
    };
    return random.chance(faults.duplicate) ? [arrival(), arrival()] : [arrival()];
  }

  /** When what may not be lost arrives: after all that left before it and may not be lost either. */
  delivery(from: string, to: string, leaves: number): number {
    const { random, faults } = this;
    const link = `${from} ${to} in order`;
    const at = Math.max(leaves + random.between(faults.delayMin, faults.delayMax), this.lastArrival.get(link) ?? 0);
    this.lastArrival.set(link, at);
    return at;
  }

  /** The bytes with a few bits turned over or cut short, as a broken link would leave them. */
  corrupted(bytes: Uint8Array): Uint8Array | undefined {
    const { random } = this;
    if (!random.chance(this.faults.corrupt) || bytes.length === 0) return undefined;
    const broken = bytes.slice(0, random.chance(0.3) ? random.below(bytes.length) : bytes.length);
    for (let n = 1 + random.below(3); n > 0 && broken.length > 0; n--) {
      const at = random.below(broken.length);
      broken[at] = (broken[at] ?? 0) ^ (1 << random.below(8));
    }
    return broken;
  }
}
