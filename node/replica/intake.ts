/** Entries of others, from their arrival to the log: checked one by one, in causal order, bounded. */
import { STEP_ROWS, type Steps } from '../consistency/index.ts';
import {
  decodeEntry,
  decodeInSteps,
  DecodeError,
  decodeTransaction,
  hex,
  sameBytes,
  type ChainLink,
  type Cut,
  type Entry,
  type Parent,
  type SignedEntry,
  type Transaction,
} from '../log/index.ts';
import { FORKED } from './forks.ts';
import { StoppedError, type Slices } from './gate.ts';
import type { GroupLog } from './ports.ts';

export interface Incoming extends ChainLink {
  /** It does not follow what is here of its author, which signed another one in its place: it is kept, and in no order. */
  readonly isAside?: true;
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
  /** Who gave it; undefined where it was asked for by its hash: then it is no fault of the giver's. */
  readonly from: string | undefined;
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

/** What had waited of an author is gone, because it was no good: it is to be asked for again, of others. */
export interface Failed {
  readonly author: string;
  readonly from: string;
  readonly fault: string;
}

export interface IntakeOptions {
  readonly group: string;
  readonly log: GroupLog;
  /** False when the author is known to be no member. */
  readonly mayWrite: (entry: Entry) => boolean;
  /** The seq behind which an author's entries count no more: it was removed. Infinity for one that may write. */
  readonly endOf: (author: string) => number;
  /** Its author signed another one in the place of an entry: what follows counts for nothing. */
  readonly hasEnded: (author: string) => boolean;
  /** An author signed several entries with that number: this one is durable here. */
  readonly holdsAside: (parent: Parent) => boolean;
  /** What came as the author's had no good signature. */
  readonly onUnproven: (author: string) => void;
  /** The author signed these entries, and others in their place, perhaps those that wait. */
  readonly onForked: (author: string, run: readonly ChainLink[], waiting?: readonly ChainLink[]) => void;
  /** What waited of the author is to be asked for again. */
  readonly onDropped: (author: string) => void;
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
  private readonly failed: Failed[] = [];

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
   * Takes entries of one author that somebody hands over as those from `seq` on; their CIDs were made of what came. One that is here
   * already is passed over, one whose parents are not here waits for them: only its author's own, or others could keep that one from
   * coming. Says what is wrong with the first that is refused; those that follow it are not taken either.
   */
  receive(run: readonly SignedEntry[], author: string, seq: number, from: string): string | undefined {
    const links: ChainLink[] = [];
    let fault: string | undefined;
    for (const [index, signed] of run.entries()) {
      fault = faultIn(() => {
        const entry = decodeEntry(signed.body);
        if (hex(entry.author) !== author || entry.seq !== seq + index)
          throw new DecodeError('it is another entry than it was said to be');
        if (entry.seq > this.seqOf(author)) links.push({ signed, entry });
      });
      if (fault !== undefined) break;
    }
    // What they follow waited here and turned out no good, and is not held against its giver yet: no fault of who gives these.
    if (links[0] && links[0].entry.seq > this.seqOf(author) + 1) {
      this.options.onDropped(author);
      return fault;
    }
    const proven = this.log.chains.proven(links, this.orphans.get(author)?.[0]?.entry.genesis);
    for (const [index, link] of links.entries()) {
      const refused = index < proven ? this.admit(link, from) : 'it fails the check of its signature';
      if (index >= proven) this.options.onUnproven(author);
      if (refused === FORKED) this.options.onForked(author, links.slice(index, proven), this.orphans.get(author));
      if (refused !== undefined) return refused;
    }
    return fault;
  }

  /** The newest entry of an author that is here, checked or waiting. */
  private seqOf(author: string): number {
    return this.orphans.get(author)?.at(-1)?.entry.seq ?? this.log.chains.seqOf(author);
  }

  private admit({ signed, entry }: ChainLink, from: string): string | undefined {
    const isLarge = signed.body.length > LARGE_BYTES;
    const incoming: Waiting = { signed, entry, transactions: undefined, from };
    const malformed = faultIn(() => {
      if (!isLarge) incoming.transactions = entry.transactions.map(decodeTransaction);
    });
    if (malformed !== undefined) return malformed;
    const author = hex(entry.author);
    if (this.options.hasEnded(author)) return FORKED;
    const waiting = this.orphans.get(author);
    if (entry.group !== this.options.group) return `it is of group ${entry.group}`;
    if (!waiting && !this.options.mayWrite(entry)) {
      this.strangers.add(author);
      this.adopt();
      return 'its author is no member';
    }
    // Compared with what is here once that has its parents, which may never come.
    if (waiting && !sameBytes(entry.prev, waiting.at(-1)?.signed.cid ?? null)) return FORKED;
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
      this.fail(author, incoming.from, error.message);
      const waiting = this.orphans.get(author);
      const at = waiting?.indexOf(incoming) ?? -1;
      if (at > 0) waiting?.splice(at);
      else if (at === 0) this.orphans.delete(author);
      return;
    }
    this.adopt();
    if (!this.isEmpty) this.options.onReady();
  }

  /** What an author wrote that was removed since, and that no block has ordered, is taken by nobody any more: it is not waited for. */
  private hasParents(entry: Entry): boolean {
    return entry.parents.every((parent) => this.hasParent(parent));
  }

