/**
 * The order of a group's transactions and the state that follows from it: joins the entries that no block has ordered (UnorderedEntries),
 * the blocks (Blocks), what is proposed and voted for (Voting), and what happened to the state since it was published (Journal).
 */
import { finish, Linearizer, type Footprint, type Steps } from '../consistency/index.ts';
import { decodeEntry, hex, type Cut, type Parent, type SignedEntry } from '../log/index.ts';
import { logCrypto, StateCorruptError, type StatePosition, type StoredRecord } from '../store/index.ts';
import { Authors } from './authors.ts';
import { Blocks, type Chosen } from './blocks.ts';
import { Forks } from './forks.ts';
import { decodeIncoming, type Incoming } from './intake.ts';
import { Journal } from './journal.ts';
import type { GroupLog, Machine, ReplicaEvents } from './ports.ts';
import { GroupTransaction } from './transaction.ts';
import { UnorderedEntries } from './unordered.ts';
import { Voting } from './voting.ts';

/** Decided blocks whose entries are here, to be applied together. */
export interface Applicable {
  readonly blocks: readonly (Chosen & { readonly transactions: readonly GroupTransaction[] })[];
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

/** So many transactions, or as many as wait for a block, are put in order at once; then others have their turn. */
const BATCH_TRANSACTIONS = 1000;

export class Order {
  readonly authors: Authors;
  readonly forks: Forks;
  readonly voting: Voting;
  /** What the chains of authors that forked go on behind: to be written once more, before all else. */
  readonly followed: SignedEntry[] = [];
  readonly stats = { received: 0, blocks: 0 };
  private readonly options: OrderOptions;
  private readonly blocks: Blocks;
  private readonly unordered: UnorderedEntries;
  private readonly journal = new Journal();
  private linearizer: Linearizer<GroupTransaction>;
  /** Heads of others that this replica's next entry names. */
  private heads = new Map<string, Parent>();
  /** Known transactions that run only in a block: somebody waits for each. */
  private readonly awaitingBlock = new Set<GroupTransaction>();
  /** Long ones that are not settled: whatever conflicts with one of them takes long, too. */
  private readonly long = new Set<GroupTransaction>();

  constructor(options: OrderOptions, stored: StatePosition) {
    this.options = options;
    this.forks = new Forks(options.log);
    this.blocks = new Blocks(options.group, stored);
    this.authors = new Authors(options.log, options.events, this.blocks);
    this.unordered = new UnorderedEntries(this.blocks);
    this.voting = new Voting({
      log: options.log,
      events: options.events,
      blocks: this.blocks,
      unordered: this.unordered,
      mayWrite: (entry) => this.authors.mayWrite(entry),
      isHeld: (cut) => this.isHeld(cut),
    });
    this.linearizer = this.newLinearizer();
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
        this.blocks.settled(height, machine.finalDigest());
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
    return this.blocks.height;
  }

