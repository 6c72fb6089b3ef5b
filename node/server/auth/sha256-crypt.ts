/**
 * The salted, iterated SHA-256 of caching_sha2_password's stored strings: Ulrich Drepper's SHA-crypt with a salt of 20
 * bytes, 5,000 rounds. https://www.akkadia.org/drepper/SHA-crypt.txt
 */
import { hash } from 'node:crypto';

const sha256 = (data: Buffer): Buffer => hash('sha256', data, 'buffer');

/** Rounds between two turns of the event loop: a login must not hold up other connections' statements. */
const ROUNDS_A_TURN = 500;

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Repeats `block` up to a length. */
function stretch(block: Buffer, length: number): Buffer {
  const out = Buffer.alloc(length);
  for (let at = 0; at < length; at += block.length) block.copy(out, at);
  return out;
}

function* steps(password: Buffer, salt: Buffer, rounds: number): Generator<undefined, string> {
  const alternate = sha256(Buffer.concat([password, salt, password]));
  const parts = [password, salt, stretch(alternate, password.length)];
  for (let length = password.length; length > 0; length >>= 1) parts.push((length & 1) !== 0 ? alternate : password);
  let digest = sha256(Buffer.concat(parts));
  const p = stretch(sha256(Buffer.concat(Array.from(password, () => password))), password.length);
  const s = stretch(sha256(Buffer.concat(Array.from({ length: 16 + (digest[0] as number) }, () => salt))), salt.length);
  for (let round = 0; round < rounds; round++) {
    const odd = (round & 1) !== 0;
    const round_parts = [odd ? p : digest];
    if (round % 3 !== 0) round_parts.push(s);
    if (round % 7 !== 0) round_parts.push(p);
    round_parts.push(odd ? digest : p);
    digest = sha256(Buffer.concat(round_parts));
    if (round % ROUNDS_A_TURN === ROUNDS_A_TURN - 1) yield;
  }
  return encode(digest);
}

/** SHA-crypt's own base 64: the bytes of a third each in turn, lowest six bits first. */
function encode(digest: Buffer): string {
  let out = '';
  const push = (a: number, b: number, c: number, characters: number): void => {
    let bits = (a << 16) | (b << 8) | c;
    for (let i = 0; i < characters; i++) {
      out += ALPHABET[bits & 0x3f];
      bits >>= 6;
    }
  };
  let [a, b, c] = [0, 10, 20];
  for (let group = 0; group < 10; group++) {
    push(digest[a] as number, digest[b] as number, digest[c] as number, 4);
    [a, b, c] = [c + 1, a + 1, b + 1];
  }
  push(0, digest[31] as number, digest[30] as number, 3);
  return out;
}

/** Hashes at once: for CREATE USER. */
export function sha256CryptSync(password: Buffer, salt: Buffer, rounds: number): string {
  const run = steps(password, salt, rounds);
  for (;;) {
    const step = run.next();
    if (step.done === true) return step.value;
  }
}

/** Hashes with pauses: for logins. */
export async function sha256Crypt(password: Buffer, salt: Buffer, rounds: number): Promise<string> {
  const run = steps(password, salt, rounds);
  for (;;) {
    const step = run.next();
    if (step.done === true) return step.value;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
