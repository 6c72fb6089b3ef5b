/** All objects of a cluster but for Secrets, whose content is random, and pods. */
import { certificate, dashboard, podMonitor, prometheusRule } from './monitoring.ts';
import type { ClusterObject } from './names.ts';
import type { KubeObject } from './object.ts';
import { configMap, disruptionBudget, networkPolicy, serviceAccount } from './policies.ts';
import { services, statefulSet, type StatefulSetInputs } from './workload.ts';

export interface DesiredObject {
  readonly object: KubeObject;
  /** False: it goes, where it is. */
  readonly isWanted: boolean;
}

export interface DesiredInputs extends StatefulSetInputs {
  /** Kinds of others that exist here. */
  readonly kinds: ReadonlySet<string>;
}

/** In the order in which they are needed. */
export function desiredObjects(inputs: DesiredInputs): DesiredObject[] {
  const { cluster, kinds } = inputs;
  const { monitoring, tls } = cluster.spec;
  const always = [
    serviceAccount(cluster),
    configMap(cluster),
    ...services(cluster),
    networkPolicy(cluster),
    disruptionBudget(cluster),
  ].map((object) => ({ object, isWanted: true }));
  const optional: DesiredObject[] = [
    { object: dashboard(cluster), isWanted: monitoring.dashboard },
    ...[
      { object: podMonitor(cluster), isWanted: monitoring.podMonitor },
      { object: prometheusRule(cluster), isWanted: monitoring.prometheusRule },
      { object: certificate(cluster), isWanted: tls.enabled && tls.issuerRef !== undefined },
    ].filter(({ object }) => kinds.has(object.kind)),
  ];
  return [...always, ...optional, { object: statefulSet(inputs), isWanted: true }];
}

/** The operator's own authority signs the nodes' certificate. */
export const needsOwnCertificate = ({ spec }: ClusterObject): boolean =>
  spec.tls.enabled && spec.tls.secretName === undefined && spec.tls.issuerRef === undefined;
