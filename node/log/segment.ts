/**
 * Segment files: a group's entries and blocks on disk, append-only, in the order in which this replica got them. What an entry
 * or block refers to stands before it.
 *
 * Header (16 bytes): "P2PDBLOG", format (u32), reserved (u32, zero).
 * Record: mark "entr" or "blck" (4 bytes) · body length (u32) · CRC-32C (u32) of length, signature and body · signature (64; zeros
 * for a block, which carries its certificate in its body) · body.
 * Zeros may follow the last record: the file grows ahead of its use, so that a sync writes no change of its size.
 * All integers little-endian. Segments are numbered from 1; the name is the number, 16 decimal digits, `.log`.
 *
 * Reader's algorithm. Records follow each other from the header on. Where a record does not check:
 * - no whole record of this log follows it anywhere in this segment, and this is the last segment: it is the torn tail of a write whose
 *   fdatasync never returned, so nobody was told OK for it. It is cut off.
 * - else bytes in the middle are damaged: the log is refused with segment and offset. Nothing is skipped silently.
 */
export const SEGMENT_FORMAT = 2;
export const SEGMENT_HEADER_BYTES = 16;
export const RECORD_HEADER_BYTES = 76;
const MAGIC = 'P2PDBLOG';
// Little-endian.
const ENTRY_MARK = 0x72746e65;
const BLOCK_MARK = 0x6b636c62;
const MARK_BYTES = new Uint8Array(Uint32Array.of(ENTRY_MARK, BLOCK_MARK).buffer);
const NO_SIGNATURE = new Uint8Array(64);

/** Eight tables, one behind the other: what a byte does to the checksum when so many follow it. */
const table = new Int32Array(8 * 256);
for (let n = 0; n < 256; n++) {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  table[n] = c;
}
for (let n = 256; n < table.length; n++) {
  const before = table[n - 256] as number;
  table[n] = (table[before & 0xff] as number) ^ (before >>> 8);
}

/** CRC-32C (Castagnoli), RFC 3720 appendix B.4; eight bytes at a time, because an entry may have millions. */
export const crc32c = (bytes: Uint8Array, start: number, end: number): number =>
  (crcOn(-1, bytes, start, end) ^ -1) >>> 0;

/** Goes on with a checksum. */
function crcOn(from: number, bytes: Uint8Array, start: number, end: number): number {
  const t = table as unknown as readonly number[] as { readonly [place: number]: number };
  const b = bytes as { readonly [place: number]: number };
  let crc = from;
  let i = start;
  for (; i + 8 <= end; i += 8) {
    const low = crc ^ (b[i]! | (b[i + 1]! << 8) | (b[i + 2]! << 16) | (b[i + 3]! << 24));
    crc =
      t[0x700 + (low & 0xff)]! ^
      t[0x600 + ((low >>> 8) & 0xff)]! ^
      t[0x500 + ((low >>> 16) & 0xff)]! ^
      t[0x400 + (low >>> 24)]! ^
      t[0x300 + b[i + 4]!]! ^
      t[0x200 + b[i + 5]!]! ^
      t[0x100 + b[i + 6]!]! ^
      t[b[i + 7]!]!;
  }
  for (; i < end; i++) crc = t[(crc ^ b[i]!) & 0xff]! ^ (crc >>> 8);
  return crc;
}

export function segmentHeader(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  for (let i = 0; i < MAGIC.length; i++) bytes[i] = MAGIC.charCodeAt(i);
  new DataView(bytes.buffer).setUint32(8, SEGMENT_FORMAT, true);
  return bytes;
}

export const segmentName = (number: number): string => `${String(number).padStart(16, '0')}.log`;

/** Undefined when the name is no segment's. */
export const segmentNumber = (name: string): number | undefined =>
  /^\d{16}\.log$/.test(name) ? Number(name.slice(0, 16)) : undefined;

export const encodeEntryRecord = (body: Uint8Array, signature: Uint8Array): Uint8Array<ArrayBuffer> =>
  encodeRecord(ENTRY_MARK, body, signature);

/** So much is copied and summed up between two pauses. */
const PIECE_BYTES = 256 << 10;

/** As encodeEntryRecord(), for a large one, with pauses. */
export function* encodeEntryRecordInSteps(
  body: Uint8Array,
  signature: Uint8Array,
): Generator<undefined, Uint8Array<ArrayBuffer>, undefined> {
  const record = new Uint8Array(RECORD_HEADER_BYTES + body.length);
  const view = writeHeader(record, ENTRY_MARK, signature);
  let crc = crcOn(-1, record, 12, RECORD_HEADER_BYTES);
  for (let at = 0; at < body.length; at += PIECE_BYTES) {
    const piece = body.subarray(at, at + PIECE_BYTES);
    record.set(piece, RECORD_HEADER_BYTES + at);
    crc = crcOn(crc, piece, 0, piece.length);
    yield;
  }
  view.setUint32(8, (crc32c(record, 4, 8) ^ crc ^ -1) >>> 0, true);
  return record;
}

export const encodeBlockRecord = (body: Uint8Array): Uint8Array<ArrayBuffer> =>
  encodeRecord(BLOCK_MARK, body, NO_SIGNATURE);

