/** Conditions by the conventions of Kubernetes: the time is that of the last change of the status. */
import type { ClusterStatus } from '../api/index.ts';

export type Condition = NonNullable<ClusterStatus['conditions']>[number];

export interface Statement {
  readonly type: string;
  readonly status: boolean | undefined;
  readonly reason: string;
  readonly message: string;
}

export function conditionsOf(
  before: readonly Condition[] | undefined,
  statements: readonly Statement[],
  generation: number,
  now: number,
): Condition[] {
  return statements.map(({ type, status: holds, reason, message }) => {
    const old = before?.find((condition) => condition.type === type);
    const status = holds === undefined ? 'Unknown' : holds ? 'True' : 'False';
    return {
      type,
      status,
      reason,
      message,
      observedGeneration: generation,
      lastTransitionTime:
        old?.status === status ? old.lastTransitionTime : `${new Date(now).toISOString().slice(0, 19)}Z`,
    };
  });
}
