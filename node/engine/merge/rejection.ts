/** Why a transaction is refused at its place in the order. */
import type { Met, Outcome, RejectReason } from '../../replica/index.ts';
import { SqlError, type TableDef } from '../../sql/index.ts';

/** Refuses the transaction. */
export class Rejection extends Error {
  readonly reason: RejectReason;
  readonly errno: number;
  readonly sqlState: string;

  constructor(reason: RejectReason, errno: number, sqlState: string, message: string) {
    super(message);
    this.reason = reason;
    this.errno = errno;
    this.sqlState = sqlState;
  }
}

export const changed = (place: number): Rejection =>
  new Rejection(
    'certification',
    1213,
    '40001',
    `Deadlock found when trying to get lock; try restarting transaction (what it read of table ${place} was changed by another one)`,
  );

export const misfit = ({ database, name }: TableDef): Rejection =>
  new Rejection('data', 1366, 'HY000', `Incorrect value for a column of '${database}.${name}'`);

const REASONS: Readonly<Record<number, RejectReason>> = {
  1062: 'duplicate-key',
  1451: 'foreign-key',
  1452: 'foreign-key',
  3819: 'check',
};

/** What an error makes of a transaction; others than these pass through. */
export function rejectedBy(error: unknown, met: () => Met): Outcome {
  if (!(error instanceof Rejection) && !(error instanceof SqlError)) throw error;
  const { errno, sqlState, message } = error;
  const reason = error instanceof Rejection ? error.reason : (REASONS[errno] ?? 'data');
  return { kind: 'rejected', reason, errno, sqlState, message, met: met() };
}
