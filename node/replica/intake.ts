/** Entries of others, from their arrival to the log: checked one by one, in causal order, bounded. */
import { STEP_ROWS, type Steps } from '../consistency/index.ts';
import {
  decodeEntry,
  decodeInSteps,
  DecodeError,
  decodeTransaction,
  hex,
  type ChainLink,
  type Entry,
  type SignedEntry,
  type Transaction,
} from '../log/index.ts';
import { StoppedError, type Slices } from './gate.ts';
import type { GroupLog } from './ports.ts';

export interface Incoming extends ChainLink {
  readonly transactions: readonly Transaction[];
}

/** An entry with so many bytes of transactions is read in slices. */
const LARGE_BYTES = 256 << 10;
/** What one write of the log takes. */
const BATCH_BYTES_MAX = 8 << 20;

/** Throws DecodeError. */
export function decodeIncoming(signed: SignedEntry, entry: Entry): Incoming {
  return { entry, signed, transactions: entry.transactions.map(decodeTransaction) };
}

/** An entry whose transactions may still be read. */
interface Waiting extends ChainLink {
  transactions: Incoming['transactions'] | undefined;
  /** It is its author's, by its own signature or by a later one. */
  readonly isProven: boolean;
}

type Accepted = Waiting & Incoming;

/** What is wrong with the bytes that `work` reads. */
function faultIn(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof DecodeError) return error.message;
    throw error;
  }
}

export interface IntakeOptions {
  readonly group: string;
  readonly log: GroupLog;
  /** False when the author is known to be no member. */
  readonly mayWrite: (entry: Entry) => boolean;
  readonly slices: Slices;
  /** Entries are here that receive() has not told of. */
  readonly onReady: () => void;
}

function* decodeAll(entry: Entry): Steps<Incoming['transactions']> {
  const transactions: Transaction[] = [];
  for (const bytes of entry.transactions) transactions.push(yield* decodeInSteps(bytes, STEP_ROWS));
  return transactions;
}

export class Intake {
  private readonly options: IntakeOptions;
  private readonly log: GroupLog;
  /** Checked, not yet durable here. */
  private ready: Incoming[] = [];
  /** By author, in order: their parents are not here yet, or they are still being read. */
  private readonly orphans = new Map<string, Waiting[]>();
  /** Authors of whom nothing was taken. */
  readonly strangers = new Set<string>();
  private readonly failed: { readonly author: string; readonly fault: string }[] = [];

  constructor(options: IntakeOptions) {
    this.options = options;
    this.log = options.log;
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
   * Takes entries of one author that somebody hands over, in order; their CIDs were made of what came. One that is here already is
   * passed over, one whose parents are not here waits for them. Says what is wrong with the first that is refused; those that
   * follow it are not taken either.
   */
  receive(run: readonly SignedEntry[]): string | undefined {
    const links: ChainLink[] = [];
    let fault: string | undefined;
    for (const signed of run) {
      fault = faultIn(() => {
        const entry = decodeEntry(signed.body);
        if (entry.seq > this.seqOf(hex(entry.author))) links.push({ signed, entry });
      });
      if (fault !== undefined) break;
    }
    const proven = this.log.chains.proven(links);
    for (const [index, link] of links.entries()) {
      const refused = this.admit(link, index < proven);
      if (refused !== undefined) return refused;
    }
    return fault;
  }

  /** The newest entry of an author that is here, checked or waiting. */
  private seqOf(author: string): number {
    return this.orphans.get(author)?.at(-1)?.entry.seq ?? this.log.chains.seqOf(author);
  }

  private admit({ signed, entry }: ChainLink, isProven: boolean): string | undefined {
    const isLarge = signed.body.length > LARGE_BYTES;
    const incoming: Waiting = { signed, entry, transactions: undefined, isProven };
    const malformed = faultIn(() => {
      if (!isLarge) incoming.transactions = entry.transactions.map(decodeTransaction);
    });
    if (malformed !== undefined) return malformed;
    const author = hex(entry.author);
    const waiting = this.orphans.get(author);
    if (entry.group !== this.options.group) return `it is of group ${entry.group}`;
    if (!waiting && !this.options.mayWrite(entry)) {
      this.strangers.add(author);
      return 'its author is no member';
    }
    if (waiting || isLarge || !this.hasParents(entry)) {
      if (waiting) waiting.push(incoming);
      else this.orphans.set(author, [incoming]);
      if (isLarge) void this.read(incoming, author);
      return undefined;
    }
    const fault = this.accept(incoming as Accepted);
    if (fault === undefined) this.adopt();
    return fault;
  }

  /** Reads the transactions of a large entry, which waits meanwhile. One that cannot be read goes, with those that follow it. */
  private async read(incoming: Waiting, author: string): Promise<void> {
    try {
      incoming.transactions = await this.options.slices(decodeAll(incoming.entry));
    } catch (error) {
      if (error instanceof StoppedError) return;
      if (!(error instanceof DecodeError)) throw error;
      this.failed.push({ author, fault: error.message });
      const waiting = this.orphans.get(author);
      const at = waiting?.indexOf(incoming) ?? -1;
      if (at > 0) waiting?.splice(at);
      else if (at === 0) this.orphans.delete(author);
      return;
    }
    this.adopt();
    if (!this.isEmpty) this.options.onReady();
  }

  private hasParents(entry: Entry): boolean {
    return entry.parents.every((parent) => this.log.chains.seqOf(hex(parent.author)) >= parent.seq);
  }

  private accept(incoming: Accepted): string | undefined {
    const fault = this.log.chains.next(incoming.signed, incoming.entry, incoming.isProven);
    if (fault) return `it fails the check of its ${fault.kind}`;
    this.ready.push(incoming);
    return undefined;
  }

  /** Entries that waited for parents which are here now. One that is no good goes, with those that follow it. */
  private adopt(): void {
    for (let found = this.orphans.size > 0; found;) {
      found = false;
      for (const [author, waiting] of this.orphans) {
        while (waiting[0]?.transactions && this.hasParents(waiting[0].entry)) {
          const fault = this.accept(waiting.shift() as Accepted);
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
