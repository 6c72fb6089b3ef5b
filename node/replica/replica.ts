/**
 * One group on one node: joins log, order, blocks and state. See DESIGN.md.
 *
 * What commits until nobody else is at work becomes one entry; with it are written the entries that came from others and the
 * blocks that were decided, one fdatasync for all. Only what is durable is acknowledged, given to others, or taken over from them.
 */
import { finish, type Footprint, type Steps } from '../consistency/index.ts';
import { hex, type ChainLink, type Cut, type SignedEntry } from '../log/index.ts';
import { againItem, blockItem, type StatePosition, type StoredRecord } from '../store/index.ts';
import type { Batch } from './batch.ts';
import type { Clock } from './clock.ts';
import type { Forks } from './forks.ts';
import type { Open } from './company.ts';
import { Gate, SLICING, type Slicing } from './gate.ts';
import type { AuthorSeq } from './authors.ts';
import { BlockApplier } from './block-applier.ts';
import { Intake } from './intake.ts';
import { LogWriter } from './log-writer.ts';
import { Order } from './order.ts';
import type { Decider, GroupLog, Machine, ReplicaEvents } from './ports.ts';
import { Publisher } from './publisher.ts';
import { Sequencer } from './sequencer.ts';
import type { GroupTransaction } from './transaction.ts';
import type { Proposal, Voting } from './voting.ts';
import { Waiters } from './waiters.ts';

/** The replica may not go on: the process ends, and the log makes the state anew. */
export type Fatal = (error: Error) => void;

const FORKED_RUNS_MAX = 100;

export interface ReplicaOptions {
  readonly group: string;
  readonly log: GroupLog;
  readonly machine: Machine;
  readonly events: ReplicaEvents;
  readonly clock: Clock;
  readonly fatal: Fatal;
  /** Nobody else hosts the group: nothing ever comes between. */
  readonly alone: () => boolean;
  /** Who decides the heights after the newest block that is applied, to be kept with the state. */
  readonly voterSpans: () => NonNullable<StatePosition['voters']>;
  readonly slicing?: Slicing;
  /** Grows whenever a statement of another session than the last one begins. */
  readonly handovers?: () => number;
  /** Where sessions' open transactions are known: see Company. */
  readonly open?: () => Open;
}

export class Replica {
  private readonly options: ReplicaOptions;
  private readonly log: GroupLog;
  private readonly order: Order;
  private readonly intake: Intake;
  private readonly publisher: Publisher;
  private decider: Decider | undefined;
  /** Who may change the state: everybody asks here first. */
  readonly gate: Gate;
  private readonly sequencer: Sequencer;

  private readonly writer: LogWriter;
  private readonly applier: BlockApplier;

  private readonly waiters = new Waiters();
  /** Entries that came by their hashes. */
  private readonly wanted: (readonly ChainLink[])[] = [];
  /** What authors signed that signed others in their place. */
  private forkedRuns: {
    readonly author: string;
    readonly run: readonly ChainLink[];
    readonly waiting: readonly ChainLink[];
  }[] = [];
  private readonly counts = { transactions: 0, flushes: 0, rejected: 0 };

