import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { hashPassword, isPasswordHash } from '../../../node/server/auth/index.ts';
import {
  checkFast,
  checkPassword,
  hashCachingSha2Password,
  PasswordCache,
} from '../../../node/server/auth/caching-sha2.ts';
import { checkNative } from '../../../node/server/auth/native.ts';
import { sha256CryptSync } from '../../../node/server/auth/sha256-crypt.ts';
import { LoginThrottle } from '../../../node/server/auth/throttle.ts';

const sha = (algorithm: string, ...parts: (Buffer | string)[]): Buffer => {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const xor = (a: Buffer, b: Buffer): Buffer => Buffer.from(a.map((byte, i) => byte ^ (b[i] as number)));
const nonce = Buffer.from('abcdefghijklmnopqrst');

describe('passwords', () => {
  it('SHA-crypt gives the vectors of its specification', () => {
    const crypt = (password: string, salt: string, rounds: number): string =>
      sha256CryptSync(Buffer.from(password), Buffer.from(salt), rounds);
    assert.equal(crypt('Hello world!', 'saltstring', 5000), '5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5');
    assert.equal(crypt('Hello world!', 'saltstringsaltst', 10000), '3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA');
    assert.equal(
      crypt(
        'a very much longer text to encrypt.  This one even stretches over morethan one line.',
        'anotherlongsalts',
        1400,
      ),
      'Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1',
    );
  });

  it('mysql_native_password', () => {
    const stored = hashPassword('mysql_native_password', 'password');
    assert.equal(stored, '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19');
    const once = sha('sha1', 'password');
    const answer = xor(once, sha('sha1', nonce, sha('sha1', once)));
    assert.ok(checkNative(stored, nonce, answer));
    assert.ok(!checkNative(stored, Buffer.from('tsrqponmlkjihgfedcba'), answer));
    assert.ok(!checkNative('', nonce, answer));
    assert.ok(checkNative('', nonce, Buffer.alloc(0)));
    assert.ok(!checkNative(stored, nonce, Buffer.alloc(0)));
  });

  it('caching_sha2_password', async () => {
    const stored = hashCachingSha2Password('secret');
    assert.match(stored, /^\$A\$005\$/);
    assert.equal(stored.length, 70);
    assert.ok(isPasswordHash('caching_sha2_password', stored));
    assert.ok(!isPasswordHash('caching_sha2_password', 'secret'));
    assert.ok(await checkPassword(stored, Buffer.from('secret')));
    assert.ok(!(await checkPassword(stored, Buffer.from('Secret'))));
    assert.ok(!(await checkPassword(undefined, Buffer.from('secret'))));
    assert.ok(!(await checkPassword('', Buffer.from('secret'))));

    const cache = new PasswordCache(2);
    cache.remember('a', stored, Buffer.from('secret'));
    const remembered = cache.get('a', stored) as Buffer;
    const once = sha('sha256', 'secret');
    const answer = xor(once, sha('sha256', sha('sha256', sha('sha256', once)), nonce));
    assert.ok(checkFast(remembered, nonce, answer));
    assert.ok(!checkFast(remembered, Buffer.from('tsrqponmlkjihgfedcba'), answer));
    assert.equal(cache.get('a', hashCachingSha2Password('other')), undefined, 'a changed password');
    cache.remember('b', stored, Buffer.from('secret'));
    cache.remember('c', stored, Buffer.from('secret'));
    assert.equal(cache.get('a', stored), undefined, 'memory is bounded');
  });
});

describe('throttle', () => {
  it('slows an address that fails, more each time, and forgets', () => {
    let now = 0;
    const throttle = new LoginThrottle(3, () => now);
    for (let i = 0; i < 4; i++) throttle.failed('a');
    assert.equal(throttle.delay('a'), 0);
    throttle.failed('a');
    assert.equal(throttle.delay('a'), 100);
    assert.equal(throttle.delay('a'), 200, 'attempts side by side queue up');
    for (let i = 0; i < 20; i++) throttle.failed('a');
    assert.ok(throttle.delay('a') >= 4000);
    assert.ok(throttle.delay('a') <= 8000);
    assert.equal(throttle.delay('b'), 0);
    now += 300_000;
    assert.equal(throttle.delay('a'), 0);
    for (const address of ['b', 'c', 'd', 'e']) throttle.failed(address);
    assert.equal(throttle.size, 3);
  });
});
