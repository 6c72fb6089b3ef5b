/** Content of Secrets that the operator makes. None of it is ever logged. */
import 'reflect-metadata';
import { createPrivateKey, randomBytes, randomInt, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { type ClusterObject, headOf, type KubeObject, namesOf } from '../specs/index.ts';

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
const CERTIFICATE_DAYS = 90;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
export const EXPIRES_ANNOTATION = 'p2pdb.io/expires';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const secret = (
  cluster: ClusterObject,
  name: string,
  content: Readonly<Record<string, string>>,
  annotations: Readonly<Record<string, string>> = {},
  type = 'Opaque',
): KubeObject & { readonly type: string } => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type,
  metadata: headOf(cluster, name, annotations),
  data: Object.fromEntries(Object.entries(content).map(([key, value]) => [key, base64(value)])),
});

/** Keeps strangers out of the swarm (libp2p's format), and opens the nodes' admin HTTP. */
export const keysSecret = (cluster: ClusterObject): KubeObject =>
  secret(cluster, namesOf(cluster.metadata.name).keys, {
    'swarm.key': `/key/swarm/psk/1.0.0/\n/base16/\n${randomBytes(32).toString('hex')}\n`,
    'admin.token': randomBytes(32).toString('base64url'),
  });

/** 20 characters that are not mistaken for each other: 116 bits. */
export function rootPasswordSecret(cluster: ClusterObject): KubeObject {
  const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789';
  const password = Array.from({ length: 20 }, () => letters[randomInt(letters.length)]).join('');
  return secret(
    cluster,
    namesOf(cluster.metadata.name).root,
    { username: 'root', password },
    {},
    'kubernetes.io/basic-auth',
  );
}

const pemOf = async (key: webcrypto.CryptoKey): Promise<string> =>
  createPrivateKey({ key: Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)), format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();

const serial = (): string => `00${randomBytes(15).toString('hex')}`;

/** A minute of grace for clocks that are a little behind ours. */
const validity = (now: number, days: number): { notBefore: Date; notAfter: Date } => ({
  notBefore: new Date(now - 60_000),
  notAfter: new Date(now + days * DAY_MS),
});

/** Signs certificates of one cluster for ten years. */
export async function authoritySecret(cluster: ClusterObject, now: number): Promise<KubeObject> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const { name } = cluster.metadata;
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: `CN=P2PDB cluster ${name} authority`,
    ...validity(now, AUTHORITY_DAYS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return secret(
    cluster,
    namesOf(name).authority,
    { 'tls.crt': authority.toString('pem'), 'tls.key': await pemOf(keys.privateKey) },
    {},
    'kubernetes.io/tls',
  );
}

/** The nodes' certificate, signed by the authority in that Secret. */
export async function certificateSecret(
  cluster: ClusterObject,
  authority: KubeObject,
  names: readonly string[],
  now: number,
): Promise<KubeObject> {
  x509.cryptoProvider.set(webcrypto);
  const [authorityPem, keyPem] = ['tls.crt', 'tls.key'].map((key) =>
    Buffer.from(authority.data?.[key] ?? '', 'base64').toString('utf8'),
  ) as [string, string];
  const issuer = new x509.X509Certificate(authorityPem);
  const pkcs8 = createPrivateKey(keyPem).export({ format: 'der', type: 'pkcs8' });
  const signingKey = await webcrypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, false, ['sign']);
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const dates = validity(now, CERTIFICATE_DAYS);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: `CN=P2PDB cluster ${cluster.metadata.name}`,
    issuer: issuer.subject,
    ...dates,
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyAgreement, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value }))),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return secret(
    cluster,
    namesOf(cluster.metadata.name).certificate,
    { 'tls.crt': certificate.toString('pem'), 'tls.key': await pemOf(keys.privateKey), 'ca.crt': authorityPem },
    { [EXPIRES_ANNOTATION]: dates.notAfter.toISOString() },
    'kubernetes.io/tls',
  );
}
