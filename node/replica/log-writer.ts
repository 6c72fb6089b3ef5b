/**
 * Writes the log of a group: gathers what is to be written, seals the own entry, appends, and tells who waited. One write at a time;
 * what comes meanwhile goes into the next one.
 */
import { finish, type Steps } from '../consistency/index.ts';
import { encodeTransaction } from '../log/index.ts';
import {
  asideItem,
  DiskFullError,
  entryItemInSteps,
  TakenBackError,
  type LogItem,
  type SealedEntry,
} from '../store/index.ts';
import {
  failureOf,
  hasRun,
  isLarge,
  isSmall,
  LARGE_BYTES,
  writtenBy,
  type Batch,
  type Own,
  type Reader,
} from './batch.ts';
import type { Clock } from './clock.ts';
import { Company, type Open } from './company.ts';
import { SLICING, type Slicing } from './gate.ts';
import { Gathering } from './gathering.ts';
import type { Intake } from './intake.ts';
import type { Order } from './order.ts';
import type { Decider, GroupLog, ReplicaEvents } from './ports.ts';
import { RejectedError, type GroupTransaction, type Outcome } from './transaction.ts';

const RETRY_FULL_MS = 1000;
/** Blocks go into the log with the next entries, or by themselves after this: consensus keeps them durable until then. */
const BLOCKS_MS = 10;
/** A write that takes no longer may be made in place: to hand it to another thread and back would take as long. */
const IN_PLACE_MS = 1;
/** The same where clients wait for other nodes' disks, too: on a slower one all that only read would wait with them. */
const AWAITED_IN_PLACE_MS = 3;
/** An entry takes no other transaction when it has so much: peers take it as a whole. */
const ENTRY_BYTES = 4 << 20;

export interface LogWriterOptions {
  readonly log: GroupLog;
  readonly order: Order;
  readonly intake: Intake;
  readonly events: ReplicaEvents;
  readonly clock: Clock;
  readonly slicing: Slicing | undefined;
  readonly alone: () => boolean;
  readonly decider: () => Decider | undefined;
  /** Grows whenever a statement of another session than the last one begins. */
  readonly handovers: (() => number) | undefined;
  readonly open: (() => Open) | undefined;
  /** Own transactions that are durable here, and whose clients wait for other nodes. */
  readonly underWay: () => number;
  /** What a write took is durable. */
  readonly onStored: (batch: Batch) => void;
  /** A write has ended, well or not. */
  readonly onLanded: () => void;
  readonly fatal: (error: Error) => void;
}

export class LogWriter {
  private readonly options: LogWriterOptions;
  /** Run, or to be run in a block, and not yet given to the log. */
  private pending: Own[] = [];
  private flying: Batch | undefined;
  /** Who waits for everything that is pending; and for what flies. */
  private readers: Reader[] = [];
  private flyingReaders: Reader[] = [];
  /** Blocks that are decided and not yet given to the log. */
  private blockItems: LogItem[] = [];
  /** What goes before all else: see LogStore.follow(). */
  private again: LogItem[] = [];
  private blocksDue: (() => void) | undefined;
  private scheduled = false;
  private readonly company: Company;
  private readonly gathering: Gathering;
  private closed = false;
  private failed: Error | undefined;
  /** Nothing of this node goes into the log any more, but its last transaction. */
  private ended = false;
  private last: GroupTransaction | undefined;
  /** Own transactions of a write, smoothed: about 1 means that nobody gathers while the disk works. */
  private recentBatch = 1;
  /** How long a write takes, smoothed. */
  private syncMs = 0;

  constructor(options: LogWriterOptions) {
    this.options = options;
    const { clock, handovers, open } = options;
    this.company = new Company(clock, () => this.schedule(), open);
    this.gathering = new Gathering(clock, handovers);
  }

  get isWriting(): boolean {
    return this.flying !== undefined;
  }

  /** Own transactions wait for a write. */
  get hasPending(): boolean {
    return this.pending.length > 0;
  }

