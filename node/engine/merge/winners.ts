/**
 * Which transaction another one lost against. For each block the state keeps, as hashes, the keys under which its transactions left
 * what others may meet (keys.ts). When a block that refuses a transaction, or a change of it, is settled, the blocks before it are searched,
 * back to the one that its author had applied, for the latest that left what it met. All of this follows from the blocks, so every
 * node finds the same, also one that began with a snapshot.
 */
import type { StatementSync } from 'node:sqlite';
import { STEP_ROWS, type Steps } from '../../consistency/index.ts';
import type { GroupTransaction, Met } from '../../replica/index.ts';
import type { State } from '../../store/index.ts';
import type { Conflicts } from './conflicts.ts';
import type { FootprintKeys } from './keys.ts';

/** So many keys are kept, of the newest blocks. */
const KEPT_KEYS = 200_000;
/** A transaction that left more is not kept: it would take long. */
const KEYS_MAX = 20_000;

/** What the transactions of a block left. */
interface Left {
  readonly ids: readonly string[];
  /** Of each, where its hashes end. */
  readonly ends: readonly number[];
  readonly hashes: Float64Array<ArrayBuffer>;
}

/** Looks for the winner of one conflict. */
class Search {
  readonly transaction: GroupTransaction;
  readonly n: number;
  readonly keys: ReadonlySet<number>;
  readonly otherwise: readonly number[];
  /** How many transactions of its own block stand before it, of those that left something. */
  readonly before: number;
  private winner: string | undefined;
  private second: string | undefined;

  constructor(transaction: GroupTransaction, n: number, { keys, otherwise }: Met, before: number) {
    this.transaction = transaction;
    this.n = n;
    this.keys = new Set(keys.map(hashOf));
    this.otherwise = otherwise.map(hashOf);
    this.before = before;
  }

  /** A transaction left one of the keys; the newest comes first. */
  found(hash: number, height: number, id: string): void {
    const { position, basisHeight } = this.transaction;
    if (height <= basisHeight || id.startsWith(position.author.slice(0, 16))) return;
    if (this.keys.has(hash)) this.winner ??= id;
    else this.second ??= id;
  }

  get isOver(): boolean {
    return this.winner !== undefined;
  }

  get other(): string | undefined {
    return this.winner ?? this.second;
  }
}

export class Winners {
  private readonly state: State;
  private readonly keys: FootprintKeys;
  private readonly conflicts: Conflicts;
  // Of the block that is being settled.
  private ids: string[] = [];
  private ends: number[] = [];
  private hashes: number[] = [];
  private searches: Search[] = [];
  private readonly put: StatementSync;
  private readonly remove: StatementSync;
  private readonly newest: StatementSync;
  private readonly oldest: StatementSync;
  private readonly page: StatementSync;

  constructor(state: State, keys: FootprintKeys, conflicts: Conflicts) {
    this.state = state;
    this.keys = keys;
    this.conflicts = conflicts;
    const { db } = state;
    this.put = db.prepare('INSERT INTO written VALUES (?, ?, ?, ?)');
    this.remove = db.prepare('DELETE FROM written WHERE height = ?');
    this.newest = db.prepare('SELECT until FROM written ORDER BY height DESC LIMIT 1');
    this.oldest = db.prepare('SELECT height, until FROM written ORDER BY height LIMIT 1');
    this.page = db.prepare(
      'SELECT height, transactions, hashes FROM written WHERE height <= ? AND height > ? ORDER BY height DESC LIMIT 100',
    );
  }

  /** The next one of a block; `more`: what it left beside its changes. */
  settle(transaction: GroupTransaction, more: readonly string[]): void {
    const { run, level, id } = transaction;
    if (!run) return;
    const { outcome } = run;
    const search = (n: number, met: Met): void => {
      this.searches.push(new Search(transaction, n, met, this.ids.length));
    };
    if (outcome.kind === 'applied') for (const [n, { met }] of outcome.dropped.entries()) search(n, met);
    else if (outcome.met && level !== 'final') search(0, outcome.met);
    const left = [...more];
    for (const change of run.changes) {
      if (change.table.temporary !== true) this.keys.ofEffect(change, left);
      if (left.length > KEYS_MAX) return;
    }
    if (left.length === 0) return;
    for (const key of left) this.hashes.push(hashOf(key));
    this.ids.push(id);
    this.ends.push(this.hashes.length);
  }

