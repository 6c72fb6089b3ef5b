/** What the manifest's status says. */
import { type ClusterStatus, type NodeReport, type Phase, votersOf } from '../api/index.ts';
import { namesOf, selectorOf } from '../specs/index.ts';
import type { CertificateView } from './certificate.ts';
import { conditionsOf, type Statement } from './conditions.ts';
import { answeringVoters, type Group, heightOf, type Node } from './group.ts';
import type { MemberPlan } from './members.ts';
import type { Observed } from './observed.ts';
import { successorOf } from './recovery.ts';
import type { RolloutPlan } from './rollout.ts';

export interface Findings {
  readonly group: Group;
  readonly rollout: RolloutPlan;
  readonly trouble: MemberPlan['trouble'] | CertificateView['trouble'];
  /** Undefined where no issuer is named. */
  readonly certificate: CertificateView | undefined;
  /** What is wrong with the manifest. */
  readonly fault: string | undefined;
  readonly image: string;
  /** Something is still to be done. */
  readonly isBusy: boolean;
}

export function statusOf(observed: Observed, findings: Findings): ClusterStatus {
  const { cluster, pods, objects, now } = observed;
  const { group, image, certificate } = findings;
  const { metadata, spec, status: before } = cluster;
  const { nodes } = group;
  const inSync = nodes.filter(({ phase }) => phase === 'InSync').length;
  // Who still joins has its part in the lag, not in what is final everywhere.
  const heights = nodes.flatMap(({ status, phase }) => (phase === 'InSync' ? [heightOf(status)] : []));
  const versions = nodes.flatMap(({ status }) => (status?.version === undefined ? [] : [status.version]));
  const statements = statementsOf(observed, findings, inSync);
  const own = objects.get(`Secret/${namesOf(metadata.name).certificate}`)?.metadata.annotations?.['p2pdb.io/expires'];
  const expires = certificate === undefined ? own : certificate.expires;
  const founder = founderOf(observed);
  const predecessor = founder === group.founder ? group.predecessor : successorOf(observed)?.predecessor?.founder;
  return {
    observedGeneration: metadata.generation ?? 0,
    phase: phaseOf(observed, findings, inSync),
    ...(founder !== undefined && { founder }),
    ...(predecessor !== undefined && { predecessor }),
    replicas: pods.length,
    readyReplicas: pods.filter(({ isReady }) => isReady).length,
    members: `${inSync}/${spec.replicas}`,
    voters: group.members.filter(({ voter }) => voter).length,
    ...(group.leader !== undefined && { leader: group.leader }),
    ...(inSync > 0 && { lagEntries: Math.max(...nodes.map(lagOf)) }),
    ...(heights.length > 0 && { finalHeight: Math.min(...heights) }),
    ...(versions.length > 0 && { version: versions.sort(byVersion)[0] as string }),
    image,
    selector: Object.entries(selectorOf(metadata.name))
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    ...(expires !== undefined && { certificateExpires: expires }),
    nodes: nodes.map(reportOf),
    conditions: conditionsOf(before?.conditions, statements, metadata.generation ?? 0, now),
  };
}

/** Written once, and changed only when the group was given up by order. */
function founderOf(observed: Observed): string | undefined {
  const { cluster, pods } = observed;
  const { founder } = cluster.status ?? {};
  const given = pods.map(({ status }) => status?.predecessor?.founder);
  const seen = pods
    .map(({ status }) => status?.founder)
    .find((other) => other !== undefined && other !== founder && !given.includes(other));
  if (founder === undefined) return seen;
  if (cluster.spec.recovery?.abandonGroup === founder) return seen ?? founder;
  return successorOf(observed)?.founder ?? founder;
}

function reportOf({ name, phase, status, member, behindMs }: Node): NodeReport {
  const lag = lagOf({ status, member });
  return {
    name,
    phase,
    ...(status && { id: status.id }),
    ...(member && {
      voter: member.voter,
      lagEntries: lag,
      lagSeconds: phase === 'InSync' ? 0 : Math.round(behindMs / 1000),
    }),
    ...(status?.final && { finalHeight: heightOf(status) }),
  };
}

const lagOf = ({ status, member }: Pick<Node, 'status' | 'member'>): number =>
  Math.max(status?.lag?.entries ?? 0, member?.lagEntries ?? 0);

const byVersion = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

