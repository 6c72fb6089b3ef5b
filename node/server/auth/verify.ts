/** Checks a password that was given as it is: for doors other than the MySQL protocol. */
import type { Account } from '../ports.ts';
import { checkPassword, type PasswordCache } from './caching-sha2.ts';
import { hash, timingSafeEqual } from 'node:crypto';
import { hashNativePassword } from './native.ts';

const sha256 = (data: Buffer): Buffer => hash('sha256', data, 'buffer');

/** `account` undefined: nobody of that name; takes as long as for somebody. `cache` spares the slow hash next time. */
export async function verifyPassword(
  account: Account | undefined,
  password: string,
  cache: PasswordCache,
): Promise<boolean> {
  if (account !== undefined && account.authentication === '') return password === '';
  if (account?.plugin === 'mysql_native_password') {
    const [given, wanted] = [hashNativePassword(password), account.authentication.toUpperCase()];
    return given.length === wanted.length && timingSafeEqual(Buffer.from(given), Buffer.from(wanted));
  }
  const bytes = Buffer.from(password, 'utf8');
  const key = account === undefined ? '' : `${account.user}\0${account.host}`;
  const remembered = account === undefined ? undefined : cache.get(key, account.authentication);
  if (remembered !== undefined && timingSafeEqual(remembered, sha256(sha256(bytes)))) return true;
  if (!(await checkPassword(account?.authentication, bytes)) || account === undefined) return false;
  cache.remember(key, account.authentication, bytes);
  return true;
}
