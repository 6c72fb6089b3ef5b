/**
 * The node under test: a Sync over a log on the simulated disk. An entry's bytes begin with its author and seq, which stands
 * for a signature: what does not is refused. A snapshot is the frontier that it stands for.
 */
import { nodeId, type NodeId } from '../../../node/consensus/index.ts';
import {
  authorId,
  decodeSyncMessage,
  encodeSyncMessage,
  Sync,
  type AuthorId,
  type Frontier,
  type SyncEffect,
  type SyncEntry,
  type SyncEvent,
} from '../../../node/sync/index.ts';
import { fakeHash } from '../../support/consensus.ts';
import type { Disk } from '../kernel/disk.ts';
import type { Random } from '../kernel/random.ts';
import type { Action, Program, ProgramEvent } from '../kernel/world.ts';

export const TIMING = { graceMs: 60, askMs: 300, compareMs: 500, tellMs: 40 };

export type SyncInput =
  | { readonly kind: 'event'; readonly event: SyncEvent }
  /** Commits entries of its own. */
  | { readonly kind: 'write'; readonly count: number; readonly bytes: number }
  | { readonly kind: 'flush' }
  /** Lets go of all but the last entries of each author. */
  | { readonly kind: 'prune'; readonly keep: number };

/** A record of the log: an entry, or where a pruned or restored log begins. */
export type LogRecord =
  | { readonly kind: 'entry'; readonly entry: SyncEntry }
  | { readonly kind: 'base'; readonly author: AuthorId; readonly seq: number };

export type SyncNote =
  | { readonly kind: 'started'; readonly author: AuthorId }
  | { readonly kind: 'durable'; readonly author: AuthorId; readonly seq: number }
  | { readonly kind: 'delivered'; readonly author: AuthorId; readonly seq: number; readonly good: boolean }
  | { readonly kind: 'peer-frontier'; readonly peer: NodeId; readonly frontier: [AuthorId, number][] }
  | { readonly kind: 'snapshot'; readonly from: NodeId };

const SYNC = 0;
const SNAPSHOT_WANTED = 1;
const SNAPSHOT = 2;

const encoder = new TextEncoder();
const label = (author: AuthorId, seq: number): string => `${author.slice(0, 8)} ${seq} `;

export const authorOf = (name: string, incarnation: number): AuthorId =>
  authorId((name.charCodeAt(0).toString(16) + incarnation.toString(16).padStart(6, '0')).padEnd(64, '0'));

export function entryOf(author: AuthorId, seq: number, size: number): SyncEntry {
  const text = label(author, seq);
  const bytes = new Uint8Array(Math.max(size, text.length));
  bytes.set(encoder.encode(text));
  return { author, seq, bytes };
}

function isGood({ author, seq, bytes }: SyncEntry): boolean {
  return encoder.encode(label(author, seq)).every((byte, i) => byte === bytes[i]);
}

export class SyncProgram implements Program<SyncInput> {
  private readonly author: AuthorId;
  private readonly random: Random;
  private readonly sync: Sync;
  private readonly log = new Map<AuthorId, { base: number; entries: Uint8Array[] }>();
  private toStore: SyncEntry[] = [];
  private actions: Action<SyncInput>[] = [];

  constructor(author: AuthorId, disk: Disk, random: Random) {
    this.author = author;
    this.random = random;
    for (const { about } of disk.read('log')) if (about !== undefined) this.keep(about as LogRecord);
    this.sync = new Sync({ sha256: fakeHash, timing: TIMING }, this.frontier());
  }

  step(event: ProgramEvent<SyncInput>): Action<SyncInput>[] {
    this.actions = [];
    switch (event.kind) {
      case 'start':
        this.note({ kind: 'started', author: this.author });
        for (const [author, seq] of this.frontier()) this.note({ kind: 'durable', author, seq });
        break;
      case 'tick':
        this.feed({ kind: 'tick', nowMs: event.nowMs });
        break;
      case 'message':
        this.receive(nodeId(event.from), event.bytes);
        break;
      case 'input':
        if (event.input.kind === 'event') this.feed(event.input.event);
        else if (event.input.kind === 'write') this.write(event.input.count, event.input.bytes);
        else if (event.input.kind === 'flush') this.flush();
        else this.prune(event.input.keep);
    }
    return this.actions;
  }

  private frontier(): Map<AuthorId, number> {
    return new Map([...this.log].map(([author, { base, entries }]) => [author, base + entries.length]));
  }

  private keep(record: LogRecord): void {
    const { author, seq } = record.kind === 'entry' ? record.entry : record;
    const kept = this.log.get(author);
    if (record.kind === 'base') {
      const end = kept ? kept.base + kept.entries.length : 0;
      this.log.set(author, { base: seq, entries: kept && end > seq ? kept.entries.slice(seq - kept.base) : [] });
    } else if (kept) {
      if (seq === kept.base + kept.entries.length + 1) kept.entries.push(record.entry.bytes);
    } else this.log.set(author, { base: seq - 1, entries: [record.entry.bytes] });
  }