  /** Whether rows lie in the state that are not durable yet. */
  get hasUnflushed(): boolean {
    // What was lost lies in the state for as long as the node takes to end.
    if (this.failed) return true;
    return hasRun(this.pending) || (this.flying !== undefined && hasRun(this.flying.own));
  }

  /** An own transaction; see Replica.commit() and Replica.submit(). */
  submit(transaction: GroupTransaction): Promise<void> {
    if (this.failed) return Promise.reject(this.failed);
    const done = new Promise<void>((resolve, reject) => this.pending.push({ transaction, resolve, reject }));
    this.schedule();
    return done;
  }

  /** From now on nothing of this node goes into the log any more, but what submitLast() is given: what is pending is refused. */
  end(): void {
    this.ended = true;
  }

  /** As submit(), also of a node that has ended. */
  submitLast(transaction: GroupTransaction): Promise<void> {
    this.last = transaction;
    return this.submit(transaction);
  }

  /** Nothing is written any more. */
  close(): void {
    this.closed = true;
  }

  /** A block that was decided. */
  add(block: LogItem): void {
    this.blockItems.push(block);
    this.writeBlocksSoon();
  }

  /** An entry that its author's chain goes on behind, once more. */
  addAgain(entry: LogItem): void {
    this.again.push(entry);
    this.writeBlocksSoon();
  }

  /** A client that waited for other nodes was answered. */
  answered(): void {
    this.company.left();
  }

  private get hasItems(): boolean {
    return this.blockItems.length > 0 || this.again.length > 0;
  }

  /** Resolves when everything that is pending or being written is durable; rejects where it is lost. */
  flushed(): Promise<void> {
    if (this.failed) return Promise.reject(this.failed);
    if (this.pending.length > 0) {
      this.schedule();
      return new Promise((wake, reject) => this.readers.push({ wake, reject }));
    }
    if (this.flying) return new Promise((wake, reject) => this.flyingReaders.push({ wake, reject }));
    return Promise.resolve();
  }

  /** There is something to write. */
  schedule(): void {
    if (this.scheduled || this.flying) return;
    this.scheduled = true;
    this.options.clock.defer(() => {
      this.scheduled = false;
      this.turn();
    });
  }

  /**
   * At the end of a turn. Transactions that nobody else has to hold are written in place where nobody is at work who could commit
   * meanwhile, and so is what a vote waits for: handing it to another thread and back would cost as much as the disk does. Others
   * fly, while the next ones gather and the others' disks work, too.
   */
  private turn(): void {
    // What came from others after the end is theirs to send again.
    if (this.flying || this.closed || this.failed) return;
    if (
      hasRun(this.pending) &&
      this.options.decider()?.isAwaited !== true &&
      this.gathering.goesOn(this.pending.length)
    ) {
      this.schedule();
      return;
    }
    const isAwaited = this.readers.length > 0 || this.options.alone();
    const withOwn = isAwaited || !this.company.expects(this.pending, this.options.underWay());
    // Blocks can wait for what waits for others.
    if (!withOwn && this.options.intake.isEmpty && this.blocksDue) return;
    const batch = this.gather(withOwn);
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
    const { clock } = this.options;
    const begun = clock.elapsed();
    const landed = (error: Error | undefined): void => {
      this.syncMs += (clock.elapsed() - begun - this.syncMs) / 8;
      this.landed(error);
    };
    if (this.isInPlace(batch)) {
      landed(failureOf(() => this.options.log.append(batch.items)));
      return;
    }
    // Where the disk has no room for it, nobody else may have it. What takes long has a turn of its own.
    const written = (): void => (isLarge(batch) ? clock.defer(() => this.share(batch)) : this.share(batch));
    try {
      if (!this.isSoon(batch)) {
        this.options.log.appendLater(batch.items, written, landed);
        return;
      }
      const sync = this.options.log.begin(batch.items);
      written();
      // In place, too, once what was just sent is on its way.
      clock.defer(() => landed(failureOf(sync)));
    } catch (error) {
      this.landed(error as Error);
    }
  }

