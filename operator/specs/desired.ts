/** All objects of a cluster but for Secrets, whose content is random, and pods. */
import { certificate, needsIssuer } from './certificate.ts';
import { dashboard, podMonitor, prometheusRule } from './monitoring.ts';
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
  const { monitoring } = cluster.spec;
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
      { object: certificate(cluster), isWanted: needsIssuer(cluster) },
    ].filter(({ object }) => kinds.has(object.kind)),
  ];
  // Pods that mount what is not there would hang, and be asked again with growing waits.
  const isTooEarly = inputs.lacksCertificate && inputs.observed === undefined;
  return [...always, ...optional, ...(isTooEarly ? [] : [{ object: statefulSet(inputs), isWanted: true }])];
}
