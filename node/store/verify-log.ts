/** Checks a whole log folder: what anybody who holds a copy of it can do. */
import { Chains, hex, isOfFork, sameBytes, type Block, type ChainHead } from '../log/index.ts';
import path from 'node:path';
import { LogDamagedError } from './errors.ts';
import { logCrypto } from './identity.ts';
import type { LogBase } from './log-index.ts';
import { readLog, segmentsOf, type StoredBlock, type StoredEntry } from './segments.ts';
import { baseOf } from './snapshots.ts';

/** What a check of a whole log covered, or where it failed. */
export interface Verification {
  readonly entries: number;
  readonly blocks: number;
  /** Blocks, of all, that order entries which the log does not hold: they were decided before this node had these. */
  readonly waiting: number;
  readonly transactions: number;
  readonly bytes: number;
  readonly segments: number;
  readonly lastCid: string;
  /** What is older than the block of this height may be missing: a snapshot beside the log stands for it. */
  readonly baseHeight?: number;
  readonly authors: readonly string[];
  /** Authors that signed two entries with one number. */
  readonly forked: readonly string[];
  readonly torn?: { readonly segment: string; readonly offset: number; readonly bytes: number };
  readonly fault?: string;
}

/**
 * Checks every hash and link of a log folder, and for each entry its own signature or a later one of the same chain; where the log was
 * pruned, from the snapshot on that lies beside it.
 */
export function verifyLog(dir: string): Verification {
  const chains = new Chains(logCrypto);
  const base = baseOf(path.dirname(path.resolve(dir)));
  const heads = new Map(base?.chains.map((head) => [head.author, head]));
  const seen = { entries: 0, blocks: 0, transactions: 0, bytes: 0, segments: segmentsOf(dir).length, lastCid: '' };
  const cuts = new Cuts(base);
  const forks = new Forks(chains);
  const result = (): Omit<Verification, 'torn' | 'fault'> => ({
    ...seen,
    ...(base && { baseHeight: base.height }),
    waiting: cuts.waiting,
    authors: [...chains.byAuthor.keys()],
    forked: forks.authors,
  });
  /** By author: where an entry has no good signature, and no later one either so far. */
  const unproven = new Map<string, string>();
  let torn: Verification['torn'];
  let last: StoredBlock | undefined;
  try {
    for (const record of readLog(dir, {
      onTorn: (segment, offset, bytes) => (torn = { segment, offset, bytes }),
    })) {
      const at = `segment ${record.segment}, byte ${record.offset}`;
      if (record.kind === 'block') {
        const fault = blockFault(record, last, base) ?? (cuts.block(record.block) ? undefined : 'cut');
        if (fault !== undefined)
          return { ...result(), fault: `${at}: block ${record.block.height} fails the check of its ${fault}` };
        last = record;
        seen.blocks++;
        continue;
      }
      const { entry, signed } = record;
      const author = hex(entry.author);
      let fault = chains.nextFrom(heads.get(author), signed, entry);
      if (fault) {
        const text = `${at}: entry ${fault.seq} of ${author.slice(0, 16)}… fails the check of its ${fault.kind}`;
        const isSignature = fault.kind === 'signature';
        if (isSignature) fault = chains.nextFrom(heads.get(author), signed, entry, true);
        if (fault && !(isOfFork(fault) && forks.take(record, heads.get(author)))) return { ...result(), fault: text };
        if (isSignature && !unproven.has(author)) unproven.set(author, text);
      } else {
        unproven.delete(author);
      }
      cuts.entry(author, entry.seq, signed.cid);
      seen.entries++;
      seen.transactions += entry.transactions.length;
      seen.bytes += signed.body.length;
      seen.lastCid = hex(signed.cid);
    }
  } catch (error) {
    if (!(error instanceof LogDamagedError)) throw error;
    return { ...result(), fault: error.message };
  }
  const [fault] = unproven.values();
  return { ...result(), ...(torn && { torn }), ...(fault !== undefined && { fault }) };
}

