/** Random choices from one source. */
export class Dice {
  readonly next: () => number;

  /** `next` gives numbers from 0 to below 1. */
  constructor(next: () => number) {
    this.next = next;
  }

  /** From 0 to below `n`. */
  int(n: number): number {
    return Math.floor(this.next() * n);
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(list.length)] as T;
  }

  /** Each with this chance; one at least. */
  some<T>(list: readonly T[], share: number): T[] {
    const chosen = list.filter(() => this.chance(share));
    return chosen.length > 0 ? chosen : [this.pick(list)];
  }
}