  constructor(options: ReplicaOptions, stored: StatePosition) {
    const { group, log, machine, events, clock, fatal, alone } = options;
    this.options = options;
    this.log = log;
    this.order = new Order(
      {
        group,
        log,
        machine,
        events,
        onSettled: (t) => this.sequencer.settled(t),
        elapsed: () => clock.elapsed(),
        onFollowed: (author) => this.intake.drop(author),
        cidOfWaiting: (author, seq) => this.intake.cidOfWaiting(author, seq),
        isLong: (changes) => this.gate.isLong(changes),
      },
      stored,
    );
    this.gate = new Gate({
      clock,
      slicing: options.slicing ?? SLICING,
      publish: () => this.publisher.whenPublished(),
      isPublished: () => !machine.hasUnpublished,
      hold: () => this.publisher.hold(),
      openSnapshot: () => machine.openSnapshot(),
      announce: () => machine.announce(),
      onOpened: () => this.sequencer.go(),
    });
    this.sequencer = new Sequencer({
      gate: this.gate,
      onSettled: (t) => this.settled(t),
      onLongDone: () => {
        this.publisher.soon();
        if (!alone() || this.isUrgent) this.decider?.progress(this.isUrgent);
      },
      fatal,
    });
    this.applier = new BlockApplier({
      clock,
      order: this.order,
      gate: this.gate,
      sequencer: this.sequencer,
      isBehind: () => this.decider?.isBehind === true,
      onLook: () => this.lookForForks(),
      onApplied: () => {
        this.publisher.afterBlocks();
        if (this.writer.hasPending) this.writer.schedule();
      },
      fatal,
    });
    this.intake = new Intake({
      group,
      log,
      mayWrite: (entry) => this.order.authors.mayWrite(entry),
      endOf: (author) => this.endOf(author),
      hasEnded: (author) => events.hasEnded(author),
      holdsAside: (parent) => {
        const author = hex(parent.author);
        return this.order.forks.holds({ ...parent, author }, this.intake.cidOfWaiting(author, parent.seq));
      },
      onForked: (author, run, waiting) => this.forked(author, run, waiting),
      onDropped: (author) => events.cutBack(author, log.seqOf(author)),
      onUnproven: (author) => this.order.forks.noteUnproven(author),
      slices: (steps) => this.gate.slices(steps),
      onReady: () => this.writer.schedule(),
    });
    this.writer = new LogWriter({
      log,
      order: this.order,
      intake: this.intake,
      events,
      clock,
      slicing: options.slicing,
      alone,
      decider: () => this.decider,
      handovers: options.handovers,
      open: options.open,
      underWay: () => this.waiters.count,
      onStored: (batch) => this.stored(batch),
      onLanded: () => this.publisher.afterWrite(),
      fatal,
    });
    this.publisher = new Publisher({
      clock,
      machine,
      order: this.order,
      voterSpans: options.voterSpans,
      isWriting: () => this.writer.isWriting,
      settleLog: () => {
        if (!this.writer.writeNow()) return false;
        if (!alone() || !this.order.hasUnordered) return true;
        this.decider?.progress(true);
        this.applier.apply();
        return this.writer.writeNow();
      },
      onNoRoom: (cause) =>
        fatal(
          new Error(
            'the disk is full: the state cannot be kept. Free some space and start the node again; the log has everything that was acknowledged',
            { cause },
          ),
        ),
    });
  }

  /** Decisions come by decided(); the decider asks by proposal() and mayVoteFor(). */
  decideBy(decider: Decider): void {
    this.decider = decider;
  }

  get stats(): Readonly<Record<'transactions' | 'flushes' | 'rejected' | 'received' | 'blocks' | 'restores', number>> {
    return { ...this.counts, ...this.order.stats, restores: this.publisher.restores };
  }

  get height(): number {
    return this.order.height;
  }

  /** Nobody else hosts the group: blocks are cut when the state is published. */
  get isAlone(): boolean {
    return this.options.alone();
  }

  /** Somebody waits for a block. */
  get isUrgent(): boolean {
    return this.order.isUrgent;
  }

  /** Transactions that no block has ordered. */
  get tentative(): number {
    return this.order.tentative;
  }

  /** How often transactions had to be undone to be put in order. */
  get undone(): number {
    return this.order.undone;
  }

  /** Seconds since the newest block was applied, and since the oldest entry waits for one: 0 where none does. */
  get ages(): { readonly block: number; readonly unordered: number } {
    const now = this.options.clock.elapsed();
    return {
      block: (now - this.applier.appliedMs) / 1000,
      unordered: (now - (this.order.unorderedSinceMs ?? now)) / 1000,
    };
  }

  /** Entries of others that are not in the order yet, by what they wait for; and heads that no entry names. */
  get waiting(): Readonly<Record<'heads' | 'disk' | 'parents' | 'block', number>> {
    const { heads, early } = this.order.counts;
    return { heads, ...this.intake.waiting, block: early };
  }

  appliedSeq(author: string): number {
    const applied = this.order.appliedSeq(author);
    return applied < this.endOf(author) ? applied : Infinity;
  }

  /** The seq behind which an author's entries count no more: it was removed. Infinity for one that may write. */
  endOf(author: string): number {
    const isUnknown = this.log.chains.seqOf(author) === 0;
    return isUnknown && this.intake.strangers.has(author)
      ? this.options.events.rescuedSeq(author)
      : this.order.authors.endOf(author);
  }

  // This node's own transactions.

  /** Whether rows lie in the state that are not durable yet. */
  get hasUnflushed(): boolean {
    return this.writer.hasUnflushed;
  }

  /**
   * A transaction that was run and lies in the state. Resolves when it is durable, or, at level `replicated`, when a majority has it.
   * Rejects with DiskFullError or RejectedError: then its changes were taken back.
   */
  commit(
    transaction: GroupTransaction,
    footprint: Footprint | undefined = this.footprintNow(transaction),
  ): Promise<void> {
    this.order.append(transaction, footprint);
    return this.submit(transaction);
  }

  private footprintNow(transaction: GroupTransaction): Footprint | undefined {
    return finish(this.footprintOf(transaction));
  }

  /** What an own transaction touched; undefined where nothing ever comes between. */
  *footprintOf({ run }: GroupTransaction): Steps<Footprint | undefined> {
    return run && !this.options.alone() ? yield* this.options.machine.footprintOf(run) : undefined;
  }