  /** While this disk works on it, others' disks may, too. */
  private share(batch: Batch): void {
    // Once it has landed, the others were told, or must not be: it found no room, and its number is given again.
    if (this.flying !== batch) return;
    this.tell(batch);
    if (this.options.alone()) return;
    this.options.order.voting.writing(writtenBy(batch));
    if (this.options.order.isUrgent) this.options.decider()?.progress(true);
  }

  private isInPlace(batch: Batch): boolean {
    const { own, incoming } = batch;
    if (own.length === 0)
      return incoming.length > 0 && this.options.decider()?.isAwaited === true && this.isQuick(batch);
    const nobodyGathers = this.gathering.isQuiet || (own.length === 1 && this.recentBatch < 1.2);
    const isLocal = this.options.alone() || own.every(({ transaction: { level } }) => level === 'local');
    return incoming.length === 0 && nobodyGathers && isLocal && this.syncMs < IN_PLACE_MS && !isLarge(batch);
  }

  /** Nobody gathers meanwhile whom another thread's write would help. */
  private isSoon(batch: Batch): boolean {
    const needOthers = batch.own.every(({ transaction }) => transaction.needsOthers);
    return !this.options.alone() && needOthers && this.isQuick(batch);
  }

  private isQuick({ items }: Batch): boolean {
    return isSmall(items) && this.syncMs < AWAITED_IN_PLACE_MS;
  }

  /** Gives the own entry to the others, once. If this disk loses it now, this node begins a new author with its next start. */
  private tell(batch: Batch): void {
    if (batch.told || !batch.sealed || this.options.alone()) return;
    batch.told = true;
    const isAwaited = batch.own.some(({ transaction: { level } }) => level !== 'local');
    this.options.events.made(batch.sealed, isAwaited);
  }

  /** Writes what is pending, here and now. Nothing may fly. False when it cannot be written. */
  writeNow(): boolean {
    if (this.failed) return false;
    while (this.pending.length > 0 || this.hasItems) {
      const batch = this.gather(true);
      if (!batch) return true;
      this.flying = batch;
      finish(batch.assembly.steps);
      const error = failureOf(() => this.options.log.append(batch.items));
      this.landed(error);
      if (error) return error instanceof DiskFullError && !this.hasItems;
    }
    return true;
  }

