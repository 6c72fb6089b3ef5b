import {
  decodeLenient,
  fitTime,
  formatDate,
  formatDateTime,
  parseDateTime,
  parseTime,
  roundDateTime,
  rulesOf,
  settle,
  sqlError,
} from '../values/index.ts';
import { define, definePrepared } from './definition.ts';
import type { ArgInfo, Call, CallEnv, FunctionDefinition } from './definition.ts';
import { hexOf, unhex } from './encodings.ts';
import { BIGINT, BOOLEAN, binaryType, connectionText, DATE, textType, UNSIGNED } from './types-of-results.ts';

/** UUIDs, network addresses, literals of dates, and what is left. */

const UUID =
  /^(?:\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})$/i;

function uuidText(bytes: Uint8Array): string {
  const hex = hexOf(bytes).toLowerCase();
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** UUIDs of version 1 with their time in front. */
function swapTime(b: Uint8Array, back: boolean): Uint8Array {
  const order = back ? [4, 5, 6, 7, 2, 3, 0, 1] : [6, 7, 4, 5, 0, 1, 2, 3];
  return Uint8Array.from([...order.map((i) => b[i] as number), ...b.subarray(8)]);
}

/** 100-nanosecond steps between 1582-10-15 and 1970. */
const GREGORIAN = 122192928000000000n;

/** A UUID of version 1, whose node is random. */
function uuid(env: CallEnv): string {
  const time = env.nowUtcMicros() * 10n + GREGORIAN;
  const random = env.randomBytes(10);
  // Ten random bits below the microsecond keep those of one statement apart.
  const stamp = time + BigInt((random[8] as number) % 10);
  const hex = stamp.toString(16).padStart(15, '0');
  const clock = hexOf(Uint8Array.of(((random[0] as number) & 0x3f) | 0x80, random[1] as number)).toLowerCase();
  const node = hexOf(Uint8Array.of((random[2] as number) | 1, ...random.subarray(3, 8))).toLowerCase();
  return `${hex.slice(7)}-${hex.slice(3, 7)}-1${hex.slice(0, 3)}-${clock}-${node}`;
}

function badText(text: string, name: string): Error {
  return sqlError(1411, `Incorrect string value: '${text}' for function ${name}`);
}

function ipv4(text: string): Uint8Array | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  const parts = match?.slice(1).map(Number);
  return parts === undefined || parts.some((p) => p > 255) ? undefined : Uint8Array.from(parts);
}

function ipv6(text: string): Uint8Array | undefined {
  let source = text;
  const tail = /(?:^|:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)?.[1];
  if (tail !== undefined) {
    const four = ipv4(tail);
    if (four === undefined) return undefined;
    const hex = hexOf(four);
    source = `${text.slice(0, -tail.length)}${hex.slice(0, 4)}:${hex.slice(4)}`;
  }
  const halves = source.split('::');
  if (halves.length > 2) return undefined;
  const groups = (half: string): string[] => (half === '' ? [] : half.split(':'));
  const [head, rest] = [groups(halves[0] ?? ''), groups(halves[1] ?? '')];
  const count = head.length + rest.length;
  if (halves.length === 1 ? count !== 8 : count > 7) return undefined;
  const all = [...head, ...new Array<string>(8 - count).fill('0'), ...rest];
  if (!all.every((g) => /^[0-9a-fA-F]{1,4}$/.test(g))) return undefined;
  return unhex(all.map((g) => g.padStart(4, '0')).join('')) ?? undefined;
}

function ipv6Text(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i] as number) * 256 + (bytes[2 * i + 1] as number));
  // The longest run of at least two zero groups is left out.
  let [start, length] = [-1, 1];
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (groups[i + n] === 0) n++;
    if (n > length) [start, length] = [i, n];
  }
  const four = (): string => bytes.subarray(12).join('.');
  const parts = groups.map((g) => g.toString(16));
  if (start === 0 && (length === 6 || (length === 5 && groups[5] === 0xffff))) {
    return length === 6 ? `::${four()}` : `::ffff:${four()}`;
  }
  if (start < 0) return parts.join(':');
  return `${parts.slice(0, start).join(':')}::${parts.slice(start + length).join(':')}`;
}

