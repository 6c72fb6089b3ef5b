/** P2PDBCluster: the one description of its fields, from which validation, defaults and TypeScript's types are derived. */
import { CLUSTER_STATUS } from './cluster-status.ts';
import { amounts, API_VERSION, metadata, open, openList, secretKey } from './fields.ts';
import type { Schema, ValueOf } from './schema.ts';

const SPEC = {
  type: 'object',
  description: 'What the cluster shall be.',
  default: {},
  'x-kubernetes-validations': [
    {
      rule: '!has(self.voters) || self.voters <= self.replicas',
      message: 'voters must be at most replicas',
      fieldPath: '.voters',
    },
    {
      rule: 'has(self.joinTokenSecret) == has(oldSelf.joinTokenSecret)',
      message: 'a cluster that founded its group stays its own, and one that joined another stays a part of it',
    },
    {
      rule: '!has(self.joinTokenSecret) || !has(self.recovery) || !(has(self.recovery.abandonGroup) || has(self.recovery.survivor))',
      message: 'a part of another cluster cannot give up their group',
      fieldPath: '.recovery',
    },
  ],
  properties: {
    replicas: {
      type: 'integer',
      description: 'How many nodes. Each takes reads and writes.',
      minimum: 1,
      maximum: 100,
      default: 3,
    },
    voters: {
      type: 'integer',
      description:
        'How many of the nodes decide what is final; by default the largest odd number up to replicas and 7, and none of a part of another cluster.',
      enum: [1, 3, 5, 7],
    },
    image: {
      type: 'string',
      description: 'Container image of the nodes; by default the one of the operator.',
      minLength: 1,
    },
    imagePullSecrets: openList('Secrets with which the image is pulled.', 'Name of a Secret, as {"name": …}.'),
    storage: {
      type: 'object',
      description: 'The volume of each node.',
      default: {},
      'x-kubernetes-validations': [
        {
          rule: 'has(self.class) == has(oldSelf.class) && (!has(self.class) || self.class == oldSelf.class)',
          message: 'the StorageClass cannot be changed: volumes stay where they are',
          fieldPath: '.class',
        },
        {
          rule: '!has(self.size) || !has(oldSelf.size) || quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0',
          message: 'storage may only grow: volumes cannot be made smaller',
          fieldPath: '.size',
        },
      ],
      properties: {
        size: {
          type: 'string',
          description: 'Size of each volume; it may only grow.',
          format: 'quantity',
          default: '10Gi',
        },
        class: {
          type: 'string',
          description: 'StorageClass; by default the one of the Kubernetes cluster.',
          minLength: 1,
        },
        retain: {
          type: 'boolean',
          description: 'Keeps the volumes of nodes that were removed, and of a deleted cluster.',
          default: true,
        },
      },
    },
    resources: {
      type: 'object',
      description: 'CPU and memory of each node.',
      default: {},
      properties: {
        requests: amounts('What each node is sure to get.'),
        limits: amounts('What each node gets at most.'),
      },
    },
    affinity: open('Rules on the machines and the neighbours of the pods, besides the spread.'),
    nodeSelector: {
      type: 'object',
      description: 'Labels of the machines that pods may run on.',
      additionalProperties: { type: 'string', description: 'Value of the label.' },
    },
    tolerations: openList('Taints of machines that pods tolerate.', 'A toleration.'),
    topologySpreadConstraints: openList(
      'How pods spread over the machines; by default evenly over zones and over machines, where that is possible.',
      'A constraint.',
    ),
    priorityClassName: { type: 'string', description: 'PriorityClass of the pods.', minLength: 1 },
    podTemplate: open(
      'Laid over the template of the pods as a merge patch by names: for what has no field here, such as sidecars or labels.',
    ),
    service: {
      type: 'object',
      description: 'The Service that clients connect to.',
      default: {},
      properties: {
        type: {
          type: 'string',
          description: 'Type of the Service.',
          enum: ['ClusterIP', 'NodePort', 'LoadBalancer'],
          default: 'ClusterIP',
        },
        annotations: {
          type: 'object',
          description: 'Annotations of the Service.',
          additionalProperties: { type: 'string', description: 'Value of the annotation.' },
          default: {},
        },
      },
    },
    tls: {
      type: 'object',
      description: 'TLS of the MySQL protocol.',
      default: {},
      'x-kubernetes-validations': [
        {
          rule: '!(has(self.secretName) && has(self.issuerRef))',
          message: 'the certificate comes from secretName or from issuerRef, not from both',
        },
      ],
      properties: {
        enabled: { type: 'boolean', description: 'Offers TLS to clients.', default: true },
        secretName: {
          type: 'string',
          description: 'Secret with tls.crt, tls.key and ca.crt; by default the operator makes its own authority.',
          minLength: 1,
        },
        issuerRef: {
          type: 'object',
          description:
            'Issuer of cert-manager, which then makes the certificate, and renews it a month before it ends.',
          required: ['name'],
          properties: {
            name: { type: 'string', description: 'Name of the issuer.', minLength: 1 },
            kind: {
              type: 'string',
              description: 'Kind of the issuer.',
              enum: ['Issuer', 'ClusterIssuer'],
              default: 'Issuer',
            },
            group: { type: 'string', description: 'API group of the issuer.', default: 'cert-manager.io' },
          },
        },
      },
    },
    rootPasswordSecret: secretKey(
      'Secret with the password that root gets when the cluster is made; by default the operator makes one.',
      'password',
    ),
    commitLevel: {
      type: 'string',
      description:
        'What OK means for sessions that do not say it: durable here, on a majority of the voters, or final.',
      enum: ['local', 'replicated', 'final'],
      default: 'local',
    },
    readLevel: {
      type: 'string',
      description: 'What sessions read that do not say it: the state of the node, or everything that was final before.',
      enum: ['local', 'linearizable'],
      default: 'local',
    },
    config: {
      type: 'object',
      description: 'Settings of the nodes by their names in the settings file, such as max_connections.',
      'x-kubernetes-preserve-unknown-fields': true,
      default: {},
    },
    bootstrapPeers: {
      type: 'array',
      description:
        'HOST:PORT where nodes of the same P2PDB cluster are reached elsewhere, such as in another Kubernetes cluster: the port for peers is open to all then.',
      maxItems: 32,
      items: { type: 'string', description: 'HOST:PORT.', pattern: '^(\\[[0-9a-fA-F:.]+\\]|[^:\\s]+):[0-9]{1,5}$' },
      default: [],
    },
    joinTokenSecret: secretKey(
      'Secret with a token of p2pdb_join_token() of a member elsewhere: this becomes a part of that cluster, and founds none.',
      'token',
    ),
    paused: { type: 'boolean', description: 'The operator changes nothing while this is true.', default: false },
    maintenanceWindow: {
      type: 'object',
      description: 'When pods that run may be restarted for a change; by default at any time.',
      required: ['start'],
      properties: {
        days: {
          type: 'array',
          description: 'Days of the week on which the window opens; by default every day.',
          minItems: 1,
          maxItems: 7,
          'x-kubernetes-list-type': 'set',
          items: {
            type: 'string',
            description: 'A day of the week.',
            enum: ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'],
          },
        },
        start: {
          type: 'string',
          description: 'When it opens, as HH:MM in UTC.',
          pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$',
        },
        minutes: {
          type: 'integer',
          description: 'How long restarts may begin in it.',
          minimum: 1,
          maximum: 1440,
          default: 120,
        },
      },
    },
    recovery: {
      type: 'object',
      description: 'What the operator does only when it is told: read the runbook first.',
      'x-kubernetes-validations': [
        {
          rule: '!(has(self.abandonGroup) && has(self.survivor))',
          message: 'a group is abandoned when nobody has it any more, or a survivor goes on: not both',
        },
      ],
      properties: {
        abandonGroup: {
          type: 'string',
          description:
            'Gives the data of the group up whose founder this is (status.founder), when no node has it any more, and begins with an empty one.',
          pattern: '^[0-9a-f]{64}$',
        },
        survivor: {
          type: 'object',
          description:
            'Gives up a group that lost the majority of its voters for good, and goes on with the data of one of its members: what the lost ones had decided without it is lost, and what the others still have is set aside on their volumes.',
          required: ['group', 'member'],
          properties: {
            group: {
              type: 'string',
              description:
                'The group that is given up, by its founder (status.founder): so the order means nothing once it was carried out.',
              pattern: '^[0-9a-f]{64}$',
            },
            member: {
              type: 'string',
              description: 'Public key of the member whose data stays (status.nodes).',
              pattern: '^[0-9a-f]{64}$',
            },
            leave: {
              type: 'array',
              'x-kubernetes-list-type': 'set',
              description:
                'Databases with a replication group of their own that the member does not host, and that are given up.',
              items: { type: 'string', description: 'Name of a database.', minLength: 1 },
            },
          },
        },
      },
    },
    monitoring: {
      type: 'object',
      description: 'Objects for Prometheus and Grafana, made where their kinds exist.',
      default: {},
      properties: {
        podMonitor: { type: 'boolean', description: 'Makes a PodMonitor.', default: true },
        prometheusRule: { type: 'boolean', description: 'Makes a PrometheusRule with alerts.', default: true },
        dashboard: { type: 'boolean', description: 'Makes a ConfigMap with the Grafana dashboard.', default: true },
      },
    },
  },
} as const satisfies Schema;