function encodeRecord(mark: number, body: Uint8Array, signature: Uint8Array): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(RECORD_HEADER_BYTES + body.length);
  const view = writeHeader(record, mark, signature);
  record.set(body, RECORD_HEADER_BYTES);
  view.setUint32(8, recordChecksum(record, 0, record.length), true);
  return record;
}

/** All but the checksum. */
function writeHeader(record: Uint8Array<ArrayBuffer>, mark: number, signature: Uint8Array): DataView {
  const view = new DataView(record.buffer);
  view.setUint32(0, mark, true);
  view.setUint32(4, record.length - RECORD_HEADER_BYTES, true);
  record.set(signature, 12);
  return view;
}

/** Over the length field and everything behind the checksum field. */
function recordChecksum(bytes: Uint8Array, offset: number, end: number): number {
  return (crc32c(bytes, offset + 4, offset + 8) ^ crc32c(bytes, offset + 12, end)) >>> 0;
}

export interface LogRecord {
  readonly kind: 'entry' | 'block';
  readonly offset: number;
  readonly end: number;
  readonly signature: Uint8Array;
  readonly body: Uint8Array;
}

/** The record at `offset`, or undefined where none checks. */
export function recordAt(bytes: Uint8Array, offset: number): LogRecord | undefined {
  return endOfRecordAt(bytes, offset) === undefined ? undefined : checkedRecordAt(bytes, offset);
}

/** Where the record at `offset` ends, or undefined where none checks. */
function endOfRecordAt(bytes: Uint8Array, offset: number): number | undefined {
  if (offset + RECORD_HEADER_BYTES > bytes.length) return undefined;
  const mark = uint32At(bytes, offset);
  if (mark !== ENTRY_MARK && mark !== BLOCK_MARK) return undefined;
  const end = offset + RECORD_HEADER_BYTES + uint32At(bytes, offset + 4);
  return end <= bytes.length && recordChecksum(bytes, offset, end) === uint32At(bytes, offset + 8) ? end : undefined;
}

/** The record at an offset where one is known to check. */
function checkedRecordAt(bytes: Uint8Array, offset: number): LogRecord {
  const end = offset + RECORD_HEADER_BYTES + uint32At(bytes, offset + 4);
  return {
    kind: uint32At(bytes, offset) === ENTRY_MARK ? 'entry' : 'block',
    offset,
    end,
    signature: bytes.subarray(offset + 12, offset + RECORD_HEADER_BYTES),
    body: bytes.subarray(offset + RECORD_HEADER_BYTES, end),
  };
}

const uint32At = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;

/** The records of a segment that checkSegment() went through, up to the `end` that it told. */
export function* recordsUpTo(bytes: Uint8Array, end: number): Generator<LogRecord> {
  for (let offset = SEGMENT_HEADER_BYTES; offset < end;) {
    const record = checkedRecordAt(bytes, offset);
    offset = record.end;
    yield record;
  }
}

export type SegmentEnd =
  /** Records up to `offset`; behind it nothing, or zeros that were allocated ahead. */
  | { readonly kind: 'whole'; readonly offset: number }
  /** Bytes from `offset` on are a torn write. */
  | { readonly kind: 'torn'; readonly offset: number }
  /** A record at `offset` is damaged although whole records follow at `next`. */
  | { readonly kind: 'damaged'; readonly offset: number; readonly next: number }
  | { readonly kind: 'no-segment'; readonly reason: string };

/**
 * Checks a segment's records and says how it ends. `genuine` tells a record that follows the fault at `offset` from one that only lies
 * inside a torn one's body: somebody may keep a copy of a log in a BLOB.
 */
export function checkSegment(
  bytes: Uint8Array,
  genuine: (record: LogRecord, offset: number) => boolean = () => true,
): SegmentEnd {
  if (bytes.length < SEGMENT_HEADER_BYTES) return { kind: 'torn', offset: 0 };
  for (let i = 0; i < MAGIC.length; i++) {
    if (bytes[i] !== MAGIC.charCodeAt(i)) return { kind: 'no-segment', reason: 'it does not begin with P2PDBLOG' };
  }
  const format = uint32At(bytes, 8);
  if (format !== SEGMENT_FORMAT)
    return { kind: 'no-segment', reason: `segment format ${format}: this program reads ${SEGMENT_FORMAT}` };
  let offset = SEGMENT_HEADER_BYTES;
  while (offset < bytes.length) {
    const end = endOfRecordAt(bytes, offset);
    if (end === undefined) {
      if (bytes.subarray(offset).every((byte) => byte === 0)) break;
      const fault = offset;
      const next = nextRecord(bytes, fault + 1, (record) => genuine(record, fault));
      return next === undefined ? { kind: 'torn', offset } : { kind: 'damaged', offset, next };
    }
    offset = end;
  }
  return { kind: 'whole', offset };
}

function nextRecord(bytes: Uint8Array, from: number, genuine: (record: LogRecord) => boolean): number | undefined {
  let found: number | undefined;
  for (const mark of [MARK_BYTES.subarray(0, 4), MARK_BYTES.subarray(4, 8)]) {
    const first = mark[0] as number;
    for (
      let i = bytes.indexOf(first, from);
      i >= 0 && (found === undefined || i < found);
      i = bytes.indexOf(first, i + 1)
    ) {
      if (mark.some((byte, k) => bytes[i + k] !== byte)) continue;
      const record = recordAt(bytes, i);
      if (record && genuine(record)) found = i;
    }
  }
  return found;
}
