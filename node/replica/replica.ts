/**
 * One group on one node: joins log, order, blocks and state. See DESIGN.md.
 *
 * What commits in one turn of the event loop becomes one entry; with it are written the entries that came from others and the
 * blocks that were decided, one fdatasync for all. Only what is durable is acknowledged, given to others, or taken over from them.
 */
import { Linearizer, type Footprint } from '../consistency/index.ts';
import {
  decodeBlockValue,
  decodeEntry,
  DecodeError,
  decodeTransaction,
  encodeBlockValue,
  encodeTransaction,
  hex,
  sameBytes,
  type Block,
  type Cut,
  type Entry,
  type Parent,
  type SignedEntry,
} from '../log/index.ts';
import {
  blockItem,
  DiskFullError,
  entryItem,
  logCrypto,
  type LogItem,
  type LogStore,
  type SealedEntry,
  type StatePosition,
  StateCorruptError,
  type StoredRecord,
} from '../store/index.ts';
import { GroupTransaction, type Outcome } from './transaction.ts';
import type { Decider, Machine, ReplicaEvents } from './ports.ts';

/** The replica may not go on: the process ends, and the log makes the state anew. */
export type Fatal = (error: Error) => void;

/** A transaction was refused at its place in the order. */
export class RejectedError extends Error {
  override readonly name = 'RejectedError';
  readonly outcome: Extract<Outcome, { kind: 'rejected' }>;

  constructor(outcome: Extract<Outcome, { kind: 'rejected' }>) {
    super(outcome.message);
    this.outcome = outcome;
  }
}

interface Own {
  readonly transaction: GroupTransaction;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Incoming {
  readonly entry: Entry;
  readonly signed: SignedEntry;
}

/** One write of the log. */
interface Batch {
  readonly own: readonly Own[];
  readonly sealed: SealedEntry | undefined;
  readonly incoming: readonly Incoming[];
  readonly items: readonly LogItem[];
  readonly readers: readonly (() => void)[];
}

/** What happened to the state since it was published. */
type Happened =
  | { readonly kind: 'transactions'; readonly transactions: readonly GroupTransaction[] }
  | { readonly kind: 'block'; readonly height: number; readonly transactions: readonly GroupTransaction[] };

export interface ReplicaOptions {
  readonly group: string;
  readonly log: LogStore;
  readonly machine: Machine;
  readonly events: ReplicaEvents;
  readonly fatal: Fatal;
  /** Nobody else hosts the group: nothing ever comes between. */
  readonly alone: () => boolean;
}

const INCOMING_BYTES_MAX = 8 << 20;
const PUBLISH_MS = 50;
const RETRY_FULL_MS = 1000;
const NO_FOOTPRINT: Footprint = { reads: [], writes: [] };
/** Heights whose digests are kept to be compared. */
const DIGESTS_KEPT = 1000;

export class Replica {
  private readonly group: string;
  private readonly log: LogStore;
  private readonly machine: Machine;
  private readonly events: ReplicaEvents;
  private readonly fatal: Fatal;
  private readonly alone: () => boolean;
  private decider: Decider | undefined;
  private linearizer: Linearizer<GroupTransaction>;

  /** Run, or to be run in a block, and not yet given to the log. */
  private pending: Own[] = [];
  private flying: Batch | undefined;
  /** Who waits for everything that is pending. */
  private readers: (() => void)[] = [];
  /** Checked, not yet durable here. */
  private incoming: Incoming[] = [];
  /** By author, in order: their parents are not here yet. */
  private readonly orphans = new Map<string, Incoming[]>();
  private blockItems: LogItem[] = [];
  private scheduled = false;

  /** Entries that no block has ordered, by author and seq. */
  private readonly entries = new Map<string, Map<number, readonly GroupTransaction[]>>();
  /** Durable, made on a block that this replica has not applied yet. */
  private early: Incoming[] = [];
  /** Heads of others that this replica's next entry names. */
  private readonly heads = new Map<string, Parent>();
  private position: { height: number; block: string; final: Map<string, number> };
  private readonly chosen = new Map<number, { readonly block: Block; readonly value: Uint8Array }>();
  private readonly digests = new Map<number, Uint8Array>();
  private readonly finalWaiters = new Map<GroupTransaction, Own>();
  /** Known transactions that run only in a block: somebody waits for each. */
  private readonly awaitingBlock = new Set<GroupTransaction>();
  private replicatedWaiters: { readonly seq: number; readonly own: Own }[] = [];
  private replicatedSeq = 0;

