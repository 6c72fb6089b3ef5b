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
const KEYS_MAX = 10_000;
/** Of so many changes of a transaction that met no row. */
const SEARCHES_MAX = 10_000;

/** What the transactions of a block left. */
interface Left {
  readonly ids: readonly string[];
  /** Of each, where its hashes end. */
  readonly ends: readonly number[];
  readonly hashes: Float64Array<ArrayBuffer>;
}

/** A transaction that was refused, in whole or in part. */
interface Loser {
  readonly transaction: GroupTransaction;
  /** How many transactions of its own block stand before it, of those that left something. */
  readonly before: number;
}

/** Looks for the winner of one conflict. */
interface Search extends Loser {
  readonly n: number;
  readonly keys: readonly number[];
  winner: string | undefined;
  /** Who left what it was otherwise. */
  second: string | undefined;
}

export class Winners {
  private readonly state: State;
  private readonly keys: Pick<FootprintKeys, 'ofEffect'>;
  private readonly conflicts: Pick<Conflicts, 'lostAgainst'>;
  // Of the block that is being settled.
  private ids: string[] = [];
  private ends: number[] = [];
  private hashes: number[] = [];
  private losers: Loser[] = [];
  private readonly put: StatementSync;
  private readonly remove: StatementSync;
  private readonly newest: StatementSync;
  private readonly oldest: StatementSync;
  private readonly page: StatementSync;

  constructor(state: State, keys: Pick<FootprintKeys, 'ofEffect'>, conflicts: Pick<Conflicts, 'lostAgainst'>) {
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
    const { run, id } = transaction;
    if (!run) return;
    if (metBy(transaction).length > 0) this.losers.push({ transaction, before: this.ids.length });
    if (run.changes.meant > KEYS_MAX) return;
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
    const { ids, ends, hashes, losers } = this;
    this.forget();
    if (ids.length > 0) this.keep(height, { ids, ends, hashes: new Float64Array(hashes) });
    if (losers.length > 0) yield* this.search(height, losers);
  }

  /** What was settled is settled again: the state's transaction was given up. */
  forget(): void {
    this.ids = [];
    this.ends = [];
    this.hashes = [];
    this.losers = [];
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

  private *search(height: number, losers: readonly Loser[]): Steps<void> {
    const searches: Search[] = [];
    const wanted = new Map<number, Search[]>();
    let least = Infinity;
    for (const loser of losers) {
      least = Math.min(least, loser.transaction.basisHeight);
      for (const [n, met] of metBy(loser.transaction).slice(0, SEARCHES_MAX).entries()) {
        const search = { ...loser, n, keys: met.keys.map(hashOf), winner: undefined, second: undefined };
        for (const hash of [...search.keys, ...met.otherwise.map(hashOf)]) {
          const known = wanted.get(hash);
          if (known) known.push(search);
          else wanted.set(hash, [search]);
        }
        if (searches.push(search) % STEP_ROWS === 0) yield;
      }
    }
    let open = searches.length;
    for (const block of this.backFrom(height, least)) {
      open -= look(block, wanted, height);
      if (open === 0) break;
      yield;
    }
    for (const [i, { transaction, n, winner, second }] of searches.entries()) {
      const other = winner ?? second;
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

/** What refused it, or changes of it, as p2pdb.conflicts lists them: level `final` was told its client. */
function metBy({ run, level }: GroupTransaction): readonly Met[] {
  if (run?.outcome.kind === 'applied') return run.outcome.dropped.map(({ met }) => met);
  return run?.outcome.met && level !== 'final' ? [run.outcome.met] : [];
}

/** Looks through a block, its newest transactions first. Gives how many searches are over by that. */
function look(
  { height, left: { ids, ends, hashes } }: { height: number; left: Left },
  wanted: ReadonlyMap<number, readonly Search[]>,
  last: number,
): number {
  let over = 0;
  for (let t = ids.length - 1; t >= 0; t--) {
    const id = ids[t] as string;
    for (let k = ends[t - 1] ?? 0; k < (ends[t] as number); k++) {
      const hash = hashes[k] as number;
      for (const search of wanted.get(hash) ?? NONE) {
        const { transaction, before, keys } = search;
        // Its author knew of its own, and of all that was applied there.
        if (height <= transaction.basisHeight || id.startsWith(transaction.position.author.slice(0, 16))) continue;
        if (search.winner !== undefined || (height === last && t >= before)) continue;
        if (keys.includes(hash)) {
          search.winner = id;
          over++;
        } else search.second ??= id;
      }
    }
  }
  return over;
}

const NONE: readonly Search[] = [];

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
