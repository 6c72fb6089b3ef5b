/** What is appended to a log: entries and blocks, with what the index keeps of them. */
import {
  encodeBlockRecord,
  encodeEntryRecord,
  encodeEntryRecordInSteps,
  encodeStoredBlock,
  hex,
  type Entry,
  type SignedEntry,
} from '../log/index.ts';
import { LARGE_BYTES } from './segment-writer.ts';

/** An entry or block in the form in which it lies in a segment. */
export interface LogItem {
  readonly record: Uint8Array;
  /** Of an entry, for the index. */
  readonly author?: string;
  readonly seq?: number;
  /** Of an entry that does not follow what is here of its author: see AsideEntries. */
  readonly aside?: { readonly cid: string; readonly prev: string };
  /** Of a block. */
  readonly height?: number;
}

export const entryItem = (entry: Entry, signed: SignedEntry): LogItem => ({
  record: encodeEntryRecord(signed.body, signed.signature),
  author: hex(entry.author),
  seq: entry.seq,
});

/** As entryItem(), with pauses where the entry is large. */
export function* entryItemInSteps(entry: Entry, signed: SignedEntry): Generator<undefined, LogItem, undefined> {
  if (signed.body.length < LARGE_BYTES) return entryItem(entry, signed);
  const record = yield* encodeEntryRecordInSteps(signed.body, signed.signature);
  return { record, author: hex(entry.author), seq: entry.seq };
}

/** An entry that does not follow what is here of its author. */
export function asideItem(entry: Entry, signed: SignedEntry): LogItem {
  return { ...entryItem(entry, signed), aside: { cid: hex(signed.cid), prev: entry.prev ? hex(entry.prev) : '' } };
}

/** See LogStore.follow(): the entry once more. */
export const againItem = ({ body, signature }: SignedEntry): LogItem => ({
  record: encodeEntryRecord(body, signature),
});

export const blockItem = (height: number, value: Uint8Array, certificate: Uint8Array): LogItem => ({
  record: encodeBlockRecord(encodeStoredBlock(value, certificate)),
  height,
});

/** One piece of them. */
export const recordsOf = (items: readonly LogItem[]): Uint8Array =>
  items.length === 1 ? (items[0] as LogItem).record : Buffer.concat(items.map(({ record }) => record));
