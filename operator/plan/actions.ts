/** What a plan may ask for. Each is safe to be done twice, and to be cut off. */
import type { ClusterStatus } from '../api/index.ts';
import type { KubeObject } from '../specs/index.ts';

export type SecretKind = 'keys' | 'root' | 'certificate';

export type Action =
  /** Server-side apply. */
  | { readonly kind: 'apply'; readonly object: KubeObject }
  /** Makes a Secret of random content where there is none; a certificate also where it ends soon. */
  | { readonly kind: 'make-secret'; readonly secret: SecretKind }
  | { readonly kind: 'delete-pod'; readonly pod: string; readonly uid: string }
  | { readonly kind: 'delete'; readonly object: KubeObject }
  | { readonly kind: 'grow-claim'; readonly claim: string; readonly size: string }
  /** A node that waits becomes the first member. */
  | { readonly kind: 'found'; readonly pod: string }
  /** A node that waits joins by the token of a cluster elsewhere. */
  | { readonly kind: 'join-elsewhere'; readonly pod: string }
  /** A node that waits joins by a token that another one makes. */
  | { readonly kind: 'join'; readonly pod: string; readonly through: string }
  /** By one change: in between, an even number of voters would bear less. */
  | {
      readonly kind: 'set-voters';
      readonly members: readonly string[];
      readonly voter: boolean;
      readonly through: string;
    }
  | { readonly kind: 'remove-member'; readonly member: string; readonly id: string; readonly through: string }
  /** Its clients go elsewhere. */
  | { readonly kind: 'drain'; readonly pod: string; readonly id: string }
  /** A node that was removed sets its data aside and begins anew. */
  | { readonly kind: 'leave'; readonly pod: string; readonly id: string }
  /** A member of a group that is given up begins a new one with its data. */
  | {
      readonly kind: 'recover';
      readonly pod: string;
      readonly id: string;
      readonly founder: string;
      readonly leave: readonly string[];
    }
  | { readonly kind: 'set-global'; readonly pod: string; readonly variable: string; readonly value: string | number };

/** Constant words, for programs that look for events. */
export type EventReason =
  | 'GroupFounded'
  | 'MemberJoined'
  | 'MemberRemoved'
  | 'VoterAdded'
  | 'VoterRemoved'
  | 'VolumeLost'
  | 'RestartingPod'
  | 'DrainingMember'
  | 'DataSetAside'
  | 'RecoveryOrdered'
  | 'GroupReplaced'
  | 'ClaimDeleted'
  | 'ClaimGrown'
  | 'SettingApplied'
  | 'CertificateIssued'
  | 'StatementDone'
  | 'ConditionChanged'
  | 'ActionFailed';

export interface Notice {
  readonly type: 'Normal' | 'Warning';
  readonly reason: EventReason;
  readonly note: string;
}

export interface Plan {
  /** In their order; the first that fails ends the round. */
  readonly actions: readonly Action[];
  readonly status: ClusterStatus;
  readonly notices: readonly Notice[];
  /** When to look again, although nothing was heard. */
  readonly wakeMs: number;
}

/** What is told of an action that was done; undefined for what is told by nobody. */
export function noticeOf(action: Action): Notice | undefined {
  const normal = (reason: EventReason, note: string): Notice => ({ type: 'Normal', reason, note });
  switch (action.kind) {
    case 'found':
      return normal('GroupFounded', `${action.pod} founded the group`);
    case 'join':
      return normal('MemberJoined', `${action.pod} joined through ${action.through}`);
    case 'join-elsewhere':
      return normal('MemberJoined', `${action.pod} joined the cluster that the token is of`);
    case 'set-voters':
      return action.voter
        ? normal('VoterAdded', `taking part in decisions: ${action.members.join(', ')}`)
        : normal('VoterRemoved', `taking part in decisions no more: ${action.members.join(', ')}`);
    case 'remove-member':
      return normal('MemberRemoved', `${action.member} is no member any more`);
    case 'drain':
      return normal('DrainingMember', `clients of ${action.pod} are sent to other nodes, for it is to leave`);
    case 'leave':
      return normal('DataSetAside', `${action.pod} set the data of a member aside that was removed, and begins anew`);
    case 'recover':
      return {
        type: 'Warning',
        reason: 'RecoveryOrdered',
        note: `${action.pod} is to begin a new group with its data: that of ${action.founder} is given up`,
      };
    case 'delete-pod':
      return normal('RestartingPod', `${action.pod} is restarted for its new template`);
    case 'delete':
      return action.object.kind === 'PersistentVolumeClaim'
        ? normal('ClaimDeleted', `${action.object.metadata.name} is deleted, for its member left`)
        : undefined;
    case 'grow-claim':
      return normal('ClaimGrown', `${action.claim} is asked to grow to ${action.size}`);
    case 'set-global':
      return normal('SettingApplied', `${action.pod}: ${action.variable} = ${action.value}`);
    case 'make-secret':
      return action.secret === 'certificate'
        ? normal('CertificateIssued', 'the nodes get a new certificate')
        : undefined;
    case 'apply':
      return undefined;
  }
}