  /** What goes into the next write; `withOwn`: the own transactions that are pending, too. */
  private gather(withOwn: boolean): Batch | undefined {
    const standing = this.pending.filter((o) => this.stands(o));
    const encoded = withOwn ? this.encode(standing) : [];
    const own = standing.slice(0, encoded.length);
    this.pending = standing.slice(encoded.length);
    const incoming = this.options.intake.take();
    // Who waits for all that is pending waits for what is left, too.
    const readers = this.pending.length > 0 ? [] : this.readers.splice(0);
    if (own.length === 0 && incoming.length === 0 && !this.hasItems) {
      for (const { wake } of readers) wake();
      return undefined;
    }
    if (own.length > 0) this.recentBatch = this.recentBatch * 0.9 + own.length * 0.1;
    const blocks = this.blockItems;
    const { again } = this;
    this.blockItems = [];
    this.again = [];
    this.blocksDue?.();
    this.blocksDue = undefined;
    let bytes = 0;
    for (const { signed } of incoming) bytes += signed.body.length;
    for (const transaction of encoded) bytes += transaction.length;
    const batch: Batch = {
      own,
      sealed: undefined,
      incoming,
      again,
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
    const items: LogItem[] = [...batch.again];
    for (const { entry, signed, isAside = false } of batch.incoming)
      items.push(isAside ? asideItem(entry, signed) : yield* entryItemInSteps(entry, signed));
    items.push(...blocks);
    if (sealed) items.push(sealed.item);
    batch.sealed = sealed;
    batch.items = items;
  }

  /** What came meanwhile may have made it impossible before anybody was told OK. */
  private stands({ transaction, reject }: Own): boolean {
    if (this.ended && transaction !== this.last) {
      if (transaction.run) this.options.order.forget([transaction]);
      reject(new RejectedError(ENDED));
      return false;
    }
    const outcome = transaction.run?.outcome;
    if (!outcome || (outcome.kind === 'applied' && outcome.dropped.length === 0)) return true;
    this.options.order.forget([transaction]);
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
    const sealed = yield* this.options.log.seal(
      encoded,
      now,
      this.options.order.height,
      this.options.order.takeHeads(),
    );
    const { lamport, seq, height } = sealed.entry;
    own.forEach(({ transaction }, index) => {
      transaction.position = { lamport, author: this.options.log.author, seq, index };
      transaction.time = now;
      transaction.basisHeight = height;
    });
    return sealed;
  }

  private landed(error: Error | undefined): void {
    const batch = this.flying as Batch;
    this.options.order.voting.writing([]);
    const waiting = this.flyingReaders;
    this.flying = undefined;
    this.flyingReaders = [];
    if (error instanceof DiskFullError && !batch.told) this.noRoomFor(batch, waiting);
    else if (error) {
      this.fail(error, batch, waiting);
      return;
    } else {
      this.tell(batch);
      this.options.onStored(batch);
    }
    for (const { wake } of [...batch.readers, ...waiting]) wake();
    this.options.onLanded();
    if (this.pending.length > 0 || (!error && !this.options.intake.isEmpty)) this.schedule();
    else if (this.hasItems) this.writeBlocksSoon();
  }

  /** Nothing more is written: what comes behind what is lost would follow nothing. Who waits to read it never can. */
  private fail(error: Error, batch: Batch, waiting: readonly Reader[]): void {
    this.failed = error;
    this.options.fatal(error);
    // What others were given may yet stand: its client hears no refusal, but the end of the connection.
    const refused = batch.told ? this.pending : [...batch.own, ...this.pending];
    this.pending = [];
    for (const own of refused) own.reject(error);
    for (const { reject } of [...batch.readers, ...waiting, ...this.readers.splice(0)]) reject(error);
  }

  /** What was committed since lies on top of the batch: all of it goes. What came from others stays, and is tried again. */
  private noRoomFor(batch: Batch, waiting: readonly Reader[]): void {
    const own = [...batch.own, ...this.pending];
    this.pending = [];
    if (batch.sealed) {
      this.options.log.unseal(batch.sealed);
      this.options.order.putHeadsBack(batch.sealed.entry.parents);
    }
    this.options.order.forget(own.map((o) => o.transaction));
    for (const o of own) o.reject(new DiskFullError('no space is left for the log'));
    const takenBack = new TakenBackError('no space is left for what was read');
    if (hasRun(own)) for (const { reject } of [...batch.readers, ...waiting, ...this.readers]) reject(takenBack);
    this.options.intake.putBack(batch.incoming);
    this.blockItems = [...batch.items.filter((i) => i.height !== undefined), ...this.blockItems];
    this.again = [...batch.again, ...this.again];
    for (const { wake } of this.readers.splice(0)) wake();
    if (!this.options.intake.isEmpty || this.hasItems) this.options.clock.after(RETRY_FULL_MS, () => this.schedule());
  }

  private writeBlocksSoon(): void {
    this.blocksDue ??= this.options.clock.after(BLOCKS_MS, () => {
      this.blocksDue = undefined;
      this.schedule();
    });
  }
}

function encodedOf(transaction: GroupTransaction): Uint8Array {
  const { encoded } = transaction;
  transaction.encoded = undefined;
  return encoded ?? encodeTransaction(transaction.read());
}

const ENDED: Extract<Outcome, { kind: 'rejected' }> = {
  kind: 'rejected',
  reason: 'certification',
  errno: 1213,
  sqlState: '40001',
  message: 'This node hosts the database no more',
};

const ROW_GONE: Extract<Outcome, { kind: 'rejected' }> = {
  kind: 'rejected',
  reason: 'certification',
  errno: 1213,
  sqlState: '40001',
  message: 'A row that it changes is not there any more',
};