  private publishedTentative: readonly GroupTransaction[] = [];
  private happened: Happened[] = [];
  private publishTimer: NodeJS.Timeout | undefined;
  private publishDue = false;
  private publishWaiters: (() => void)[] = [];
  private holds = 0;
  private restoring = false;
  readonly stats = { transactions: 0, flushes: 0, restores: 0, received: 0, blocks: 0, rejected: 0 };

  constructor(options: ReplicaOptions, stored: StatePosition) {
    this.group = options.group;
    this.log = options.log;
    this.machine = options.machine;
    this.events = options.events;
    this.fatal = options.fatal;
    this.alone = options.alone;
    this.linearizer = new Linearizer(this.applier());
    this.position = positionOf(stored);
  }

  /** Decisions come by chosen(); the decider asks by proposal() and mayVoteFor(). */
  decideBy(decider: Decider): void {
    this.decider = decider;
  }

  get height(): number {
    return this.position.height;
  }

  /** Somebody waits for a block. */
  get isUrgent(): boolean {
    return this.awaitingBlock.size > 0;
  }

  /** Transactions that no block has ordered. */
  get tentative(): number {
    return this.linearizer.tentative;
  }

  /** How often transactions had to be undone to be put in order. */
  get undone(): number {
    return this.linearizer.stats.undone;
  }

  private applier(): ConstructorParameters<typeof Linearizer<GroupTransaction>>[0] {
    return {
      apply: (transaction, isFinal) => this.machine.apply(transaction, isFinal),
      undo: (transaction) => this.machine.undo(transaction),
      settle: (transaction) => {
        this.machine.settle(transaction);
        this.settled(transaction);
      },
    };
  }

  // This node's own transactions.

  /** Whether rows lie in the state that are not durable yet. */
  get hasUnflushed(): boolean {
    return this.pending.length > 0 || (this.flying !== undefined && this.flying.own.length > 0);
  }

  /**
   * A transaction that was run and lies in the state. Resolves when it is durable, or, at level `replicated`, when a majority has it.
   * Rejects with DiskFullError or RejectedError: then its changes were taken back.
   */
  commit(transaction: GroupTransaction): Promise<void> {
    const changes = transaction.run?.changes ?? [];
    this.linearizer.append(transaction, this.alone() ? NO_FOOTPRINT : this.machine.footprintOf(changes));
    this.happened.push({ kind: 'transactions', transactions: [transaction] });
    return this.enqueue(transaction);
  }

  /** A transaction that runs at its place in a block. Resolves when it ran there; rejects with RejectedError or DiskFullError. */
  submit(transaction: GroupTransaction): Promise<void> {
    return this.enqueue(transaction);
  }

  private enqueue(transaction: GroupTransaction): Promise<void> {
    const done = new Promise<void>((resolve, reject) => this.pending.push({ transaction, resolve, reject }));
    this.schedule();
    return done;
  }

  /** Resolves when everything that lies in the state now is durable. */
  flushed(): Promise<void> {
    if (this.pending.length > 0) return new Promise((resolve) => this.readers.push(resolve));
    if (this.flying) return new Promise((resolve) => this.flyingReaders.push(resolve));
    return Promise.resolve();
  }
  private flyingReaders: (() => void)[] = [];