  get isUrgent(): boolean {
    return this.awaitingBlock.size > 0 || this.voting.isUrgent;
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
    this.journal.inserted([transaction]);
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
    this.journal.forget(transactions);
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
      const author = hex(entry.author);
      if (entry.height > this.height || this.unordered.early.waitsBefore(author, entry.seq)) {
        this.unordered.early.add(one);
        continue;
      }
      if (!this.authors.mayWrite(entry)) {
        this.authors.strand(author, entry.seq);
        continue;
      }
      const transactions = this.transactionsOf(one);
      this.noteEntry(author, entry.seq, signed.cid, transactions);
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

  *insert(noted: readonly GroupTransaction[]): Steps<void> {
    const transactions = this.journal.standing(noted);
    for (const transaction of transactions) {
      if (transaction.finalOnly) this.awaitingBlock.add(transaction);
      this.noteLong(transaction);
    }
    this.journal.inserted(transactions);
    yield* this.journal.unlessReplayed(this.linearizer.insert(transactions));
  }

  private noteEntry(author: string, seq: number, cid: Uint8Array, transactions: readonly GroupTransaction[]): void {
    this.unordered.add(author, seq, { cid, transactions, sinceMs: this.options.elapsed() });
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
    return this.blocks.finalSeq(author);
  }

  /** Whether there is something for a block to order. */
  get hasUnordered(): boolean {
    return !this.unordered.isEmpty;
  }

  /** Since when the oldest entry here waits for a block. */
  get unorderedSinceMs(): number | undefined {
    return this.unordered.sinceMs;
  }

  /** The highest seq of an author up to which all is in the order. */
  appliedSeq(author: string): number {
    const early = this.unordered.early.firstSeqOf(author);
    return early === undefined ? this.options.log.seqOf(author) : early - 1;
  }

  /** Newest entries of others that this replica's next entry names, and entries that wait for a block before them. */
  get counts(): { readonly heads: number; readonly early: number } {
    return { heads: this.heads.size, early: this.unordered.early.size };
  }

  /** The voters decided; the blocks whose entries are here are applied. False when the block is known. Throws DecodeError. */
  decided(height: number, value: Uint8Array): boolean {
    return this.blocks.decided(height, value);
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
      const { height } = blocks.at(-1)?.block ?? this;
      const next = this.blocks.at(height + 1);
      if (!next?.block.cut.every((cut) => this.unordered.holds(cut))) break;
      // Who votes is told of each block: nothing that may change it runs together with the blocks before.
      const isAlone = this.unordered.changesSchema(next.block.cut, final);
      if (isAlone && blocks.length > 0) break;
      changesSchema = isAlone;
      const transactions = this.unordered.orderedBy(next.block.cut, final, (early) => this.transactionsOf(early));
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
    this.journal.decided(decided);
    yield* this.journal.unlessReplayed(this.linearizer.decide(decided, areMoreToCome));
    const before = this.height;
    for (const applied of blocks) {
      const { block } = applied;
      this.unordered.ordered(block.cut);
      this.blocks.applied(applied);
      this.stats.blocks++;
      // A majority voted for it: this replica's state is damaged.
      if (this.blocks.differs(block)) this.options.events.diverged(block.digestHeight);
    }
    const early = this.note(this.unordered.early.take(before + 1, this.height));
    if (early.length > 0) yield* this.insert(early);
    this.options.events.applied(blocks.map(({ block }) => block));
  }

  /** How many transactions wait for resume(). */
  get postponed(): number {
    return this.linearizer.postponedCount;
  }

  /** No more blocks come at once. */
  *resume(): Steps<void> {
    yield* this.journal.unlessReplayed(this.linearizer.resume());
  }

  /** What the next decided block orders and is not here. */
  get missing(): readonly Cut[] {
    return this.blocks.next?.block.cut.filter((cut) => !this.unordered.holds(cut)) ?? [];
  }

  /** The next block is decided, whether its entries are here or not. */
  get hasDecided(): boolean {
    return this.blocks.next !== undefined;
  }

  /** There is a decided block whose entries are here. */
  get hasApplicable(): boolean {
    return this.blocks.next?.block.cut.every((cut) => this.unordered.holds(cut)) === true;
  }

  /** It is durable, though perhaps not in the order. */
  private isHeld(cut: Cut): boolean {
    const here = this.unordered.cidHere(cut) ?? this.options.cidOfWaiting(cut.author, cut.seq);
    return this.forks.holdsOrdered(cut, here);
  }

  /** Digest of the state after a block, while it is remembered. */
  digestAt(height: number): Uint8Array | undefined {
    return this.blocks.digestAt(height);
  }

  /** The lowest height of which this replica does not know the block. */
  get nextHeight(): number {
    return this.blocks.nextHeight;
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
    const before = this.unordered.drop(author);
    this.unordered.early.drop(author);
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

  /** They are in the order no more. */
  *withdraw(transactions: readonly GroupTransaction[]): Steps<void> {
    for (const transaction of transactions) {
      this.awaitingBlock.delete(transaction);
      this.long.delete(transaction);
    }
    this.journal.withdrew(transactions);
    yield* this.journal.unlessReplayed(this.linearizer.remove(transactions));
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

  /** All that is here of members that were removed, and counts or may yet be rescued, stands in blocks. */
  get isRidOfRemoved(): boolean {
    const { log, events } = this.options;
    if (this.authors.stranded().length > 0) return false;
    return [...log.chains.byAuthor].every(([author, { key }]) => {
      const isOver = key !== undefined && events.wasRemoved(key);
      return !isOver || Math.min(this.authors.endOf(author), log.seqOf(author)) <= this.finalSeq(author);
    });
  }

  /** Who is a member has changed, or what counts of those who were. */
  membersChanged(): void {
    for (const author of this.options.events.ended()) this.forks.suspect(author, 0);
    this.expel();
    this.rescue();
  }

  /** What members wrote that were removed, and authors that ended, and no block has ordered is in the order no more. */
  private expel(): void {
    for (const author of this.unordered.authors()) {
      if (this.authors.mayStay(author)) continue;
      finish(this.withdraw(this.unordered.drop(author)));
      this.authors.strand(author, this.options.log.seqOf(author));
    }
  }

  /** What is here of removed members, and the group lets count all the same, goes into the order; the rest is taken of whoever has it. */
  private rescue(): void {
    const { log, events } = this.options;
    for (const { author, seq: end } of events.rescued()) {
      if (end <= this.finalSeq(author) || events.hasEnded(author)) continue;
      for (let seq = this.finalSeq(author) + 1; seq <= Math.min(end, log.seqOf(author)); seq++) {
        if (this.unordered.cidHere({ author, seq })) continue;
        const [signed] = log.read(author, seq, seq, 0);
        if (!signed) throw new Error(`the log has no entry ${seq} of ${author}`);
        finish(this.insert(this.note([decodeIncoming(signed, decodeEntry(signed.body))])));
      }
      events.cutBack(author, log.seqOf(author));
    }
  }

  // The published state.

  /** Where the state stands, for it to be stored. */
  get storedPosition(): Pick<StatePosition, 'height' | 'block' | 'final'> {
    return this.blocks.position;
  }

  /** The state was published with these transactions beyond its last block. */
  wasPublished(): void {
    this.journal.published(this.linearizer.transactions());
  }

  /** The state stands again where it was published: all that happened since is done again. */
  replay(): void {
    this.linearizer = this.newLinearizer();
    this.journal.replay(this.linearizer, () => this.options.machine.restored());
  }

  /** At the start: the log's records in order, before anything else. Throws StateCorruptError. */
  recover(record: StoredRecord, isAgain: boolean): void {
    if (record.kind === 'block') {
      const { block, value } = record;
      if (block.height === this.height && hex(logCrypto.sha256(value)) !== this.blocks.hash)
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
      const next = this.applicable();
      if (!next) return;
      finish(this.apply(next));
    }
  }
}
