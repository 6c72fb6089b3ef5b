/** Logs made by hand: chains of signed entries, and the segment files that hold them. */
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import {
  authorOf,
  cidOf,
  encodeEntry,
  encodeEntryRecord,
  segmentHeader,
  type Entry,
  type SignedEntry,
  type Transaction,
} from '../../node/log/index.ts';
import { logCrypto, type Identity } from '../../node/store/index.ts';

export function makeIdentity(): Identity {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519') as { privateKey: KeyObject; publicKey: KeyObject };
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const key = new Uint8Array(spki.subarray(spki.length - 32));
  const incarnation = new Uint8Array(randomBytes(16));
  return {
    publicKey: key,
    incarnation,
    author: authorOf(key, incarnation, logCrypto),
    sign: (message) => sign(null, message, privateKey),
  };
}

export interface MadeEntry extends SignedEntry {
  readonly entry: Entry;
  readonly record: Uint8Array;
}

/** `count` entries, each with one transaction of `size` bytes; `change` bends an entry before it is signed. */
export function makeChain(
  identity: Identity,
  count: number,
  size = 50,
  change: (entry: Entry) => Entry = (entry) => entry,
): MadeEntry[] {
  const chain: MadeEntry[] = [];
  for (let seq = 1; seq <= count; seq++) {
    const entry = change({
      group: 'main',
      author: identity.author,
      seq,
      prev: chain.at(-1)?.cid ?? null,
      parents: [],
      height: 0,
      lamport: seq,
      time: 1000 + seq,
      transactions: [filler(seq, size)],
      ...(seq === 1 && { genesis: { key: identity.publicKey, incarnation: identity.incarnation } }),
    });
    const body = encodeEntry(entry);
    const cid = cidOf(body, logCrypto);
    const signature = identity.sign(cid);
    chain.push({ entry, cid, body, signature, record: encodeEntryRecord(body, signature) });
  }
  return chain;
}

/** As makeChain(), of entries without transactions: from entry `from` on it is another chain than the one that `tail` does not bend. */
export const makeTail = (identity: Identity, count: number, from = Infinity, tail = 1): MadeEntry[] =>
  makeChain(identity, count, 0, (entry) => ({
    ...entry,
    transactions: [],
    time: entry.time + (entry.seq >= from ? tail : 0),
  }));

/** Bytes without structure, the same for the same number. */
function filler(n: number, size: number): Uint8Array {
  const block = createHash('sha256').update(String(n)).digest();
  return Uint8Array.from({ length: size }, (_, i) => block[i % block.length] as number);
}

export const makeSegment = (records: readonly Uint8Array[]): Uint8Array => Buffer.concat([segmentHeader(), ...records]);

/** A transaction that changes nothing. */
export const NOTHING: Transaction = {
  user: '',
  database: '',
  sql: '',
  level: 'local',
  unchecked: false,
  tables: [],
  operations: [],
  reads: [],
};
