/** Checks a whole log folder: what anybody who holds a copy of it can do. */
import { Chains, hex, sameBytes } from '../log/index.ts';
import { LogDamagedError } from './errors.ts';
import { logCrypto } from './identity.ts';
import { readLog, segmentsOf, type StoredBlock } from './segments.ts';

/** What a check of a whole log covered, or where it failed. */
export interface Verification {
  readonly entries: number;
  readonly blocks: number;
  readonly transactions: number;
  readonly bytes: number;
  readonly segments: number;
  readonly lastCid: string;
  readonly authors: readonly string[];
  readonly torn?: { readonly segment: string; readonly offset: number; readonly bytes: number };
  readonly fault?: string;
}

/** Checks every hash, signature and link of a log folder. */
export function verifyLog(dir: string): Verification {
  const chains = new Chains(logCrypto);
  const seen = { entries: 0, blocks: 0, transactions: 0, bytes: 0, segments: segmentsOf(dir).length, lastCid: '' };
  const result = (): Omit<Verification, 'torn' | 'fault'> => ({ ...seen, authors: [...chains.byAuthor.keys()] });
  let torn: Verification['torn'];
  let last: StoredBlock | undefined;
  try {
    for (const record of readLog(dir, {
      onTorn: (segment, offset, bytes) => (torn = { segment, offset, bytes }),
    })) {
      const at = `segment ${record.segment}, byte ${record.offset}`;
      if (record.kind === 'block') {
        const fault = blockFault(record, last, chains);
        if (fault !== undefined)
          return { ...result(), fault: `${at}: block ${record.block.height} fails the check of its ${fault}` };
        last = record;
        seen.blocks++;
        continue;
      }
      const { entry, signed } = record;
      const fault = chains.next(signed, entry);
      if (fault) {
        return {
          ...result(),
          fault: `${at}: entry ${fault.seq} of ${hex(entry.author).slice(0, 16)}… fails the check of its ${fault.kind}`,
        };
      }
      seen.entries++;
      seen.transactions += entry.transactions.length;
      seen.bytes += signed.body.length;
      seen.lastCid = hex(signed.cid);
    }
  } catch (error) {
    if (!(error instanceof LogDamagedError)) throw error;
    return { ...result(), fault: error.message };
  }
  return { ...result(), ...(torn && { torn }) };
}

function blockFault({ block }: StoredBlock, last: StoredBlock | undefined, chains: Chains): string | undefined {
  if (block.height !== (last?.block.height ?? 0) + 1) return 'height';
  if (!sameBytes(block.prev, last ? logCrypto.sha256(last.value) : null)) return 'prev';
  if (block.cut.some(({ author, seq }) => chains.seqOf(author) < seq)) return 'cut';
  return undefined;
}
