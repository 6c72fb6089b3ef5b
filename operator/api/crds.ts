/** The kinds as CustomResourceDefinitions. https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/ */
import { stringify } from 'yaml';
import { CLUSTER_SCHEMA } from './cluster.ts';
import { DATABASE_SCHEMA, USER_SCHEMA } from './database.ts';
import { API_GROUP, API_VERSION } from './fields.ts';
import { QUANTITY } from './quantity.ts';
import type { ObjectSchema, Schema, TextSchema } from './schema.ts';

interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** 1: shown by `-o wide` only. */
  readonly priority?: number;
}

interface Kind {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly schema: ObjectSchema;
  readonly columns: readonly Column[];
  readonly scale?: object;
}

const ready: Column = {
  name: 'Ready',
  type: 'string',
  jsonPath: '.status.conditions[?(@.type=="Ready")].status',
  description: 'Whether clients are served.',
};
const age: Column = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Since when it is there.',
};

const KINDS: readonly Kind[] = [
  {
    kind: 'P2PDBCluster',
    plural: 'p2pdbclusters',
    shortNames: ['p2pdb'],
    schema: CLUSTER_SCHEMA,
    columns: [
      ready,
      { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'The state in one word.' },
      {
        name: 'Members',
        type: 'string',
        jsonPath: '.status.members',
        description: 'Members in sync, of those that there shall be.',
      },
      {
        name: 'Lag',
        type: 'integer',
        jsonPath: '.status.lagEntries',
        description: 'Entries that the slowest member is behind.',
      },
      {
        name: 'Final',
        type: 'integer',
        jsonPath: '.status.finalHeight',
        description: 'Newest block that every member has.',
      },
      { name: 'Version', type: 'string', jsonPath: '.status.version', description: 'Version of the nodes.' },
      { name: 'Leader', type: 'string', jsonPath: '.status.leader', description: 'Who proposes blocks.', priority: 1 },
      { name: 'Voters', type: 'integer', jsonPath: '.status.voters', description: 'Who decides blocks.', priority: 1 },
      age,
    ],
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.status.selector',
    },
  },
  {
    kind: 'P2PDBDatabase',
    plural: 'p2pdbdatabases',
    shortNames: ['p2pdbdb'],
    schema: DATABASE_SCHEMA,
    columns: [
      ready,
      { name: 'Cluster', type: 'string', jsonPath: '.spec.cluster', description: 'The P2PDBCluster.' },
      { name: 'Database', type: 'string', jsonPath: '.status.name', description: 'Its name there.' },
      age,
    ],
  },
  {
    kind: 'P2PDBUser',
    plural: 'p2pdbusers',
    shortNames: ['p2pdbu'],
    schema: USER_SCHEMA,
    columns: [
      ready,
      { name: 'Cluster', type: 'string', jsonPath: '.spec.cluster', description: 'The P2PDBCluster.' },
      { name: 'User', type: 'string', jsonPath: '.status.name', description: 'Its name there.' },
      { name: 'Host', type: 'string', jsonPath: '.spec.host', description: 'Where it may come from.' },
      age,
    ],
  },
];

export interface Crd {
  readonly metadata: { readonly name: string };
  readonly spec: object;
}

/** Each kind's definition, as the API server takes it. */
export const crds = (): Crd[] =>
  KINDS.map(({ kind, plural, shortNames, schema, columns, scale }) => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${API_GROUP}` },
    spec: {
      group: API_GROUP,
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: [...shortNames],
        categories: ['p2pdbs'],
      },
      versions: [
        {
          name: API_VERSION.slice(API_GROUP.length + 1),
          served: true,
          storage: true,
          schema: { openAPIV3Schema: rootSchema(schema) },
          subresources: { status: {}, ...(scale && { scale }) },
          additionalPrinterColumns: columns,
        },
      ],
    },
  }));

/** The text of `crds/NAME.yaml` by the names of the files. */
export const crdFiles = (): ReadonlyMap<string, string> =>
  new Map(
    crds().map((crd) => [
      `${crd.metadata.name}.yaml`,
      `# Made by npm run crds from operator/api.\n${stringify(crd, { aliasDuplicateObjects: false, lineWidth: 0 })}`,
    ]),
  );

/** Kubernetes itself knows what an object's metadata is: only limits of the name may be said. */
function rootSchema(schema: ObjectSchema): object {
  const { apiVersion, kind, metadata, ...rest } = schema.properties;
  const { pattern, maxLength } = (metadata as ObjectSchema).properties['name'] as TextSchema;
  return {
    type: 'object',
    description: schema.description,
    ...(schema.required?.includes('spec') && { required: ['spec'] }),
    properties: {
      apiVersion: { type: 'string', description: apiVersion?.description },
      kind: { type: 'string', description: kind?.description },
      metadata: { type: 'object', properties: { name: { type: 'string', pattern, maxLength } } },
      ...openApi(rest),
    },
  };
}

const openApi = (properties: Readonly<Record<string, Schema>>): Record<string, object> =>
  Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, openApiOf(schema)]));

/** Our schemas are structural already but for amounts, which OpenAPI knows no format for. */
function openApiOf(schema: Schema): object {
  if ('x-kubernetes-int-or-string' in schema) {
    return {
      'x-kubernetes-int-or-string': true,
      anyOf: [{ type: 'integer' }, { type: 'string' }],
      pattern: QUANTITY.source,
      description: schema.description,
    };
  }
  if ('format' in schema && schema.format === 'quantity') {
    const { format: _, ...rest } = schema;
    return { ...rest, pattern: QUANTITY.source };
  }
  if ('properties' in schema) return { ...schema, properties: openApi(schema.properties) };
  if ('additionalProperties' in schema) {
    return { ...schema, additionalProperties: openApiOf(schema.additionalProperties) };
  }
  if ('items' in schema) return { ...schema, items: openApiOf(schema.items) };
  return schema;
}
