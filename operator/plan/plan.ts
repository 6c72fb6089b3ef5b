/** From what was observed of a cluster to what is to be done next. Pure. */
import { CLUSTER_RULES } from '../api/index.ts';
import { desiredObjects, namesOf, needsOwnCertificate, rootSecret, settingsOf, splitSettings } from '../specs/index.ts';
import type { Action, Notice, Plan } from './actions.ts';
import { certificateOf, type CertificateView } from './certificate.ts';
import { differs, stamped } from './differs.ts';
import { type Group, groupOf, STARTING_MS } from './group.ts';
import { type MemberPlan, planMembers, replicasNow } from './members.ts';
import type { Observed, Settings } from './observed.ts';
import { HEALTHY_MS, planRollout, type RolloutPlan } from './rollout.ts';
import { statusOf } from './status.ts';
import { planStorage } from './storage.ts';

/** How soon members are asked again: while something is on its way, while all is well, while there are none. */
const BUSY_MS = 500;
const CALM_MS = 10_000;
const IDLE_MS = 10 * 60_000;
/** A third of its life before it ends, a certificate is made anew. */
const RENEW_BEFORE_MS = 30 * 86_400_000;

const NO_ROLLOUT: RolloutPlan = { actions: [], outdated: [] };

export function plan(observed: Observed, settings: Settings): Plan {
  const { cluster } = observed;
  const group = groupOf(observed);
  const image = imageOf(observed, settings);
  const fault = faultOf(observed);
  const certificate = certificateOf(observed);
  const base = { group, fault, image, certificate };
  if (fault !== undefined || cluster.spec.paused || cluster.metadata.deletionTimestamp !== undefined) {
    const status = statusOf(observed, { ...base, rollout: NO_ROLLOUT, trouble: undefined, isBusy: false });
    return { actions: [], status, notices: noticesOf(observed, status), wakeMs: IDLE_MS };
  }
  const secrets = planSecrets(observed);
  const objects = planObjects(observed, settings, base);
  const members = planMembers(observed, group);
  const isSettled = objects.length === 0 && members.actions.length === 0;
  // What is about to change is looked at again before a pod goes for it.
  const rollout = isSettled ? planRollout(observed, group) : { ...planRollout(observed, group), actions: [] };
  const actions = [
    ...secrets,
    ...objects,
    ...members.actions,
    ...planVariables(observed, group),
    ...rollout.actions,
    // A StorageClass may refuse to grow volumes for ever: nothing waits for it.
    ...planStorage(observed, group),
  ];
  const isBusy = actions.length > 0 || isUnfinished(observed, group, rollout);
  const trouble = members.trouble ?? certificate?.trouble;
  const status = statusOf(observed, { ...base, rollout, trouble, isBusy });
  return {
    actions,
    status,
    notices: [...(members.notices ?? []), ...noticesOf(observed, status)],
    wakeMs: Math.min(wakeOf(observed, rollout, members, isBusy), certificate?.wakeMs ?? Infinity),
  };
}

const faultOf = ({ cluster }: Observed): string | undefined =>
  CLUSTER_RULES.flatMap(({ path, fault }) => {
    const reason = fault(cluster.spec);
    return reason === undefined ? [] : [`${path} ${reason}`];
  })[0];

/** A cluster whose manifest names no image keeps that with which it began: a newer operator does not change it. */
const imageOf = ({ cluster }: Observed, settings: Settings): string =>
  cluster.spec.image ?? cluster.status?.image ?? settings.image;

function planSecrets({ cluster, objects, now }: Observed): Action[] {
  const names = namesOf(cluster.metadata.name);
  const has = (name: string): boolean => objects.has(`Secret/${name}`);
  const actions: Action[] = [];
  if (!has(names.keys)) actions.push({ kind: 'make-secret', secret: 'keys' });
  if (rootSecret(cluster) === names.root && !has(names.root)) actions.push({ kind: 'make-secret', secret: 'root' });
  if (needsOwnCertificate(cluster)) {
    const expires = objects.get(`Secret/${names.certificate}`)?.metadata.annotations?.['p2pdb.io/expires'];
    const isGood = has(names.authority) && Date.parse(expires ?? '') - now > RENEW_BEFORE_MS;
    if (!isGood) actions.push({ kind: 'make-secret', secret: 'certificate' });
  }
  return actions;
}