function blockFault(
  { block }: StoredBlock,
  last: StoredBlock | undefined,
  base: LogBase | undefined,
): string | undefined {
  if (base && block.height === base.height + 1)
    return block.prev && hex(block.prev) === base.block ? undefined : 'prev';
  if (base && block.height <= base.height && block.height > (last?.block.height ?? 0) + 1) return undefined;
  if (block.height !== (last?.block.height ?? 0) + 1) return 'height';
  if (!sameBytes(block.prev, last ? logCrypto.sha256(last.value) : null)) return 'prev';
  return undefined;
}

/** Entries that do not follow those before them, as LogStore has them. */
class Forks {
  private readonly chains: Chains;
  private readonly joined = new Set<string>();
  /** By author: CIDs of those that do not count. */
  private readonly aside = new Map<string, Set<string>>();

  constructor(chains: Chains) {
    this.chains = chains;
  }

  get authors(): readonly string[] {
    return [...this.aside.keys()];
  }

  /** False for one that cannot be in a log. */
  take({ entry, signed }: StoredEntry, head: ChainHead | undefined): boolean {
    const author = hex(entry.author);
    const aside = this.aside.get(author) ?? new Set<string>();
    const cid = hex(signed.cid);
    const prev = entry.prev ? hex(entry.prev) : '';
    const chain = this.chains.byAuthor.get(author);
    const isBase = entry.seq === (head?.seq ?? 0) + 1 && prev === head?.cid;
    // Written once more, or the next one behind the base: the chain goes on behind it.
    if (chain?.key && (aside.has(cid) || (isBase && !this.joined.has(author)))) {
      this.joined.add(author);
      this.chains.resume({ author, key: hex(chain.key), seq: entry.seq, cid, lamport: entry.lamport });
      return true;
    }
    if (entry.seq > Math.max(this.chains.seqOf(author), head?.seq ?? 0) && !aside.has(prev)) return false;
    this.aside.set(author, aside.add(cid));
    return true;
  }
}

/** Matches what blocks order with the entries, which may stand before them in the log or behind them. */
class Cuts {
  /** By author and seq: entries that no block has ordered so far. */
  private readonly entries = new Map<string, Map<number, Uint8Array[]>>();
  /** By author and seq: what blocks ordered that has not come so far. */
  private readonly owed = new Map<string, { readonly cid: Uint8Array; readonly height: number }>();
  private readonly ordered: Map<string, number>;
  private readonly baseHeight: number;

  constructor(base: LogBase | undefined) {
    this.ordered = new Map(base?.chains.map(({ author, seq }) => [author, seq]));
    this.baseHeight = base?.height ?? 0;
  }

  /** Blocks that wait for entries. */
  get waiting(): number {
    return new Set([...this.owed.values()].map(({ height }) => height)).size;
  }

  /** False when the block orders what was ordered before. */
  block({ height, cut }: Block): boolean {
    if (height <= this.baseHeight) return true;
    return cut.every(({ author, seq, cid }) => {
      if (seq <= (this.ordered.get(author) ?? 0)) return false;
      this.ordered.set(author, seq);
      const entries = this.entries.get(author);
      const isHere = entries?.get(seq)?.some((known) => sameBytes(known, cid)) === true;
      if (!isHere) this.owed.set(`${author}:${seq}`, { cid, height });
      for (const before of entries?.keys() ?? []) if (before <= seq) entries?.delete(before);
      return true;
    });
  }

  entry(author: string, seq: number, cid: Uint8Array): void {
    const key = `${author}:${seq}`;
    const owed = this.owed.get(key);
    if (owed && sameBytes(owed.cid, cid)) this.owed.delete(key);
    if (seq <= (this.ordered.get(author) ?? 0)) return;
    let entries = this.entries.get(author);
    if (!entries) this.entries.set(author, (entries = new Map<number, Uint8Array[]>()));
    const same = entries.get(seq);
    if (same) same.push(cid);
    else entries.set(seq, [cid]);
  }
}
