/**
 * The order of a group's transactions and the state that follows from it: entries that no block has ordered, blocks, and what
 * happened to the state since it was published.
 */
import { finish, Linearizer, type DecidedBlock, type Footprint, type Steps } from '../consistency/index.ts';
import {
  decodeBlockValue,
  decodeEntry,
  DecodeError,
  encodeBlockValue,
  hex,
  sameBytes,
  unhex,
  type Block,
  type Cut,
  type Entry,
  type Parent,
  type SignedEntry,
} from '../log/index.ts';
import { DiskFullError, logCrypto, StateCorruptError, type StatePosition, type StoredRecord } from '../store/index.ts';
import { EarlyEntries } from './early.ts';
import { Forks } from './forks.ts';
import { decodeIncoming, type Incoming } from './intake.ts';
import type { GroupLog, Machine, ReplicaEvents } from './ports.ts';
import { GroupTransaction, isSchemaChange } from './transaction.ts';

/** An entry that no block has ordered. */
interface Unordered {
  readonly cid: Uint8Array;
  readonly transactions: readonly GroupTransaction[];
  /** When it came, by the clock that only grows. */
  readonly sinceMs: number;
}

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

/** What happened to the state since it was published. */
type Happened =
  | { readonly kind: 'transactions'; readonly transactions: readonly GroupTransaction[] }
  | { readonly kind: 'withdrawn'; readonly transactions: readonly GroupTransaction[] }
  | { readonly kind: 'blocks'; readonly blocks: readonly DecidedBlock<GroupTransaction>[] };

/** Decided blocks whose entries are here, to be applied together. */
export interface Applicable {
  readonly blocks: readonly {
    readonly block: Block;
    readonly value: Uint8Array;
    readonly transactions: readonly GroupTransaction[];
  }[];
  /** Whether it may take long. */
  readonly isLong: boolean;
  /** There is no block but this one, which orders a schema change. */
  readonly changesSchema: boolean;
}

export interface OrderOptions {
  readonly group: string;
  readonly log: GroupLog;
  readonly machine: Machine;
  readonly events: ReplicaEvents;
  /** A transaction stands in an applied block: nothing changes its outcome any more. */
  readonly onSettled: (transaction: GroupTransaction) => void;
  /** Milliseconds that only grow. */
  readonly elapsed: () => number;
  /** What was on its way to the log of an author does not count. */
  readonly onFollowed: (author: string) => void;
  /** CID of an entry that waits for others before it is taken. */
  readonly cidOfWaiting: (author: string, seq: number) => Uint8Array | undefined;
  /** Whether so many changes take long. */
  readonly isLong: (changes: number) => boolean;
}

/** Heights whose digests are kept to be compared. */
const DIGESTS_KEPT = 1000;
/** So many transactions, or as many as wait for a block, are put in order at once; then others have their turn. */
const BATCH_TRANSACTIONS = 1000;

export class Order {
  private readonly options: OrderOptions;
  private linearizer: Linearizer<GroupTransaction>;
  /** By author and seq. */
  private readonly entries = new Map<string, Map<number, Unordered>>();
  /** Durable, made on a block that is not applied here yet. */
  private readonly early = new EarlyEntries();
  /** Heads of others that this replica's next entry names. */
  private heads = new Map<string, Parent>();
  private position: { height: number; block: string; final: Map<string, number> };
  private readonly chosen = new Map<number, { readonly block: Block; readonly value: Uint8Array }>();
  private readonly digests = new Map<number, Uint8Array>();
  /** Known transactions that run only in a block: somebody waits for each. */
  private readonly awaitingBlock = new Set<GroupTransaction>();
  /** Being written to the log: see write(). */
  private written: readonly Written[] = [];
  /** Long ones that are not settled: whatever conflicts with one of them takes long, too. */
  private readonly long = new Set<GroupTransaction>();
  private happened: Happened[] = [];
  /** Taken out of the order before they came into it. */
  private readonly gone = new WeakSet<GroupTransaction>();
  private hasWithdrawn = false;
  readonly forks: Forks;
  private publishedTentative: readonly GroupTransaction[] = [];
  private restores = 0;
  readonly stats = { received: 0, blocks: 0 };

