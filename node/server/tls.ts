/**
 * The server's keys: its own authority and certificate, made at the first start as MySQL makes them (`ca.pem`,
 * `server-cert.pem`, `server-key.pem`), and the RSA key for passwords without TLS (`private_key.pem`, `public_key.pem`).
 */
// @peculiar/x509's container needs it to be there first.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
  webcrypto,
} from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import { promisify } from 'node:util';

export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert: string;
  readonly key: string;
}

const YEARS_10_MS = 3650 * 86_400_000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Whole or not at all: a crash must not leave half a key behind. */
async function writeWhole(file: string, text: string, mode: number): Promise<void> {
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  await writeFile(temporary, text, { mode });
  await chmod(temporary, mode);
  await rename(temporary, file);
}

const serial = (): string => `00${randomBytes(15).toString('hex')}`;

async function pem(key: webcrypto.CryptoKey): Promise<string> {
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

/** Finds the certificate in the folder, or makes an authority and a certificate signed by it. */
export async function ownCertificate(folder: string, now: Date): Promise<TlsFiles> {
  const files = {
    ca: path.join(folder, 'ca.pem'),
    cert: path.join(folder, 'server-cert.pem'),
    key: path.join(folder, 'server-key.pem'),
  };
  if (existsSync(files.cert) && existsSync(files.key)) return files;
  await mkdir(folder, { recursive: true });
  x509.cryptoProvider.set(webcrypto);
  // A minute of grace for clocks that are a little behind ours.
  const notBefore = new Date(now.getTime() - 60_000);
  const notAfter = new Date(now.getTime() + YEARS_10_MS);
  const caKeys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: 'CN=P2PDB_Auto_Generated_CA_Certificate',
    notBefore,
    notAfter,
    signingAlgorithm: ALGORITHM,
    keys: caKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: 'CN=P2PDB_Auto_Generated_Server_Certificate',
    issuer: ca.subject,
    notBefore,
    notAfter,
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyAgreement, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: hostname() || 'localhost' },
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  await writeWhole(files.ca, `${ca.toString('pem')}\n`, 0o644);
  await writeWhole(path.join(folder, 'ca-key.pem'), await pem(caKeys.privateKey), 0o600);
  await writeWhole(files.key, await pem(keys.privateKey), 0o600);
  // Last: a folder with a certificate is complete.
  await writeWhole(files.cert, `${cert.toString('pem')}\n`, 0o644);
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
