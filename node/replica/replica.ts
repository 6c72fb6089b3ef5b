/**
 * One group on one node: joins log, order, blocks and state. See DESIGN.md.
 *
 * What commits in one turn of the event loop becomes one entry; with it are written the entries that came from others and the
 * blocks that were decided, one fdatasync for all. Only what is durable is acknowledged, given to others, or taken over from them.
 */
import { finish, type Footprint, type Steps } from '../consistency/index.ts';
import { encodeTransaction, type SignedEntry } from '../log/index.ts';
import {
  blockItem,
  DiskFullError,
  entryItemInSteps,
  type LogItem,
  type SealedEntry,
  type StatePosition,
  type StoredRecord,
} from '../store/index.ts';
import { failureOf, hasRun, isLarge, isSmall, LARGE_BYTES, writtenBy, type Batch, type Own } from './batch.ts';
import type { Clock } from './clock.ts';
import { Company } from './company.ts';
import { Gate, SLICING, type Slicing } from './gate.ts';
import { Intake } from './intake.ts';
import { Order, type Applicable, type Proposal } from './order.ts';
import type { Decider, GroupLog, Machine, ReplicaEvents } from './ports.ts';
import { Publisher } from './publisher.ts';
import { Sequencer } from './sequencer.ts';
import { RejectedError, type GroupTransaction, type Outcome } from './transaction.ts';
import { Waiters } from './waiters.ts';

/** The replica may not go on: the process ends, and the log makes the state anew. */
export type Fatal = (error: Error) => void;

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
}

