/**
 * The server's keys: its own authority and certificate, made at the first start as MySQL makes them (`ca.pem`,
 * `server-cert.pem`, `server-key.pem`), and the RSA key for passwords without TLS (`private_key.pem`, `public_key.pem`).
 */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import { promisify } from 'node:util';

export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert: string;
  readonly key: string;
}

/** Whole or not at all: a crash must not leave half a key behind. */
async function writeWhole(file: string, text: string, mode: number): Promise<void> {
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  await writeFile(temporary, text, { mode });
  await chmod(temporary, mode);
  await rename(temporary, file);
}

/** Finds the certificate in the folder, or makes an authority and a certificate signed by it. */
export async function ownCertificate(folder: string, now: Date): Promise<TlsFiles> {
  const files = {
    ca: path.join(folder, 'ca.pem'),
    cert: path.join(folder, 'server-cert.pem'),
    key: path.join(folder, 'server-key.pem'),
  };
  if (existsSync(files.cert) && existsSync(files.key)) return files;
  // What that needs is loaded at the first start only.
  const { makeCertificate } = await import('./own-certificate.ts');
  const { ca, caKey, cert, key } = await makeCertificate(now);
  await mkdir(folder, { recursive: true });
  await writeWhole(files.ca, ca, 0o644);
  await writeWhole(path.join(folder, 'ca-key.pem'), caKey, 0o600);
  await writeWhole(files.key, key, 0o600);
  // Last: a folder with a certificate is complete.
  await writeWhole(files.cert, cert, 0o644);
  return files;
}

export async function loadSecureContext(files: TlsFiles): Promise<SecureContext> {
  const [cert, key, ca] = await Promise.all([
    readFile(files.cert),
    readFile(files.key),
    files.ca === undefined ? undefined : readFile(files.ca),
  ]);
  return createSecureContext({ cert, key, ...(ca === undefined ? {} : { ca }), minVersion: 'TLSv1.2' });
}

export interface RsaKeys {
  readonly privateKey: KeyObject;
  readonly publicPem: string;
}

/** The RSA key pair for caching_sha2_password without TLS; kept in the folder, so that clients may pin it. */
export async function rsaKeys(folder: string | undefined): Promise<RsaKeys> {
  const file = folder === undefined ? undefined : path.join(folder, 'private_key.pem');
  if (file !== undefined && existsSync(file)) return rsaFrom(createPrivateKey(await readFile(file)));
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  const keys = rsaFrom(privateKey);
  if (folder !== undefined && file !== undefined) {
    await mkdir(folder, { recursive: true });
    await writeWhole(file, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(), 0o600);
    await writeWhole(path.join(folder, 'public_key.pem'), keys.publicPem, 0o644);
  }
  return keys;
}

function rsaFrom(privateKey: KeyObject): RsaKeys {
  const publicPem = createPublicKey(privateKey).export({ format: 'pem', type: 'spki' }).toString();
  return { privateKey, publicPem };
}