  private schedule(): void {
    if (this.scheduled || this.flying) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.turn();
    });
  }

  /**
   * At the end of a turn. A single transaction is flushed in place: handing it to another thread and back would cost as much
   * as the disk does. More of them fly, while the next ones gather.
   */
  private turn(): void {
    if (this.flying) return;
    const inPlace = this.pending.length === 1 && this.incoming.length === 0 && this.recentBatch < 1.2;
    const batch = this.gather();
    if (!batch) return;
    this.flying = batch;
    if (inPlace) {
      this.landed(this.write(batch));
      return;
    }
    try {
      this.log.appendLater(batch.items, (error) => this.landed(error));
    } catch (error) {
      this.landed(error as Error);
    }
  }
  /** Own transactions of a flush, smoothed: about 1 means that nobody gathers while the disk works. */
  private recentBatch = 1;

  private write(batch: Batch): Error | undefined {
    try {
      this.log.append(batch.items);
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  private gather(): Batch | undefined {
    const own = this.pending.filter((o) => this.stands(o));
    this.pending = [];
    const incoming = this.takeIncoming();
    if (own.length === 0 && incoming.length === 0 && this.blockItems.length === 0) {
      for (const wake of this.readers.splice(0)) wake();
      return undefined;
    }
    if (own.length > 0) this.recentBatch = this.recentBatch * 0.9 + own.length * 0.1;
    const sealed = own.length > 0 ? this.seal(own) : undefined;
    const items = incoming.map(({ entry, signed }) => entryItem(entry, signed));
    items.push(...this.blockItems);
    if (sealed) items.push(sealed.item);
    this.blockItems = [];
    const readers = this.readers;
    this.readers = [];
    return { own, sealed, incoming, items, readers };
  }

  /** What came meanwhile may have made it impossible before anybody was told OK. */
  private stands({ transaction, reject }: Own): boolean {
    const outcome = transaction.run?.outcome;
    if (!outcome || (outcome.kind === 'applied' && outcome.dropped.length === 0)) return true;
    this.forget([transaction]);
    reject(
      outcome.kind === 'rejected'
        ? new RejectedError(outcome)
        : new RejectedError({ kind: 'rejected', reason: 'certification', errno: 1213, sqlState: '40001', message: '' }),
    );
    return false;
  }

  private seal(own: readonly Own[]): SealedEntry {
    const now = Date.now();
    const bytes = own.map((o) => encodeTransaction(o.transaction.read()));
    const parents = [...this.heads.values()];
    const sealed = this.log.seal(bytes, now, this.position.height, parents);
    this.heads.clear();
    const { lamport, seq } = sealed.entry;
    own.forEach(({ transaction }, index) => {
      transaction.position = { lamport, author: this.log.author, seq, index };
      transaction.time = now;
    });
    return sealed;
  }

  private landed(error: Error | undefined): void {
    const batch = this.flying as Batch;
    const waiting = this.flyingReaders;
    this.flying = undefined;
    this.flyingReaders = [];
    if (error instanceof DiskFullError) this.noRoomFor(batch);
    else if (error) {
      this.fatal(error);
      for (const own of batch.own) own.reject(error);
    } else this.stored(batch);
    for (const wake of batch.readers) wake();
    for (const wake of waiting) wake();
    if (this.publishDue && this.holds === 0) this.publish();
    if (this.pending.length > 0 || this.blockItems.length > 0 || (!error && this.incoming.length > 0)) this.schedule();
  }

  /** What was committed since lies on top of the batch: all of it goes. What came from others stays, and is tried again. */
  private noRoomFor(batch: Batch): void {
    const own = [...batch.own, ...this.pending];
    this.pending = [];
    if (batch.sealed) {
      this.log.unseal(batch.sealed);
      for (const parent of batch.sealed.entry.parents) this.heads.set(hex(parent.author), parent);
    }
    this.forget(own.map((o) => o.transaction));
    for (const o of own) o.reject(new DiskFullError('no space is left for the log'));
    this.incoming = [...batch.incoming, ...this.incoming];
    this.blockItems = [...batch.items.filter((i) => i.author === undefined), ...this.blockItems];
    for (const wake of this.readers.splice(0)) wake();
    if (this.incoming.length > 0 || this.blockItems.length > 0)
      setTimeout(() => this.schedule(), RETRY_FULL_MS).unref();
  }

  /** Own transactions that nobody was told of: as if they had never been. */
  private forget(transactions: readonly GroupTransaction[]): void {
    const gone = new Set(transactions);
    this.happened = this.happened.filter((h) => h.kind === 'block' || !h.transactions.every((t) => gone.has(t)));
    this.linearizer.remove(transactions);
  }

  private stored(batch: Batch): void {
    const { own, sealed, incoming } = batch;
    if (sealed) {
      this.stats.transactions += own.length;
      this.stats.flushes++;
      const transactions = own.map((o) => o.transaction);
      this.noteEntry(this.log.author, sealed.entry.seq, transactions);
      const finalOnly = transactions.filter((t) => t.finalOnly);
      if (finalOnly.length > 0) this.insert(finalOnly);
      for (const o of own) this.acknowledge(o, sealed.entry.seq);
    }
    if (incoming.length > 0) this.takeOver(incoming);
    if (sealed || incoming.length > 0) {
      this.events.durable([...incoming.map((i) => i.signed), ...(sealed ? [sealed.signed] : [])], sealed?.signed);
    }
    this.applyBlocks();
    this.publishSoon();
    if (!this.alone() || this.isUrgent) this.decider?.progress(this.isUrgent);
  }

  private acknowledge(own: Own, seq: number): void {
    const { level, finalOnly } = own.transaction;
    if (finalOnly) this.finalWaiters.set(own.transaction, own);
    else if (level === 'replicated' && !this.alone() && seq > this.replicatedSeq)
      this.replicatedWaiters.push({ seq, own });
    else own.resolve();
  }

  /** A majority of the voters holds this node's entries up to `seq`. */
  replicated(seq: number): void {
    if (seq <= this.replicatedSeq) return;
    this.replicatedSeq = seq;
    while (this.replicatedWaiters[0] && this.replicatedWaiters[0].seq <= seq)
      this.replicatedWaiters.shift()?.own.resolve();
  }

  private noteEntry(author: string, seq: number, transactions: readonly GroupTransaction[]): void {
    let entries = this.entries.get(author);
    if (!entries) this.entries.set(author, (entries = new Map<number, readonly GroupTransaction[]>()));
    entries.set(seq, transactions);
  }

  // Entries of others.

  /**
   * Takes an entry that somebody hands over; those of one author come in order. One that is here already is passed over, one whose
   * parents are not here waits for them. Says what is wrong with one that is refused.
   */
  receive(signed: SignedEntry): string | undefined {
    let entry: Entry;
    try {
      entry = decodeEntry(signed.body);
    } catch (error) {
      if (error instanceof DecodeError) return error.message;
      throw error;
    }
    const author = hex(entry.author);
    const { chains } = this.log;
    const orphans = this.orphans.get(author);
    if (entry.seq <= (orphans?.at(-1)?.entry.seq ?? chains.seqOf(author))) return undefined;
    if (entry.group !== this.group) return `it is of group ${entry.group}`;
    if (!orphans && entry.height <= this.position.height && !this.mayWrite(entry, author))
      return 'its author is no member';
    if (orphans) orphans.push({ entry, signed });
    else if (!this.hasParents(entry)) this.orphans.set(author, [{ entry, signed }]);
    else {
      const fault = this.accept({ entry, signed });
      if (fault !== undefined) return fault;
      this.adopt();
    }
    this.schedule();
    return undefined;
  }

  /** Of entries that were made on a later block than the one here, nobody can tell yet. */
  private mayWrite(entry: Entry, author: string): boolean {
    const key = entry.genesis?.key ?? this.log.chains.byAuthor.get(author)?.key;
    return key !== undefined && this.events.isMember(key);
  }

  private hasParents(entry: Entry): boolean {
    return entry.parents.every((parent) => this.log.chains.seqOf(hex(parent.author)) >= parent.seq);
  }

  private accept(one: Incoming): string | undefined {
    const fault = this.log.chains.next(one.signed, one.entry);
    if (fault) return `it fails the check of its ${fault.kind}`;
    this.incoming.push(one);
    return undefined;
  }

  /** Entries that waited for parents which are here now. One that is no good goes, with those that follow it. */
  private adopt(): void {
    for (let found = this.orphans.size > 0; found;) {
      found = false;
      for (const [author, waiting] of this.orphans) {
        while (waiting[0] && this.hasParents(waiting[0].entry)) {
          if (this.accept(waiting.shift() as Incoming) !== undefined) waiting.length = 0;
          found = true;
        }
        if (waiting.length === 0) this.orphans.delete(author);
      }
    }
  }

  private takeIncoming(): Incoming[] {
    let bytes = 0;
    let count = 0;
    while (count < this.incoming.length && bytes < INCOMING_BYTES_MAX)
      bytes += (this.incoming[count++] as Incoming).signed.body.length;
    return this.incoming.splice(0, count);
  }

  /** Durable entries of others go into the order, unless they were made on a block that is not here yet. */
  private takeOver(incoming: readonly Incoming[]): void {
    const ready: GroupTransaction[] = [];
    for (const one of incoming) {
      const { entry, signed } = one;
      const author = hex(entry.author);
      if (entry.height > this.position.height) {
        this.early.push(one);
        continue;
      }
      // Its author was removed: what no block has ordered by then never will be.
      if (!this.mayWrite(entry, author)) continue;
      const transactions = transactionsOf(entry, author);
      this.stats.received += transactions.length;
      this.noteEntry(author, entry.seq, transactions);
      if (author !== this.log.author) this.heads.set(author, { author: entry.author, seq: entry.seq, cid: signed.cid });
      ready.push(...transactions);
    }
    if (ready.length > 0) this.insert(ready);
  }

  private insert(transactions: readonly GroupTransaction[]): void {
    for (const transaction of transactions) if (transaction.finalOnly) this.awaitingBlock.add(transaction);
    this.happened.push({ kind: 'transactions', transactions });
    this.unlessLost(() => this.linearizer.insert(transactions));
  }

  /** When the state gives its transaction up, all that happened is done again, this too. */
  private unlessLost(work: () => void): void {
    const { restores } = this.stats;
    try {
      work();
    } catch (error) {
      if (!(error instanceof DiskFullError) || this.stats.restores === restores) throw error;
    }
  }

  // Blocks.

  /** The next block as this replica would cut it, or undefined when there is nothing to order. */
  proposal(height: number): Uint8Array | undefined {
    if (height !== this.position.height + 1) return undefined;
    const cut: Cut[] = [];
    for (const [author, entries] of this.entries) {
      let seq = this.position.final.get(author) ?? 0;
      while (entries.has(seq + 1)) seq++;
      if (seq > (this.position.final.get(author) ?? 0)) cut.push({ author, seq });
    }
    if (cut.length === 0) return undefined;
    cut.sort((a, b) => (a.author < b.author ? -1 : 1));
    return this.encodeBlock(height, cut);
  }

  /** A block that orders nothing, for a decision that is due all the same. */
  emptyProposal(height: number): Uint8Array | undefined {
    return height === this.position.height + 1 ? this.encodeBlock(height, []) : undefined;
  }

  private encodeBlock(height: number, cut: readonly Cut[]): Uint8Array {
    return encodeBlockValue({
      group: this.group,
      height,
      prev: this.position.block === '' ? null : Buffer.from(this.position.block, 'hex'),
      cut,
      digestHeight: this.position.height,
      digest: this.digests.get(this.position.height) ?? null,
      time: Date.now(),
    });
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
    if (block.group !== this.group || block.height <= this.position.height) return 'never';
    if (block.height > this.position.height + 1) return 'later';
    if (!sameBytes(block.prev, this.position.block === '' ? null : Buffer.from(this.position.block, 'hex')))
      return 'never';
    if (block.cut.some(({ author, seq }) => seq <= (this.position.final.get(author) ?? 0))) return 'never';
    const here = this.digests.get(block.digestHeight);
    if (here && block.digest && !sameBytes(here, block.digest)) return 'differs';
    return block.cut.every(({ author, seq }) => this.log.seqOf(author) >= seq) ? 'yes' : 'later';
  }

  /** The voters decided. Heights may come before what they order. Throws DecodeError. */
  decided(height: number, value: Uint8Array, certificate: Uint8Array): void {
    if (height <= this.position.height || this.chosen.has(height)) return;
    this.chosen.set(height, { block: decodeBlockValue(value), value });
    this.blockItems.push(blockItem(value, certificate));
    this.applyBlocks();
    this.schedule();
  }

  /** Entries that a decided block names and this replica has not, by author: up to which seq. */
  missing(): Cut[] {
    const next = this.chosen.get(this.position.height + 1);
    return next ? next.block.cut.filter(({ author, seq }) => this.log.seqOf(author) < seq) : [];
  }

  private applyBlocks(): void {
    for (;;) {
      const next = this.chosen.get(this.position.height + 1);
      if (!next?.block.cut.every(({ author, seq }) => this.entries.get(author)?.has(seq) ?? false)) return;
      this.chosen.delete(next.block.height);
      this.applyBlock(next.block, next.value);
      this.events.applied(next.block);
      for (const wake of this.blockWaiters.splice(0)) wake();
    }
  }

  private applyBlock(block: Block, value: Uint8Array): void {
    const transactions: GroupTransaction[] = [];
    for (const { author, seq } of block.cut) {
      const entries = this.entries.get(author);
      for (let s = (this.position.final.get(author) ?? 0) + 1; s <= seq; s++) {
        transactions.push(...(entries?.get(s) ?? []));
        entries?.delete(s);
      }
      this.position.final.set(author, seq);
    }
    this.happened.push({ kind: 'block', height: block.height, transactions });
    this.unlessLost(() => this.linearizer.decide(block.height, transactions));
    this.position.height = block.height;
    this.position.block = hex(logCrypto.sha256(value));
    this.stats.blocks++;
    this.compareDigest(block);
    const early = this.early;
    this.early = [];
    if (early.length > 0) this.takeOver(early);
    this.publishSoon();
  }

  /** The first other member is there: from now on it matters what this node's transactions touch. */
  endSolitude(): void {
    for (const transaction of this.linearizer.transactions())
      if (transaction.run) this.linearizer.retouch(transaction, this.machine.footprintOf(transaction.run.changes));
  }

  /** Members were removed: what they wrote and no block has ordered is in the order no more. */
  expel(): void {
    for (const [author, entries] of this.entries) {
      const key = this.log.chains.byAuthor.get(author)?.key;
      if (entries.size === 0 || (key && this.events.isMember(key))) continue;
      this.forget([...entries.values()].flat());
      this.entries.delete(author);
    }
  }

  /** The lowest height of which this replica does not know the block. */
  get nextHeight(): number {
    let height = this.position.height + 1;
    while (this.chosen.has(height)) height++;
    return height;
  }

  /** Digest of the state after a block, while it is remembered. */
  digestAt(height: number): Uint8Array | undefined {
    return this.digests.get(height);
  }

  /** A majority voted for the block: where its digest differs from this replica's, this replica's state is damaged. */
  private compareDigest(block: Block): void {
    this.digests.set(block.height, this.machine.finalDigest());
    this.digests.delete(block.height - DIGESTS_KEPT);
    const here = this.digests.get(block.digestHeight);
    if (here && block.digest && !sameBytes(here, block.digest)) this.events.diverged(block.digestHeight);
  }

  private settled(transaction: GroupTransaction): void {
    this.awaitingBlock.delete(transaction);
    const outcome = transaction.run?.outcome;
    if (outcome?.kind === 'rejected') this.stats.rejected++;
    const own = this.finalWaiters.get(transaction);
    if (!own) return;
    this.finalWaiters.delete(transaction);
    if (outcome?.kind === 'rejected') own.reject(new RejectedError(outcome));
    else own.resolve();
  }

  /** Where a transaction stands that is known here, by its id. */
  placeOf(id: string): { author: string; seq: number; index: number; isFinal: boolean } | undefined {
    const [, prefix = '', seqText, indexText] = /^([0-9a-f]{16}):(\d+):(\d+)$/.exec(id) ?? [];
    const seq = Number(seqText);
    if (prefix === '') return undefined;
    for (const author of this.log.chains.byAuthor.keys()) {
      if (!author.startsWith(prefix) || this.log.seqOf(author) < seq) continue;
      return { author, seq, index: Number(indexText), isFinal: seq <= (this.position.final.get(author) ?? 0) };
    }
    return undefined;
  }

  /** Resolves when the next block is applied. */
  nextBlock(): Promise<void> {
    return new Promise((resolve) => this.blockWaiters.push(resolve));
  }
  private blockWaiters: (() => void)[] = [];

  // The state, published.

  publishSoon(): void {
    this.publishTimer ??= setTimeout(() => this.publish(), PUBLISH_MS);
  }

  /** Makes the state's rows visible to other connections. While the log is written, it waits for that. */
  publish(): void {
    clearTimeout(this.publishTimer);
    this.publishTimer = undefined;
    this.publishDue = this.flying !== undefined || this.holds > 0;
    if (this.publishDue) return;
    if (!this.writeNow()) return;
    if (this.alone() && this.entries.size > 0) {
      this.decider?.progress(true);
      if (!this.writeNow()) return;
    }
    if (!this.publishState()) return;
    for (const wake of this.publishWaiters.splice(0)) wake();
  }

  /** Writes what is pending, here and now. Nothing may fly. */
  writeNow(): boolean {
    while (this.pending.length > 0 || this.blockItems.length > 0) {
      const batch = this.gather();
      if (!batch) return true;
      this.flying = batch;
      const error = this.write(batch);
      this.landed(error);
      if (error) return !(error instanceof DiskFullError) ? false : this.blockItems.length === 0;
    }
    return true;
  }

  private publishState(): boolean {
    // A full disk: the state was restored, and with the room that was set aside it can be published.
    for (let attempt = 0; ; attempt++) {
      const position: StatePosition = {
        height: this.position.height,
        block: this.position.block,
        final: Object.fromEntries(this.position.final),
        schema: this.machine.schemaCount,
        ...(this.decider && { voters: this.decider.voterSpans() }),
      };
      try {
        const tentative = this.linearizer.transactions();
        this.machine.keepUndo(tentative);
        this.machine.publish(position);
        this.publishedTentative = tentative;
        this.happened = [];
        return true;
      } catch (error) {
        if (error instanceof DiskFullError && attempt === 0) continue;
        this.noRoomForState(error);
        return false;
      }
    }
  }

  /** Keeps what other connections see as it is until the returned function is called. */
  holdPublishing(): () => void {
    this.holds++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      if (--this.holds === 0 && this.publishDue) this.publishSoon();
    };
  }

  /** Resolves when everything in the state is durable and visible to other connections. */
  whenPublished(): Promise<void> {
    const done = new Promise<void>((resolve) => this.publishWaiters.push(resolve));
    this.publish();
    return done;
  }

  /** The state's open transaction was given up. All that happened since it was published is done again. */
  restore(): void {
    if (this.restoring) throw new Error('the state met a full disk again while it was restored');
    this.restoring = true;
    this.stats.restores++;
    try {
      this.machine.reload();
      this.machine.undoKept();
      this.linearizer = new Linearizer(this.applier());
      this.linearizer.insert(this.publishedTentative);
      for (const happened of this.happened) {
        if (happened.kind === 'transactions') this.linearizer.insert(happened.transactions);
        else this.linearizer.decide(happened.height, happened.transactions);
      }
    } catch (cause) {
      this.noRoomForState(cause);
      throw cause;
    } finally {
      this.restoring = false;
      this.machine.restored();
    }
    this.publishSoon();
  }

  private noRoomForState(cause: unknown): void {
    this.fatal(
      new Error(
        'the disk is full: the state cannot be kept. Free some space and start the node again; the log has everything that was acknowledged',
        { cause },
      ),
    );
  }

  // Start and end.

  /** At the start: the log's records in order, before anything else. */
  recover(record: StoredRecord): void {
    if (record.kind === 'block') {
      const { block, value } = record;
      if (block.height === this.position.height && hex(logCrypto.sha256(value)) !== this.position.block)
        throw new StateCorruptError(`the state has applied another block ${block.height} than the log has`);
      if (block.height <= this.position.height) return;
      this.chosen.set(block.height, { block, value });
      this.applyBlocks();
      return;
    }
    const author = hex(record.entry.author);
    if (record.entry.seq <= (this.position.final.get(author) ?? 0)) return;
    this.takeOver([record]);
  }

  /** Everything durable, everything published. */
  async close(): Promise<void> {
    while (this.pending.length > 0 || this.flying) await this.flushed();
    this.holds = 0;
    this.publish();
    clearTimeout(this.publishTimer);
  }
}

const positionOf = (stored: StatePosition): { height: number; block: string; final: Map<string, number> } => ({
  height: stored.height,
  block: stored.block,
  final: new Map(Object.entries(stored.final)),
});

/** Throws DecodeError: a member signed what is no transaction. */
function transactionsOf(entry: Entry, author: string): GroupTransaction[] {
  return entry.transactions.map((bytes, index) =>
    GroupTransaction.ofEntry(
      { lamport: entry.lamport, author, seq: entry.seq, index },
      entry.time,
      decodeTransaction(bytes),
    ),
  );
}
