/** Passwords: what CREATE USER stores, and how a login proves one. */
import { hashCachingSha2Password, isCachingSha2Hash } from './caching-sha2.ts';
import { hashNativePassword, isNativeHash } from './native.ts';

export type AuthPlugin = 'caching_sha2_password' | 'mysql_native_password';

/** mysql.user.authentication_string for a password; '' for the empty one. */
export function hashPassword(plugin: AuthPlugin, password: string): string {
  return plugin === 'caching_sha2_password' ? hashCachingSha2Password(password) : hashNativePassword(password);
}

/** Whether a string given with IDENTIFIED WITH … AS can be such an authentication_string. */
export function isPasswordHash(plugin: AuthPlugin, stored: string): boolean {
  return plugin === 'caching_sha2_password' ? isCachingSha2Hash(stored) : isNativeHash(stored);
}

export { hashCachingSha2Password, hashNativePassword };