  constructor(options: OrderOptions, stored: StatePosition) {
    this.options = options;
    this.forks = new Forks(options.log);
    this.linearizer = this.newLinearizer();
    this.position = { height: stored.height, block: stored.block, final: new Map(Object.entries(stored.final)) };
  }

  private newLinearizer(): Linearizer<GroupTransaction> {
    const { machine, onSettled } = this.options;
    return new Linearizer<GroupTransaction>({
      apply: (transaction, isFinal) => this.run(transaction, isFinal),
      undo: (transaction) => machine.undo(transaction),
      settle: (transaction) => {
        machine.settle(transaction);
        this.awaitingBlock.delete(transaction);
        this.long.delete(transaction);
        onSettled(transaction);
      },
      settled: (height) => {
        this.digests.set(height, machine.finalDigest());
        this.digests.delete(height - DIGESTS_KEPT);
        return machine.settled(height);
      },
    });
  }

  private *run(transaction: GroupTransaction, isFinal: boolean): Steps<Footprint> {
    const footprint = yield* this.options.machine.apply(transaction, isFinal);
    // What followed from its changes counts, too.
    if (this.options.isLong(transaction.run?.changes.length ?? 0)) this.long.add(transaction);
    return footprint;
  }

  get height(): number {
    return this.position.height;
  }

  get isUrgent(): boolean {
    return this.awaitingBlock.size > 0 || this.written.some(({ isUrgent }) => isUrgent);
  }

  /** Transactions that no block has ordered. */
  get tentative(): number {
    return this.linearizer.tentative;
  }

  get undone(): number {
    return this.linearizer.stats.undone;
  }

  // Transactions.

  /** An own transaction that was run, behind all others. Without a footprint where nothing ever comes between. */
  append(transaction: GroupTransaction, footprint: Footprint | undefined): void {
    this.linearizer.append(transaction, footprint);
    this.noteLong(transaction);
    this.options.machine.ran(transaction);
    this.happened.push({ kind: 'transactions', transactions: [transaction] });
  }

  /**
   * These entries are being written, and none was before. Where they were given to the others, a block may name them already: the
   * others' disks work on them at the same time, and this replica votes for the block once they are durable here.
   */
  writing(entries: readonly Written[]): void {
    this.written = entries;
  }

  /** The entry of own transactions is durable. */
  sealed(seq: number, cid: Uint8Array, transactions: readonly GroupTransaction[]): void {
    this.noteEntry(this.options.log.author, seq, cid, transactions);
    const finalOnly = transactions.filter((t) => t.finalOnly);
    // They wait for their block: nothing is run.
    if (finalOnly.length > 0) finish(this.insert(finalOnly));
  }

  /** Own transactions that nobody was told of: as if they had never been. */
  forget(transactions: readonly GroupTransaction[]): void {
    const gone = new Set(transactions);
    this.happened = this.happened.filter((h) => h.kind === 'blocks' || !h.transactions.every((t) => gone.has(t)));
    for (const transaction of transactions) {
      this.awaitingBlock.delete(transaction);
      this.long.delete(transaction);
    }
    finish(this.linearizer.remove(transactions));
  }

  /** Whether it may take long to put these in order. */
  isLong(transactions: readonly GroupTransaction[]): boolean {
    if (this.long.size > 0) return true;
    let size = 0;
    for (const transaction of transactions) size += transaction.size;
    return this.options.isLong(size) || transactions.some((t) => !t.run && this.options.machine.isLong(t));
  }

  private noteLong(transaction: GroupTransaction): void {
    if (this.options.isLong(transaction.size)) this.long.add(transaction);
  }

  /**
   * Takes note of durable entries of others. Gives what goes into the order, by insert(): all but what was made on a block that is
   * not here yet.
   */
  note(incoming: readonly Incoming[]): GroupTransaction[] {
    const ready: GroupTransaction[] = [];
    for (const one of incoming) {
      const { entry, signed, isAside = false } = one;
      if (isAside) continue;
      if (entry.height > this.position.height || this.early.waitsBefore(hex(entry.author), entry.seq)) {
        this.early.add(one);
        continue;
      }
      // Its author was removed: what no block has ordered by then never will be.
      if (!this.mayWrite(entry)) continue;
      const transactions = this.transactionsOf(one);
      this.noteEntry(hex(entry.author), entry.seq, signed.cid, transactions);
      ready.push(...transactions);
    }
    return ready;
  }

