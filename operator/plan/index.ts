/** The decisions of the operator, pure: see ../DESIGN.md. */
export { type Action, type EventReason, type Notice, noticeOf, type Plan, type SecretKind } from './actions.ts';
export { conditionsOf, type Condition } from './conditions.ts';
export { differs, stamped } from './differs.ts';
export { ordinalOf } from './group.ts';
export type { MemberSeen, NodeStatus, Observed, PodSeen, Settings } from './observed.ts';
export { plan } from './plan.ts';
