/** What this replica proposes as the next block, and what it may vote for. */
import { hex, sameBytes, type Cut, type Entry } from '../log/index.ts';
import type { Blocks } from './blocks.ts';
import type { GroupLog, ReplicaEvents } from './ports.ts';
import type { UnorderedEntries } from './unordered.ts';

/** An entry that the log's disk works on. */
export interface Written {
  readonly entry: Entry;
  readonly author: string;
  readonly cid: Uint8Array;
  /** It has a transaction that runs only in a block. */
  readonly isUrgent: boolean;
}

/** A block as this replica would cut it. */
export interface Proposal {
  readonly value: Uint8Array;
  /** All that it orders is durable here. */
  readonly held: boolean;
  /** The nodes whose transactions it orders. */
  readonly authors: ReadonlySet<string>;
}

export interface VotingOptions {
  readonly log: GroupLog;
  readonly events: ReplicaEvents;
  readonly blocks: Blocks;
  readonly unordered: UnorderedEntries;
  readonly mayWrite: (entry: Entry) => boolean;
  /** That very entry is durable, though perhaps not in the order. */
  readonly isHeld: (cut: Cut) => boolean;
}

export class Voting {
  private readonly options: VotingOptions;
  private written: readonly Written[] = [];

  constructor(options: VotingOptions) {
    this.options = options;
  }

  /**
   * These entries are being written, and none was before. Where they were given to the others, a block may name them already: the
   * others' disks work on them at the same time, and this replica votes for the block once they are durable here.
   */
  writing(entries: readonly Written[]): void {
    this.written = entries;
  }

  /** Somebody waits for a block of what is being written. */
  get isUrgent(): boolean {
    return this.written.some(({ isUrgent }) => isUrgent);
  }

  /** The next block as this replica would cut it, or undefined when there is nothing to order. */
  proposal(height: number, time: number): Proposal | undefined {
    const { blocks, unordered, mayWrite } = this.options;
    if (height !== blocks.height + 1) return undefined;
    const cut = unordered.cut();
    let held = true;
    for (const { entry, author, cid } of this.written) {
      const before = cut.get(author)?.seq ?? blocks.finalSeq(author);
      if (entry.seq !== before + 1 || entry.height > blocks.height || !mayWrite(entry)) continue;
      cut.set(author, { author, seq: entry.seq, cid });
      held = false;
    }
    if (cut.size === 0) return undefined;
    const sorted = [...cut.values()].sort((a, b) => (a.author < b.author ? -1 : 1));
    return { value: blocks.encode(sorted, time), held, authors: new Set(sorted.map((c) => this.nodeOf(c))) };
  }

  /** A block that orders nothing, for a decision that is due all the same. */
  emptyProposal(height: number, time: number): Proposal | undefined {
    const { blocks } = this.options;
    if (height !== blocks.height + 1) return undefined;
    return { value: blocks.encode([], time), held: true, authors: new Set() };
  }

  private nodeOf({ author }: Cut): string {
    const key = this.options.log.chains.byAuthor.get(author)?.key;
    return key ? hex(key) : '';
  }

  /**
   * Whether this replica may vote for a block: it holds, durably, all that the block orders ('later': it may yet), and its state is the
   * one that the proposer says it has.
   */
  mayVoteFor(value: Uint8Array): 'yes' | 'later' | 'never' | 'differs' {
    const { blocks, unordered, events, isHeld } = this.options;
    const block = blocks.follower(value);
    if (typeof block === 'string') return block;
    let answer: 'yes' | 'later' = 'yes';
    for (const cut of block.cut) {
      if (events.hasEnded(cut.author)) return 'never';
      const ordered = unordered.cidOf(cut);
      if (ordered && sameBytes(ordered, cut.cid)) continue;
      if (!isHeld(cut)) answer = 'later';
    }
    return answer;
  }
}