function phaseOf(observed: Observed, findings: Findings, inSync: number): Phase {
  const { cluster, pods } = observed;
  const { group, rollout, trouble, fault, isBusy } = findings;
  const { replicas, paused } = cluster.spec;
  if (cluster.metadata.deletionTimestamp !== undefined) return 'Deleting';
  if (fault !== undefined || trouble || rollout.stuck !== undefined) return 'Degraded';
  if (paused) return 'Paused';
  if (pods.length === 0) return 'Pending';
  if (group.founder === undefined || !(wasReady(cluster) || isWhole(observed, findings, inSync))) return 'Forming';
  if (group.speaker === undefined) return 'Degraded';
  if (pods.length !== replicas || group.members.length !== replicas) return 'Scaling';
  // Who does not vote yet has just come.
  const late = group.nodes.filter(({ phase: node }) => node !== 'InSync');
  if (late.length > 0 && late.every(({ member }) => member?.voter === false)) return 'Scaling';
  if (rollout.outdated.length > 0) return 'Updating';
  return inSync === replicas && !isBusy && !findings.certificate?.isMissing
    ? 'Running'
    : inSync === replicas
      ? 'Updating'
      : 'Degraded';
}

/** All that were asked for are there, and as many of them vote. */
function isWhole({ cluster, pods }: Observed, { group }: Findings, inSync: number): boolean {
  const { replicas } = cluster.spec;
  const ready = pods.filter(({ isReady }) => isReady).length;
  const voters = group.members.filter(({ voter }) => voter).length;
  return inSync >= replicas && ready >= replicas && voters >= votersOf(cluster.spec);
}

/** Clients were served once. */
const wasReady = ({ status }: Observed['cluster']): boolean =>
  status?.conditions?.some(
    ({ type, status: holds, reason }) => type === 'Ready' && (holds === 'True' || reason !== 'Forming'),
  ) ?? false;

function statementsOf(observed: Observed, findings: Findings, inSync: number): Statement[] {
  const { cluster, pods } = observed;
  const { group, trouble, fault } = findings;
  const { replicas, paused } = cluster.spec;
  const ready = pods.filter(({ isReady }) => isReady).length;
  const isFormed = group.founder !== undefined;
  const answering = answeringVoters(observed, group);
  // A member that lags serves as well: under load, or while one is restarted, that comes and goes.
  const served = wasReady(cluster) ? answering.isMajority && ready > 0 : isWhole(observed, findings, inSync);
  const behind = group.nodes.filter(({ phase }) => phase !== 'InSync').map(({ name, phase }) => `${name} is ${phase}`);
  const degraded = degradedBy(findings);
  return [
    served
      ? { type: 'Ready', status: true, reason: 'Serving', message: `${inSync} of ${replicas} members are in sync` }
      : {
          type: 'Ready',
          status: false,
          reason: wasReady(cluster) ? 'TooFewAnswer' : 'Forming',
          message: wasReady(cluster) ? answering.text : `${inSync} of ${replicas} members are in sync`,
        },
    {
      type: 'InSync',
      status: isFormed && inSync >= replicas,
      reason: isFormed && inSync >= replicas ? 'AllInSync' : 'MembersBehind',
      message: behind.length === 0 ? 'every member has what the others have' : behind.join(', '),
    },
    { type: 'Progressing', ...progressOf(findings) },
    degraded === undefined && fault === undefined && trouble === undefined
      ? { type: 'Degraded', status: false, reason: 'Healthy', message: 'nothing needs a person' }
      : { type: 'Degraded', status: true, ...(degraded as { reason: string; message: string }) },
    {
      type: 'Paused',
      status: paused,
      reason: paused ? 'AskedFor' : 'NotAskedFor',
      message: paused ? 'spec.paused is true: nothing is changed' : 'the operator works',
    },
  ];
}

function progressOf({ rollout, certificate, isBusy }: Findings): Omit<Statement, 'type'> {
  if (certificate?.isMissing)
    return {
      status: true,
      reason: 'WaitingForCertificate',
      message: `cert-manager is to make the Secret ${certificate.secret}`,
    };
  if (rollout.waits === 'window')
    return {
      status: false,
      reason: 'WaitingForWindow',
      message: `${rollout.outdated.join(', ')} are restarted when the maintenance window opens`,
    };
  return isBusy
    ? { status: true, reason: 'Reconciling', message: 'the cluster is brought to what its manifest says' }
    : { status: false, reason: 'AsAsked', message: 'the cluster is what its manifest says' };
}

function degradedBy({ fault, trouble, rollout }: Findings): { reason: string; message: string } | undefined {
  if (fault !== undefined) return { reason: 'InvalidSpec', message: fault };
  if (trouble) return trouble;
  if (rollout.stuck !== undefined)
    return {
      reason: 'RolloutStuck',
      message: `${rollout.stuck} does not become healthy: the other pods keep what they have`,
    };
  return undefined;
}
