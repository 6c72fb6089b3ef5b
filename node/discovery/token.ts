/**
 * Join tokens: all that a new node needs to ask for membership, as one word of text.
 *
 * base64url of the DAG-CBOR map `{id, key, format: 1, secret, expires, bootstrap}`: the swarm's id and key, 16 secret bytes
 * by which the members know the token, the time from which it is worthless (milliseconds since 1970), and where members
 * can be reached. It holds the swarm's key: whoever has it can reach the members' door, though not pass it once it expired.
 */
import { CborReader, CborWriter, DecodeError } from '../log/index.ts';
import { NetworkError } from './errors.ts';
import type { SwarmIdentity } from './ports.ts';

const FORMAT = 1;

export interface JoinToken {
  readonly swarm: SwarmIdentity;
  /** As in NetworkOptions. */
  readonly bootstrap: readonly string[];
  readonly secret: Uint8Array;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

export function makeToken(token: JoinToken): string {
  const writer = new CborWriter();
  writer.map(6).text('id').text(token.swarm.id).text('key').data(token.swarm.key).text('format').int(FORMAT);
  writer.text('secret').data(token.secret).text('expires').int(token.expires);
  writer.text('bootstrap').array(token.bootstrap.length);
  for (const address of token.bootstrap) writer.text(address);
  return Buffer.from(writer.take()).toString('base64url');
}

/** Throws NetworkError (BAD_TOKEN). Whether it has expired is not looked at. */
export function parseToken(text: string): JoinToken {
  try {
    const reader = new CborReader(Buffer.from(text.trim(), 'base64url'));
    const expect = (name: string): void => {
      if (reader.text() !== name) throw new DecodeError(`a token needs its field "${name}"`);
    };
    if (reader.map() !== 6) throw new DecodeError('a token has 6 fields');
    expect('id');
    const id = reader.text();
    expect('key');
    const key = reader.data();
    expect('format');
    const format = reader.int();
    if (format !== FORMAT) throw new DecodeError(`token format ${format}: this program reads ${FORMAT}`);
    expect('secret');
    const secret = reader.data();
    expect('expires');
    const expires = reader.int();
    expect('bootstrap');
    const bootstrap: string[] = [];
    for (let n = reader.array(); n > 0; n--) bootstrap.push(reader.text());
    if (!reader.done || key.length !== 32) throw new DecodeError('not a token’s content');
    return { swarm: { id, key: new Uint8Array(key) }, bootstrap, secret: new Uint8Array(secret), expires };
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new NetworkError('BAD_TOKEN', `the join token is damaged: ${cause.message}`, { cause });
  }
}