export const CLUSTER_SCHEMA = {
  type: 'object',
  description: 'A cluster of equal P2PDB nodes.',
  required: ['apiVersion', 'kind', 'metadata'],
  properties: {
    apiVersion: { type: 'string', description: 'Version of this kind.', enum: [API_VERSION] },
    kind: { type: 'string', description: 'This kind.', enum: ['P2PDBCluster'] },
    // With the ordinal behind it, it names pods and their DNS labels, which have 63 characters at most.
    metadata: metadata(52),
    spec: SPEC,
    status: CLUSTER_STATUS,
  },
} as const satisfies Schema;

/** A P2PDBCluster with its defaults. */
export type Cluster = ValueOf<typeof CLUSTER_SCHEMA>;
export type ClusterSpec = Cluster['spec'];

/** What no field can say alone. */
interface Rule {
  readonly path: string;
  /** Why the value is refused; undefined when it is good. */
  readonly fault: (spec: ClusterSpec) => string | undefined;
}

/** Settings that follow from the rest of the manifest, or that name places in the pod. */
const OWNED_SETTINGS: Readonly<Record<string, string>> = {
  bootstrap: 'spec.bootstrapPeers',
  commit_level: 'spec.commitLevel',
  read_level: 'spec.readLevel',
  root_password: 'spec.rootPasswordSecret',
  root_password_file: 'spec.rootPasswordSecret',
  tls: 'spec.tls',
  tls_cert: 'spec.tls',
  tls_key: 'spec.tls',
  voters: 'spec.voters',
  join_token: 'spec.joinTokenSecret',
  ...Object.fromEntries(
    [
      'admin_token_file',
      'allow_test_faults',
      'cluster',
      'data',
      'http',
      'http_tls',
      'join',
      'members',
      'mysql',
      'name',
      'peers',
      'swarm_key',
    ].map((setting) => [setting, '']),
  ),
};

