/** StatefulSet and Services. */
import type { V1ServiceSpec, V1StatefulSetSpec } from '@kubernetes/client-node';
import { hashOf } from './hash.ts';
import {
  headOf,
  INPUTS_ANNOTATION,
  labelsOf,
  namesOf,
  OPERATOR_ANNOTATION,
  PORTS,
  selectorOf,
  VOLUME,
  type ClusterObject,
} from './names.ts';
import type { KubeObject } from './object.ts';
import { podTemplate, type PodInputs } from './pod.ts';

export interface StatefulSetInputs extends PodInputs {
  /** How many pods; not what the manifest says while members still have to leave. */
  readonly replicas: number;
  readonly operatorVersion: string;
  /** The Secret with the certificate has yet to be made by others. */
  readonly lacksCertificate: boolean;
  /** The set as it is. */
  readonly observed?: KubeObject | undefined;
}

export function statefulSet(inputs: StatefulSetInputs): KubeObject {
  const { cluster, image, replicas, operatorVersion } = inputs;
  const { metadata, spec } = cluster;
  const names = namesOf(metadata.name);
  const asked = hashOf(podInputs(cluster, image));
  const kept = keptTemplate(inputs, asked);
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: headOf(cluster, names.statefulSet, {
      [INPUTS_ANNOTATION]: kept?.inputs ?? asked,
      [OPERATOR_ANNOTATION]: kept?.version ?? operatorVersion,
    }),
    spec: {
      replicas,
      serviceName: names.peers,
      selector: { matchLabels: selectorOf(metadata.name) },
      // All at once: each asks by itself to be let in.
      podManagementPolicy: 'Parallel',
      // The operator deletes pods one by one, when the others are in sync.
      updateStrategy: { type: 'OnDelete' },
      revisionHistoryLimit: 5,
      persistentVolumeClaimRetentionPolicy: {
        whenDeleted: spec.storage.retain ? 'Retain' : 'Delete',
        // The operator deletes the claims of members that left.
        whenScaled: 'Retain',
      },
      template: kept?.template ?? podTemplate(inputs),
      volumeClaimTemplates: [claimTemplate(cluster, inputs.observed)],
    } satisfies V1StatefulSetSpec,
  };
}

/**
 * A newer operator may make another template of the same manifest. It must not restart a database for that: the template stays until
 * the manifest says something else of the pods, and until there is what a new one mounts.
 */
function keptTemplate(
  { observed, operatorVersion, lacksCertificate }: StatefulSetInputs,
  asked: string,
): { readonly inputs: string; readonly version: string; readonly template: V1StatefulSetSpec['template'] } | undefined {
  const { [INPUTS_ANNOTATION]: inputs, [OPERATOR_ANNOTATION]: version } = observed?.metadata.annotations ?? {};
  if (inputs === undefined || version === undefined) return undefined;
  if (!lacksCertificate && (inputs !== asked || version === operatorVersion)) return undefined;
  const { template } = observed?.spec as V1StatefulSetSpec;
  return { inputs, version, template };
}

/** What of the manifest is about pods. */
function podInputs({ spec }: ClusterObject, image: string): object {
  const {
    replicas: _,
    voters: _v,
    paused: _p,
    monitoring: _m,
    maintenanceWindow: _w,
    recovery: _r,
    service: _s,
    joinTokenSecret: _j,
    ...rest
  } = spec;
  const { commitLevel: _c, readLevel: _l, storage: _st, ...pods } = rest;
  return { ...pods, image };
}

/** A claim's template cannot be changed: claims that are there are grown one by one. */
function claimTemplate(
  { spec, metadata }: ClusterObject,
  observed: KubeObject | undefined,
): NonNullable<V1StatefulSetSpec['volumeClaimTemplates']>[number] {
  const size = (observed?.spec as V1StatefulSetSpec | undefined)?.volumeClaimTemplates?.[0]?.spec?.resources
    ?.requests?.['storage'];
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: VOLUME, labels: labelsOf(metadata.name) },
    spec: {
      accessModes: ['ReadWriteOnce'],
      ...(spec.storage.class !== undefined && { storageClassName: spec.storage.class }),
      resources: { requests: { storage: size ?? spec.storage.size } },
    },
  };
}

export const services = (cluster: ClusterObject): KubeObject[] => [peersService(cluster), clientService(cluster)];

/** The name by which pods find each other, also before they are ready. */
function peersService(cluster: ClusterObject): KubeObject {
  const { name } = cluster.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: headOf(cluster, namesOf(name).peers),
    spec: {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: selectorOf(name),
      ports: Object.entries(PORTS).map(([port, number]) => servicePort(port, number)),
    } satisfies V1ServiceSpec,
  };
}

/** Where clients go: to pods that are ready, which are those in sync. */
function clientService(cluster: ClusterObject): KubeObject {
  const { name } = cluster.metadata;
  const { type, annotations } = cluster.spec.service;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: headOf(cluster, namesOf(name).client, annotations),
    spec: {
      type,
      selector: selectorOf(name),
      ports: [servicePort('mysql', PORTS.mysql)],
    } satisfies V1ServiceSpec,
  };
}

const servicePort = (name: string, port: number) => ({ name, port, targetPort: name, protocol: 'TCP' });
