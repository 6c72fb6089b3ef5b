/** The compiler's entrance: a statement's tree in, a plan out. */
import type { Catalog } from '../catalog/index.ts';
import { SqlError } from '../types/index.ts';
import type { QueryExpression, Statement } from '../parser/index.ts';
import type { Binder, Bound } from './bound.ts';
import {
  Compiler,
  isSortKey,
  unsupported,
  type CompiledQuery,
  type CompilerParts,
  type CompileSettings,
} from './compiler.ts';
import { compileDelete, compileUpdate, textOf, type CompilerFactory } from './dml.ts';
import { compileExpr } from './expression.ts';
import { compileInsert } from './insert.ts';
import type { Plan, SelectPlan } from './plan.ts';
import { compileQuery } from './query.ts';
import { containsKind } from './walk.ts';

const PARTS: CompilerParts = { expr: compileExpr, query: compileQuery };

export interface Compiled {
  readonly plan: Plan;
  /** Slots whose value the plan holds for. */
  readonly pinned: ReadonlySet<number>;
}

/** `inlineLiterals`: for expressions whose literals are no slots of a statement (defaults, checks, generated columns). */
export function newCompiler(catalog: Catalog, settings: CompileSettings, inlineLiterals = false): Compiler {
  const compiler = new Compiler(catalog, settings, PARTS);
  compiler.inlineLiterals = inlineLiterals;
  return compiler;
}

/** Whether a statement is a query or a change of data: others have no plan. */
export function hasPlan({ kind }: Statement): boolean {
  return kind === 'query' || kind === 'insert' || kind === 'update' || kind === 'delete';
}

/** Compiles a query or a change of data; other statements have no plan. */
export function compileStatement(
  catalog: Catalog,
  settings: CompileSettings,
  statement: Statement,
): Compiled | undefined {
  const assigns = containsKind(statement, 'assignVariable');
  const fresh = (): Compiler => {
    const compiler = newCompiler(catalog, settings);
    compiler.assignsVariables = assigns;
    return compiler;
  };
  const c = fresh();
  const factory: CompilerFactory = { main: c, fresh };
  switch (statement.kind) {
    case 'query':
      return { plan: withLockingReads(factory, statement), pinned: c.pinned };
    case 'insert':
      return { plan: compileInsert(factory, statement), pinned: c.pinned };
    case 'update':
      return { plan: compileUpdate(factory, statement), pinned: c.pinned };
    case 'delete':
      return { plan: compileDelete(c, statement), pinned: c.pinned };
    default:
      return undefined;
  }
}

/** Where nothing but sorting calls our functions: what calls others, with what they warn of, is not to be done twice. */
function plainOf(c: Compiler, query: QueryExpression, { plain }: CompiledQuery): SelectPlan['plain'] {
  if (!plain || query.body.kind !== 'select' || query.with || c.volatile) return undefined;
  const text = textOf(c, plain.sql);
  return text.functions.every(isSortKey) ? { text, places: plain.places } : undefined;
}

/** The plan, and those of the locking reads within it. */
function withLockingReads(f: CompilerFactory, query: QueryExpression): SelectPlan {
  const { main } = f;
  const plan = compileSelectPlan(main, query);
  const within = main.lockingQueries.filter((one) => one !== query);
  if (within.length === 0) return plan;
  return { ...plan, within: within.map((one) => ({ plan: lockingRead(main, f.fresh(), one), query: one })) };
}

/** A query within another one, by itself. */
function lockingRead(main: Compiler, c: Compiler, query: QueryExpression): SelectPlan {
  try {
    return compileSelectPlan(c, query);
  } catch (error) {
    if (!(error instanceof SqlError) || (error.errno !== 1054 && error.errno !== 1146)) throw error;
    throw unsupported('a locking clause in a subquery that depends on what stands round it');
  } finally {
    for (const slot of c.pinned) main.pinned.add(slot);
  }
}

function compileSelectPlan(c: Compiler, query: QueryExpression): SelectPlan {
  const isLocking = query.locking.length > 0;
  if (isLocking) c.further = { rowids: true, columns: [] };
  const compiled = c.query(query);
  const body = query.body.kind === 'select' ? query.body : undefined;
  const text = textOf(c, compiled.sql);
  const { unlimited } = compiled;
  const count =
    body?.options.includes('sql_calc_found_rows') === true && unlimited
      ? // SQLite refuses those that its text does not have: the LIMIT's, which come last.
        textOf(c, `SELECT count(*) FROM (${unlimited.sql})`, c.binders.slice(0, unlimited.parameters))
      : undefined;
  return {
    kind: 'select',
    ...text,
    columns: compiled.columns.map(({ name, type, nullable, source }) => ({ name, type, nullable, source })),
    tables: c.tables,
    access: c.access,
    keyRange: c.tables.length === 1 ? c.keyRange : undefined,
    keyLookup: c.tables.length === 1 ? c.keyLookup : undefined,
    within: [],
    locking: isLocking
      ? { isShared: query.locking.every(({ strength }) => strength === 'share'), targets: c.rowidOutputs }
      : undefined,
    plain: plainOf(c, query, compiled),
    count,
    volatile: c.volatile,
    waits: c.waits.map(({ name, args }: { name: string; args: readonly Bound[] }) => ({
      name,
      args: args.map((a): Binder | undefined => a.bind),
    })),
  };
}
