/**
 * Messages and records as bytes.
 *
 * DAG-CBOR array [ format, kind, field … ], fields in the order of their declaration in messages.ts. A ballot is
 * [ round, node ], a vote [ node, signature ], a certificate [ ballot, [ vote … ] ], an accepted value
 * [ height, ballot, value ], a decision [ height, value, certificate ]; a missing value is null.
 *
 * Bytes of a peer are bounded in every dimension before they are believed, and decode to a result: nothing here throws
 * for what it reads.
 */
import {
  CborReader,
  CborWriter,
  DecodeError,
  expectArray,
  readBool,
  readBytes,
  readList,
  readNumber,
} from '../log/index.ts';
import type { Certificate, Vote } from './certificate.ts';
import { type Ballot, height, type Height, nodeId, type NodeId } from './ids.ts';
import {
  ACCEPT_AHEAD,
  type Accepted,
  BATCH_DECISIONS_MAX,
  type ConsensusRecord,
  type Decision,
  type Message,
  VALUE_BYTES_MAX,
} from './messages.ts';

const FORMAT = 1;
const ACCEPTED_MAX = 2 * ACCEPT_AHEAD;
const VOTES_MAX = 64;
const NODE_CHARS_MAX = 128;
const SIGNATURE_BYTES_MAX = 128;
const HASH_BYTES = 32;
/** Of rounds and heights: far above what can be reached, far below where additions lose digits. */
const NUMBER_MAX = 2 ** 48;

export type Decoded<T> =
  { readonly kind: 'ok'; readonly value: T } | { readonly kind: 'malformed'; readonly reason: string };

/** The place of a kind in its list is its number on the wire: lists only grow. */
const MESSAGE_KINDS = [
  'pre-vote',
  'pre-vote-reply',
  'prepare',
  'promise',
  'accept',
  'accepted',
  'nack',
  'chosen',
  'heartbeat',
  'heartbeat-ack',
  'resign',
  'ask-chosen',
  'decisions',
  'pruned',
] as const satisfies readonly Message['kind'][];
const RECORD_KINDS = ['promise', 'accepted', 'chosen'] as const satisfies readonly ConsensusRecord['kind'][];

/** One buffer for all: an encoding is copied out before the next begins. */
const writer = new CborWriter();

export function encodeMessage(message: Message): Uint8Array<ArrayBuffer> {
  writer.clear();
  const open = (fields: number): CborWriter => head(fields, MESSAGE_KINDS.indexOf(message.kind));
  switch (message.kind) {
    case 'pre-vote':
    case 'prepare':
    case 'heartbeat-ack':
      open(2);
      writeBallot(message.ballot).int(message.chosen);
      break;
    case 'pre-vote-reply':
      open(3);
      writeBallot(message.ballot).bool(message.granted).int(message.chosen);
      break;
    case 'promise':
      open(3);
      writeBallot(message.ballot).int(message.chosen).array(message.accepted.length);
      for (const accepted of message.accepted) writeAccepted(accepted);
      break;
    case 'accept':
      open(3);
      writeBallot(message.ballot).int(message.height).data(message.value);
      break;
    case 'accepted':
      open(3);
      writeBallot(message.ballot).int(message.height).data(message.signature);
      break;
    case 'nack':
      open(2);
      writeBallot(message.ballot);
      writeBallot(message.promised);
      break;
    case 'chosen':
      open(4).int(message.height).data(message.hash);
      writeCertificate(message.certificate);
      if (message.value) writer.data(message.value);
      else writer.null();
      break;
    case 'heartbeat':
      open(3);
      writeBallot(message.ballot).int(message.chosen).bool(message.ack);
      break;
    case 'resign':
      open(2);
      writeBallot(message.ballot).text(message.successor);
      break;
    case 'ask-chosen':
      open(1).int(message.from);
      break;
    case 'decisions':
      open(2).int(message.chosen).array(message.decisions.length);
      for (const decision of message.decisions) writeDecision(decision);
      break;
    case 'pruned':
      open(1).int(message.oldest);
      break;
  }
  return writer.take();
}

export const decodeMessage = (bytes: Uint8Array): Decoded<Message> => decode(bytes, readMessage);

export function encodeRecord(record: ConsensusRecord): Uint8Array<ArrayBuffer> {
  writer.clear();
  head(1, RECORD_KINDS.indexOf(record.kind));
  switch (record.kind) {
    case 'promise':
      writeBallot(record.ballot);
      break;
    case 'accepted':
      writeAccepted(record.accepted);
      break;
    case 'chosen':
      writeDecision(record.decision);
      break;
  }
  return writer.take();
}

/** Alone, for whoever keeps a chosen value elsewhere. */
export function encodeCertificate(certificate: Certificate): Uint8Array<ArrayBuffer> {
  writer.clear();
  writeCertificate(certificate);
  return writer.take();
}

export const decodeCertificate = (bytes: Uint8Array): Decoded<Certificate> => decode(bytes, readCertificate);

export const decodeRecord = (bytes: Uint8Array): Decoded<ConsensusRecord> => decode(bytes, readRecord);

// Writing

const head = (fields: number, kind: number): CborWriter =>
  writer
    .array(2 + fields)
    .int(FORMAT)
    .int(kind);

const writeBallot = (ballot: Ballot): CborWriter => writer.array(2).int(ballot.round).text(ballot.node);

function writeAccepted({ height: h, ballot, value }: Accepted): void {
  writer.array(3).int(h);
  writeBallot(ballot).data(value);
}

