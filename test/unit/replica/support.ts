/** A replica on a real log whose time passes by hand: whatever is due is done by turn(), and nothing else. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Footprint, Steps } from '../../../node/consistency/index.ts';
import { encodeBlockValue, encodeTransaction, hex, type Operation } from '../../../node/log/index.ts';
import { Replica, type Clock, type GroupTransaction, type Machine } from '../../../node/replica/index.ts';
import type { Slicing } from '../../../node/replica/gate.ts';
import { LogStore } from '../../../node/store/index.ts';
import { makeChain, makeIdentity, NOTHING, type MadeEntry } from '../../support/log.ts';

class ClockByHand implements Clock {
  private ms = 0;
  private deferred: (() => void)[] = [];
  private readonly timers = new Set<{ readonly atMs: number; readonly work: () => void }>();

  now(): number {
    return this.ms;
  }

  elapsed(): number {
    return this.ms;
  }

  defer(work: () => void): void {
    this.deferred.push(work);
  }

  after(milliseconds: number, work: () => void): () => void {
    const timer = { atMs: this.ms + milliseconds, work };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  turn(): boolean {
    const due = this.deferred.splice(0);
    for (const work of due) work();
    return due.length > 0;
  }

  pass(milliseconds: number): void {
    this.ms += milliseconds;
    for (const timer of [...this.timers]) if (timer.atMs <= this.ms && this.timers.delete(timer)) timer.work();
  }
}

/** A state that is the list of what was applied, by the transactions' texts: none commutes with another. */
class ListMachine implements Machine {
  readonly applied: string[] = [];
  /** What it did, to be compared. */
  readonly done: string[] = [];
  readonly schemaCount = 0;
  readonly hasUnpublished = false;
  onApply: () => void = () => undefined;

  *apply(transaction: GroupTransaction): Steps<Footprint> {
    yield;
    const { sql } = transaction.read();
    this.onApply();
    this.applied.push(sql);
    this.done.push(`+${sql}`);
    return { reads: [], writes: ['list'], everything: transaction.exclusive };
  }

  *undo(transaction: GroupTransaction): Steps<void> {
    yield;
    const { sql } = transaction.read();
    assert.equal(this.applied.pop(), sql, 'the last one is undone first');
    this.done.push(`-${sql}`);
  }

  settle(): void {}
  *settled(): Steps<void> {}
  *footprintOf(): Steps<Footprint> {
    yield;
    return { reads: [], writes: ['list'] };
  }
  isLong(): boolean {
    return false;
  }
  prepare(): Promise<void> {
    return Promise.resolve();
  }
  finalDigest(): Uint8Array {
    return new Uint8Array(8);
  }
  ran(): void {}
  keepUndo(): void {}
  undoKept(): void {}
  reload(): void {}
  restored(): void {}
  publish(): void {}
  openSnapshot(): () => void {
    return () => undefined;
  }
  *announce(): Steps<void> {}
}

export class TestReplica {
  private readonly clock = new ClockByHand();
  private readonly dir = mkdtempSync(path.join(tmpdir(), 'p2pdb-replica-'));
  readonly log: LogStore;
  readonly replica: Replica;
  readonly machine = new ListMachine();
  /** Heights that were applied, those that were told of together together. */
  readonly heights: (readonly number[])[] = [];
  readonly ended = new Set<string>();
  /** Own entries that were given to the others, by their numbers. */
  readonly made: number[] = [];
  onFatal: (error: Error) => void = (error) => assert.fail(error);
  readonly decider = { isAwaited: true, isBehind: false, progress: (): void => undefined };

  constructor(slicing?: Slicing) {
    this.log = LogStore.open(this.dir, 'main', makeIdentity());
    this.replica = new Replica(
      {
        group: 'main',
        log: this.log,
        machine: this.machine,
        events: {
          made: ({ entry }) => this.made.push(entry.seq),
          durable: () => undefined,
          applied: (blocks) => this.heights.push(blocks.map(({ height }) => height)),
          isMember: () => true,
          wasRemoved: () => false,
          mayWrite: () => true,
          hasEnded: (author) => this.ended.has(author),
          ended: () => this.ended,
          rescued: () => [],
          rescuedSeq: () => 0,
          stranded: () => undefined,
          cutBack: () => undefined,
          diverged: (height) => assert.fail(`the state after ${height} is another one`),
        },
        clock: this.clock,
        fatal: (error) => this.onFatal(error),
        alone: () => false,
        voterSpans: () => [],
        ...(slicing && { slicing }),
      },
      { height: 0, block: '', final: {}, schema: 0, voters: [] },
    );
    // What a vote waits for is written in place.
    this.replica.decideBy(this.decider);
  }

  /** Takes entries of one author, as they are given by a peer, and does all that is due then. Gives what is wrong with them. */
  receive(...made: readonly MadeEntry[]): string | undefined {
    const [{ entry }] = made as [MadeEntry];
    const fault = this.replica.receive(made, hex(entry.author), entry.seq, 'peer');
    this.turn();
    return fault;
  }

  /** A block is decided that orders these entries, and those of their authors before them. */
  decide(height: number, ...made: readonly MadeEntry[]): void {
    const cut = made
      .map(({ entry, cid }) => ({ author: hex(entry.author), seq: entry.seq, cid }))
      .sort((a, b) => (a.author < b.author ? -1 : 1));
    const value = encodeBlockValue({ group: 'main', height, prev: null, cut, digestHeight: 0, digest: null, time: 1 });
    this.replica.decided(height, value, new Uint8Array());
  }

  /** All that is due, and all that this makes due. */
  turn(): void {
    while (this.clock.turn());
  }

  /** What is large is written beside this thread. */
  async written(): Promise<void> {
    do {
      this.turn();
      await this.replica.flushed();
    } while (this.replica.waiting.disk > 0);
    this.turn();
  }

  pass(milliseconds: number): void {
    this.clock.pass(milliseconds);
  }

  /** CIDs of an author's chain as it is in the log. */
  chain(author: string): string[] {
    return this.log.read(author, 1, 99, 1 << 24).map(({ cid }) => hex(cid));
  }

  close(): void {
    this.log.close();
    rmSync(this.dir, { recursive: true });
  }
}

export const INSERT: Operation = { kind: 'insert', table: 0, key: 1, values: [1], mode: 'plain', changes: [] };
export const SCHEMA_CHANGE: Operation = { kind: 'schema', text: '', change: '[]', basis: 0 };

/** `count` entries of a new author, each with one transaction, whose text is `name` and the entry's number. */
export function writtenBy(
  name: string,
  count: number,
  lamport: number,
  operationsOf: (seq: number) => readonly Operation[] = () => [INSERT],
): readonly MadeEntry[] {
  const tables = [{ id: 1, version: 1, columns: [1] }];
  return makeChain(makeIdentity(), count, 0, (entry) => {
    const { seq } = entry;
    const transaction = { ...NOTHING, sql: `${name}${seq}`, tables, operations: operationsOf(seq) };
    return { ...entry, lamport: lamport + seq, transactions: [encodeTransaction(transaction)] };
  });
}