  private store(records: readonly LogRecord[]): void {
    const changed = new Map<AuthorId, number>();
    for (const record of records) {
      this.keep(record);
      const { author } = record.kind === 'entry' ? record.entry : record;
      changed.set(author, this.frontier().get(author) ?? 0);
      const bytes = record.kind === 'entry' ? record.entry.bytes : new Uint8Array(1);
      this.actions.push({ kind: 'write', file: 'log', bytes, about: record });
    }
    this.actions.push({ kind: 'sync', file: 'log' });
    for (const [author, seq] of changed) this.note({ kind: 'durable', author, seq });
    const isAwaited = [...changed.values()].some((seq) => seq % 2 === 0);
    this.feed({ kind: 'durable', frontier: changed, isAwaited });
  }

  private write(count: number, bytes: number): void {
    const first = (this.frontier().get(this.author) ?? 0) + 1;
    const entries = Array.from({ length: count }, (_, i) => entryOf(this.author, first + i, bytes));
    this.store(entries.map((entry) => ({ kind: 'entry', entry })));
    this.feed({ kind: 'local', entries });
  }

  private flush(): void {
    const entries = this.toStore;
    this.toStore = [];
    this.store(entries.map((entry) => ({ kind: 'entry', entry })));
  }

  private prune(keep: number): void {
    for (const [author, { base, entries }] of this.log) {
      const seq = base + entries.length - keep;
      if (seq <= base) continue;
      this.keep({ kind: 'base', author, seq });
      this.actions.push({ kind: 'write', file: 'log', bytes: new Uint8Array(1), about: { kind: 'base', author, seq } });
    }
    this.actions.push({ kind: 'sync', file: 'log' });
  }

  private feed(event: SyncEvent): void {
    for (const effect of this.sync.step(event)) this.execute(effect);
  }

  private execute(effect: SyncEffect): void {
    switch (effect.kind) {
      case 'send':
        this.send(effect.to, SYNC, encodeSyncMessage(effect.message), effect.message);
        break;
      case 'deliver': {
        const bad = effect.entries.find((entry) => !isGood(entry));
        for (const entry of effect.entries) {
          const good = isGood(entry);
          this.note({ kind: 'delivered', author: entry.author, seq: entry.seq, good });
          if (!good) break;
          if (this.toStore.push(entry) === 1) this.later(this.random.between(0, 4), { kind: 'flush' });
        }
        if (bad) {
          this.toStore = this.toStore.filter(({ author }) => author !== bad.author);
          this.feed({ kind: 'refused', author: bad.author, from: effect.from });
        }
        break;
      }
      case 'read': {
        const { request, author, fromSeq, toSeq, bytesMax } = effect;
        const { base, entries } = this.log.get(author) ?? { base: 0, entries: [] };
        const read: Uint8Array[] = [];
        let bytes = 0;
        for (let seq = fromSeq; seq > base && seq <= toSeq; seq++) {
          const entry = entries[seq - base - 1];
          if (!entry || (read.length > 0 && bytes + entry.length > bytesMax)) break;
          bytes += entry.length;
          read.push(entry);
        }
        const oldest = read.length === 0 ? base + 1 : undefined;
        const answer: SyncEvent = { kind: 'read', request, entries: read, oldest };
        this.later(this.random.between(0, 1), { kind: 'event', event: answer });
        break;
      }
      case 'peer-frontier':
        this.note({ kind: 'peer-frontier', peer: effect.peer, frontier: [...effect.frontier] });
        break;
      case 'need-snapshot':
        this.send(effect.peer, SNAPSHOT_WANTED, new Uint8Array(0), { kind: 'snapshot-wanted' });
        break;
    }
  }

  private receive(from: NodeId, bytes: Uint8Array): void {
    const body = bytes.subarray(1);
    if (bytes[0] === SYNC) {
      const decoded = decodeSyncMessage(body);
      if (decoded.kind === 'ok') this.feed({ kind: 'message', from, message: decoded.value });
    } else if (bytes[0] === SNAPSHOT_WANTED) {
      const frontier = [...this.frontier()];
      this.send(from, SNAPSHOT, encoder.encode(JSON.stringify(frontier)), { kind: 'snapshot' });
    } else this.load(from, new Map(JSON.parse(new TextDecoder().decode(body)) as [AuthorId, number][]));
  }

  private load(from: NodeId, frontier: Frontier): void {
    this.note({ kind: 'snapshot', from });
    const mine = this.frontier();
    const ahead = [...frontier].filter(([author, seq]) => seq > (mine.get(author) ?? 0));
    if (ahead.length > 0) this.store(ahead.map(([author, seq]) => ({ kind: 'base', author, seq })));
  }

  private send(to: NodeId, tag: number, body: Uint8Array, about: unknown): void {
    const bytes = new Uint8Array(body.length + 1);
    bytes[0] = tag;
    bytes.set(body, 1);
    this.actions.push({ kind: 'send', to, bytes, about });
  }

  private later(delayMs: number, input: SyncInput): void {
    this.actions.push({ kind: 'later', delayMs, input });
  }

  private note(note: SyncNote): void {
    this.actions.push({ kind: 'note', note });
  }
}
