/** Fields that several kinds share. */
import type { Schema } from './schema.ts';

export const API_GROUP = 'p2pdb.io';
export const API_VERSION = `${API_GROUP}/v1alpha1`;

/** Amounts of resources by their names. */
export const amounts = (what: string) =>
  ({
    type: 'object',
    description: what,
    additionalProperties: {
      'x-kubernetes-int-or-string': true,
      format: 'quantity',
      description: 'An amount, such as 500m or 2Gi.',
    },
  }) as const satisfies Schema;

/** Something that Kubernetes itself describes and checks. */
export const open = (what: string) =>
  ({ type: 'object', description: what, 'x-kubernetes-preserve-unknown-fields': true }) as const satisfies Schema;

export const openList = (what: string, item: string) =>
  ({
    type: 'array',
    description: what,
    maxItems: 64,
    'x-kubernetes-list-type': 'atomic',
    items: open(item),
  }) as const satisfies Schema;

/** A Secret's value by the name and the key. */
export const secretKey = <K extends string>(what: string, key: K) =>
  ({
    type: 'object',
    description: what,
    required: ['name'],
    properties: {
      name: { type: 'string', description: 'Name of the Secret.', minLength: 1 },
      key: { type: 'string', description: 'Key in the Secret.', minLength: 1, default: key },
    },
  }) as const satisfies Schema;

/** What happens outside of Kubernetes when the object is deleted. */
export const DELETION_POLICY = {
  type: 'string',
  description: 'Whether it stays in the cluster, or goes, when this object is deleted.',
  enum: ['Retain', 'Delete'],
  default: 'Retain',
} as const satisfies Schema;

export const CONDITIONS = {
  type: 'array',
  description: 'What holds of it now, by the conventions of Kubernetes.',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
  items: {
    type: 'object',
    description: 'A condition.',
    required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'],
    properties: {
      type: { type: 'string', description: 'Which condition.', maxLength: 316 },
      status: { type: 'string', description: 'Whether it holds.', enum: ['True', 'False', 'Unknown'] },
      observedGeneration: { type: 'integer', description: 'Generation of the object that this was said of.' },
      lastTransitionTime: {
        type: 'string',
        description: 'When the condition was another one last.',
        format: 'date-time',
      },
      reason: { type: 'string', description: 'The cause, in one word for programs.', maxLength: 1024 },
      message: { type: 'string', description: 'The cause, in words for people.', maxLength: 32768 },
    },
  },
} as const satisfies Schema;

const NAME = '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$';

/** An object's name, labels and annotations; names have `length` characters at most. */
export const metadata = (length: number) =>
  ({
    type: 'object',
    description: 'Name, labels and annotations.',
    required: ['name'],
    properties: {
      name: { type: 'string', description: 'Name of the object.', pattern: NAME, maxLength: length },
      namespace: { type: 'string', description: 'Namespace of the object.', pattern: NAME, maxLength: 63 },
      labels: {
        type: 'object',
        description: 'Labels of the object.',
        additionalProperties: { type: 'string', description: 'Value of the label.' },
      },
      annotations: {
        type: 'object',
        description: 'Annotations of the object.',
        additionalProperties: { type: 'string', description: 'Value of the annotation.' },
      },
    },
  }) as const satisfies Schema;
