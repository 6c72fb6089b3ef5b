/**
 * Joining a swarm: one question over a connection of the joiners' kind (admission.ts), and its answer.
 *
 * Question: DAG-CBOR map `{name, secret}`. Answer: `{members: [32 bytes …], welcome: bytes, addresses: [text …]}` or `{reason: text}`.
 */
import { CborReader, CborWriter, DecodeError } from '../log/index.ts';
import { nodeIdOf } from './node-id.ts';
import type { JoinAnswer, NodeId } from './ports.ts';

/** How long members may take to decide on a join. */
export const JOIN_MS_MAX = 30_000;

export interface JoinQuestion {
  readonly name: string;
  readonly secret: Uint8Array;
}

export const encodeQuestion = ({ name, secret }: JoinQuestion): Uint8Array =>
  new CborWriter().map(2).text('name').text(name).text('secret').data(secret).take();

/** Undefined for bytes that are no question. */
export function decodeQuestion(bytes: Uint8Array): JoinQuestion | undefined {
  return decoded(() => {
    const reader = new CborReader(bytes);
    if (reader.map() !== 2 || reader.text() !== 'name') return undefined;
    const name = reader.text();
    if (reader.text() !== 'secret') return undefined;
    return { name, secret: new Uint8Array(reader.data()) };
  });
}

export function encodeAnswer(answer: JoinAnswer): Uint8Array {
  const writer = new CborWriter();
  if (answer.kind === 'refused') return writer.map(1).text('reason').text(answer.reason).take();
  writer.map(3).text('members').array(answer.members.length);
  for (const member of answer.members) writer.data(Buffer.from(member, 'hex'));
  writer.text('welcome').data(answer.welcome);
  writer.text('addresses').array(answer.addresses.length);
  for (const address of answer.addresses) writer.text(address);
  return writer.take();
}

/** Undefined for bytes that are no answer. */
export function decodeAnswer(bytes: Uint8Array): JoinAnswer | undefined {
  return decoded(() => {
    const reader = new CborReader(bytes);
    const fields = reader.map();
    const first = reader.text();
    if (fields === 1 && first === 'reason') return { kind: 'refused', reason: reader.text() };
    if (fields !== 3 || first !== 'members') return undefined;
    const members: NodeId[] = [];
    for (let n = reader.array(); n > 0; n--) {
      const key = reader.data();
      if (key.length !== 32) return undefined;
      members.push(nodeIdOf(key));
    }
    if (reader.text() !== 'welcome') return undefined;
    const welcome = new Uint8Array(reader.data());
    if (reader.text() !== 'addresses') return undefined;
    const addresses: string[] = [];
    for (let n = reader.array(); n > 0; n--) addresses.push(reader.text());
    return { kind: 'accepted', members, addresses, welcome };
  });
}

function decoded<T>(decode: () => T | undefined): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