  /** What an entry brings into the order. */
  private transactionsOf({ entry, signed, transactions }: Incoming): GroupTransaction[] {
    const { lamport, seq } = entry;
    const author = hex(entry.author);
    this.stats.received += transactions.length;
    if (author !== this.options.log.author) this.heads.set(author, { author: entry.author, seq, cid: signed.cid });
    // Beyond this node's own clock: what is written here would not come behind it. Only a block can say where it stands.
    const isAhead = lamport > this.options.log.chains.lamport;
    return transactions.map((transaction, index) =>
      GroupTransaction.ofEntry({ lamport, author, seq, index }, entry, transaction, isAhead),
    );
  }

  /** Of entries that were made on a later block than the one here, nobody can tell yet. */
  mayWrite(entry: Entry): boolean {
    const { events } = this.options;
    if (events.hasEnded(hex(entry.author))) return false;
    if (entry.height > this.position.height) return true;
    const key = entry.genesis?.key ?? this.options.log.chains.byAuthor.get(hex(entry.author))?.key;
    return key !== undefined && events.mayWrite(key, entry.height);
  }

  *insert(noted: readonly GroupTransaction[]): Steps<void> {
    const transactions = this.hasWithdrawn ? noted.filter((t) => !this.gone.has(t)) : noted;
    for (const transaction of transactions) {
      if (transaction.finalOnly) this.awaitingBlock.add(transaction);
      this.noteLong(transaction);
    }
    this.happened.push({ kind: 'transactions', transactions });
    yield* this.unlessLost(this.linearizer.insert(transactions));
  }

  private noteEntry(author: string, seq: number, cid: Uint8Array, transactions: readonly GroupTransaction[]): void {
    let entries = this.entries.get(author);
    if (!entries) this.entries.set(author, (entries = new Map<number, Unordered>()));
    entries.set(seq, { cid, transactions, sinceMs: this.options.elapsed() });
  }

  /** The heads that this replica's next entry names; they are named once. */
  takeHeads(): Parent[] {
    const heads = [...this.heads.values()];
    this.heads = new Map();
    return heads;
  }

  /** The entry that named them came to nothing. */
  putHeadsBack(heads: readonly Parent[]): void {
    this.heads = new Map([...heads.map((head) => [hex(head.author), head] as const), ...this.heads]);
  }

  // Blocks.

  finalSeq(author: string): number {
    return this.position.final.get(author) ?? 0;
  }

  /** Whether there is something for a block to order. */
  get hasUnordered(): boolean {
    for (const entries of this.entries.values()) if (entries.size > 0) return true;
    return false;
  }

  /** Since when the oldest entry here waits for a block. */
  get unorderedSinceMs(): number | undefined {
    let oldest: number | undefined;
    for (const entries of this.entries.values()) {
      const [first] = entries.values();
      if (first && !(oldest !== undefined && oldest <= first.sinceMs)) oldest = first.sinceMs;
    }
    return oldest;
  }

  /** The highest seq of an author up to which all is in the order. */
  appliedSeq(author: string): number {
    const early = this.early.firstSeqOf(author);
    return early === undefined ? this.options.log.seqOf(author) : early - 1;
  }

  /** See Replica. */
  endOf(author: string): number {
    const { log, events } = this.options;
    const key = log.chains.byAuthor.get(author)?.key;
    if (events.hasEnded(author)) return this.finalSeq(author);
    // One that is no member yet becomes one by a block that is not applied here.
    return key && events.wasRemoved(key) ? this.finalSeq(author) : Infinity;
  }

  /** Newest entries of others that this replica's next entry names, and entries that wait for a block before them. */
  get counts(): { readonly heads: number; readonly early: number } {
    return { heads: this.heads.size, early: this.early.size };
  }

