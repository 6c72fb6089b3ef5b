/** A log folder's segment files, read. */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import path from 'node:path';
import {
  cidOf,
  DecodeError,
  decodeBlockValue,
  decodeEntry,
  decodeStoredBlock,
  hex,
  checkSegment,
  recordAt,
  recordsUpTo,
  RECORD_HEADER_BYTES,
  segmentName,
  segmentNumber,
  type Block,
  type Entry,
  type LogRecord,
  type SignedEntry,
} from '../log/index.ts';
import { LogBrokenError, LogDamagedError } from './errors.ts';
import { logCrypto } from './identity.ts';
import { offsetIn, segmentOf, type Place } from './log-index.ts';

interface Stored {
  readonly segment: number;
  readonly offset: number;
  readonly end: number;
}

export interface StoredEntry extends Stored {
  readonly kind: 'entry';
  readonly entry: Entry;
  readonly signed: SignedEntry;
}

export interface StoredBlock extends Stored {
  readonly kind: 'block';
  readonly block: Block;
  readonly value: Uint8Array;
  readonly certificate: Uint8Array;
}

export type StoredRecord = StoredEntry | StoredBlock;

/** Segment files of a folder, in order. */
export function segmentsOf(dir: string): { name: string; number: number }[] {
  return readdirSync(dir)
    .flatMap((name) => {
      const number = segmentNumber(name);
      return number === undefined ? [] : [{ name, number }];
    })
    .sort((a, b) => a.number - b.number);
}

export interface Walk {
  /** A torn write at the end of the last segment. */
  onTorn?(segment: string, offset: number, bytes: number): void;
  /** Where the last segment's records end. */
  onEnd?(segment: string, offset: number): void;
}

/** Every record of a log folder in order. Damage throws LogDamagedError; nothing of a damaged segment is given out. */
export function* readLog(dir: string, walk: Walk = {}): Generator<StoredRecord> {
  const segments = segmentsOf(dir);
  const seqs = new Map<string, number>();
  const note = (record: StoredRecord): void => {
    if (record.kind === 'entry') seqs.set(hex(record.entry.author), record.entry.seq);
  };
  for (const [i, segment] of segments.entries()) {
    const isLast = i === segments.length - 1;
    const file = path.join(dir, segment.name);
    if (segment.number !== (segments[0]?.number ?? 0) + i)
      throw new LogDamagedError(`${file} does not follow ${segments[i - 1]?.name ?? ''}: a segment is missing`);
    const bytes = readFileSync(file);
    let isNoted = false;
    const end = checkSegment(bytes, (record, fault) => {
      if (!isNoted) for (const before of recordsUpTo(bytes, fault)) note(decodeRecord(file, segment.number, before));
      isNoted = true;
      return mayFollow(record, seqs);
    });
    if (end.kind === 'no-segment') throw new LogDamagedError(`${file} is no log segment: ${end.reason}`);
    if (end.kind === 'damaged' || (end.kind === 'torn' && !isLast)) {
      throw new LogDamagedError(
        `${file} is damaged at byte ${end.offset}, but whole entries follow: the disk lost or changed acknowledged data. ` +
          'Restore this folder from a backup or let the node join again empty from another node; nothing was changed.',
      );
    }
    for (const record of recordsUpTo(bytes, end.offset)) {
      const stored = decodeRecord(file, segment.number, record);
      note(stored);
      yield stored;
    }
    if (end.kind === 'whole') walk.onEnd?.(segment.name, end.offset);
    if (end.kind === 'torn') walk.onTorn?.(segment.name, end.offset, bytes.length - end.offset);
  }
}

/** A record that checks holds an entry or a block, unless a newer program wrote it. */
function decodeRecord(file: string, segment: number, record: LogRecord): StoredRecord {
  const place = { segment, offset: record.offset, end: record.end };
  try {
    if (record.kind === 'block') {
      const { value, certificate } = decodeStoredBlock(record.body);
      return { kind: 'block', block: decodeBlockValue(value), value, certificate, ...place };
    }
    const signed = { cid: cidOf(record.body, logCrypto), body: record.body, signature: record.signature };
    return { kind: 'entry', entry: decodeEntry(record.body), signed, ...place };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new LogDamagedError(`${file}, byte ${record.offset}: ${error.message}`);
  }
}

/** Whether a record can stand behind what was read: somebody may keep a copy of a log in a BLOB. */
function mayFollow(record: LogRecord, seqs: ReadonlyMap<string, number>): boolean {
  try {
    if (record.kind === 'block') return decodeBlockValue(decodeStoredBlock(record.body).value).height > 0;
    const entry = decodeEntry(record.body);
    const seq = seqs.get(hex(entry.author));
    return seqs.size === 0 || (seq === undefined ? entry.seq === 1 : entry.seq > seq);
  } catch {
    return false;
  }
}

/** Reads the records at some places of a log folder until `take` has enough. */
export function readRecords(dir: string, places: readonly Place[], take: (record: LogRecord) => boolean): void {
  let fd = -1;
  let open = 0;
  try {
    for (const place of places) {
      const segment = segmentOf(place);
      if (segment !== open) {
        if (fd >= 0) closeSync(fd);
        fd = openSync(path.join(dir, segmentName(segment)), 'r');
        open = segment;
      }
      if (!take(readRecordAt(fd, offsetIn(place)))) return;
    }
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

function readRecordAt(fd: number, offset: number): LogRecord {
  const header = new Uint8Array(RECORD_HEADER_BYTES);
  readSync(fd, header, 0, header.length, offset);
  const bytes = new Uint8Array(RECORD_HEADER_BYTES + new DataView(header.buffer).getUint32(4, true));
  readSync(fd, bytes, 0, bytes.length, offset);
  const record = recordAt(bytes, 0);
  if (!record) throw new LogBrokenError(`the record at byte ${offset} of the log changed on the disk`);
  return record;
}
