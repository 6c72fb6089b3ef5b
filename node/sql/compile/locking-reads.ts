/** What a locking clause means in a SELECT: the rows to lock, and those to pass over. */
import type { TableDef } from '../catalog/index.ts';
import type { Locking } from '../parser/index.ts';
import { SqlError } from '../types/index.ts';
import { signatureName } from './call.ts';
import type { Compiler } from './compiler.ts';
import type { SqlFunction } from './plan.ts';
import type { Scope } from './scope.ts';

/** Rowids of the tables that a locking clause means, as SQLite's expressions. Throws 3568. */
function rowidsOf(
  c: Compiler,
  scope: Scope,
  tables: Locking['tables'],
): { readonly table: TableDef; readonly rowid: string }[] {
  const isNamed = (alias: string): boolean => tables?.some(({ name }) => name === alias) !== false;
  const unknown = tables?.find(({ name }) => !scope.relations.some(({ alias }) => alias === name));
  if (unknown) throw new SqlError(3568, 'HY000', `Unresolved table name \`${unknown.name}\` in locking clause.`);
  return scope.relations.flatMap(({ alias, rowid }) => {
    const use = rowid === undefined ? undefined : c.tables.find((t) => rowid.startsWith(`${t.alias}.`));
    return use && rowid !== undefined && isNamed(alias) ? [{ table: use.table, rowid }] : [];
  });
}

/** Rowids of the tables of a locking read, as further outputs. */
export function lockedRowids(c: Compiler, scope: Scope, locking: Locking | undefined, first: number): string[] {
  const rowids = rowidsOf(c, scope, locking?.tables);
  c.rowidOutputs = rowids.map(({ table }, i) => ({ table, output: first + i }));
  return rowids.map(({ rowid }) => rowid);
}

/** SKIP LOCKED: what others hold is not there, for LIMIT neither. */
export function notHeld(c: Compiler, scope: Scope, locking: Locking): string[] {
  const { strength } = locking;
  const fn: SqlFunction = {
    kind: 'scalar',
    name: signatureName(`held(${strength})`),
    arity: 2,
    deterministic: false,
    make: (x) => (table, rowid) => {
      const isHeld = rowid !== null && x.session.isHeldByOthers(Number(table), rowid as number | bigint, strength);
      return isHeld ? 1 : 0;
    },
  };
  return rowidsOf(c, scope, locking.tables).map(({ table, rowid }) => `NOT ${c.use(fn)}(${table.id},${rowid})`);
}
