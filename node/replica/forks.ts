/** Authors that signed two entries with one number: what is known of them here, and which of their entries are wanted by their hash. */
import { hex, sameBytes, type Cut } from '../log/index.ts';
import type { GroupLog } from './ports.ts';

/** So many are asked for at a time. */
const WANTED_MAX = 64;

const UNPROVEN_MAX = 256;

/** Said of an entry that may be its author's own: no fault of who gave it. */
export const FORKED = 'its author signed another entry in its place';

export class Forks {
  /** Authors of entries that came without a good signature: somebody may have changed it on the way. */
  private readonly unproven = new Set<string>();
  private readonly log: GroupLog;
  /** By author, and where one of its entries stands of which there is another version. */
  readonly suspects = new Map<string, number>();
  /** By CID in hex. */
  private readonly wanted = new Map<string, Cut>();

  constructor(log: GroupLog) {
    this.log = log;
  }

  /** After the log was read. */
  begin(): void {
    for (const author of this.log.forked) this.suspect(author, this.log.seqOf(author));
  }

  suspect(author: string, seq: number): void {
    if (!this.suspects.has(author)) this.suspects.set(author, seq);
  }

  get isEmpty(): boolean {
    return this.suspects.size === 0 && this.unproven.size === 0;
  }

  noteUnproven(author: string): void {
    if (this.unproven.size < UNPROVEN_MAX) this.unproven.add(author);
  }

  /** As holds(), of an entry that a voter's block names: that it is the author's own has been checked where it came with others. */
  holdsOrdered(cut: Cut, here: Uint8Array | undefined): boolean {
    return this.holds(cut, here, this.unproven.has(cut.author));
  }

  /**
   * Whether an entry that is named is durable, though the order here may hold another one, `here`, in its place. Where it is not, it is
   * wanted from now on.
   */
  holds(cut: Cut, here: Uint8Array | undefined, isWanted = false): boolean {
    const { author, seq, cid } = cut;
    if (here && !sameBytes(here, cid)) this.suspect(author, seq);
    if (!isWanted && !this.suspects.has(author)) return false;
    if (this.log.holds(author, seq, cid)) return true;
    if (this.wanted.size < WANTED_MAX) this.wanted.set(hex(cid), cut);
    return false;
  }

  /** What is to be asked for. `isOver`: nobody needs that one any more. */
  missing(isOver: (cut: Cut) => boolean): readonly Cut[] {
    for (const [key, cut] of this.wanted)
      if (isOver(cut) || this.log.holds(cut.author, cut.seq, cut.cid)) this.wanted.delete(key);
    return [...this.wanted.values()];
  }
}