/** INET_ATON takes short forms too: '127.1' is 127.0.0.1. */
function inetAton(text: string): number | undefined {
  if (!/^\d{1,3}(?:\.\d{1,3}){0,3}$/.test(text)) return undefined;
  const parts = text.split('.').map(Number);
  if (parts.some((p) => p > 255)) return undefined;
  const last = parts.pop() as number;
  while (parts.length < 3) parts.push(0);
  return parts.reduce((sum, p) => sum * 256 + p, 0) * 256 + last;
}

const startsWithBytes = (bytes: Uint8Array, head: readonly number[]): boolean => head.every((b, i) => bytes[i] === b);
const ZEROS10 = new Array<number>(10).fill(0);

function scaled(value: number, steps: readonly [limit: number, unit: string][], whole: string): string {
  for (const [limit, unit] of steps) if (Math.abs(value) >= limit) return withUnit(value / limit, unit);
  return `${String(Math.trunc(value)).padStart(whole === 'bytes' ? 4 : 3)} ${whole}`;
}

function withUnit(value: number, unit: string): string {
  return Math.abs(value) >= 100000 ? `${value.toExponential(2)} ${unit}` : `${value.toFixed(2)} ${unit}`;
}

const BYTES: readonly [number, string][] = [
  [2 ** 60, 'EiB'],
  [2 ** 50, 'PiB'],
  [2 ** 40, 'TiB'],
  [2 ** 30, 'GiB'],
  [2 ** 20, 'MiB'],
  [2 ** 10, 'KiB'],
];
const PICOSECONDS: readonly [number, string][] = [
  [864e14, 'd'],
  [36e14, 'h'],
  [6e13, 'min'],
  [1e12, 's'],
  [1e9, 'ms'],
  [1e6, 'us'],
  [1e3, 'ns'],
];

/** DATE '…' and the like: the value, or error 1525 where it is none. */
function literal(name: string, kind: 'date' | 'time' | 'datetime'): FunctionDefinition {
  const wrong = (text: string): Error =>
    sqlError(1525, `Incorrect ${kind === 'datetime' ? 'DATETIME' : kind.toUpperCase()} value: '${text}'`);
  return define(
    name,
    1,
    'text',
    (args) => {
      const { constant } = args[0] as ArgInfo;
      const fsp = typeof constant === 'string' ? Math.min(6, /\.(\d+)/.exec(constant)?.[1]?.length ?? 0) : 6;
      return kind === 'date' ? DATE : { kind, fsp };
    },
    (env, text: string) => {
      if (kind === 'time') {
        const parsed = parseTime(text);
        if (parsed === undefined || parsed.truncated || parsed.date !== undefined) throw wrong(text);
        return fitTime(parsed.micros, 6, env);
      }
      const parsed = parseDateTime(text, rulesOf(env.sqlMode));
      const value = parsed && settle(parsed, env);
      if (parsed === undefined || value === undefined || parsed.truncated || parsed.timed !== (kind === 'datetime'))
        throw wrong(text);
      if (kind === 'date') return formatDate(value);
      return formatDateTime(roundDateTime(value, 6) ?? value, Math.min(6, parsed.places));
    },
    { nullable: 'never' },
  );
}

/** Functions that only the session or the engine can answer: here for their names, arity and types. */
const session = (
  name: string,
  arity: number | readonly [number, number],
  result: FunctionDefinition['result'],
): FunctionDefinition =>
  define(
    name,
    arity,
    'any',
    result,
    () => {
      throw new Error(`${name} is the session's to answer`);
    },
    { session: true, changes: 'call', nullPropagates: false, nullable: 'always' },
  );

