/** Codec of the connection phase: the server's greeting, the client's answer, COM_CHANGE_USER. */
import { Capability } from './constants.ts';
import type { Output } from './output.ts';
import { MalformedPacket, type Payload } from './payload.ts';

/** What this server can do, apart from TLS and compression, which depend on settings. */
export const SERVER_CAPABILITIES =
  Capability.LONG_PASSWORD |
  Capability.FOUND_ROWS |
  Capability.LONG_FLAG |
  Capability.CONNECT_WITH_DB |
  Capability.NO_SCHEMA |
  Capability.ODBC |
  Capability.LOCAL_FILES |
  Capability.IGNORE_SPACE |
  Capability.PROTOCOL_41 |
  Capability.INTERACTIVE |
  Capability.IGNORE_SIGPIPE |
  Capability.TRANSACTIONS |
  Capability.RESERVED |
  Capability.SECURE_CONNECTION |
  Capability.MULTI_STATEMENTS |
  Capability.MULTI_RESULTS |
  Capability.PS_MULTI_RESULTS |
  Capability.PLUGIN_AUTH |
  Capability.CONNECT_ATTRS |
  Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA |
  Capability.CAN_HANDLE_EXPIRED_PASSWORDS |
  Capability.SESSION_TRACK |
  Capability.DEPRECATE_EOF |
  Capability.QUERY_ATTRIBUTES;

/** Connection attributes are kept up to this many bytes in all, as performance_schema_session_connect_attrs_size. */
const ATTRIBUTES_MAX = 64 * 1024;

export interface Greeting {
  readonly version: string;
  readonly connectionId: number;
  /** 20 bytes without a zero byte among them. */
  readonly nonce: Buffer;
  readonly capabilities: number;
  readonly collation: number;
  readonly status: number;
  readonly plugin: string;
}

/** Protocol::HandshakeV10 */
export function writeGreeting(out: Output, greeting: Greeting): void {
  out.u8(10);
  out.zeroText(greeting.version);
  out.u32(greeting.connectionId);
  out.bytes(greeting.nonce.subarray(0, 8));
  out.u8(0);
  out.u16(greeting.capabilities & 0xffff);
  out.u8(greeting.collation & 0xff);
  out.u16(greeting.status);
  out.u16(greeting.capabilities >>> 16);
  out.u8(greeting.nonce.length + 1);
  out.bytes(Buffer.alloc(10));
  out.bytes(greeting.nonce.subarray(8));
  out.u8(0);
  out.zeroText(greeting.plugin);
}

export interface Login {
  readonly capabilities: number;
  readonly collation: number;
  readonly user: string;
  /** The plugin's first answer to the nonce. */
  readonly answer: Buffer;
  readonly database: string;
  /** The client's plugin, or '' when it did not say. */
  readonly plugin: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly zstdLevel: number;
}

/** True for a Protocol::SSLRequest: the head of a login that ends before the user's name. */
export function isTlsRequest(payload: Payload): boolean {
  if (payload.left < 4) throw new MalformedPacket('no capabilities');
  return payload.left === 32 && (payload.buffer.readUInt32LE(payload.at) & Capability.SSL) !== 0;
}

/** Protocol::HandshakeResponse41 */
export function readLogin(payload: Payload): Login {
  const capabilities = payload.u32();
  if ((capabilities & Capability.PROTOCOL_41) === 0) throw new MalformedPacket('client is older than 4.1');
  payload.u32();
  const collation = payload.u8();
  payload.need(23);
  const user = payload.zeroBytes().toString('utf8');
  let answer: Buffer;
  if ((capabilities & Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA) !== 0) answer = payload.lengthBytes();
  else if ((capabilities & Capability.SECURE_CONNECTION) !== 0) answer = payload.bytes(payload.u8());
  else answer = payload.zeroBytes();
  let database = '';
  // Some clients set these flags and leave the fields out at the packet's end.
  if ((capabilities & Capability.CONNECT_WITH_DB) !== 0 && payload.left > 0) {
    database = payload.zeroBytes().toString('utf8');
  }
  const plugin = (capabilities & Capability.PLUGIN_AUTH) !== 0 && payload.left > 0 ? readPluginName(payload) : '';
  const attributes = readAttributes(payload, capabilities);
  const zstdLevel = (capabilities & Capability.ZSTD_COMPRESSION) !== 0 && payload.left > 0 ? payload.u8() : 3;
  return { capabilities, collation, user, answer: Buffer.from(answer), database, plugin, attributes, zstdLevel };
}

/** The plugin's name, whose zero byte some clients leave out when it is the last field. */
function readPluginName(payload: Payload): string {
  const zero = payload.buffer.indexOf(0, payload.at);
  const bytes = zero < 0 || zero >= payload.end ? payload.rest() : payload.zeroBytes();
  return bytes.toString('utf8');
}

function readAttributes(payload: Payload, capabilities: number): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  if ((capabilities & Capability.CONNECT_ATTRS) === 0 || payload.left === 0) return attributes;
  const end = payload.length() + payload.at;
  if (end > payload.end || end - payload.at > ATTRIBUTES_MAX) throw new MalformedPacket('connection attributes');
  while (payload.at < end) {
    const key = payload.lengthBytes().toString('utf8');
    attributes.set(key, payload.lengthBytes().toString('utf8'));
  }
  if (payload.at !== end) throw new MalformedPacket('connection attributes');
  return attributes;
}

/** COM_CHANGE_USER, behind its command byte. `capabilities` are the connection's. */
export function readChangeUser(payload: Payload, capabilities: number): Login {
  const user = payload.zeroBytes().toString('utf8');
  const answer = payload.bytes(payload.u8());
  const database = payload.zeroBytes().toString('utf8');
  const collation = payload.left >= 2 ? payload.u16() : 0;
  const plugin = (capabilities & Capability.PLUGIN_AUTH) !== 0 && payload.left > 0 ? readPluginName(payload) : '';
  const attributes = readAttributes(payload, capabilities);
  return { capabilities, collation, user, answer: Buffer.from(answer), database, plugin, attributes, zstdLevel: 3 };
}
