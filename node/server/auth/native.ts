/** mysql_native_password: SHA1(password) XOR SHA1(nonce + SHA1(SHA1(password))); stored as '*' + hex SHA1(SHA1(password)). */
import { hash, timingSafeEqual } from 'node:crypto';

const sha1 = (data: Buffer | string): Buffer => hash('sha1', data, 'buffer');

/** What CREATE USER … IDENTIFIED WITH mysql_native_password stores for a password. */
export function hashNativePassword(password: string): string {
  return password === '' ? '' : `*${sha1(sha1(password)).toString('hex').toUpperCase()}`;
}

/** Whether a stored string can be one of this plugin. */
export function isNativeHash(stored: string): boolean {
  return stored === '' || /^\*[0-9A-F]{40}$/i.test(stored);
}

export function checkNative(stored: string, nonce: Buffer, answer: Buffer): boolean {
  if (answer.length === 0) return stored === '';
  if (answer.length !== 20 || stored === '' || !isNativeHash(stored)) return false;
  const wanted = Buffer.from(stored.slice(1), 'hex');
  const mask = sha1(Buffer.concat([nonce, wanted]));
  const once = Buffer.alloc(20);
  for (let i = 0; i < 20; i++) once[i] = (answer[i] as number) ^ (mask[i] as number);
  return timingSafeEqual(sha1(once), wanted);
}