export const CLUSTER_RULES: readonly Rule[] = [
  {
    path: 'spec.voters',
    fault: ({ voters, replicas }) =>
      voters !== undefined && voters > replicas ? `must be at most replicas, which is ${replicas}` : undefined,
  },
  {
    path: 'spec.recovery',
    fault: ({ recovery }) =>
      recovery?.abandonGroup !== undefined && recovery.survivor !== undefined
        ? 'says both that nobody has the group any more, and that a survivor goes on'
        : undefined,
  },
  {
    path: 'spec.recovery',
    fault: (spec) =>
      isPart(spec) && (spec.recovery?.abandonGroup !== undefined || spec.recovery?.survivor !== undefined)
        ? 'is not for a part of another cluster, which cannot give up their group'
        : undefined,
  },
  ...Object.entries(OWNED_SETTINGS).map(([setting, field]) => ({
    path: `spec.config.${setting}`,
    fault: ({ config }: ClusterSpec) => {
      if (!(setting in config)) return undefined;
      return field === '' ? 'is set for each node and cannot be chosen' : `is set by ${field}`;
    },
  })),
];

/** How many of its nodes decide. */
export function votersOf(spec: ClusterSpec): number {
  const { voters, replicas } = spec;
  return voters ?? (isPart(spec) ? 0 : Math.min(7, replicas - ((replicas + 1) % 2)));
}

/** Its nodes joined a group that was founded elsewhere, and are not all of its members. */
export const isPart = ({ joinTokenSecret }: ClusterSpec): boolean => joinTokenSecret !== undefined;

/** Names of the nodes, those of the pods of a StatefulSet. */
export const nodeNames = ({ metadata, spec }: Cluster): string[] =>
  Array.from({ length: spec.replicas }, (_, ordinal) => `${metadata.name}-${ordinal}`);
