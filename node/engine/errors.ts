/** What a client is told of an error: MySQL's number, SQLSTATE and words. */
import { StoppedError } from '../replica/index.ts';
import { ProtocolError } from '../server/index.ts';
import { SqlError } from '../sql/index.ts';
import { DiskFullError } from '../store/index.ts';

export interface ClientError {
  readonly errno: number;
  readonly sqlState: string;
  readonly message: string;
}

/** `onInternal` hears of what should not happen. */
export function clientErrorOf(error: unknown, onInternal: (error: Error) => void): ClientError {
  if (error instanceof SqlError || error instanceof ProtocolError)
    return { errno: error.errno, sqlState: error.sqlState, message: error.message };
  if (error instanceof DiskFullError)
    return { errno: 1021, sqlState: 'HY000', message: 'Disk full; waiting for someone to free some space...' };
  if (error instanceof StoppedError) return { errno: 1053, sqlState: '08S01', message: 'Server shutdown in progress' };
  const { message } = error as Error;
  if (/parser stack overflow|Expression tree is too large/.test(message))
    return { errno: 1436, sqlState: 'HY000', message: 'Thread stack overrun: the expression is nested too deeply' };
  const known = SQLITE_ERRORS.find(([pattern]) => pattern.test(message));
  if (known) return { errno: known[1], sqlState: known[2], message: known[3] };
  onInternal(error as Error);
  return { errno: 1105, sqlState: 'HY000', message: `Internal error: ${message}` };
}

/** What SQLite refuses of its own accord, in MySQL's words. */
const SQLITE_ERRORS: readonly (readonly [pattern: RegExp, errno: number, sqlState: string, message: string])[] = [
  [
    /circular reference|multiple recursive references|multiple references to recursive table/,
    3577,
    'HY000',
    'In recursive query block of Recursive Common Table Expression, the recursive table must be referenced only once, and not in any subquery',
  ],
  [
    /recursive aggregate queries not supported/,
    3575,
    'HY000',
    'Recursive Common Table Expression can contain neither aggregation nor window functions in recursive query block',
  ],
  [
    /unsupported frame specification/,
    3586,
    'HY000',
    'Window: frame start or end is negative, NULL or of non-integral type',
  ],
  [/argument of ntile|argument to nth_value/, 1210, 'HY000', 'Incorrect arguments to window function'],
  [
    /do not have the same number of result columns/,
    1222,
    '21000',
    'The used SELECT statements have a different number of columns',
  ],
  [/too many columns/, 1117, 'HY000', 'Too many columns'],
];
