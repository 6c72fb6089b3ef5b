/** What of an object is kept: plans look at no more, and a thousand clusters are some ten thousand objects. */
import { digestOf, type KubeObject } from '../specs/index.ts';

type Copied = KubeObject & { readonly metadata: { readonly managedFields?: unknown } };

/** The only content of a Secret that plans and actions need; others are passwords and keys that have no business here. */
const SECRET_KEY = 'admin.token';

interface PodStatus {
  readonly podIP?: string;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

/** Items of lists come without their kind; who manages which field is of no use here. */
export function wholeCopy(object: KubeObject, apiVersion: string, kind: string): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata as Copied['metadata'];
  return { ...object, apiVersion, kind, metadata };
}

export function neededCopy(object: KubeObject, apiVersion: string, kind: string): KubeObject {
  const copy = wholeCopy(object, apiVersion, kind);
  const head = { apiVersion, kind, metadata: copy.metadata };
  switch (kind) {
    case 'Pod': {
      const { podIP, conditions = [] } = (object.status ?? {}) as PodStatus;
      const ready = conditions.filter(({ type }) => type === 'Ready').map(({ type, status }) => ({ type, status }));
      return { ...head, status: { ...(podIP !== undefined && { podIP }), conditions: ready } };
    }
    case 'Secret': {
      const token = object.data?.[SECRET_KEY];
      return { ...head, ...(token !== undefined && { data: { [SECRET_KEY]: token } }) };
    }
    // Dashboards: a program's own text, 20 KB for each cluster.
    case 'ConfigMap': {
      const data = Object.entries(copy.data ?? {}).map(([key, text]) => [key, digestOf(text)]);
      return { ...copy, data: Object.fromEntries(data) as Record<string, string> };
    }
    default:
      return copy;
  }
}
