/**
 * Segment files: an author's entries on disk, append-only.
 *
 * Header (16 bytes): "P2PDBLOG", format (u32), reserved (u32, zero).
 * Record: mark "entr" (4 bytes) · body length (u32) · CRC-32C (u32) of length, signature and body · signature (64) · body.
 * Zeros may follow the last record: the file grows ahead of its use, so that a sync writes no change of its size.
 * All integers little-endian. A segment's name is the seq of its first entry, 16 decimal digits, `.log`.
 *
 * Reader's algorithm. Records follow each other from the header on. Where a record does not check:
 * - no whole record of this log follows it anywhere in this segment, and this is the last segment: it is the torn tail of a write whose
 *   fdatasync never returned, so nobody was told OK for it. It is cut off.
 * - else bytes in the middle are damaged: the log is refused with segment and offset. Nothing is skipped silently.
 */
export const SEGMENT_FORMAT = 1;
export const SEGMENT_HEADER_BYTES = 16;
export const RECORD_HEADER_BYTES = 76;
const MAGIC = 'P2PDBLOG';
const MARK = 0x72746e65; // "entr", little-endian

const table = new Int32Array(256);
for (let n = 0; n < 256; n++) {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  table[n] = c;
}

/** CRC-32C (Castagnoli), RFC 3720 appendix B.4. */
export function crc32c(bytes: Uint8Array, start: number, end: number): number {
  let crc = -1;
  for (let i = start; i < end; i++) crc = (table[(crc ^ (bytes[i] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
}

export function segmentHeader(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  for (let i = 0; i < MAGIC.length; i++) bytes[i] = MAGIC.charCodeAt(i);
  new DataView(bytes.buffer).setUint32(8, SEGMENT_FORMAT, true);
  return bytes;
}

export const segmentName = (firstSeq: number): string => `${String(firstSeq).padStart(16, '0')}.log`;

/** Undefined when the name is no segment's. */
export const segmentFirstSeq = (name: string): number | undefined =>
  /^\d{16}\.log$/.test(name) ? Number(name.slice(0, 16)) : undefined;

export function encodeRecord(body: Uint8Array, signature: Uint8Array): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(RECORD_HEADER_BYTES + body.length);
  const view = new DataView(record.buffer);
  view.setUint32(0, MARK, true);
  view.setUint32(4, body.length, true);
  record.set(signature, 12);
  record.set(body, RECORD_HEADER_BYTES);
  view.setUint32(8, recordChecksum(record, 0, record.length), true);
  return record;
}

/** Over the length field and everything behind the checksum field. */
function recordChecksum(bytes: Uint8Array, offset: number, end: number): number {
  return (crc32c(bytes, offset + 4, offset + 8) ^ crc32c(bytes, offset + 12, end)) >>> 0;
}

export interface LogRecord {
  readonly offset: number;
  readonly end: number;
  readonly signature: Uint8Array;
  readonly body: Uint8Array;
}

/** The record at `offset`, or undefined where none checks. */
export function recordAt(bytes: Uint8Array, offset: number): LogRecord | undefined {
  if (offset + RECORD_HEADER_BYTES > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(offset, true) !== MARK) return undefined;
  const end = offset + RECORD_HEADER_BYTES + view.getUint32(offset + 4, true);
  if (end > bytes.length || recordChecksum(bytes, offset, end) !== view.getUint32(offset + 8, true)) return undefined;
  return {
    offset,
    end,
    signature: bytes.subarray(offset + 12, offset + RECORD_HEADER_BYTES),
    body: bytes.subarray(offset + RECORD_HEADER_BYTES, end),
  };
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
 * Walks a segment's records and says how it ends. `genuine` tells a record that follows a fault from one that only lies
 * inside a torn one's body: somebody may keep a copy of a log in a BLOB.
 */
export function readSegment(
  bytes: Uint8Array,
  each: (record: LogRecord) => void,
  genuine: (record: LogRecord) => boolean = () => true,
): SegmentEnd {
  if (bytes.length < SEGMENT_HEADER_BYTES) return { kind: 'torn', offset: 0 };
  for (let i = 0; i < MAGIC.length; i++) {
    if (bytes[i] !== MAGIC.charCodeAt(i)) return { kind: 'no-segment', reason: 'it does not begin with P2PDBLOG' };
  }
  const format = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(8, true);
  if (format !== SEGMENT_FORMAT)
    return { kind: 'no-segment', reason: `segment format ${format}: this program reads ${SEGMENT_FORMAT}` };
  let offset = SEGMENT_HEADER_BYTES;
  while (offset < bytes.length) {
    const record = recordAt(bytes, offset);
    if (!record) {
      if (bytes.subarray(offset).every((byte) => byte === 0)) break;
      const next = nextRecord(bytes, offset + 1, genuine);
      return next === undefined ? { kind: 'torn', offset } : { kind: 'damaged', offset, next };
    }
    each(record);
    offset = record.end;
  }
  return { kind: 'whole', offset };
}

function nextRecord(bytes: Uint8Array, from: number, genuine: (record: LogRecord) => boolean): number | undefined {
  const mark = [MARK & 0xff, (MARK >> 8) & 0xff, (MARK >> 16) & 0xff, MARK >> 24] as const;
  for (let i = bytes.indexOf(mark[0], from); i >= 0; i = bytes.indexOf(mark[0], i + 1)) {
    if (bytes[i + 1] !== mark[1] || bytes[i + 2] !== mark[2] || bytes[i + 3] !== mark[3]) continue;
    const record = recordAt(bytes, i);
    if (record && genuine(record)) return i;
  }
  return undefined;
}