  /** A transaction that runs at its place in a block. Resolves when it ran there; rejects with RejectedError or DiskFullError. */
  submit(transaction: GroupTransaction): Promise<void> {
    return this.writer.submit(transaction);
  }

  /** From now on nothing of this node goes into the log any more, but what submitLast() is given: what is pending is refused. */
  end(): void {
    this.writer.end();
  }

  /** As submit(), also of a node that has ended. */
  submitLast(transaction: GroupTransaction): Promise<void> {
    return this.writer.submitLast(transaction);
  }

  /** Resolves when everything that lies in the state now is durable. */
  flushed(): Promise<void> {
    return this.writer.flushed();
  }

  /** Resolves when everything that is pending is durable, or was refused to who committed it. */
  drained(): Promise<void> {
    return this.flushed().catch(() => undefined);
  }

  private stored({ own, sealed, incoming }: Batch): void {
    if (sealed) {
      const { seq } = sealed.entry;
      this.counts.transactions += own.length;
      this.counts.flushes++;
      this.order.sealed(
        seq,
        sealed.signed.cid,
        own.map((o) => o.transaction),
      );
      for (const o of own) this.waiters.durable(o, seq, this.options.alone());
    }
    // Before it works on them: others may wait for the word.
    const durable: ChainLink[] = sealed ? [...incoming, sealed] : [...incoming];
    if (durable.length > 0) {
      const isAwaited = incoming.some(({ transactions }) => transactions.some(({ level }) => level === 'replicated'));
      this.options.events.durable(durable, isAwaited);
    }
    if (incoming.length > 0) {
      const ready = this.order.note(incoming);
      // Those that run only in a block wait for theirs.
      const run = ready.filter(({ finalOnly }) => !finalOnly);
      const insert = (): Steps<void> => this.order.insert(ready);
      if (ready.length > 0 && this.order.isLong(run)) this.sequencer.addLong((slices) => slices(insert()));
      else if (ready.length > 0) this.sequencer.add(insert);
    }
    if (this.wanted.length > 0) this.takeWanted();
    if (incoming.some(({ isAside }) => isAside)) this.intake.adopt();
    this.applier.apply();
    this.publisher.soon();
    if (!this.options.alone() || this.isUrgent) this.decider?.progress(this.isUrgent);
  }

  /** A majority of the voters holds this node's entries up to `seq`. */
  replicated(seq: number): void {
    const answered = this.waiters.majorityHas(seq);
    for (let n = 0; n < answered; n++) this.writer.answered();
    if (answered > 0 && this.writer.hasPending) this.writer.schedule();
  }

  private settled(transaction: GroupTransaction): void {
    if (transaction.run?.outcome.kind === 'rejected') this.counts.rejected++;
    if (this.waiters.settled(transaction)) this.writer.answered();
  }

  // Entries of others, and blocks.

  /** Takes entries of another author that follow each other; see Intake. Says what is wrong with the first that is refused. */
  receive(run: readonly SignedEntry[], author: string, seq: number, from: string): string | undefined {
    const fault = this.intake.receive(run, author, seq, from);
    if (!this.intake.isEmpty) this.writer.schedule();
    return fault;
  }

  /** Entries that waited for others, and turned out no good when these came. */
  takeFailed(): ReturnType<Intake['takeFailed']> {
    return this.intake.takeFailed();
  }

  proposal(height: number): Proposal | undefined {
    return this.order.voting.proposal(height, this.options.clock.now());
  }

  emptyProposal(height: number): Proposal | undefined {
    return this.order.voting.emptyProposal(height, this.options.clock.now());
  }

  mayVoteFor(value: Uint8Array): ReturnType<Voting['mayVoteFor']> {
    return this.order.voting.mayVoteFor(value);
  }

  /** The voters decided. Heights may come before what they order. Throws DecodeError. */
  decided(height: number, value: Uint8Array, certificate: Uint8Array): void {
    if (!this.order.decided(height, value)) return;
    this.writer.add(blockItem(height, value, certificate));
    this.applier.applySoon();
  }

  // Authors that signed two entries with one number.

  get forks(): Forks {
    return this.order.forks;
  }

  hasEnded(author: string): boolean {
    return this.options.events.hasEnded(author);
  }

  /** Up to where blocks ordered an author's entries. */
  finalSeq(author: string): number {
    return this.order.finalSeq(author);
  }

  /** Entries that are wanted by their hashes. */
  missing(): readonly Cut[] {
    const { order } = this;
    return order.forks.missing(({ author, seq }) => seq <= order.finalSeq(author) || seq > order.authors.endOf(author));
  }

  /** Before blocks are applied: an author may have another entry than the one that they name. */
  private lookForForks(): void {
    const { missing } = this.order;
    if (missing.length > 0) this.releaseAll(missing);
    if (!this.forks.isEmpty || missing.length > 0) this.followForks();
  }