  /** The next block as this replica would cut it, or undefined when there is nothing to order. */
  proposal(height: number, time: number): Proposal | undefined {
    if (height !== this.position.height + 1) return undefined;
    const cut = new Map<string, Cut>();
    for (const [author, entries] of this.entries) {
      let seq = this.finalSeq(author);
      while (entries.has(seq + 1)) seq++;
      const last = entries.get(seq);
      if (last) cut.set(author, { author, seq, cid: last.cid });
    }
    let held = true;
    for (const { entry, author, cid } of this.written) {
      const before = cut.get(author)?.seq ?? this.finalSeq(author);
      if (entry.seq !== before + 1 || entry.height > this.position.height || !this.mayWrite(entry)) continue;
      cut.set(author, { author, seq: entry.seq, cid });
      held = false;
    }
    if (cut.size === 0) return undefined;
    const sorted = [...cut.values()].sort((a, b) => (a.author < b.author ? -1 : 1));
    return { value: this.encodeBlock(height, sorted, time), held, authors: new Set(sorted.map((c) => this.nodeOf(c))) };
  }

  /** A block that orders nothing, for a decision that is due all the same. */
  emptyProposal(height: number, time: number): Proposal | undefined {
    if (height !== this.position.height + 1) return undefined;
    return { value: this.encodeBlock(height, [], time), held: true, authors: new Set() };
  }

  private nodeOf({ author }: Cut): string {
    const key = this.options.log.chains.byAuthor.get(author)?.key;
    return key ? hex(key) : '';
  }

  private get head(): Uint8Array | null {
    return this.position.block === '' ? null : unhex(this.position.block);
  }

  private encodeBlock(height: number, cut: readonly Cut[], time: number): Uint8Array {
    const digest = this.digests.get(this.position.height) ?? null;
    const { group } = this.options;
    return encodeBlockValue({ group, height, prev: this.head, cut, digestHeight: this.position.height, digest, time });
  }

  /**
   * Whether this replica may vote for a block: it holds, durably, all that the block orders ('later': it may yet), and its state is the
   * one that the proposer says it has.
   */
  mayVoteFor(value: Uint8Array): 'yes' | 'later' | 'never' | 'differs' {
    let block: Block;
    try {
      block = decodeBlockValue(value);
    } catch (error) {
      if (error instanceof DecodeError) return 'never';
      throw error;
    }
    if (block.group !== this.options.group || block.height <= this.position.height) return 'never';
    if (block.height > this.position.height + 1) return 'later';
    if (!sameBytes(block.prev, this.head)) return 'never';
    if (block.cut.some(({ author, seq }) => seq <= this.finalSeq(author))) return 'never';
    const here = this.digests.get(block.digestHeight);
    if (here && block.digest && !sameBytes(here, block.digest)) return 'differs';
    let answer: 'yes' | 'later' = 'yes';
    for (const cut of block.cut) {
      if (this.options.events.hasEnded(cut.author)) return 'never';
      const entry = this.entries.get(cut.author)?.get(cut.seq);
      if (entry && sameBytes(entry.cid, cut.cid)) continue;
      if (!this.isHeld(cut)) answer = 'later';
    }
    return answer;
  }

  /** The voters decided; the blocks whose entries are here are applied. False when the block is known. Throws DecodeError. */
  decided(height: number, value: Uint8Array): boolean {
    if (height <= this.position.height || this.chosen.has(height)) return false;
    this.chosen.set(height, { block: decodeBlockValue(value), value });
    return true;
  }

