/** P2PDBDatabase and P2PDBUser: what is in a cluster, declared as objects. */
import { API_VERSION, CONDITIONS, DELETION_POLICY, metadata, secretKey } from './fields.ts';
import type { CelRule, Schema, ValueOf } from './schema.ts';

const unchanging = (field: string): CelRule => ({
  rule: `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`,
  message: `${field} cannot be changed: make another object`,
  fieldPath: `.${field}`,
});

const CLUSTER = {
  type: 'string',
  description: 'Name of the P2PDBCluster, in the same namespace.',
  minLength: 1,
  maxLength: 52,
} as const satisfies Schema;

const STATUS = {
  name: { type: 'string', description: 'Its name in the cluster.' },
  observedGeneration: { type: 'integer', description: 'Generation of the object that this was said of.' },
  conditions: CONDITIONS,
} as const satisfies Record<string, Schema>;

/** A name that MySQL takes between backticks. */
const SQL_NAME = '^[^\\x00/\\\\`.]*[^\\x00/\\\\`. ]$';

export const DATABASE_SCHEMA = {
  type: 'object',
  description: 'A database (schema) of a P2PDB cluster.',
  required: ['apiVersion', 'kind', 'metadata', 'spec'],
  properties: {
    apiVersion: { type: 'string', description: 'Version of this kind.', enum: [API_VERSION] },
    kind: { type: 'string', description: 'This kind.', enum: ['P2PDBDatabase'] },
    metadata: metadata(63),
    spec: {
      type: 'object',
      description: 'What the database shall be.',
      required: ['cluster'],
      'x-kubernetes-validations': [unchanging('cluster'), unchanging('name')],
      properties: {
        cluster: CLUSTER,
        name: {
          type: 'string',
          description: 'Name of the database; by default that of the object.',
          minLength: 1,
          maxLength: 64,
          pattern: SQL_NAME,
        },
        characterSet: {
          type: 'string',
          description: 'Default character set of new tables.',
          pattern: '^[A-Za-z0-9_]+$',
          default: 'utf8mb4',
        },
        collation: {
          type: 'string',
          description: 'Default collation of new tables; by default that of the character set.',
          pattern: '^[A-Za-z0-9_]+$',
        },
        comment: {
          type: 'string',
          description:
            'Comment of the database, as CREATE DATABASE … COMMENT sets it; without it, none is set or changed.',
          maxLength: 1024,
        },
        deletionPolicy: DELETION_POLICY,
      },
    },
    status: {
      type: 'object',
      description: 'What the operator last saw.',
      properties: { ...STATUS, comment: { type: 'string', description: 'The comment that was set last.' } },
    },
  },
} as const satisfies Schema;

export const USER_SCHEMA = {
  type: 'object',
  description: 'A user of a P2PDB cluster, with its privileges.',
  required: ['apiVersion', 'kind', 'metadata', 'spec'],
  properties: {
    apiVersion: { type: 'string', description: 'Version of this kind.', enum: [API_VERSION] },
    kind: { type: 'string', description: 'This kind.', enum: ['P2PDBUser'] },
    metadata: metadata(63),
    spec: {
      type: 'object',
      description: 'What the user shall be.',
      required: ['cluster', 'passwordSecret'],
      'x-kubernetes-validations': [unchanging('cluster'), unchanging('name'), unchanging('host')],
      properties: {
        cluster: CLUSTER,
        name: {
          type: 'string',
          description: 'Name of the user; by default that of the object.',
          minLength: 1,
          maxLength: 32,
        },
        host: {
          type: 'string',
          description: 'Where the user may come from, as MySQL writes it.',
          minLength: 1,
          maxLength: 255,
          default: '%',
        },
        passwordSecret: secretKey(
          'Secret with the password, in the same namespace. A new value becomes the password.',
          'password',
        ),
        requireTls: { type: 'boolean', description: 'Refuses logins without TLS.', default: false },
        grants: {
          type: 'array',
          description: 'All that the user may do: other privileges are taken away.',
          maxItems: 256,
          default: [],
          items: {
            type: 'object',
            description: 'Privileges on something.',
            required: ['privileges', 'database'],
            properties: {
              privileges: {
                type: 'array',
                description: 'Such as SELECT, INSERT or ALL PRIVILEGES.',
                minItems: 1,
                maxItems: 64,
                items: {
                  type: 'string',
                  description: 'A privilege.',
                  pattern: '^[A-Za-z][A-Za-z_ ]*[A-Za-z]$',
                },
              },
              database: {
                type: 'string',
                description: 'Name of the database, or * for all.',
                pattern: '^(\\*|[^.`\\\\/*]{1,64})$',
              },
              table: {
                type: 'string',
                description: 'Name of the table, or * for all of the database.',
                pattern: '^(\\*|[^.`\\\\/*]{1,64})$',
                default: '*',
              },
              grantOption: { type: 'boolean', description: 'May hand them on.', default: false },
            },
          },
        },
        deletionPolicy: DELETION_POLICY,
      },
    },
    status: {
      type: 'object',
      description: 'What the operator last saw.',
      properties: {
        ...STATUS,
        passwordVersion: {
          type: 'string',
          description: 'Tells which version of the Secret was set, and which hash of it the cluster keeps.',
        },
      },
    },
  },
} as const satisfies Schema;

/** A P2PDBDatabase with its defaults. */
export type Database = ValueOf<typeof DATABASE_SCHEMA>;
/** A P2PDBUser with its defaults. */
export type User = ValueOf<typeof USER_SCHEMA>;
