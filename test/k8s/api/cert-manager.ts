/** cert-manager: its kinds and its controller, and an authority of its own. */
import { X509Certificate } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { program } from '../support/machine.ts';
import type { TestKubernetes } from './kubernetes.ts';

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export interface CertificateObject {
  readonly spec: {
    readonly secretName: string;
    readonly dnsNames: readonly string[];
    readonly renewBefore: string;
    readonly issuerRef: object;
  };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** What an issuer made. */
export interface Issued {
  readonly serial: string;
  /** PEM of the authority. */
  readonly ca: string;
}

const API = 'cert-manager.io/v1';
const AUTHORITY = 'authority';

export class CertManager {
  private readonly kube: TestKubernetes;

  constructor(kube: TestKubernetes) {
    this.kube = kube;
  }

  async install(): Promise<void> {
    await this.kube.kubectl('apply', '--server-side', '-f', program('cert-manager.yaml'));
    await this.kube.kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s');
    this.kube.startController('cert-manager', [
      program('cert-manager'),
      `--kubeconfig=${this.kube.kubeconfig}`,
      '--leader-elect=false',
      '--cluster-resource-namespace=default',
      '--metrics-listen-address=127.0.0.1:0',
    ]);
    await this.apply('Issuer', 'own', { selfSigned: {} });
    await this.apply('Certificate', AUTHORITY, {
      isCA: true,
      commonName: AUTHORITY,
      secretName: AUTHORITY,
      privateKey: { algorithm: 'ECDSA', size: 256 },
      issuerRef: { name: 'own' },
    });
  }

  /** From now on there is an issuer of that name. */
  addIssuer(kind: 'Issuer' | 'ClusterIssuer', name: string): Promise<void> {
    return this.apply(kind, name, { ca: { secretName: AUTHORITY } });
  }

  private apply(kind: string, name: string, spec: object): Promise<void> {
    return this.kube.apply({ apiVersion: API, kind, metadata: { name }, spec });
  }

  /** Undefined when there is none. */
  async certificate(name: string): Promise<CertificateObject | undefined> {
    const json = await this.kube.kubectl('get', 'certificates', name, '-o', 'json', '--ignore-not-found');
    return json === '' ? undefined : (JSON.parse(json) as CertificateObject);
  }

  /** Resolves once there is a certificate with another serial number. */
  async issued(name: string, before = ''): Promise<Issued> {
    const { secretName } = (await this.certificate(name))?.spec ?? { secretName: name };
    for (;;) {
      const json = await this.kube.kubectl('get', 'secret', secretName, '-o', 'json', '--ignore-not-found');
      const { data = {} } = (json === '' ? {} : JSON.parse(json)) as { data?: Record<string, string> };
      const [certificate, ca] = ['tls.crt', 'ca.crt'].map((key) => Buffer.from(data[key] ?? '', 'base64'));
      if (certificate?.length && ca) {
        const serial = new X509Certificate(certificate).serialNumber;
        if (serial !== before) return { serial, ca: ca.toString() };
      }
      await sleep(200);
    }
  }

  /** As `cmctl renew` does it. */
  renew(name: string): Promise<void> {
    return this.say(name, { type: 'Issuing', status: 'True', reason: 'ManuallyTriggered', message: 'by a test' });
  }

  /** A condition is as it is for so long already. */
  async age(name: string, type: string, milliseconds: number): Promise<void> {
    const conditions = (await this.certificate(name))?.status?.conditions ?? [];
    const found = conditions.find((condition) => condition.type === type);
    if (!found) throw new Error(`${name} is ${JSON.stringify(conditions)}`);
    await this.say(name, { ...found, lastTransitionTime: timestamp(Date.now() - milliseconds) });
  }

  private async say(name: string, condition: Condition): Promise<void> {
    const others = ((await this.certificate(name))?.status?.conditions ?? []).filter(
      ({ type }) => type !== condition.type,
    );
    const conditions = [...others, { lastTransitionTime: timestamp(Date.now()), ...condition }];
    const patch = JSON.stringify({ status: { conditions } });
    await this.kube.kubectl('patch', 'certificates', name, '--subresource=status', '--type=merge', '-p', patch);
  }
}

const timestamp = (date: number): string => `${new Date(date).toISOString().slice(0, 19)}Z`;
