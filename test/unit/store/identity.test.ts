import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { loadIdentity, logCrypto } from '../../../node/store/index.ts';

const message = Buffer.from('what is signed');

async function withFolder(use: (folder: string) => void): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'p2pdb-identity-'));
  try {
    use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("signatures are Ed25519 as OpenSSL makes them and checks them, of identity.key's key", () =>
  withFolder((folder) => {
    const identity = loadIdentity(folder);
    const pem = readFileSync(path.join(folder, 'identity.key'));
    const publicKey = createPublicKey(pem);
    assert.deepEqual(
      Buffer.from(identity.publicKey),
      publicKey.export({ format: 'der', type: 'spki' }).subarray(-identity.publicKey.length),
    );
    const signature = identity.sign(message);
    assert.ok(verify(null, message, publicKey, signature));
    assert.deepEqual(Buffer.from(signature), sign(null, message, pem));
    assert.ok(logCrypto.verify(identity.publicKey, message, signature));
    assert.deepEqual(loadIdentity(folder).sign(message), signature);
  }));

test('what is changed, cut or signed by another is not believed', () =>
  withFolder((folder) => {
    const identity = loadIdentity(folder);
    const { publicKey } = identity;
    const signature = identity.sign(message);
    for (let bit = 0; bit < 8 * signature.length; bit++) {
      const changed = Uint8Array.from(signature);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      assert.equal(logCrypto.verify(publicKey, message, changed), false, `bit ${bit}`);
    }
    assert.equal(logCrypto.verify(publicKey, message.subarray(1), signature), false);
    assert.equal(logCrypto.verify(publicKey, message, signature.subarray(1)), false);
    assert.equal(logCrypto.verify(publicKey, message, Buffer.concat([signature, signature])), false);
    assert.equal(logCrypto.verify(publicKey.subarray(1), message, signature), false);
    assert.equal(logCrypto.verify(new Uint8Array(32), message, signature), false);
  }));

test('a key of another kind is refused by name', () =>
  withFolder((folder) => {
    loadIdentity(folder);
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(path.join(folder, 'identity.key'), privateKey.export({ format: 'pem', type: 'pkcs8' }));
    assert.throws(() => loadIdentity(folder), /identity\.key holds no Ed25519 key, but ec/);
  }));