function writeCertificate({ ballot, votes }: Certificate): void {
  writer.array(2);
  writeBallot(ballot).array(votes.length);
  for (const { node, signature } of votes) writer.array(2).text(node).data(signature);
}

function writeDecision({ height: h, value, certificate }: Decision): void {
  writer.array(3).int(h).data(value);
  writeCertificate(certificate);
}

// Reading

function decode<T>(bytes: Uint8Array, read: (reader: CborReader) => T): Decoded<T> {
  try {
    const reader = new CborReader(bytes);
    const value = read(reader);
    if (!reader.done) throw new DecodeError('bytes behind the end');
    return { kind: 'ok', value };
  } catch (error) {
    if (error instanceof DecodeError) return { kind: 'malformed', reason: error.message };
    throw error;
  }
}

/** The kind's name; `fields` says how many items belong to each. */
function readHead<K extends string>(reader: CborReader, kinds: readonly K[], fields: Readonly<Record<K, number>>): K {
  const length = reader.array();
  const format = reader.int();
  if (format !== FORMAT) throw new DecodeError(`format ${format}: this program reads ${FORMAT}`);
  const kind = kinds[reader.int()];
  if (kind === undefined) throw new DecodeError('an unknown kind');
  if (length !== 2 + fields[kind]) throw new DecodeError(`${kind} with ${length} items`);
  return kind;
}

const MESSAGE_FIELDS: Readonly<Record<Message['kind'], number>> = {
  'pre-vote': 2,
  'pre-vote-reply': 3,
  prepare: 2,
  promise: 3,
  accept: 3,
  accepted: 3,
  nack: 2,
  chosen: 4,
  heartbeat: 3,
  'heartbeat-ack': 2,
  resign: 2,
  'ask-chosen': 1,
  decisions: 2,
  pruned: 1,
};

function readMessage(reader: CborReader): Message {
  const kind = readHead(reader, MESSAGE_KINDS, MESSAGE_FIELDS);
  switch (kind) {
    case 'pre-vote':
    case 'prepare':
    case 'heartbeat-ack':
      return { kind, ballot: readBallot(reader), chosen: readHeight(reader) };
    case 'pre-vote-reply':
      return { kind, ballot: readBallot(reader), granted: readBool(reader), chosen: readHeight(reader) };
    case 'promise':
      return {
        kind,
        ballot: readBallot(reader),
        chosen: readHeight(reader),
        accepted: readList(reader, ACCEPTED_MAX, readAccepted),
      };
    case 'accept':
      return { kind, ballot: readBallot(reader), height: readPlace(reader), value: readValue(reader) };
    case 'accepted':
      return { kind, ballot: readBallot(reader), height: readPlace(reader), signature: readSignature(reader) };
    case 'nack':
      return { kind, ballot: readBallot(reader), promised: readBallot(reader) };
    case 'chosen':
      return {
        kind,
        height: readPlace(reader),
        hash: readBytes(reader, HASH_BYTES, HASH_BYTES),
        certificate: readCertificate(reader),
        value: reader.skipNull() ? undefined : readValue(reader),
      };
    case 'heartbeat':
      return { kind, ballot: readBallot(reader), chosen: readHeight(reader), ack: readBool(reader) };
    case 'resign':
      return { kind, ballot: readBallot(reader), successor: readNode(reader) };
    case 'ask-chosen':
      return { kind, from: readPlace(reader) };
    case 'decisions':
      return { kind, chosen: readHeight(reader), decisions: readList(reader, BATCH_DECISIONS_MAX, readDecision) };
    case 'pruned':
      return { kind, oldest: readPlace(reader) };
  }
}

function readRecord(reader: CborReader): ConsensusRecord {
  const kind = readHead(reader, RECORD_KINDS, { promise: 1, accepted: 1, chosen: 1 });
  switch (kind) {
    case 'promise':
      return { kind, ballot: readBallot(reader) };
    case 'accepted':
      return { kind, accepted: readAccepted(reader) };
    case 'chosen':
      return { kind, decision: readDecision(reader) };
  }
}

/** A watermark: 0 is "nothing yet". */
const readHeight = (reader: CborReader): Height => height(readNumber(reader, 0, NUMBER_MAX));

/** The height of a decision. */
const readPlace = (reader: CborReader): Height => height(readNumber(reader, 1, NUMBER_MAX));

function readNode(reader: CborReader): NodeId {
  const text = reader.text();
  if (text.length === 0 || text.length > NODE_CHARS_MAX) throw new DecodeError(`no node id at ${reader.offset}`);
  return nodeId(text);
}

function readBallot(reader: CborReader): Ballot {
  expectArray(reader, 2);
  return { round: readNumber(reader, 1, NUMBER_MAX), node: readNode(reader) };
}

const readValue = (reader: CborReader): Uint8Array => readBytes(reader, 0, VALUE_BYTES_MAX);
const readSignature = (reader: CborReader): Uint8Array => readBytes(reader, 1, SIGNATURE_BYTES_MAX);

function readVote(reader: CborReader): Vote {
  expectArray(reader, 2);
  return { node: readNode(reader), signature: readSignature(reader) };
}

function readCertificate(reader: CborReader): Certificate {
  expectArray(reader, 2);
  return { ballot: readBallot(reader), votes: readList(reader, VOTES_MAX, readVote) };
}

function readAccepted(reader: CborReader): Accepted {
  expectArray(reader, 3);
  return { height: readPlace(reader), ballot: readBallot(reader), value: readValue(reader) };
}

function readDecision(reader: CborReader): Decision {
  expectArray(reader, 3);
  return { height: readPlace(reader), value: readValue(reader), certificate: readCertificate(reader) };
}