  /**
   * Decided blocks whose entries are here, some at once: what they overtake is undone and done again once for all of them, so a
   * replica that is behind catches up the faster the more it is behind. Undefined when there are none.
   */
  applicable(): Applicable | undefined {
    const blocks: Applicable['blocks'][number][] = [];
    const final = new Map<string, number>();
    const countMax = Math.max(BATCH_TRANSACTIONS, this.tentative);
    let changesSchema = false;
    for (let count = 0; count < countMax && !changesSchema;) {
      const { height } = blocks.at(-1)?.block ?? this.position;
      const next = this.chosen.get(height + 1);
      if (!next?.block.cut.every((cut) => this.holds(cut))) break;
      // Who votes is told of each block: nothing that may change it runs together with the blocks before.
      const isAlone = this.changesSchema(next.block, final);
      if (isAlone && blocks.length > 0) break;
      changesSchema = isAlone;
      const transactions = this.orderedBy(next.block, final);
      blocks.push({ ...next, transactions });
      count += transactions.length;
    }
    if (blocks.length === 0) return undefined;
    const transactions = blocks.flatMap((b) => b.transactions);
    // They may overtake all that no block has ordered.
    const mayBeLong = this.isLong(transactions) || this.options.isLong(this.tentative);
    const isLong = mayBeLong && !this.linearizer.confirms(transactions);
    return { blocks, isLong, changesSchema };
  }

  /** Before long work, see Machine. A schema change has a block of its own, or stands in one with others that are none. */
  async prepare({ blocks }: Applicable): Promise<void> {
    const transactions = blocks.flatMap((block) => block.transactions);
    const schema = transactions.find((transaction) => transaction.exclusive);
    const isAlone = transactions.length === 1 && !this.linearizer.hasApplied;
    if (schema) await this.options.machine.prepare(schema, isAlone);
  }

  /**
   * Applies blocks. Where they are told of, it is as if they were not there before this has ended. `areMoreToCome`: what they overtake is
   * done again by resume() only.
   */
  *apply({ blocks }: Applicable, areMoreToCome = false): Steps<void> {
    const decided = blocks.map(({ block, transactions }) => ({ height: block.height, transactions }));
    for (const { transactions } of blocks) for (const transaction of transactions) this.noteLong(transaction);
    this.happened.push({ kind: 'blocks', blocks: decided });
    yield* this.unlessLost(this.linearizer.decide(decided, areMoreToCome));
    const before = this.position.height;
    for (const { block, value } of blocks) {
      this.chosen.delete(block.height);
      this.wasOrdered(block);
      this.position.height = block.height;
      this.position.block = hex(logCrypto.sha256(value));
      this.stats.blocks++;
      this.compareDigest(block);
    }
    const early = this.note(this.early.take(before + 1, this.position.height));
    if (early.length > 0) yield* this.insert(early);
    this.options.events.applied(blocks.map(({ block }) => block));
  }

  /** How many transactions wait for resume(). */
  get postponed(): number {
    return this.linearizer.postponedCount;
  }

  /** No more blocks come at once. */
  *resume(): Steps<void> {
    yield* this.unlessLost(this.linearizer.resume());
  }

  /** What the next decided block orders and is not here. */
  get missing(): readonly Cut[] {
    return this.chosen.get(this.position.height + 1)?.block.cut.filter((cut) => !this.holds(cut)) ?? [];
  }

  /** The next block is decided, whether its entries are here or not. */
  get hasDecided(): boolean {
    return this.chosen.has(this.position.height + 1);
  }

  /** There is a decided block whose entries are here. */
  get hasApplicable(): boolean {
    return this.chosen.get(this.position.height + 1)?.block.cut.every((cut) => this.holds(cut)) === true;
  }

  private cidHere({ author, seq }: Cut): Uint8Array | undefined {
    return this.entries.get(author)?.get(seq)?.cid ?? this.early.get(author, seq)?.signed.cid;
  }

  /** It is durable, though perhaps not in the order. */
  private isHeld(cut: Cut): boolean {
    const here = this.cidHere(cut) ?? this.options.cidOfWaiting(cut.author, cut.seq);
    return this.forks.holdsOrdered(cut, here);
  }

  private holds(cut: Cut): boolean {
    const here = this.cidHere(cut);
    return here !== undefined && sameBytes(here, cut.cid);
  }

  /** Whether a block orders a schema change. `final`: what blocks before it order, by author. */
  private changesSchema({ cut }: Block, final: ReadonlyMap<string, number>): boolean {
    return cut.some(({ author, seq }) => {
      const entries = this.entries.get(author);
      for (let s = (final.get(author) ?? this.finalSeq(author)) + 1; s <= seq; s++) {
        if (entries?.get(s)?.transactions.some((transaction) => transaction.exclusive)) return true;
        if (this.early.get(author, s)?.transactions.some(isSchemaChange)) return true;
      }
      return false;
    });
  }