  /** All of a block is settled. */
  *settled(height: number): Steps<void> {
    const { ids, ends, hashes, searches } = this;
    this.forget();
    if (ids.length > 0) this.keep(height, { ids, ends, hashes: new Float64Array(hashes) });
    if (searches.length > 0) yield* this.search(height, searches);
  }

  /** What was settled is settled again: the state's transaction was given up. */
  forget(): void {
    this.ids = [];
    this.ends = [];
    this.hashes = [];
    this.searches = [];
  }

  private keep(height: number, { ids, ends, hashes }: Left): void {
    const { newest, oldest, put, remove } = this;
    const until = Number(newest.get()?.['until'] ?? 0) + hashes.length;
    this.state.write(() => {
      put.run(height, until, JSON.stringify([ids, ends]), new Uint8Array(hashes.buffer));
      for (let row = oldest.get(); Number(row?.['until']) <= until - KEPT_KEYS; row = oldest.get())
        remove.run(Number(row?.['height']));
    });
  }

  private *search(height: number, searches: readonly Search[]): Steps<void> {
    const wanted = new Map<number, Search[]>();
    for (const search of searches) {
      for (const hash of [...search.keys, ...search.otherwise]) {
        const known = wanted.get(hash);
        if (known) known.push(search);
        else wanted.set(hash, [search]);
      }
    }
    const least = Math.min(...searches.map(({ transaction }) => transaction.basisHeight));
    for (const block of this.backFrom(height, least)) {
      yield;
      if (searches.every(({ isOver }) => isOver)) break;
      look(block, wanted, height);
    }
    for (const [i, { transaction, n, other }] of searches.entries()) {
      if (other !== undefined) this.conflicts.lostAgainst(transaction.id, n, other);
      if (i % STEP_ROWS === STEP_ROWS - 1) yield;
    }
  }

  /** Blocks from a height down to above another one, the newest first. */
  private *backFrom(height: number, least: number): Generator<{ height: number; left: Left }> {
    for (let from = height; ;) {
      const rows = this.page.all(from, least);
      for (const row of rows) {
        from = Number(row['height']);
        const [ids, ends] = JSON.parse(String(row['transactions'])) as [string[], number[]];
        yield { height: from, left: { ids, ends, hashes: numbersIn(row['hashes'] as Uint8Array) } };
      }
      if (rows.length === 0) return;
      from--;
    }
  }
}

/** The newest transactions of a block first. */
function look(
  { height, left: { ids, ends, hashes } }: { height: number; left: Left },
  wanted: ReadonlyMap<number, readonly Search[]>,
  last: number,
): void {
  for (let t = ids.length - 1; t >= 0; t--) {
    for (let k = ends[t - 1] ?? 0; k < (ends[t] as number); k++) {
      const hash = hashes[k] as number;
      const searches = wanted.get(hash);
      if (!searches) continue;
      for (const search of searches)
        if (height < last || t < search.before) search.found(hash, height, ids[t] as string);
    }
  }
}

/** Of a copy, which begins where numbers may. */
const numbersIn = (bytes: Uint8Array): Left['hashes'] => new Float64Array(new Uint8Array(bytes).buffer);

/** 53 bits, of two multiplicative hashes. */
function hashOf(key: string): number {
  let high = 0x2f0b4c47;
  let low = 0x3c6ef372;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    high = Math.imul(high ^ code, 0x9e3779b1);
    low = Math.imul(low ^ code, 0x5f356495);
  }
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b);
  low = Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  return ((high ^ low) >>> 0) * 2 ** 21 + ((low ^ (low >>> 16)) >>> 11);
}
