/**
 * A block: a decided cut of the entries. It orders them and carries no data.
 *
 * Value (DAG-CBOR array), what the voters decide: `[format, group, height, prev, cut, digestHeight, digest, time]`
 * - `prev`: SHA-256 of the value before; null at height 1.
 * - `cut`: `[author, seq, link, …]`, flat, authors ascending: for each author whose entries the block adds, the last one's seq and CID,
 *   which by its links names all before it.
 * - `digest`: SHA-256 of the state's table digests after block `digestHeight`, as the proposer has it; null at height 0. A replica that has
 *   another there is damaged.
 * - `time`: milliseconds since 1970 by the proposer's clock; for people.
 * Block as stored: `[value, certificate]`, both byte strings; the certificate is the consensus room's.
 */
import { CborReader, CborWriter, DecodeError } from './cbor.ts';
import { hex, isTime, unhex } from './entry.ts';

export const BLOCK_FORMAT = 1;

export interface Cut {
  /** Author id in hex. */
  readonly author: string;
  readonly seq: number;
  readonly cid: Uint8Array;
}

export interface Block {
  readonly group: string;
  readonly height: number;
  readonly prev: Uint8Array | null;
  readonly cut: readonly Cut[];
  readonly digestHeight: number;
  readonly digest: Uint8Array | null;
  readonly time: number;
}

const writer = new CborWriter(1 << 12);

export function encodeBlockValue(block: Block): Uint8Array<ArrayBuffer> {
  writer.clear();
  writer.array(8).int(BLOCK_FORMAT).text(block.group).int(block.height);
  if (block.prev) writer.data(block.prev);
  else writer.null();
  writer.array(3 * block.cut.length);
  for (const { author, seq, cid } of block.cut) writer.data(unhex(author)).int(seq).link(cid);
  writer.int(block.digestHeight);
  if (block.digest) writer.data(block.digest);
  else writer.null();
  writer.int(block.time);
  return writer.take();
}

/** Throws DecodeError. */
export function decodeBlockValue(bytes: Uint8Array): Block {
  const reader = new CborReader(bytes);
  if (reader.array() !== 8) throw new DecodeError('a block has 8 fields');
  const format = reader.int();
  if (format !== BLOCK_FORMAT) throw new DecodeError(`block format ${format}: this program reads ${BLOCK_FORMAT}`);
  const group = reader.text();
  const height = reader.int();
  if (height < 1) throw new DecodeError(`no block ${height}`);
  const prev = reader.skipNull() ? null : reader.data();
  const items = reader.array();
  if (items % 3 !== 0) throw new DecodeError('a cut comes in threes');
  const cut: Cut[] = [];
  for (let i = 0; i < items; i += 3) {
    const author = hex(reader.data());
    const seq = reader.int();
    const cid = new Uint8Array(reader.link());
    const last = cut.at(-1);
    if (author.length !== 64 || seq < 1 || (last && last.author >= author)) throw new DecodeError('no cut');
    cut.push({ author, seq, cid });
  }
  const digestHeight = reader.int();
  const digest = reader.skipNull() ? null : reader.data();
  const time = reader.int();
  if (!reader.done) throw new DecodeError('bytes behind the end of the block');
  if (!isTime(time)) throw new DecodeError(`${time} is no time`);
  return { group, height, prev, cut, digestHeight, digest, time };
}

export function encodeStoredBlock(value: Uint8Array, certificate: Uint8Array): Uint8Array<ArrayBuffer> {
  writer.clear();
  return writer.array(2).data(value).data(certificate).take();
}

/** Throws DecodeError. */
export function decodeStoredBlock(body: Uint8Array): { readonly value: Uint8Array; readonly certificate: Uint8Array } {
  const reader = new CborReader(body);
  if (reader.array() !== 2) throw new DecodeError('a stored block has 2 fields');
  const value = reader.data();
  const certificate = reader.data();
  if (!reader.done) throw new DecodeError('bytes behind the end of the block');
  return { value, certificate };
}
