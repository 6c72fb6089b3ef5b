/** A certificate authority for a Kubernetes of a test, and the kubeconfigs of those whom it certifies. */
// @peculiar/x509's container needs it to be there first.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { generateKeyPairSync, KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import path from 'node:path';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;

/** Whom a certificate names. */
export interface Subject {
  readonly commonName: string;
  /** Kubernetes takes it for a group. */
  readonly organization?: string;
  /** DNS names and IP addresses at which it serves. */
  readonly hosts?: readonly string[];
}

export class Authority {
  private readonly folder: string;
  private readonly keys: webcrypto.CryptoKeyPair;
  private readonly certificate: x509.X509Certificate;

  private constructor(folder: string, keys: webcrypto.CryptoKeyPair, certificate: x509.X509Certificate) {
    this.folder = folder;
    this.keys = keys;
    this.certificate = certificate;
  }

  /** Makes an authority, `ca.crt` and `ca.key` in the folder. */
  static async create(folder: string): Promise<Authority> {
    x509.cryptoProvider.set(webcrypto);
    const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      ...validity(),
      serialNumber: serial(),
      name: 'CN=kubernetes',
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
      ],
    });
    const authority = new Authority(folder, keys, certificate);
    await authority.write('ca', certificate, keys.privateKey);
    return authority;
  }

  /** Path of `NAME.crt`, `NAME.key` and the like. */
  file(name: string): string {
    return path.join(this.folder, name);
  }

  /** Makes NAME.crt and NAME.key, for clients and for servers. */
  async issue(name: string, { commonName, organization, hosts = [] }: Subject): Promise<void> {
    const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.create({
      ...validity(),
      serialNumber: serial(),
      subject: `${organization === undefined ? '' : `O=${organization}, `}CN=${commonName}`,
      issuer: this.certificate.subject,
      signingAlgorithm: ALGORITHM,
      publicKey: keys.publicKey,
      signingKey: this.keys.privateKey,
      extensions: [
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth, x509.ExtendedKeyUsage.serverAuth]),
        ...(hosts.length === 0
          ? []
          : [
              new x509.SubjectAlternativeNameExtension(
                hosts.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
              ),
            ]),
      ],
    });
    await this.write(name, certificate, keys.privateKey);
  }

  /** Makes NAME.pub and NAME.key, the pair that service accounts' tokens are signed with. */
  async issueKeyPair(name: string): Promise<void> {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await writeFile(this.file(`${name}.pub`), publicKey.export({ type: 'spki', format: 'pem' }));
    await writeFile(this.file(`${name}.key`), privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  }

  /** Certifies a client and writes its kubeconfig, whose path it returns. */
  async issueKubeconfig(name: string, server: string, subject: Subject): Promise<string> {
    await this.issue(name, subject);
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { server, 'certificate-authority': this.file('ca.crt') } }],
      users: [
        {
          name,
          user: { 'client-certificate': this.file(`${name}.crt`), 'client-key': this.file(`${name}.key`) },
        },
      ],
      contexts: [{ name: 'test', context: { cluster: 'test', user: name } }],
      'current-context': 'test',
    };
    const file = this.file(`${name}.kubeconfig`);
    await writeFile(file, JSON.stringify(config), { mode: 0o600 });
    return file;
  }

  private async write(name: string, certificate: x509.X509Certificate, key: webcrypto.CryptoKey): Promise<void> {
    await writeFile(this.file(`${name}.crt`), `${certificate.toString('pem')}\n`);
    const pem = KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' });
    await writeFile(this.file(`${name}.key`), pem, { mode: 0o600 });
  }
}

const serial = (): string => `00${randomBytes(15).toString('hex')}`;

/** A day of grace for clocks that are behind. */
const validity = (): { notBefore: Date; notAfter: Date } => ({
  notBefore: new Date(Date.now() - DAY_MS),
  notAfter: new Date(Date.now() + 365 * DAY_MS),
});
