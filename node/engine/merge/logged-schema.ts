/** A schema change as the log has it: JSON that any member can have written. */
import type { CatalogChange } from '../../sql/index.ts';
import type { LoggedSchema } from './write-set.ts';

/** What each kind of step brings, and what that is in JSON. */
const BRINGS: Readonly<Record<CatalogChange['kind'], readonly [field: string, type: 'object' | 'number' | 'string']>> =
  {
    'put-database': ['database', 'object'],
    'drop-database': ['name', 'string'],
    'put-table': ['table', 'object'],
    'drop-table': ['id', 'number'],
    'truncate-table': ['id', 'number'],
    'auto-increment': ['id', 'number'],
    'put-rows': ['rows', 'object'],
    'put-conflicts': ['conflicts', 'object'],
    'put-view': ['view', 'object'],
    'drop-view': ['database', 'string'],
    'put-account': ['account', 'object'],
    'drop-account': ['user', 'string'],
    'put-member': ['member', 'object'],
    'put-token': ['token', 'object'],
    'drop-token': ['hash', 'string'],
    'end-author': ['ended', 'object'],
    'rescue-author': ['rescued', 'object'],
    'drop-conflict': ['tx', 'string'],
    'set-global': ['name', 'string'],
  };

function isStep(step: unknown): boolean {
  if (typeof step !== 'object' || step === null) return false;
  const { kind } = step as Partial<CatalogChange>;
  if (typeof kind !== 'string' || !Object.hasOwn(BRINGS, kind)) return false;
  const [field, type] = BRINGS[kind];
  const value = (step as Record<string, unknown>)[field];
  return typeof value === type && value !== null;
}

/** Undefined where it is none. What the definitions in it say is believed, as all that a member writes. */
export function readSchema(change: string): LoggedSchema | undefined {
  let logged: Partial<LoggedSchema> | null;
  try {
    logged = JSON.parse(change) as typeof logged;
  } catch {
    return undefined;
  }
  const { changes, strict } = logged ?? {};
  return Array.isArray(changes) && changes.every(isStep) ? { changes, strict: strict === true } : undefined;
}
