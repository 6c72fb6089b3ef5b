/** The certificate that clients are shown: whose it is, and where it lies. */
import { CLUSTER_LABEL, type ClusterObject, headOf, namesOf } from './names.ts';
import type { KubeObject } from './object.ts';
import { serverNames } from './server-names.ts';

/** What an issuer is asked for; as the operator's own certificates are. */
const LIFE = '2160h';
const RENEW_BEFORE = '720h';

/** The operator's own authority signs the nodes' certificate. */
export const needsOwnCertificate = ({ spec }: ClusterObject): boolean =>
  spec.tls.enabled && spec.tls.secretName === undefined && spec.tls.issuerRef === undefined;

/** cert-manager makes it, and renews it. */
export const needsIssuer = ({ spec }: ClusterObject): boolean => spec.tls.enabled && spec.tls.issuerRef !== undefined;

/** Name of the Secret with the nodes' certificate. */
export function certificateSecret({ spec, metadata }: ClusterObject): string {
  const { certificate, issued } = namesOf(metadata.name);
  return spec.tls.secretName ?? (spec.tls.issuerRef === undefined ? certificate : issued);
}

/** What cert-manager is asked for. Its Secret is another one than the operator's own: two that write one would never end. */
export function certificate(cluster: ClusterObject): KubeObject {
  const { name } = cluster.metadata;
  const { issued } = namesOf(name);
  return {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Certificate',
    metadata: headOf(cluster, issued),
    spec: {
      secretName: issued,
      // By it the operator sees that the Secret is there.
      secretTemplate: { labels: { [CLUSTER_LABEL]: name } },
      dnsNames: serverNames(cluster.metadata),
      duration: LIFE,
      renewBefore: RENEW_BEFORE,
      privateKey: { algorithm: 'ECDSA', size: 256, rotationPolicy: 'Always' },
      usages: ['digital signature', 'key agreement', 'server auth'],
      issuerRef: cluster.spec.tls.issuerRef ?? {},
    },
  };
}
