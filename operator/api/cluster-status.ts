/** What the operator says of a P2PDBCluster. */
import { CONDITIONS } from './fields.ts';
import type { Schema, ValueOf } from './schema.ts';

export const CLUSTER_STATUS = {
  type: 'object',
  description: 'What the cluster is, as the operator last saw it.',
  properties: {
    observedGeneration: { type: 'integer', description: 'Generation of the object that this was said of.' },
    phase: {
      type: 'string',
      description: 'The state in one word, for people; programs read the conditions.',
      enum: ['Pending', 'Forming', 'Running', 'Updating', 'Scaling', 'Degraded', 'Paused', 'Deleting'],
    },
    founder: {
      type: 'string',
      description: 'Public key of the node that founded the group. Once it stands here, no other group is founded.',
    },
    predecessor: {
      type: 'string',
      description: 'Founder of the group that was given up for this one, which began with the data of a member of it.',
    },
    replicas: { type: 'integer', description: 'Pods that there are.' },
    readyReplicas: { type: 'integer', description: 'Pods that clients may reach.' },
    members: { type: 'string', description: 'Members in sync, of those that there shall be, such as 3/3.' },
    voters: { type: 'integer', description: 'Of these, members that decide what is final.' },
    leader: { type: 'string', description: 'Member that proposes what is final.' },
    lagEntries: { type: 'integer', description: 'The largest lag of a member.' },
    finalHeight: { type: 'integer', description: 'Height of the newest block that every member in reach has.' },
    version: { type: 'string', description: 'Version of the nodes; the oldest one while they are updated.' },
    image: { type: 'string', description: 'Image of the nodes.' },
    selector: { type: 'string', description: 'Selector of the pods, for kubectl scale and autoscalers.' },
    certificateExpires: {
      type: 'string',
      description: 'When the certificate ends that the operator, or cert-manager, made.',
      format: 'date-time',
    },
    nodes: {
      type: 'array',
      description: 'Each pod as a member.',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: {
        type: 'object',
        description: 'A pod and its membership.',
        required: ['name', 'phase'],
        properties: {
          name: { type: 'string', description: 'Name of the pod and of the member.' },
          phase: {
            type: 'string',
            description: 'What it does.',
            enum: [
              'Absent',
              'Starting',
              'Waiting',
              'Joining',
              'CatchingUp',
              'InSync',
              'Unreachable',
              'Removed',
              'Stranger',
            ],
          },
          id: { type: 'string', description: 'Public key.' },
          voter: { type: 'boolean', description: 'Decides what is final.' },
          lagEntries: { type: 'integer', description: 'Entries of others that it has yet to get.' },
          lagSeconds: { type: 'integer', description: 'For how long it has been behind.' },
          finalHeight: { type: 'integer', description: 'Height of its newest block.' },
        },
      },
    },
    conditions: CONDITIONS,
  },
} as const satisfies Schema;

export type ClusterStatus = ValueOf<typeof CLUSTER_STATUS>;
export type NodeReport = NonNullable<ClusterStatus['nodes']>[number];
export type NodePhase = NodeReport['phase'];
export type Phase = NonNullable<ClusterStatus['phase']>;