const RETRY_FULL_MS = 1000;
/** Blocks go into the log with the next entries, or by themselves after this: consensus keeps them durable until then. */
const BLOCKS_MS = 10;
/** An entry takes no other transaction when it has so much: peers take it as a whole. */
const ENTRY_BYTES = 4 << 20;

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

  /** Run, or to be run in a block, and not yet given to the log. */
  private pending: Own[] = [];
  private flying: Batch | undefined;
  /** Who waits for everything that is pending; and for what flies. */
  private readers: (() => void)[] = [];
  private flyingReaders: (() => void)[] = [];
  /** Blocks that are decided and not yet given to the log. */
  private blockItems: LogItem[] = [];
  private scheduled = false;
  private applying: 'no' | 'soon' | 'now' = 'no';
  private blocksDue: (() => void) | undefined;
  private readonly company: Company;
  private closed = false;
  /** Own transactions of a flush, smoothed: about 1 means that nobody gathers while the disk works. */
  private recentBatch = 1;

  private readonly waiters = new Waiters();
  private blockWaiters: (() => void)[] = [];
  /** When the newest block was applied; where none was yet, when the replica was made. */
  private blockMs: number;
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
    this.blockMs = clock.elapsed();
    this.company = new Company(clock, () => this.schedule());
    this.intake = new Intake({
      group,
      log,
      mayWrite: (entry) => this.order.mayWrite(entry),
      slices: (steps) => this.gate.slices(steps),
      onReady: () => this.schedule(),
    });
    this.publisher = new Publisher({
      clock,
      machine,
      order: this.order,
      voterSpans: options.voterSpans,
      isWriting: () => this.flying !== undefined,
      settleLog: () => {
        if (!this.writeNow()) return false;
        if (!alone() || !this.order.hasUnordered) return true;
        this.decider?.progress(true);
        this.applyBlocks();
        return this.writeNow();
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
    return { block: (now - this.blockMs) / 1000, unordered: (now - (this.order.unorderedSinceMs ?? now)) / 1000 };
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
    return isUnknown && this.intake.strangers.has(author) ? 0 : this.order.endOf(author);
  }

  // This node's own transactions.

  /** Whether rows lie in the state that are not durable yet. */
  get hasUnflushed(): boolean {
    return hasRun(this.pending) || (this.flying !== undefined && hasRun(this.flying.own));
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
    const done = new Promise<void>((resolve, reject) => this.pending.push({ transaction, resolve, reject }));
    this.schedule();
    return done;
  }

  /** Resolves when everything that lies in the state now is durable. */
  flushed(): Promise<void> {
    if (this.pending.length > 0) {
      this.schedule();
      return new Promise((resolve) => this.readers.push(resolve));
    }
    if (this.flying) return new Promise((resolve) => this.flyingReaders.push(resolve));
    return Promise.resolve();
  }

  private schedule(): void {
    if (this.scheduled || this.flying) return;
    this.scheduled = true;
    this.options.clock.defer(() => {
      this.scheduled = false;
      this.turn();
    });
  }

  /**
   * At the end of a turn. A single transaction that nobody else has to hold is flushed in place, and so is what a vote waits for:
   * handing it to another thread and back would cost as much as the disk does. More of them fly, while the next ones gather and
   * the others' disks work, too.
   */
  private turn(): void {
    if (this.flying) return;
    const isAwaited = this.readers.length > 0 || this.options.alone();
    const batch = this.gather(isAwaited || !this.company.expects(this.pending, this.waiters.finalCount));
    if (!batch) return;
    this.flying = batch;
    const { steps, bytes } = batch.assembly;
    if (bytes > LARGE_BYTES) {
      this.assembleOn(batch);
      return;
    }
    finish(steps);
    this.write(batch);
  }

  /** A large entry is hashed in slices. Nothing else is sealed meanwhile. */
  private assembleOn(batch: Batch): void {
    const { clock, slicing = SLICING, fatal } = this.options;
    const until = clock.elapsed() + slicing.sliceMs;
    try {
      do {
        if (batch.assembly.steps.next().done === true) {
          this.write(batch);
          return;
        }
      } while (clock.elapsed() < until);
    } catch (error) {
      fatal(error as Error);
      return;
    }
    clock.defer(() => this.assembleOn(batch));
  }

  private write(batch: Batch): void {
    if (this.isInPlace(batch)) {
      this.landed(failureOf(() => this.log.append(batch.items)));
      return;
    }
    let sync: (() => void) | undefined;
    try {
      if (this.isSoon(batch)) sync = this.log.begin(batch.items);
      else this.log.appendLater(batch.items, (error) => this.landed(error));
    } catch (error) {
      this.landed(error as Error);
      return;
    }
    // What takes long has a turn of its own.
    if (isLarge(batch)) this.options.clock.defer(() => this.share(batch));
    else this.share(batch);
    // In place, too, once what was just sent is on its way.
    if (sync) this.options.clock.defer(() => this.landed(failureOf(sync)));
  }

  /** While this disk works on it, others' disks may, too. */
  private share(batch: Batch): void {
    // Once it has landed, the others were told, or must not be: it found no room, and its number is given again.
    if (this.flying !== batch) return;
    this.tell(batch);
    if (this.options.alone()) return;
    this.order.writing(writtenBy(batch));
    if (this.isUrgent) this.decider?.progress(true);
  }

  private isInPlace(batch: Batch): boolean {
    const { own, incoming, items } = batch;
    if (own.length === 1 && this.recentBatch < 1.2) {
      const isLocal = own[0]?.transaction.level === 'local' || this.options.alone();
      return incoming.length === 0 && isLocal && !isLarge(batch);
    }
    return own.length === 0 && incoming.length > 0 && this.decider?.isAwaited === true && isSmall(items);
  }

  /** Nobody gathers meanwhile whom another thread's write would help. */
  private isSoon({ own, items }: Batch): boolean {
    return !this.options.alone() && own.every(({ transaction }) => transaction.finalOnly) && isSmall(items);
  }

  /** Gives the own entry to the others, once. If this disk loses it now, this node begins a new author with its next start. */
  private tell(batch: Batch): void {
    if (batch.told || !batch.sealed || this.options.alone()) return;
    batch.told = true;
    const isAwaited = batch.own.some(({ transaction: { level } }) => level !== 'local');
    this.options.events.made(batch.sealed.signed, isAwaited);
  }

  /** Writes what is pending, here and now. Nothing may fly. False when it cannot be written. */
  private writeNow(): boolean {
    while (this.pending.length > 0 || this.blockItems.length > 0) {
      const batch = this.gather(true);
      if (!batch) return true;
      this.flying = batch;
      finish(batch.assembly.steps);
      const error = failureOf(() => this.log.append(batch.items));
      this.landed(error);
      if (error) return error instanceof DiskFullError && this.blockItems.length === 0;
    }
    return true;
  }

  /** What goes into the next write; `withOwn`: the own transactions that are pending, too. */
  private gather(withOwn: boolean): Batch | undefined {
    const standing = this.pending.filter((o) => this.stands(o));
    const encoded = withOwn ? this.encode(standing) : [];
    const own = standing.slice(0, encoded.length);
    this.pending = standing.slice(encoded.length);
    const incoming = this.intake.take();
    // Who waits for all that is pending waits for what is left, too.
    const readers = this.pending.length > 0 ? [] : this.readers.splice(0);
    if (own.length === 0 && incoming.length === 0 && this.blockItems.length === 0) {
      for (const wake of readers) wake();
      return undefined;
    }
    if (own.length > 0) this.recentBatch = this.recentBatch * 0.9 + own.length * 0.1;
    const blocks = this.blockItems;
    this.blockItems = [];
    this.blocksDue?.();
    this.blocksDue = undefined;
    let bytes = 0;
    for (const { signed } of incoming) bytes += signed.body.length;
    for (const transaction of encoded) bytes += transaction.length;
    const batch: Batch = {
      own,
      sealed: undefined,
      incoming,
      items: [],
      assembly: { steps: this.assemble(() => batch, encoded, blocks), bytes },
      readers,
      told: false,
    };
    return batch;
  }

  /** The own entry, which follows what came before it, is made of what is known when this begins. */
  private *assemble(of: () => Batch, encoded: readonly Uint8Array[], blocks: readonly LogItem[]): Steps<void> {
    const batch = of();
    const sealed = batch.own.length > 0 ? yield* this.seal(batch.own, encoded) : undefined;
    const items: LogItem[] = [];
    for (const { entry, signed } of batch.incoming) items.push(yield* entryItemInSteps(entry, signed));
    items.push(...blocks);
    if (sealed) items.push(sealed.item);
    batch.sealed = sealed;
    batch.items = items;
  }

  /** What came meanwhile may have made it impossible before anybody was told OK. */
  private stands({ transaction, reject }: Own): boolean {
    const outcome = transaction.run?.outcome;
    if (!outcome || (outcome.kind === 'applied' && outcome.dropped.length === 0)) return true;
    this.order.forget([transaction]);
    reject(new RejectedError(outcome.kind === 'rejected' ? outcome : ROW_GONE));
    return false;
  }

  /** As many as one entry takes. */
  private encode(own: readonly Own[]): Uint8Array[] {
    const encoded: Uint8Array[] = [];
    for (let bytes = 0; encoded.length < own.length && bytes < ENTRY_BYTES; bytes += encoded.at(-1)?.length ?? 0)
      encoded.push(encodedOf((own[encoded.length] as Own).transaction));
    return encoded;
  }

  private *seal(own: readonly Own[], encoded: readonly Uint8Array[]): Steps<SealedEntry> {
    const now = this.options.clock.now();
    const sealed = yield* this.log.seal(encoded, now, this.order.height, this.order.takeHeads());
    const { lamport, seq } = sealed.entry;
    own.forEach(({ transaction }, index) => {
      transaction.position = { lamport, author: this.log.author, seq, index };
      transaction.time = now;
    });
    return sealed;
  }

  private landed(error: Error | undefined): void {
    const batch = this.flying as Batch;
    this.order.writing([]);
    const waiting = this.flyingReaders;
    this.flying = undefined;
    this.flyingReaders = [];
    if (error instanceof DiskFullError && !batch.told) this.noRoomFor(batch);
    else if (error) {
      this.options.fatal(error);
      // What others were given may yet stand: its client hears no refusal, but the end of the connection.
      if (!batch.told) for (const own of batch.own) own.reject(error);
    } else {
      this.tell(batch);
      this.stored(batch);
    }
    for (const wake of batch.readers) wake();
    for (const wake of waiting) wake();
    this.publisher.afterWrite();
    if (this.pending.length > 0 || (!error && !this.intake.isEmpty)) this.schedule();
    else if (this.blockItems.length > 0) this.writeBlocksSoon();
  }

  /** What was committed since lies on top of the batch: all of it goes. What came from others stays, and is tried again. */
  private noRoomFor(batch: Batch): void {
    const own = [...batch.own, ...this.pending];
    this.pending = [];
    if (batch.sealed) {
      this.log.unseal(batch.sealed);
      this.order.putHeadsBack(batch.sealed.entry.parents);
    }
    this.order.forget(own.map((o) => o.transaction));
    for (const o of own) o.reject(new DiskFullError('no space is left for the log'));
    this.intake.putBack(batch.incoming);
    this.blockItems = [...batch.items.filter((i) => i.author === undefined), ...this.blockItems];
    for (const wake of this.readers.splice(0)) wake();
    if (!this.intake.isEmpty || this.blockItems.length > 0)
      this.options.clock.after(RETRY_FULL_MS, () => this.schedule());
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
    if (incoming.length > 0) {
      const ready = this.order.note(incoming);
      // Those that run only in a block wait for theirs.
      const run = ready.filter(({ finalOnly }) => !finalOnly);
      if (ready.length > 0) this.sequencer.add(this.order.isLong(run), () => this.order.insert(ready));
    }
    const durable = incoming.map((i) => i.signed);
    if (sealed) durable.push(sealed.signed);
    if (durable.length > 0) {
      const isAwaited = incoming.some(({ transactions }) => transactions.some(({ level }) => level === 'replicated'));
      this.options.events.durable(durable, isAwaited);
    }
    this.applyBlocks();
    this.publisher.soon();
    if (!this.options.alone() || this.isUrgent) this.decider?.progress(this.isUrgent);
  }

  /** A majority of the voters holds this node's entries up to `seq`. */
  replicated(seq: number): void {
    this.waiters.majorityHas(seq);
  }

  private settled(transaction: GroupTransaction): void {
    if (transaction.run?.outcome.kind === 'rejected') this.counts.rejected++;
    if (this.waiters.settled(transaction)) this.company.left();
  }

  // Entries of others, and blocks.

  /** Takes entries of another author that follow each other; see Intake. Says what is wrong with the first that is refused. */
  receive(run: readonly SignedEntry[]): string | undefined {
    const fault = this.intake.receive(run);
    if (!this.intake.isEmpty) this.schedule();
    return fault;
  }

  /** Entries that waited for others, and turned out no good when these came. */
  takeFailed(): ReturnType<Intake['takeFailed']> {
    return this.intake.takeFailed();
  }

  proposal(height: number): Proposal | undefined {
    return this.order.proposal(height, this.options.clock.now());
  }

  emptyProposal(height: number): Proposal | undefined {
    return this.order.emptyProposal(height, this.options.clock.now());
  }

  mayVoteFor(value: Uint8Array): ReturnType<Order['mayVoteFor']> {
    return this.order.mayVoteFor(value);
  }

  /** The voters decided. Heights may come before what they order. Throws DecodeError. */
  decided(height: number, value: Uint8Array, certificate: Uint8Array): void {
    if (!this.order.decided(height, value)) return;
    this.blockItems.push(blockItem(height, value, certificate));
    this.applySoon();
    this.writeBlocksSoon();
  }

  private writeBlocksSoon(): void {
    this.blocksDue ??= this.options.clock.after(BLOCKS_MS, () => {
      this.blocksDue = undefined;
      this.schedule();
    });
  }

  /** At the end of the turn: what comes together is applied together. */
  private applySoon(): void {
    if (this.applying !== 'no') return;
    this.applying = 'soon';
    this.options.clock.defer(() => {
      if (this.applying === 'soon') this.applying = 'no';
      try {
        this.applyBlocks();
      } catch (error) {
        this.options.fatal(error as Error);
      }
    });
  }

  private applyBlocks(): void {
    if (this.closed || this.applying === 'now' || !this.order.hasApplicable) return;
    const next = this.order.applicable();
    if (!next) return;
    this.applying = 'now';
    this.sequencer.add(
      next.isLong,
      () => this.apply(next),
      () => this.order.prepare(next),
    );
  }

  private *apply(blocks: Applicable): Steps<void> {
    yield* this.order.apply(blocks);
    this.applying = 'no';
    this.publisher.afterBlocks();
    this.blockMs = this.options.clock.elapsed();
    // Behind the gate nobody sees yet what was applied.
    const waiting = this.blockWaiters.splice(0);
    if (waiting.length > 0)
      void this.gate.opened().then(() => {
        for (const wake of waiting) wake();
      });
    if (this.pending.length > 0) this.schedule();
    // Clients and peers have their turn before the next ones.
    if (this.order.hasApplicable) this.applySoon();
  }

  /** Resolves when the next block is applied. */
  nextBlock(): Promise<void> {
    return new Promise((resolve) => this.blockWaiters.push(resolve));
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

  expel(): void {
    this.order.expel();
  }

  // The state, published.

  publish(): void {
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
  recover(record: StoredRecord): void {
    this.order.recover(record);
  }

  /** Everything durable, everything published. */
  async close(): Promise<void> {
    this.gate.stop();
    while (this.pending.length > 0 || this.flying) await this.flushed();
    this.closed = true;
    // What was done in part goes with SQLite's open transaction.
    if (!this.gate.isClosed) this.publisher.close();
  }
}

function encodedOf(transaction: GroupTransaction): Uint8Array {
  const { encoded } = transaction;
  transaction.encoded = undefined;
  return encoded ?? encodeTransaction(transaction.read());
}

const ROW_GONE: Extract<Outcome, { kind: 'rejected' }> = {
  kind: 'rejected',
  reason: 'certification',
  errno: 1213,
  sqlState: '40001',
  message: 'A row that it changes is not there any more',
};