  /** What a block orders, behind what blocks before it do. */
  private orderedBy(block: Block, final: Map<string, number>): GroupTransaction[] {
    const transactions: GroupTransaction[] = [];
    for (const { author, seq } of block.cut) {
      const entries = this.entries.get(author);
      for (let s = (final.get(author) ?? this.finalSeq(author)) + 1; s <= seq; s++) {
        const early = this.early.get(author, s);
        for (const transaction of early ? this.transactionsOf(early) : (entries?.get(s)?.transactions ?? []))
          transactions.push(transaction);
      }
      final.set(author, seq);
    }
    return transactions;
  }

  /** Nothing of what a block orders waits for one any more. */
  private wasOrdered(block: Block): void {
    for (const { author, seq } of block.cut) {
      const entries = this.entries.get(author);
      for (let s = this.finalSeq(author) + 1; s <= seq; s++) {
        this.early.delete(author, s);
        entries?.delete(s);
      }
      if (entries?.size === 0) this.entries.delete(author);
      this.position.final.set(author, seq);
    }
  }

  /** A majority voted for the block: where its digest differs from this replica's, this replica's state is damaged. */
  private compareDigest(block: Block): void {
    const here = this.digests.get(block.digestHeight);
    if (here && block.digest && !sameBytes(here, block.digest)) this.options.events.diverged(block.digestHeight);
  }

  /** Digest of the state after a block, while it is remembered. */
  digestAt(height: number): Uint8Array | undefined {
    return this.digests.get(height);
  }

  /** The lowest height of which this replica does not know the block. */
  get nextHeight(): number {
    let height = this.position.height + 1;
    while (this.chosen.has(height)) height++;
    return height;
  }

  /** Where a transaction stands that is known here, by its id. */
  placeOf(id: string): { author: string; seq: number; index: number; isFinal: boolean } | undefined {
    const { log } = this.options;
    const [, prefix = '', seqText, indexText] = /^([0-9a-f]{16}):(\d+):(\d+)$/.exec(id) ?? [];
    const seq = Number(seqText);
    if (prefix === '') return undefined;
    for (const author of log.chains.byAuthor.keys()) {
      if (!author.startsWith(prefix) || log.seqOf(author) < seq) continue;
      return { author, seq, index: Number(indexText), isFinal: seq <= this.finalSeq(author) };
    }
    return undefined;
  }

  // Authors that signed two entries with one number.

  /**
   * The voters ordered other entries of some authors than those in the order here: as far as they are durable here, they take their place.
   * Nothing of these authors may be under way to the log. Gives what is in the order no more.
   */
  followBlocks(): GroupTransaction[] {
    const withdrawn: GroupTransaction[] = [];
    for (const cut of this.missing) {
      if (!this.isHeld(cut)) continue;
      if (!this.options.log.follow(cut.author, cut.seq, cut.cid)) continue;
      this.options.onFollowed(cut.author);
      this.followed.push(this.options.log.readEntry(cut.author, cut.seq, hex(cut.cid)) as SignedEntry);
      withdrawn.push(...this.readAgain(cut.author));
    }
    return withdrawn;
  }

  /** What no block has ordered of an author is what the log says. Gives what was it before. */
  private readAgain(author: string): GroupTransaction[] {
    const { log, events } = this.options;
    const before = [...(this.entries.get(author)?.values() ?? [])].flatMap(({ transactions }) => transactions);
    this.entries.delete(author);
    this.early.drop(author);
    this.heads.delete(author);
    for (let seq = this.finalSeq(author) + 1; seq <= log.seqOf(author); seq++) {
      const [signed] = log.read(author, seq, seq, 0);
      if (!signed) throw new Error(`the log has no entry ${seq} of ${author}`);
      const incoming = decodeIncoming(signed, decodeEntry(signed.body));
      this.noteEntry(author, seq, signed.cid, this.transactionsOf(incoming));
    }
    events.cutBack(author, log.seqOf(author));
    return before;
  }

