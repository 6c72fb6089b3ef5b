/** Plays cert-manager: its kind, as far as it matters here, and what its controller writes. */
import { X509Certificate } from 'node:crypto';
import { authoritySecret, certificateSecret } from '../../../operator/kube/secrets.ts';
import type { ClusterObject, KubeObject } from '../../../operator/specs/index.ts';
import type { TestKubernetes } from './kubernetes.ts';

const text = { type: 'string' };
const texts = { type: 'array', items: text };
const object = (properties: object, ...required: string[]): object => ({ type: 'object', properties, required });

/** A structural schema as strict as cert-manager's own: what it does not name, server-side apply refuses. */
const CERTIFICATES = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'certificates.cert-manager.io' },
  spec: {
    group: 'cert-manager.io',
    scope: 'Namespaced',
    names: { kind: 'Certificate', plural: 'certificates', singular: 'certificate' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: object({
            spec: object(
              {
                secretName: text,
                secretTemplate: object({ labels: { type: 'object', additionalProperties: text } }),
                dnsNames: texts,
                duration: text,
                renewBefore: text,
                usages: texts,
                privateKey: object({
                  algorithm: { ...text, enum: ['RSA', 'ECDSA', 'Ed25519'] },
                  size: { type: 'integer' },
                  rotationPolicy: { ...text, enum: ['Never', 'Always'] },
                }),
                issuerRef: object({ name: text, kind: text, group: text }, 'name'),
              },
              'secretName',
              'issuerRef',
            ),
            status: object({
              notAfter: { ...text, format: 'date-time' },
              conditions: {
                type: 'array',
                items: object({
                  type: text,
                  status: text,
                  reason: text,
                  message: text,
                  lastTransitionTime: { ...text, format: 'date-time' },
                }),
              },
            }),
          }),
        },
      },
    ],
  },
};

export interface CertificateObject {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly secretName: string;
    readonly secretTemplate: { readonly labels: Readonly<Record<string, string>> };
    readonly dnsNames: readonly string[];
    readonly renewBefore: string;
    readonly issuerRef: object;
  };
}

export class CertManager {
  private readonly kube: TestKubernetes;
  private authority: KubeObject | undefined;

  constructor(kube: TestKubernetes) {
    this.kube = kube;
  }

  async install(): Promise<void> {
    await this.kube.apply(CERTIFICATES);
    await this.kube.kubectl('wait', '--for=condition=Established', 'crd', CERTIFICATES.metadata.name, '--timeout=60s');
  }

  /** Undefined when there is none. */
  async certificate(name: string): Promise<CertificateObject | undefined> {
    const json = await this.kube.kubectl('get', 'certificates', name, '-o', 'json', '--ignore-not-found');
    return json === '' ? undefined : (JSON.parse(json) as CertificateObject);
  }

  /** Makes what a Certificate asks for, as its issuer would. Gives its serial number and its authority. */
  async issue(name: string): Promise<{ serial: string; ca: string }> {
    const { spec, metadata } = (await this.certificate(name)) as CertificateObject;
    const cluster = { apiVersion: 'v1', kind: 'Issuer', metadata: { name: 'issuer', uid: 'issuer' } };
    const issuer = cluster as unknown as ClusterObject;
    this.authority ??= await authoritySecret(issuer, Date.now());
    const made = await certificateSecret(issuer, this.authority, spec.dnsNames, Date.now());
    const { labels } = spec.secretTemplate;
    await this.kube.apply({ ...made, metadata: { name: spec.secretName, labels } });
    const pem = Buffer.from(made.data?.['tls.crt'] ?? '', 'base64');
    const { serialNumber: serial, validTo } = new X509Certificate(pem);
    await this.say(metadata.name, 'True', 'Certificate is up to date', Date.now(), new Date(validTo));
    return { serial, ca: Buffer.from(made.data?.['ca.crt'] ?? '', 'base64').toString() };
  }

  async say(name: string, ready: 'True' | 'False', message: string, since: number, notAfter?: Date): Promise<void> {
    const time = (date: number): string => `${new Date(date).toISOString().slice(0, 19)}Z`;
    const condition = { type: 'Ready', status: ready, reason: 'Test', message, lastTransitionTime: time(since) };
    const status = { conditions: [condition], ...(notAfter && { notAfter: time(notAfter.getTime()) }) };
    const patch = JSON.stringify({ status });
    await this.kube.kubectl('patch', 'certificates', name, '--subresource=status', '--type=merge', '-p', patch);
  }
}
