/** Entries of others, from their arrival to the log: checked one by one, in causal order, bounded. */
import {
  decodeEntry,
  DecodeError,
  decodeTransaction,
  hex,
  type Entry,
  type SignedEntry,
  type Transaction,
} from '../log/index.ts';
import type { GroupLog } from './ports.ts';

export interface Incoming {
  readonly entry: Entry;
  readonly signed: SignedEntry;
  readonly transactions: readonly Transaction[];
}

/** What one write of the log takes. */
const BATCH_BYTES_MAX = 8 << 20;

/** Throws DecodeError. */
export function decodeIncoming(signed: SignedEntry, entry: Entry): Incoming {
  return { entry, signed, transactions: entry.transactions.map(decodeTransaction) };
}

export class Intake {
  private readonly group: string;
  private readonly log: GroupLog;
  private readonly mayWrite: (entry: Entry) => boolean;
  /** Checked, not yet durable here. */
  private ready: Incoming[] = [];
  /** By author, in order: their parents are not here yet. */
  private readonly orphans = new Map<string, Incoming[]>();
  /** Authors of whom nothing was taken. */
  readonly strangers = new Set<string>();
  private readonly failed: { readonly author: string; readonly fault: string }[] = [];

  /** `mayWrite`: false when the author is known to be no member. */
  constructor(group: string, log: GroupLog, mayWrite: (entry: Entry) => boolean) {
    this.group = group;
    this.log = log;
    this.mayWrite = mayWrite;
  }

  get isEmpty(): boolean {
    return this.ready.length === 0;
  }

  /** Entries, by what they wait for. */
  get waiting(): { readonly disk: number; readonly parents: number } {
    const parents = [...this.orphans.values()].reduce((sum, waiting) => sum + waiting.length, 0);
    return { disk: this.ready.length, parents };
  }

  /**
   * Takes an entry that somebody hands over; those of one author come in order. One that is here already is passed over, one whose
   * parents are not here waits for them. Says what is wrong with one that is refused.
   */
  receive(signed: SignedEntry): string | undefined {
    let incoming: Incoming;
    try {
      incoming = decodeIncoming(signed, decodeEntry(signed.body));
    } catch (error) {
      if (error instanceof DecodeError) return error.message;
      throw error;
    }
    const { entry } = incoming;
    const author = hex(entry.author);
    const waiting = this.orphans.get(author);
    if (entry.seq <= (waiting?.at(-1)?.entry.seq ?? this.log.chains.seqOf(author))) return undefined;
    if (entry.group !== this.group) return `it is of group ${entry.group}`;
    if (waiting) {
      waiting.push(incoming);
      return undefined;
    }
    if (!this.mayWrite(entry)) {
      this.strangers.add(author);
      return 'its author is no member';
    }
    if (!this.hasParents(entry)) {
      this.orphans.set(author, [incoming]);
      return undefined;
    }
    const fault = this.accept(incoming);
    if (fault === undefined) this.adopt();
    return fault;
  }

  private hasParents(entry: Entry): boolean {
    return entry.parents.every((parent) => this.log.chains.seqOf(hex(parent.author)) >= parent.seq);
  }

  private accept(incoming: Incoming): string | undefined {
    const fault = this.log.chains.next(incoming.signed, incoming.entry);
    if (fault) return `it fails the check of its ${fault.kind}`;
    this.ready.push(incoming);
    return undefined;
  }

  /** Entries that waited for parents which are here now. One that is no good goes, with those that follow it. */
  private adopt(): void {
    for (let found = this.orphans.size > 0; found;) {
      found = false;
      for (const [author, waiting] of this.orphans) {
        while (waiting[0] && this.hasParents(waiting[0].entry)) {
          const fault = this.accept(waiting.shift() as Incoming);
          if (fault !== undefined) {
            waiting.length = 0;
            this.failed.push({ author, fault });
          }
          found = true;
        }
        if (waiting.length === 0) this.orphans.delete(author);
      }
    }
  }

  /** Authors of whom what had waited is gone, because it was no good: it is to be asked for again. */
  takeFailed(): readonly { readonly author: string; readonly fault: string }[] {
    return this.failed.splice(0);
  }

  /** What goes into the next write of the log. */
  take(): Incoming[] {
    let bytes = 0;
    let count = 0;
    while (count < this.ready.length && bytes < BATCH_BYTES_MAX)
      bytes += (this.ready[count++] as Incoming).signed.body.length;
    return this.ready.splice(0, count);
  }

  /** The log had no room for them: they are tried again. */
  putBack(incoming: readonly Incoming[]): void {
    this.ready = [...incoming, ...this.ready];
  }
}
