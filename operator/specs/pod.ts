/** The template of a cluster's pods. */
import type { V1Container, V1PodSpec, V1PodTemplateSpec, V1Probe, V1Volume } from '@kubernetes/client-node';
import { isPart } from '../api/index.ts';
import { certificateSecret } from './certificate.ts';
import { environmentOf, settingsOf, splitSettings } from './environment.ts';
import { hashOf } from './hash.ts';
import { mergeNamed } from './merge.ts';
import { type ClusterObject, CONFIG_ANNOTATION, labelsOf, namesOf, PORTS, selectorOf, VOLUME } from './names.ts';

const USER = 65532;
const DATA = '/var/lib/p2pdb';
const ETC = '/etc/p2pdb';
const SECRET_MODE = 0o440;
/** A node that catches up from a long log answers no probe until it is through. */
const STARTUP_SECONDS = 3600;

export interface PodInputs {
  readonly cluster: ClusterObject;
  readonly image: string;
}

export function podTemplate({ cluster, image }: PodInputs): V1PodTemplateSpec {
  const { spec, metadata } = cluster;
  const { restart } = splitSettings(settingsOf(spec));
  const template: V1PodTemplateSpec = {
    metadata: {
      labels: labelsOf(metadata.name),
      annotations: { [CONFIG_ANNOTATION]: hashOf(restart), 'kubectl.kubernetes.io/default-container': 'node' },
    },
    spec: podSpec(cluster, image),
  };
  return spec.podTemplate === undefined ? template : (mergeNamed(template, spec.podTemplate) as V1PodTemplateSpec);
}

function podSpec(cluster: ClusterObject, image: string): V1PodSpec {
  const { spec, metadata } = cluster;
  const names = namesOf(metadata.name);
  return {
    serviceAccountName: names.serviceAccount,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 30,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: USER,
      runAsGroup: USER,
      fsGroup: USER,
      // Volumes with much data would otherwise be walked at each start.
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...(spec.imagePullSecrets && { imagePullSecrets: [...spec.imagePullSecrets] }),
    ...(spec.affinity && { affinity: spec.affinity }),
    ...(spec.nodeSelector && { nodeSelector: { ...spec.nodeSelector } }),
    ...(spec.tolerations && { tolerations: [...spec.tolerations] }),
    ...(spec.priorityClassName !== undefined && { priorityClassName: spec.priorityClassName }),
    topologySpreadConstraints:
      spec.topologySpreadConstraints === undefined
        ? ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map((topologyKey) => ({
            maxSkew: 1,
            topologyKey,
            whenUnsatisfiable: 'ScheduleAnyway',
            labelSelector: { matchLabels: selectorOf(metadata.name) },
          }))
        : ([...spec.topologySpreadConstraints] as unknown as NonNullable<V1PodSpec['topologySpreadConstraints']>),
    containers: [container(cluster, image)],
    volumes: volumes(cluster),
  };
}

function container(cluster: ClusterObject, image: string): V1Container {
  const { spec } = cluster;
  const { requests, limits } = spec.resources;
  return {
    name: 'node',
    image,
    args: ['node'],
    env: [
      { name: 'P2PDB_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
      ...Object.entries(podEnvironment(cluster)).map(([name, value]) => ({ name, value })),
    ],
    ports: Object.entries(PORTS).map(([name, containerPort]) => ({ name, containerPort, protocol: 'TCP' })),
    startupProbe: { ...probe('/healthz', 2), periodSeconds: 1, failureThreshold: STARTUP_SECONDS },
    livenessProbe: { ...probe('/healthz', 5), periodSeconds: 10, failureThreshold: 6 },
    readinessProbe: { ...probe('/readyz', 3), periodSeconds: 2, failureThreshold: 2 },
    resources: {
      ...(requests && { requests: amountTexts(requests) }),
      ...(limits && { limits: amountTexts(limits) }),
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: VOLUME, mountPath: DATA },
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'config', mountPath: `${ETC}/config`, readOnly: true },
      { name: 'keys', mountPath: `${ETC}/keys`, readOnly: true },
      { name: 'root', mountPath: `${ETC}/root`, readOnly: true },
      ...(spec.tls.enabled ? [{ name: 'tls', mountPath: `${ETC}/tls`, readOnly: true }] : []),
    ],
    // Those who spread clients over pods hear meanwhile that this one goes.
    lifecycle: { preStop: { sleep: { seconds: 2 } } },
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
}

function podEnvironment({ spec, metadata }: ClusterObject): Record<string, string> {
  const { name, namespace = 'default' } = metadata;
  return {
    ...environmentOf(name, spec, {
      mysql: `0.0.0.0:${PORTS.mysql}`,
      http: `0.0.0.0:${PORTS.http}`,
      peers: `0.0.0.0:${PORTS.peers}`,
      data: DATA,
      config: `${ETC}/config/config.yaml`,
      swarmKey: isPart(spec) ? undefined : `${ETC}/keys/swarm.key`,
      adminToken: `${ETC}/keys/admin.token`,
      others: [`${namesOf(name).peers}.${namespace}.svc:${PORTS.peers}`],
    }),
    P2PDB_ROOT_PASSWORD_FILE: `${ETC}/root/${spec.rootPasswordSecret?.key ?? 'password'}`,
    P2PDB_JOIN: 'wait',
    ...(spec.tls.enabled && {
      P2PDB_TLS_CERT: `${ETC}/tls/tls.crt`,
      P2PDB_TLS_KEY: `${ETC}/tls/tls.key`,
    }),
    // The program's compiled code, so that a restart is quick.
    NODE_COMPILE_CACHE: '/tmp/compiled',
  };
}

export const rootSecret = ({ spec, metadata }: ClusterObject): string =>
  spec.rootPasswordSecret?.name ?? namesOf(metadata.name).root;

function volumes(cluster: ClusterObject): V1Volume[] {
  const names = namesOf(cluster.metadata.name);
  const secret = (name: string, secretName: string): V1Volume => ({
    name,
    secret: { secretName, defaultMode: SECRET_MODE },
  });
  return [
    { name: 'tmp', emptyDir: { sizeLimit: '1Gi' } },
    { name: 'config', configMap: { name: names.config, defaultMode: SECRET_MODE } },
    secret('keys', names.keys),
    secret('root', rootSecret(cluster)),
    ...(cluster.spec.tls.enabled ? [secret('tls', certificateSecret(cluster))] : []),
  ];
}

const probe = (path: string, timeoutSeconds: number): V1Probe => ({
  httpGet: { path, port: 'http', scheme: 'HTTP' },
  timeoutSeconds,
  successThreshold: 1,
});

const amountTexts = (amounts: Readonly<Record<string, string | number>>): Record<string, string> =>
  Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, String(amount)]));
