/** The certificate that cert-manager makes where the manifest names an issuer: whether it is there, and what stands in its way. */
import { certificateSecret, needsIssuer } from '../specs/index.ts';
import type { Observed } from './observed.ts';

export interface CertificateView {
  /** The Secret that pods are to mount is not there yet. */
  readonly isMissing: boolean;
  /** Name of that Secret. */
  readonly secret: string;
  readonly trouble?: { readonly reason: 'CertManagerMissing' | 'CertificateNotIssued'; readonly message: string };
  /** When it ends. */
  readonly expires?: string;
  /** When to look again, although nothing was heard. */
  readonly wakeMs?: number;
}

/** Issuers ask others, who take their time. */
const PATIENCE_MS = 5 * 60_000;

interface CertificateSeen {
  readonly metadata: { readonly creationTimestamp?: string };
  readonly status?: {
    readonly notAfter?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
      readonly lastTransitionTime?: string;
    }[];
  };
}

/** Undefined where no issuer is named. */
export function certificateOf({ cluster, objects, kinds, now }: Observed): CertificateView | undefined {
  if (!needsIssuer(cluster)) return undefined;
  const secret = certificateSecret(cluster);
  const isMissing = !objects.has(`Secret/${secret}`);
  const base = { isMissing, secret };
  if (!kinds.has('Certificate')) {
    const meanwhile = isMissing ? 'pods get none until then' : 'it is not renewed until then';
    const message = `spec.tls.issuerRef asks for a certificate of cert-manager, whose kinds are not installed here: ${meanwhile}`;
    return { ...base, trouble: { reason: 'CertManagerMissing', message } };
  }
  const seen = objects.get(`Certificate/${secret}`) as CertificateSeen | undefined;
  const notAfter = seen?.status?.notAfter;
  const dated = { ...base, ...(notAfter !== undefined && { expires: notAfter }) };
  const ready = seen?.status?.conditions?.find(({ type }) => type === 'Ready');
  if (seen === undefined || ready?.status === 'True') return dated;
  const since = Date.parse(ready?.lastTransitionTime ?? seen.metadata.creationTimestamp ?? '');
  const left = since + PATIENCE_MS - now;
  if (left > 0) return { ...dated, wakeMs: left };
  const message = `cert-manager has not made the certificate ${secret}: ${ready?.message ?? 'it says nothing of it'}`;
  return { ...dated, trouble: { reason: 'CertificateNotIssued', message } };
}