function planObjects(
  observed: Observed,
  { operatorVersion }: Settings,
  { image, group, certificate }: { image: string; group: Group; certificate: CertificateView | undefined },
): Action[] {
  const { cluster, objects, kinds } = observed;
  const desired = desiredObjects({
    cluster,
    image,
    operatorVersion,
    kinds,
    lacksCertificate: certificate?.isMissing ?? false,
    replicas: replicasNow(observed, group),
    observed: objects.get(`StatefulSet/${namesOf(cluster.metadata.name).statefulSet}`),
  });
  const wanted = desired.filter(({ isWanted }) => isWanted).map(({ object }) => stamped(object));
  const applied = wanted
    .filter((object) => differs(object, objects.get(`${object.kind}/${object.metadata.name}`)))
    .map((object): Action => ({ kind: 'apply', object }));
  const obsolete = desired.flatMap(({ isWanted, object }): Action[] => {
    const there = objects.get(`${object.kind}/${object.metadata.name}`);
    return isWanted || there === undefined ? [] : [{ kind: 'delete', object: there }];
  });
  return [...applied, ...obsolete];
}

/** Settings that need no restart are said to the nodes that run. */
function planVariables({ cluster }: Observed, { nodes }: Group): Action[] {
  const { live } = splitSettings(settingsOf(cluster.spec));
  return nodes.flatMap(({ name: pod, phase, status }) =>
    phase !== 'InSync' || status?.variables === undefined
      ? []
      : Object.entries(live)
          .filter(([variable, value]) => String(status.variables?.[variable]) !== String(value))
          .map(([variable, value]): Action => ({ kind: 'set-global', pod, variable, value })),
  );
}

function isUnfinished({ cluster, pods }: Observed, { nodes, members, founder }: Group, rollout: RolloutPlan): boolean {
  const { replicas } = cluster.spec;
  if (pods.length !== replicas || founder === undefined || members.length !== replicas) return true;
  if (rollout.outdated.length > 0 && rollout.waits !== 'window') return true;
  return nodes.some(({ phase }) => phase !== 'InSync');
}

function wakeOf({ pods }: Observed, rollout: RolloutPlan, members: MemberPlan, isBusy: boolean): number {
  // Without pods that have an address there is nobody to ask: what changes is heard, but for the times that a start may take.
  if (pods.every(({ status, silentMs }) => status === undefined && silentMs === 0)) {
    const left = pods.flatMap(({ ageMs, behindMs }) => [STARTING_MS - ageMs, HEALTHY_MS - behindMs + 1]);
    return Math.min(IDLE_MS, ...left.filter((milliseconds) => milliseconds > 0));
  }
  if (members.trouble) return CALM_MS / 2;
  return Math.min(isBusy ? BUSY_MS : CALM_MS, rollout.wakeMs ?? Infinity);
}

/** A condition that changed is told once. */
function noticesOf({ cluster }: Observed, { conditions = [] }: Plan['status']): Notice[] {
  return conditions.flatMap(({ type, status, reason, message }): Notice[] => {
    const before = cluster.status?.conditions?.find((condition) => condition.type === type);
    const isNews = before === undefined ? status === 'True' && type !== 'Progressing' : before.status !== status;
    if (!isNews || type === 'Progressing' || type === 'InSync') return [];
    const isBad = (type === 'Degraded') === (status === 'True') && type !== 'Paused';
    return [{ type: isBad ? 'Warning' : 'Normal', reason: 'ConditionChanged', note: `${type}: ${reason}: ${message}` }];
  });
}