  /** What waits may wait for entries of authors that were not suspected when it came. */
  lookAgain(): void {
    this.applier.apply();
    this.intake.adopt();
    if (!this.intake.isEmpty) this.writer.schedule();
    this.decider?.progress(this.isUrgent);
  }

  /** Entries of an author that were wanted, and those before them that are not here. */
  receiveFork(links: readonly ChainLink[]): void {
    this.wanted.push(links);
    this.takeWanted();
  }

  /** What is being written may be the same. */
  private takeWanted(): void {
    if (this.writer.isWriting) return;
    for (const links of this.wanted.splice(0)) this.intake.takeAside(links);
    if (!this.intake.isEmpty) this.writer.schedule();
  }

  private forked(author: string, run: readonly ChainLink[], waiting: readonly ChainLink[] = []): void {
    if (this.hasEnded(author)) return;
    this.order.forks.suspect(author, run[0]?.entry.seq ?? 1);
    if (this.forkedRuns.length < FORKED_RUNS_MAX) this.forkedRuns.push({ author, run, waiting: [...waiting] });
  }

  takeForked(): typeof this.forkedRuns {
    return this.forkedRuns.splice(0);
  }

  /** What the voters ordered takes the place of what is here; what does not count any more goes. Not while the log is written. */
  private followForks(): void {
    if (this.writer.isWriting) return;
    const withdrawn = this.order.followBlocks();
    this.writeFollowed();
    if (withdrawn.length > 0) this.sequencer.add(() => this.order.withdraw(withdrawn));
    this.intake.adopt();
    for (const author of this.options.events.ended()) this.cutBack(author);
  }

  private releaseAll(cuts: readonly Cut[]): void {
    this.intake.release(cuts);
    if (!this.intake.isEmpty) this.writer.schedule();
  }

  private writeFollowed(): void {
    for (const signed of this.order.followed.splice(0)) this.writer.addAgain(againItem(signed));
  }

  private cutBack(author: string): void {
    const end = this.order.finalSeq(author);
    if (this.log.chains.seqOf(author) <= end) return;
    this.log.cutBehind(author, end);
    this.intake.drop(author);
    this.options.events.cutBack(author, end);
  }

  /** Resolves when the next block is applied. */
  nextBlock(): Promise<void> {
    return this.applier.next();
  }

  /** Resolves when all that is here by now is in the state, and whoever reads sees it: what is long is put in order for a while. */
  async seen(): Promise<void> {
    await this.sequencer.reached();
    while (this.gate.isClosed) await this.gate.opened();
  }

  get nextHeight(): number {
    return this.order.nextHeight;
  }

  digestAt(height: number): Uint8Array | undefined {
    return this.order.digestAt(height);
  }

  placeOf(id: string): ReturnType<Order['placeOf']> {
    return this.order.placeOf(id);
  }

  endSolitude(): void {
    this.order.endSolitude();
  }

  isOrdered(key: string, but?: string): boolean {
    return this.order.isOrdered(key, but);
  }

  /** All that is here of members that were removed, and counts or may yet be rescued, stands in blocks. */
  get isRidOfRemoved(): boolean {
    return this.order.isRidOfRemoved;
  }

  /**
   * Where the durable entries end of those who were removed before a block had ordered all of them. They may have been acknowledged to
   * their author.
   */
  stranded(): readonly AuthorSeq[] {
    return this.order.authors.stranded();
  }

  /** Who is a member has changed, or what counts of those who were. */
  membersChanged(): void {
    this.order.membersChanged();
    this.intake.adopt();
    if (!this.intake.isEmpty) this.writer.schedule();
  }

  // The state, published.

  publish(): void {
    this.writeFollowed();
    this.publisher.publish();
  }

  holdPublishing(): () => void {
    return this.publisher.hold();
  }

  whenPublished(): Promise<void> {
    return this.publisher.whenPublished();
  }

  restore(): void {
    this.publisher.restore();
  }

  // Start and end.

  /** At the start: the log's records in order, before anything else. Throws StateCorruptError. */
  recover(record: StoredRecord, isAgain = false): void {
    this.order.recover(record, isAgain);
  }

  /** An author's chain goes on in the log behind another entry than it did: that is to be written. */
  get hasFollowed(): boolean {
    return this.order.followed.length > 0;
  }

  /** Everything durable, everything published. */
  async close(): Promise<void> {
    this.gate.stop();
    while (this.writer.hasPending || this.writer.isWriting) await this.drained();
    this.applier.close();
    this.writer.close();
    // What was done in part goes with SQLite's open transaction.
    if (!this.gate.isClosed) this.publisher.close();
  }
}
