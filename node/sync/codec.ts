/**
 * Messages as bytes: DAG-CBOR array [ format, kind, field … ], fields in the order of their declaration in types.ts. A frontier
 * is [ [author, seq] … ] by author, a run [ author, from, [ entry … ] ], a range [ author, from, to ]; an author is its 32 bytes.
 *
 * Bytes of a peer are bounded in every dimension before they are believed, and decode to a result.
 */
import {
  CborReader,
  CborWriter,
  DecodeError,
  expectArray,
  hex,
  readBool,
  readBytes,
  readList,
  readNumber,
  unhex,
} from '../log/index.ts';
import {
  ASK_BYTES_MAX,
  ASK_RANGES_MAX,
  AUTHOR_BYTES,
  type AuthorId,
  authorId,
  ENTRY_BYTES_MAX,
  type Frontier,
  type Message,
  type Range,
  type Run,
  SEQ_MAX,
} from './types.ts';

const FORMAT = 1;
const HASH_BYTES = 32;
const AUTHORS_MAX = 1 << 20;
const RUNS_MAX = 1 << 16;
const ID_MAX = 2 ** 48;

export type Decoded =
  { readonly kind: 'ok'; readonly value: Message } | { readonly kind: 'malformed'; readonly reason: string };

const KINDS = ['hash', 'frontier', 'ack', 'push', 'ask', 'entries', 'pruned'] as const satisfies Message['kind'][];
const FIELDS: Readonly<Record<Message['kind'], number>> = {
  hash: 1,
  frontier: 2,
  ack: 1,
  push: 1,
  ask: 3,
  entries: 3,
  pruned: 2,
};

/** One buffer for all: an encoding is copied out before the next begins. */
const writer = new CborWriter();

export function encodeMessage(message: Message): Uint8Array<ArrayBuffer> {
  writer.clear();
  writer
    .array(2 + FIELDS[message.kind])
    .int(FORMAT)
    .int(KINDS.indexOf(message.kind));
  switch (message.kind) {
    case 'hash':
      writer.data(message.hash);
      break;
    case 'frontier':
      writeFrontier(message.frontier);
      writer.bool(message.ask);
      break;
    case 'ack':
      writeFrontier(message.frontier);
      break;
    case 'push':
      writeRuns(message.runs);
      break;
    case 'ask':
      writer.int(message.id).array(message.ranges.length);
      for (const { author, from, to } of message.ranges) writer.array(3).data(unhex(author)).int(from).int(to);
      writer.int(message.bytesMax);
      break;
    case 'entries':
      writer.int(message.id);
      writeRuns(message.runs);
      writer.bool(message.last);
      break;
    case 'pruned':
      writer.data(unhex(message.author)).int(message.oldest);
      break;
  }
  return writer.take();
}

/** What frontiers are compared by. */
export function encodeFrontier(frontier: Frontier): Uint8Array<ArrayBuffer> {
  writer.clear();
  writeFrontier(frontier);
  return writer.take();
}

export function decodeMessage(bytes: Uint8Array): Decoded {
  try {
    const reader = new CborReader(bytes);
    const value = readMessage(reader);
    if (!reader.done) throw new DecodeError('bytes behind the end');
    return { kind: 'ok', value };
  } catch (error) {
    if (error instanceof DecodeError) return { kind: 'malformed', reason: error.message };
    throw error;
  }
}

// Writing

function writeFrontier(frontier: Frontier): void {
  const entries = [...frontier].sort(([a], [b]) => (a < b ? -1 : 1));
  writer.array(entries.length);
  for (const [author, seq] of entries) writer.array(2).data(unhex(author)).int(seq);
}

function writeRuns(runs: readonly Run[]): void {
  writer.array(runs.length);
  for (const { author, from, entries } of runs) {
    writer.array(3).data(unhex(author)).int(from).array(entries.length);
    for (const entry of entries) writer.data(entry);
  }
}

// Reading

function readMessage(reader: CborReader): Message {
  const length = reader.array();
  const format = reader.int();
  if (format !== FORMAT) throw new DecodeError(`format ${format}: this program reads ${FORMAT}`);
  const kind = KINDS[reader.int()];
  if (kind === undefined) throw new DecodeError('an unknown kind');
  if (length !== 2 + FIELDS[kind]) throw new DecodeError(`${kind} with ${length} items`);
  switch (kind) {
    case 'hash':
      return { kind, hash: readBytes(reader, HASH_BYTES, HASH_BYTES) };
    case 'frontier':
      return { kind, frontier: readFrontier(reader), ask: readBool(reader) };
    case 'ack':
      return { kind, frontier: readFrontier(reader) };
    case 'push':
      return { kind, runs: readRuns(reader) };
    case 'ask':
      return {
        kind,
        id: readNumber(reader, 1, ID_MAX),
        ranges: readList(reader, ASK_RANGES_MAX, readRange),
        bytesMax: readNumber(reader, 1, ASK_BYTES_MAX),
      };
    case 'entries':
      return { kind, id: readNumber(reader, 1, ID_MAX), runs: readRuns(reader), last: readBool(reader) };
    case 'pruned':
      return { kind, author: readAuthor(reader), oldest: readNumber(reader, 1, SEQ_MAX) };
  }
}

const readAuthor = (reader: CborReader): AuthorId => authorId(hex(readBytes(reader, AUTHOR_BYTES, AUTHOR_BYTES)));

function readFrontier(reader: CborReader): Frontier {
  const entries = readList(reader, AUTHORS_MAX, (from): [AuthorId, number] => {
    expectArray(from, 2);
    return [readAuthor(from), readNumber(from, 1, SEQ_MAX)];
  });
  return new Map(entries);
}

function readRun(reader: CborReader): Run {
  expectArray(reader, 3);
  const author = readAuthor(reader);
  const from = readNumber(reader, 1, SEQ_MAX);
  const entries = readList(reader, RUNS_MAX, (item) => readBytes(item, 1, ENTRY_BYTES_MAX));
  if (entries.length === 0) throw new DecodeError('an empty run');
  return { author, from, entries };
}

const readRuns = (reader: CborReader): Run[] => readList(reader, RUNS_MAX, readRun);

function readRange(reader: CborReader): Range {
  expectArray(reader, 3);
  const author = readAuthor(reader);
  const from = readNumber(reader, 1, SEQ_MAX);
  const to = readNumber(reader, 1, SEQ_MAX);
  if (to < from) throw new DecodeError('a range that ends before it begins');
  return { author, from, to };
}