const systemText = (length: number) => () => textType(length, 'utf8mb3_general_ci');

export const miscellaneous: readonly FunctionDefinition[] = [
  define('UUID', 0, 'any', systemText(36), uuid, { changes: 'call', nullable: 'never' }),
  define(
    'UUID_SHORT',
    0,
    'any',
    UNSIGNED,
    (env) => {
      const random = env.randomBytes(8).reduce((sum, b) => sum * 256n + BigInt(b), 0n);
      return ((env.nowUtcMicros() / 1_000_000n) << 24n) | (random & 0xffffffn);
    },
    { changes: 'call', nullable: 'never' },
  ),
  define('UUID_TO_BIN', [1, 2], ['text', 'num'], binaryType(16), (_env, text: string, swap = 0) => {
    if (!UUID.test(text)) throw badText(text, 'uuid_to_bin');
    const bytes = unhex(text.replace(/[{}-]/g, '')) as Uint8Array;
    return swap === 0 ? bytes : swapTime(bytes, false);
  }),
  define('BIN_TO_UUID', [1, 2], ['bytes', 'num'], connectionText(36), (_env, bytes: Uint8Array, swap = 0) => {
    if (bytes.length !== 16) throw badText(decodeLenient(bytes), 'bin_to_uuid');
    return uuidText(swap === 0 ? bytes : swapTime(bytes, true));
  }),
  define('IS_UUID', 1, 'text', BOOLEAN, (_env, text: string) => UUID.test(text)),
  define(
    'INET_ATON',
    1,
    'text',
    UNSIGNED,
    (env, text: string) => {
      const n = inetAton(text);
      if (n === undefined) env.warn('Warning', 1411, `Incorrect string value: ''${text}'' for function inet_aton`);
      return n ?? null;
    },
    { nullable: 'always' },
  ),
  define(
    'INET_NTOA',
    1,
    'int',
    connectionText(15),
    (env, n: bigint) => {
      if (n >= 0n && n <= 0xffffffffn) return [24n, 16n, 8n, 0n].map((shift) => String((n >> shift) & 255n)).join('.');
      env.warn('Warning', 1411, `Incorrect integer value: '${n}' for function inet_ntoa`);
      return null;
    },
    { nullable: 'always' },
  ),
  define(
    'INET6_ATON',
    1,
    'text',
    binaryType(16),
    (env, text: string) => {
      const bytes = ipv4(text) ?? ipv6(text);
      if (bytes === undefined) env.warn('Warning', 1411, `Incorrect string value: ''${text}'' for function inet6_aton`);
      return bytes ?? null;
    },
    { nullable: 'always' },
  ),
  define(
    'INET6_NTOA',
    1,
    'bytes',
    connectionText(39),
    (_env, bytes: Uint8Array) => (bytes.length === 4 ? bytes.join('.') : bytes.length === 16 ? ipv6Text(bytes) : null),
    { nullable: 'always' },
  ),
  define('IS_IPV4', 1, 'text', BOOLEAN, (_env, text: string) => ipv4(text) !== undefined),
  define('IS_IPV6', 1, 'text', BOOLEAN, (_env, text: string) => ipv6(text) !== undefined),
  define(
    'IS_IPV4_COMPAT',
    1,
    'bytes',
    BOOLEAN,
    (_env, b: Uint8Array) =>
      b.length === 16 && startsWithBytes(b, [...ZEROS10, 0, 0]) && b.subarray(12, 15).some((x) => x !== 0),
  ),
  define(
    'IS_IPV4_MAPPED',
    1,
    'bytes',
    BOOLEAN,
    (_env, b: Uint8Array) => b.length === 16 && startsWithBytes(b, [...ZEROS10, 255, 255]),
  ),
  define('FORMAT_BYTES', 1, 'real', connectionText(17), (_env, n: number) => scaled(n, BYTES, 'bytes')),
  define('FORMAT_PICO_TIME', 1, 'real', connectionText(17), (_env, n: number) => scaled(n, PICOSECONDS, 'ps')),
  definePrepared(
    'ANY_VALUE',
    1,
    'any',
    (args) => (args[0] as ArgInfo).type,
    (): Call => (_env, value: never) => value,
    { raw: true },
  ),
  define('ISNULL', 1, 'any', BOOLEAN, (_env, value: unknown) => value === null, {
    nullPropagates: false,
    nullable: 'never',
  }),
  definePrepared(
    'NAME_CONST',
    2,
    'any',
    (args) => (args[1] as ArgInfo).type,
    (): Call => (_env, _name: unknown, value: never) => value,
    {
      nullPropagates: false,
      raw: true,
    },
  ),
  define('COERCIBILITY', 1, 'any', BIGINT, () => 4, { nullPropagates: false, nullable: 'never' }),
  definePrepared(
    'CHARSET',
    1,
    'any',
    systemText(64),
    (types): Call => {
      const type = types[0];
      const name =
        type !== undefined && 'collation' in type ? type.collation : type?.kind === 'json' ? 'utf8mb4_bin' : 'binary';
      return () => name.split('_')[0] as string;
    },
    { nullPropagates: false, nullable: 'never' },
  ),
  definePrepared(
    'COLLATION',
    1,
    'any',
    systemText(64),
    (types): Call => {
      const type = types[0];
      const name =
        type !== undefined && 'collation' in type ? type.collation : type?.kind === 'json' ? 'utf8mb4_bin' : 'binary';
      return () => name;
    },
    { nullPropagates: false, nullable: 'never' },
  ),
  literal('DATE_LITERAL', 'date'),
  literal('TIME_LITERAL', 'time'),
  literal('TIMESTAMP_LITERAL', 'datetime'),
  session('BENCHMARK', 2, () => BIGINT),
  session('CONNECTION_ID', 0, () => UNSIGNED),
  session('CURRENT_ROLE', 0, systemText(1024)),
  ...['CURRENT_USER', 'USER', 'SESSION_USER', 'SYSTEM_USER'].map((name) => session(name, 0, systemText(288))),
  ...['DATABASE', 'SCHEMA'].map((name) => session(name, 0, systemText(34))),
  session('FOUND_ROWS', 0, () => BIGINT),
  session('ROW_COUNT', 0, () => BIGINT),
  session('LAST_INSERT_ID', [0, 1], () => UNSIGNED),
  session('VERSION', 0, systemText(60)),
  session('GET_LOCK', 2, () => BIGINT),
  ...['RELEASE_LOCK', 'IS_FREE_LOCK'].map((name) => session(name, 1, () => BIGINT)),
  session('IS_USED_LOCK', 1, () => UNSIGNED),
  session('RELEASE_ALL_LOCKS', 0, () => BIGINT),
  session('SLEEP', 1, () => BIGINT),
  session('P2PDB_WAIT_FINAL', 2, systemText(16)),
  session('P2PDB_RESOLVE_CONFLICT', 2, () => BIGINT),
  session('P2PDB_JOIN_TOKEN', 2, systemText(4096)),
  session('P2PDB_REMOVE_MEMBER', 1, () => BIGINT),
  session('P2PDB_SET_VOTER', 2, () => BIGINT),
  session('LOAD_FILE', 1, () => ({ kind: 'binary', family: 'longblob', length: 4294967295 })),
  session('DEFAULT', 1, (args) => (args[0] as ArgInfo).type),
  session('VALUES', 1, (args) => (args[0] as ArgInfo).type),
  session('ROLES_GRAPHML', 0, systemText(65535)),
  session('ICU_VERSION', 0, systemText(60)),
  session('PS_CURRENT_THREAD_ID', 0, () => UNSIGNED),
  session('PS_THREAD_ID', 1, () => UNSIGNED),
];
