/** What one write of the log takes. */
import type { Steps } from '../consistency/index.ts';
import { hex } from '../log/index.ts';
import type { LogItem, SealedEntry } from '../store/index.ts';
import type { Incoming } from './intake.ts';
import type { GroupTransaction } from './transaction.ts';
import type { Written } from './voting.ts';

export interface Own {
  readonly transaction: GroupTransaction;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Who waits until what it read is durable. */
export interface Reader {
  readonly wake: () => void;
  readonly reject: (error: unknown) => void;
}

/** One write of the log. */
export interface Batch {
  readonly own: readonly Own[];
  /** Of the own transactions, once it is made. */
  sealed: SealedEntry | undefined;
  readonly incoming: readonly Incoming[];
  /** What comes first: entries once more, see LogStore.follow(). */
  readonly again: readonly LogItem[];
  items: readonly LogItem[];
  /** Makes the own entry, and the items; some bytes that it goes through. */
  readonly assembly: { readonly steps: Steps<void>; readonly bytes: number };
  readonly readers: readonly Reader[];
  /** Others were given the own entry. */
  told: boolean;
}

/** More than this is not written in place. */
const IN_PLACE_BYTES_MAX = 64 << 10;

/** Those that only a block runs lie nowhere yet. */
export const hasRun = (own: readonly Own[]): boolean => own.some(({ transaction }) => !transaction.finalOnly);

/** What `work` throws. */
export function failureOf(work: () => void): Error | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** It may be written in place. */
export const isSmall = (items: readonly LogItem[]): boolean =>
  items.reduce((bytes, { record }) => bytes + record.length, 0) <= IN_PLACE_BYTES_MAX;

/** So many bytes take time to be hashed, written and sent. */
export const LARGE_BYTES = 1 << 20;

export const isLarge = ({ sealed }: Batch): boolean => sealed !== undefined && sealed.signed.body.length > LARGE_BYTES;

/** The entries of a write, for the order to know. */
export function writtenBy({ sealed, incoming, own }: Batch): Written[] {
  const written = incoming
    .filter(({ isAside }) => !isAside)
    .map(({ entry, signed, transactions }) => ({
      entry,
      author: hex(entry.author),
      cid: signed.cid,
      isUrgent: transactions.some(({ level }) => level === 'final'),
    }));
  if (sealed) {
    const { entry, signed } = sealed;
    const isUrgent = own.some(({ transaction }) => transaction.finalOnly);
    written.push({ entry, author: hex(entry.author), cid: signed.cid, isUrgent });
  }
  return written;
}
