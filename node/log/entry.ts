/**
 * An entry: what one author appended to its log in one flush.
 *
 * Body (DAG-CBOR map, keys in canonical order):
 *   `key`?, `seq`, `txs`, `prev`, `time`, `group`, `author`, `format`, `height`, `lamport`, `parents`, `incarnation`?
 * - `author` (32 bytes) is SHA-256(public key ‖ incarnation). Entry 1 alone carries both (`key`, `incarnation`), so that a
 *   reader of the log can check every signature without anything else.
 * - `height` is that of the newest block that the author had applied: whoever has not, keeps the entry until then.
 * - `prev` is the CID of the author's entry before (null at seq 1); `parents`, `[author, seq, link]`, are the
 *   heads of other authors that it saw since its entry before.
 * - `txs` are the transactions in commit order, each a byte string in the codec of `transaction.ts`.
 *
 * CID: version 1, dag-cbor (0x71), sha2-256 (0x12) of the body. Signature: Ed25519 over the 36 bytes of the CID. It lies
 * beside the body, not in it, so the hash names exactly what was said.
 */
import { CborReader, CborWriter, DecodeError } from './cbor.ts';

export const ENTRY_FORMAT = 2;
const CID_PREFIX = Uint8Array.of(0x01, 0x71, 0x12, 0x20);
export const CID_BYTES = 36;
export const SIGNATURE_BYTES = 64;

export interface Parent {
  readonly author: Uint8Array;
  readonly seq: number;
  readonly cid: Uint8Array;
}

export interface Entry {
  readonly group: string;
  readonly author: Uint8Array;
  /** 1, 2, 3 … of this author. */
  readonly seq: number;
  readonly prev: Uint8Array | null;
  readonly parents: readonly Parent[];
  readonly height: number;
  readonly lamport: number;
  /** Milliseconds since 1970 by the author's clock; for people and for AS OF TIMESTAMP, never for order. */
  readonly time: number;
  readonly transactions: readonly Uint8Array[];
  /** Ed25519 public key and incarnation: in entry 1 only. */
  readonly genesis?: { readonly key: Uint8Array; readonly incarnation: Uint8Array };
}

/** An entry as it is stored and sent. */
export interface SignedEntry {
  readonly cid: Uint8Array;
  readonly body: Uint8Array;
  readonly signature: Uint8Array;
}

/** The cryptography that the log needs, as a port. */
export interface LogCrypto {
  sha256(bytes: Uint8Array): Uint8Array;
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

export const cidOf = (body: Uint8Array, crypto: LogCrypto): Uint8Array => cidOfHash(crypto.sha256(body));

/** By the SHA-256 of an entry's body. */
export function cidOfHash(sha256: Uint8Array): Uint8Array {
  const cid = new Uint8Array(CID_BYTES);
  cid.set(CID_PREFIX);
  cid.set(sha256, CID_PREFIX.length);
  return cid;
}

export function authorOf(key: Uint8Array, incarnation: Uint8Array, crypto: LogCrypto): Uint8Array {
  const both = new Uint8Array(key.length + incarnation.length);
  both.set(key);
  both.set(incarnation, key.length);
  return crypto.sha256(both);
}

const writer = new CborWriter(1 << 16);
/** An entry of more bytes is written where it stays. */
const LARGE_BYTES = 1 << 20;

export function encodeEntry(entry: Entry): Uint8Array<ArrayBuffer> {
  const bytes = entry.transactions.reduce((sum, transaction) => sum + transaction.length, 0);
  if (bytes > LARGE_BYTES) {
    const own = new CborWriter(bytes + LARGE_BYTES);
    writeEntry(own, entry);
    return own.end();
  }
  writer.clear();
  writeEntry(writer, entry);
  return writer.take();
}

function writeEntry(writer: CborWriter, entry: Entry): void {
  writer.map(entry.genesis ? 12 : 10);
  if (entry.genesis) writer.text('key').data(entry.genesis.key);
  writer.text('seq').int(entry.seq);
  writer.text('txs').array(entry.transactions.length);
  for (const transaction of entry.transactions) writer.data(transaction);
  writer.text('prev');
  if (entry.prev) writer.link(entry.prev);
  else writer.null();
  writer.text('time').int(entry.time);
  writer.text('group').text(entry.group);
  writer.text('author').data(entry.author);
  writer.text('format').int(ENTRY_FORMAT);
  writer.text('height').int(entry.height);
  writer.text('lamport').int(entry.lamport);
  writer.text('parents').array(entry.parents.length);
  for (const { author, seq, cid } of entry.parents) writer.array(3).data(author).int(seq).link(cid);
  if (entry.genesis) writer.text('incarnation').data(entry.genesis.incarnation);
}

/** Throws DecodeError for bytes that are not an entry's body. */
export function decodeEntry(body: Uint8Array): Entry {
  const reader = new CborReader(body);
  const size = reader.map();
  if (size !== 10 && size !== 12) throw new DecodeError('an entry has 10 or 12 fields');
  const expect = (name: string): void => {
    if (!reader.skipText(name)) throw new DecodeError(`an entry needs its field "${name}" at ${reader.offset}`);
  };
  let key: Uint8Array | undefined;
  if (size === 12) {
    expect('key');
    key = reader.data();
  }
  expect('seq');
  const seq = reader.int();
  expect('txs');
  const transactions: Uint8Array[] = [];
  for (let n = reader.array(); n > 0; n--) transactions.push(reader.data());
  expect('prev');
  const prev = reader.skipNull() ? null : reader.link();
  expect('time');
  const time = reader.int();
  expect('group');
  const group = reader.text();
  expect('author');
  const author = reader.data();
  expect('format');
  const format = reader.int();
  if (format !== ENTRY_FORMAT) throw new DecodeError(`entry format ${format}: this program reads ${ENTRY_FORMAT}`);
  expect('height');
  const height = reader.int();
  expect('lamport');
  const lamport = reader.int();
  expect('parents');
  const parents: Parent[] = [];
  for (let n = reader.array(); n > 0; n--) {
    if (reader.array() !== 3) throw new DecodeError('a parent has 3 fields');
    parents.push({ author: reader.data(), seq: reader.int(), cid: reader.link() });
  }
  let genesis: Entry['genesis'];
  if (key) {
    expect('incarnation');
    genesis = { key, incarnation: reader.data() };
  }
  if (!reader.done) throw new DecodeError('bytes behind the end of the entry');
  if (!isTime(time)) throw new DecodeError(`${time} is no time`);
  if (author.length !== 32) throw new DecodeError('an author id has 32 bytes');
  if (seq < 1 || (seq === 1) !== (prev === null) || (seq === 1) !== (genesis !== undefined)) {
    throw new DecodeError('the first entry of an author, and it alone, carries the key and has no predecessor');
  }
  return { group, author, seq, prev, parents, height, lamport, time, transactions, ...(genesis && { genesis }) };
}

/** The milliseconds of the years 1970 to 9999: others can be shown to nobody. */
export const isTime = (ms: number): boolean => ms >= 0 && ms < 253_402_300_800_000;

export const sameBytes = (a: Uint8Array | null, b: Uint8Array | null): boolean => {
  if (a === null || b === null) return a === b;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

export const hex = (bytes: Uint8Array): string => bytes.toHex();

/** Throws SyntaxError. */
export const unhex = (text: string): Uint8Array => Uint8Array.fromHex(text);