  /** What the chains of such authors go on behind: to be written once more, before all else. */
  readonly followed: SignedEntry[] = [];

  /** They are in the order no more. */
  *withdraw(transactions: readonly GroupTransaction[]): Steps<void> {
    this.hasWithdrawn ||= transactions.length > 0;
    for (const transaction of transactions) {
      this.awaitingBlock.delete(transaction);
      this.long.delete(transaction);
      this.gone.add(transaction);
    }
    this.happened.push({ kind: 'withdrawn', transactions });
    yield* this.unlessLost(this.linearizer.remove(transactions));
  }

  // Members.

  /** The first other member is there: from now on it matters what this node's transactions touch. */
  endSolitude(): void {
    const { machine } = this.options;
    this.linearizer.tell(({ run }) => (run ? finish(machine.footprintOf(run)) : { reads: [], writes: [] }));
  }

  /** Everything that is here and was written with that key, by whatever author, stands in blocks. */
  isOrdered(key: string, but?: string): boolean {
    return [...this.options.log.chains.byAuthor].every(
      ([author, chain]) => author === but || !chain.key || hex(chain.key) !== key || chain.seq <= this.finalSeq(author),
    );
  }

  /** Members were removed, or authors ended: what they wrote and no block has ordered is in the order no more. */
  expel(): void {
    const { log, events } = this.options;
    for (const author of events.ended()) this.forks.suspect(author, 0);
    for (const [author, entries] of this.entries) {
      const key = log.chains.byAuthor.get(author)?.key;
      if (key && events.isMember(key) && !events.hasEnded(author)) continue;
      finish(this.withdraw([...entries.values()].flatMap((entry) => entry.transactions)));
      this.entries.delete(author);
    }
  }

  // The published state.

  /** Where the state stands, for it to be stored. */
  get storedPosition(): Pick<StatePosition, 'height' | 'block' | 'final'> {
    const { height, block, final } = this.position;
    return { height, block, final: Object.fromEntries(final) };
  }

  /** The state was published with these transactions beyond its last block. */
  wasPublished(): void {
    this.publishedTentative = this.linearizer.transactions();
    this.happened = [];
  }

  /** The state stands again where it was published: all that happened since is done again. */
  replay(): void {
    this.restores++;
    this.linearizer = this.newLinearizer();
    finish(this.linearizer.insert(this.publishedTentative));
    for (const happened of this.happened) {
      if (happened.kind === 'transactions') finish(this.linearizer.insert(happened.transactions));
      else if (happened.kind === 'withdrawn') finish(this.linearizer.remove(happened.transactions));
      else finish(this.linearizer.decide(happened.blocks));
    }
  }

  /** When the state gives its transaction up, all that happened is done again, this too. */
  private *unlessLost(work: Steps<void>): Steps<void> {
    const { restores } = this;
    try {
      yield* work;
    } catch (error) {
      if (!(error instanceof DiskFullError) || this.restores === restores) throw error;
    }
  }

  /** At the start: the log's records in order, before anything else. Throws StateCorruptError. */
  recover(record: StoredRecord, isAgain: boolean): void {
    if (record.kind === 'block') {
      const { block, value } = record;
      if (block.height === this.position.height && hex(logCrypto.sha256(value)) !== this.position.block)
        throw new StateCorruptError(`the state has applied another block ${block.height} than the log has`);
      if (this.decided(block.height, value)) this.applyAll();
      return;
    }
    const { entry, signed } = record;
    const author = hex(entry.author);
    if (isAgain) {
      finish(this.withdraw(this.readAgain(author)));
      this.applyAll();
      return;
    }
    if (entry.seq <= this.finalSeq(author)) return;
    finish(this.insert(this.note([decodeIncoming(signed, entry)])));
    // The log may have a block before what it orders.
    this.applyAll();
  }

  private applyAll(): void {
    for (;;) {
      this.forks.begin();
      const withdrawn = this.followBlocks();
      if (withdrawn.length > 0) finish(this.withdraw(withdrawn));
      if (!this.applyNext()) return;
    }
  }

  private applyNext(): boolean {
    const next = this.applicable();
    if (next) finish(this.apply(next));
    return next !== undefined;
  }
}