  private hasParent(parent: Parent): boolean {
    const author = hex(parent.author);
    if (this.log.chains.seqOf(author) >= parent.seq || parent.seq > this.options.endOf(author)) return true;
    return this.options.holdsAside(parent);
  }

  private accept(incoming: Accepted): string | undefined {
    const fault = this.log.chains.next(incoming.signed, incoming.entry, true);
    if (fault) return fault.kind === 'prev' ? FORKED : `it fails the check of its ${fault.kind}`;
    this.ready.push(incoming);
    return undefined;
  }

  /** Entries that waited for parents which are here now, or are waited for no more. One that is no good goes, with those that follow it. */
  adopt(): void {
    for (let found = this.orphans.size > 0; found;) {
      found = false;
      for (const [author, waiting] of this.orphans) {
        while (waiting[0]?.transactions && this.hasParents(waiting[0].entry)) {
          this.takeFirst(author, waiting);
          found = true;
        }
        if (waiting.length === 0) this.orphans.delete(author);
      }
    }
  }

  private takeFirst(author: string, waiting: Waiting[]): void {
    const next = waiting.shift() as Accepted;
    // It may have come by its hash meanwhile.
    const isHere = next.entry.seq <= this.log.chains.seqOf(author);
    const fault = isHere ? undefined : this.accept(next);
    if (fault === undefined) return;
    if (fault === FORKED) this.options.onForked(author, [next, ...waiting]);
    waiting.length = 0;
    this.fail(author, next.from, fault);
  }

  private fail(author: string, from: string | undefined, fault: string): void {
    if (from === undefined) this.options.onDropped(author);
    else this.failed.push({ author, from, fault });
  }

  /**
   * The entries that the next block orders do not wait for parents that it does not: no block before it did, or they would be here. So
   * they are of a tail that lost, which the voters may have had and nobody may have any more.
   */
  release(cuts: readonly Cut[]): void {
    const ordered = new Map(cuts.map(({ author, seq }) => [author, seq]));
    const comes = ({ author, seq }: Parent): boolean => seq <= (ordered.get(hex(author)) ?? 0);
    for (const { author, seq, cid } of cuts) {
      const waiting = this.orphans.get(author);
      if (!waiting?.some(({ entry, signed }) => entry.seq === seq && sameBytes(signed.cid, cid))) continue;
      while (waiting[0]?.transactions && waiting[0].entry.seq <= seq) {
        const { parents } = waiting[0].entry;
        if (!parents.every((parent) => this.hasParent(parent) || !comes(parent))) break;
        this.takeFirst(author, waiting);
      }
      if (waiting.length === 0) this.orphans.delete(author);
    }
    this.adopt();
  }

  /**
   * Takes entries of an author that are known by their hashes, whether they follow what is here of it or not: those that do wait for
   * their parents like all others. Nothing is being written. Those that cannot be read no voter took.
   */
  takeAside(links: readonly ChainLink[]): void {
    const author = links[0] && hex(links[0].entry.author);
    const rest: Waiting[] = [];
    const isMalformed = faultIn(() => {
      const incoming = links
        .filter((link) => !this.isHere(link))
        .map(({ signed, entry }) => decodeIncoming(signed, entry));
      for (const one of incoming) {
        if (rest.length > 0 || this.waitsForParents(one)) rest.push({ ...one, from: undefined });
        else this.ready.push(this.placed(one));
      }
    });
    if (isMalformed !== undefined || author === undefined) return;
    const last = rest.at(-1)?.signed.cid;
    const waitAlready = last && this.orphans.get(author)?.some(({ signed }) => sameBytes(signed.cid, last));
    if (waitAlready !== true) {
      if (this.orphans.delete(author)) this.options.onDropped(author);
      if (rest.length > 0) this.orphans.set(author, rest);
    }
    this.adopt();
  }

  /** It would go into the order before what its author had seen. */
  private waitsForParents({ entry }: Incoming): boolean {
    const chain = this.log.chains.byAuthor.get(hex(entry.author));
    const isNext = entry.seq === (chain?.seq ?? 0) + 1 && sameBytes(entry.prev, chain?.cid ?? null);
    return isNext && !this.hasParents(entry);
  }

  /** CID of an entry that waits for others. */
  cidOfWaiting(author: string, seq: number): Uint8Array | undefined {
    return this.orphans.get(author)?.find(({ entry }) => entry.seq === seq)?.signed.cid;
  }

  private isHere({ signed, entry }: ChainLink): boolean {
    if (this.log.holds(hex(entry.author), entry.seq, signed.cid)) return true;
    return this.ready.some((one) => sameBytes(one.signed.cid, signed.cid));
  }

  /** As the next start will find it in the log: what follows is of the chain. */
  private placed(one: Incoming): Incoming {
    const { signed, entry, transactions } = one;
    const isAside = this.log.chains.next(signed, entry, true) !== undefined;
    return { signed, entry, transactions, ...(isAside && { isAside }) };
  }

  /** The author's chain goes on from another entry than it did: what waits is as if it had not come, but for what was asked for. */
  drop(author: string): void {
    this.orphans.delete(author);
    this.ready = this.ready.flatMap((one) => {
      if (hex(one.entry.author) !== author) return [one];
      return one.isAside ? [this.placed(one)] : [];
    });
  }

  takeFailed(): readonly Failed[] {
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
