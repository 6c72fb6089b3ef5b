/** The exchange of packets that proves a password, whichever plugin the account has. */
import { type KeyObject, randomBytes } from 'node:crypto';
import { Capability } from '../constants.ts';
import type { Login } from '../handshake.ts';
import type { Payload } from '../payload.ts';
import type { Account } from '../ports.ts';
import { checkFast, checkPassword, decryptPassword, PASSWORD_MAX, type PasswordCache } from './caching-sha2.ts';
import { checkNative } from './native.ts';
import { verifyPassword } from './verify.ts';

/** The connection, as far as a login needs it. */
export interface AuthExchange {
  /** What is sent cannot be read on the way: a password may be asked for as it is. */
  readonly secure: boolean;
  send(payload: Buffer): void;
  receive(): Promise<Payload>;
}

export interface AuthKeys {
  readonly cache: PasswordCache;
  /** For clients without TLS. */
  readonly rsa: { readonly privateKey: KeyObject; readonly publicPem: string };
}

export type AuthOutcome =
  | { readonly kind: 'accepted' }
  | {
      readonly kind: 'denied';
      readonly passwordUsed: boolean;
      /** Whether what the client gave proves it to be an account that the server had yet to hear of. */
      readonly proves: (account: Account) => boolean | Promise<boolean>;
    }
  /** The client is too old for the account's plugin. */
  | { readonly kind: 'unsupported' };

/** The plugin that accounts have unless they ask for another one; those who do not exist have it too. */
export const DEFAULT_PLUGIN = 'caching_sha2_password';

const MORE_DATA = 0x01;
const REQUEST_PUBLIC_KEY = 0x02;
const FAST_OK = 0x03;
const FULL_NEEDED = 0x04;
const SWITCH = 0xfe;

/** 20 random bytes of 7 bits without zeros, as clients that treat them as text need them. */
export function makeNonce(): Buffer {
  const nonce = randomBytes(20);
  for (let i = 0; i < nonce.length; i++) nonce[i] = (nonce[i] as number) & 0x7f || 0x2a;
  return nonce;
}

/** `account` undefined: nobody of that name; the exchange looks and lasts as for somebody with a wrong password. */
export async function authenticate(
  exchange: AuthExchange,
  keys: AuthKeys,
  account: Account | undefined,
  login: Login,
  greetingNonce: Buffer,
): Promise<AuthOutcome> {
  const plugin = account?.plugin ?? DEFAULT_PLUGIN;
  let nonce = greetingNonce;
  let answer = login.answer;
  if ((login.capabilities & Capability.PLUGIN_AUTH) === 0) {
    if (plugin !== 'mysql_native_password') return { kind: 'unsupported' };
  } else if (login.plugin !== plugin) {
    nonce = makeNonce();
    exchange.send(Buffer.concat([Buffer.from([SWITCH]), Buffer.from(`${plugin}\0`), nonce, Buffer.alloc(1)]));
    answer = Buffer.from((await exchange.receive()).rest());
  }

  if (plugin === 'mysql_native_password') {
    const good = account !== undefined && checkNative(account.authentication, nonce, answer);
    if (good) return { kind: 'accepted' };
    const proves = ({ plugin: wanted, authentication }: Account): boolean =>
      wanted === plugin && checkNative(authentication, nonce, answer);
    return { kind: 'denied', passwordUsed: answer.length > 0, proves };
  }
  return cachingSha2(exchange, keys, account, nonce, answer);
}

async function cachingSha2(
  exchange: AuthExchange,
  keys: AuthKeys,
  account: Account | undefined,
  nonce: Buffer,
  answer: Buffer,
): Promise<AuthOutcome> {
  if (answer.length === 0 || (answer.length === 1 && answer[0] === 0)) {
    const isOpen = ({ authentication }: Account): boolean => authentication === '';
    return account && isOpen(account) ? { kind: 'accepted' } : { kind: 'denied', passwordUsed: false, proves: isOpen };
  }
  const key = account === undefined ? '' : `${account.user}\0${account.host}`;
  const remembered = account === undefined ? undefined : keys.cache.get(key, account.authentication);
  if (remembered !== undefined && checkFast(remembered, nonce, answer)) {
    exchange.send(Buffer.from([MORE_DATA, FAST_OK]));
    return { kind: 'accepted' };
  }
  exchange.send(Buffer.from([MORE_DATA, FULL_NEEDED]));
  const password = await receivePassword(exchange, keys, nonce);
  if (password === undefined || password.length > PASSWORD_MAX)
    return { kind: 'denied', passwordUsed: true, proves: () => false };
  const good = await checkPassword(account?.authentication, password);
  if (!good || account === undefined) {
    const proves = (other: Account): Promise<boolean> => verifyPassword(other, password.toString(), keys.cache);
    return { kind: 'denied', passwordUsed: true, proves };
  }
  keys.cache.remember(key, account.authentication, password);
  return { kind: 'accepted' };
}

async function receivePassword(exchange: AuthExchange, keys: AuthKeys, nonce: Buffer): Promise<Buffer | undefined> {
  let message = (await exchange.receive()).rest();
  if (!exchange.secure) {
    if (message.length === 1 && message[0] === REQUEST_PUBLIC_KEY) {
      exchange.send(Buffer.concat([Buffer.from([MORE_DATA]), Buffer.from(keys.rsa.publicPem)]));
      message = (await exchange.receive()).rest();
    }
    const clear = decryptPassword(keys.rsa.privateKey, message, nonce);
    if (clear === undefined) return undefined;
    message = clear;
  }
  const zero = message.indexOf(0);
  return Buffer.from(zero < 0 ? message : message.subarray(0, zero));
}
