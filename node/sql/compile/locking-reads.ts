/** What a locking clause means in a SELECT: the rows to lock, and those to pass over. */
import type { TableDef } from '../catalog/index.ts';
import type { Locking } from '../parser/index.ts';
import { SqlError } from '../types/index.ts';
import { signatureName } from './call.ts';
import type { Compiler } from './compiler.ts';
import type { SqlFunction } from './plan.ts';
import type { Scope } from './scope.ts';

interface LockedTable {
  readonly table: TableDef;
  /** Its rowid, as SQLite's expression. */
  readonly rowid: string;
  readonly strength: Locking['strength'];
  readonly wait: Locking['wait'];
}

/** Each table that locking clauses mean, with its own one. Throws 3568, 3569. */
function lockedTables(c: Compiler, scope: Scope, clauses: readonly Locking[]): LockedTable[] {
  const taken = new Map<string, Locking>();
  const { relations } = scope;
  for (const clause of clauses) {
    for (const alias of clause.tables?.map(({ name }) => name) ?? relations.map((r) => r.alias)) {
      if (!relations.some((r) => r.alias === alias))
        throw new SqlError(3568, 'HY000', `Unresolved table name \`${alias}\` in locking clause.`);
      if (taken.has(alias)) {
        const name = clause.tables ? `\`${alias}\`` : alias;
        throw new SqlError(3569, 'HY000', `Table ${name} appears in multiple locking clauses.`);
      }
      taken.set(alias, clause);
    }
  }
  return relations.flatMap(({ alias, rowid }) => {
    const clause = taken.get(alias);
    const use = rowid === undefined ? undefined : c.tables.find((t) => rowid.startsWith(`${t.alias}.`));
    if (!clause || !use || rowid === undefined) return [];
    return [{ table: use.table, rowid, strength: clause.strength, wait: clause.wait }];
  });
}

/** Rowids of the tables of a locking read, as further outputs. */
export function lockedRowids(c: Compiler, scope: Scope, clauses: readonly Locking[], first: number): string[] {
  const locked = lockedTables(c, scope, clauses);
  c.rowidOutputs = locked.map(({ table, strength, wait }, i) => ({ table, strength, wait, output: first + i }));
  return locked.map(({ rowid }) => rowid);
}

/** SKIP LOCKED: what others hold is not there, for LIMIT neither. */
export function notHeld(c: Compiler, scope: Scope, clauses: readonly Locking[]): string[] {
  if (!clauses.some(({ wait }) => wait === 'skipLocked')) return [];
  return lockedTables(c, scope, clauses).flatMap(({ table, rowid, strength, wait }) =>
    wait === 'skipLocked' ? [`NOT ${c.use(isHeld(strength))}(${table.id},${rowid})`] : [],
  );
}

const isHeld = (strength: Locking['strength']): SqlFunction => ({
  kind: 'scalar',
  name: signatureName(`held(${strength})`),
  arity: 2,
  deterministic: false,
  make: (x) => (table, rowid) =>
    rowid !== null && x.session.isHeldByOthers(Number(table), rowid as number | bigint, strength) ? 1 : 0,
});
