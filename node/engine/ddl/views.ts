/** CREATE, ALTER and DROP VIEW. */
import {
  compileStatement,
  isSystemDatabase,
  parseStatement,
  print,
  qualifyNames,
  SqlError,
  type CatalogChange,
  type QueryExpression,
  type ViewDef,
} from '../../sql/index.ts';
import { ok, type StatementContext } from '../statement-context.ts';
import { apply, databaseOf, type SchemaStatement } from './apply.ts';
import { canonicalView } from './view-text.ts';
import { findVirtualTable } from '../virtual/index.ts';
import { isUpdatable } from '../virtual/view-usage.ts';

type Of<K extends string> = Extract<SchemaStatement, { kind: K }>;

export function createView(x: StatementContext, statement: Of<'createView' | 'alterView'>): Promise<void> | undefined {
  const { core } = x.session;
  const database = databaseOf(x, statement.name);
  const { name } = statement.name;
  const existing = core.catalog.view(database, name);
  if (core.catalog.table(database, name)) {
    throw statement.orReplace || statement.kind === 'alterView'
      ? new SqlError(1347, 'HY000', `'${database}.${name}' is not VIEW`)
      : new SqlError(1050, '42S01', `Table '${name}' already exists`);
  }
  if (statement.kind === 'alterView' && !existing)
    throw new SqlError(1146, '42S02', `Table '${database}.${name}' doesn't exist`);
  if (existing && statement.kind === 'createView' && !statement.orReplace) {
    if (!statement.ifNotExists) throw new SqlError(1050, '42S01', `Table '${name}' already exists`);
    core.env.warn('Note', 1050, `Table '${name}' already exists`);
    x.session.keepWarnings();
    return ok(x);
  }
  const compiled = compileStatement(
    core.catalog,
    core.compileSettings(x.session, x.text, new Map(), false),
    statement.query,
  );
  if (compiled?.plan.kind !== 'select') throw new Error('a query has a plan');
  if (compiled.plan.tables.some((t) => t.table.temporary))
    throw new SqlError(1352, 'HY000', `View's SELECT refers to a temporary table`);
  core.accounts.check(x.session, compiled.plan);
  const names = statement.columns ?? compiled.plan.columns.map((c) => c.name);
  if (names.length !== compiled.plan.columns.length) {
    throw new SqlError(
      1353,
      'HY000',
      'In definition of view, derived table or common table expression, SELECT list and column names list have different column counts',
    );
  }
  const twice = names.find((n, i) => names.findIndex((m) => m.toLowerCase() === n.toLowerCase()) !== i);
  if (twice !== undefined) throw new SqlError(1060, '42S21', `Duplicate column name '${twice}'`);
  const { definer } = statement;
  const view: ViewDef = {
    database,
    name,
    columns: names,
    select: selectText(x, statement.query),
    algorithm: (statement.algorithm?.toUpperCase() ?? 'UNDEFINED') as ViewDef['algorithm'],
    definer: definer?.kind === 'account' ? `${definer.user}@${definer.host}` : x.session.currentUser,
    security: statement.security === 'invoker' ? 'INVOKER' : 'DEFINER',
    checkOption:
      statement.checkOption === undefined ? 'NONE' : statement.checkOption === 'local' ? 'LOCAL' : 'CASCADED',
    collation: String(x.session.state.variables.get('collation_connection')),
  };
  if (view.checkOption !== 'NONE' && !isUpdatable(view))
    throw new SqlError(1368, 'HY000', `CHECK OPTION on non-updatable view '${database}.${name}'`);
  return apply(x, [{ kind: 'put-view', view }]);
}

/** The text that is kept of the SELECT; should the canonical one not mean the same, the one as it was written. */
function selectText(x: StatementContext, query: QueryExpression): string {
  const { core, database } = x.session;
  const columnsOf = (schema: string, name: string, all: boolean): readonly string[] | undefined => {
    const virtual = findVirtualTable(schema, name);
    if (virtual) return virtual.columns.map((c) => c.name);
    const table = core.catalog.table(schema, name);
    if (table) return table.columns.filter((c) => !c.hidden && (all || !c.invisible)).map((c) => c.name);
    return core.catalog.view(schema, name)?.columns;
  };
  const plain = print(qualifyNames(query, database));
  try {
    const text = print(canonicalView(query, x.text, database, columnsOf));
    const columns = (select: string): number | undefined => {
      const compiled = compileStatement(
        core.catalog,
        core.compileSettings(x.session, select, new Map(), false),
        parseStatement(select).statement,
      );
      return compiled?.plan.kind === 'select' ? compiled.plan.columns.length : undefined;
    };
    return columns(text) === columns(plain) ? text : plain;
  } catch (error) {
    if (error instanceof SqlError) return plain;
    throw error;
  }
}

export function dropViews(x: StatementContext, statement: Of<'dropView'>): Promise<void> | undefined {
  const { core } = x.session;
  const changes: CatalogChange[] = [];
  const missing: string[] = [];
  for (const name of statement.names) {
    const database = name.schema ?? x.session.database;
    if (database === '') throw new SqlError(1046, '3D000', 'No database selected');
    if (core.catalog.table(database, name.name))
      throw new SqlError(1347, 'HY000', `'${database}.${name.name}' is not VIEW`);
    if (core.catalog.view(database, name.name) && !isSystemDatabase(database))
      changes.push({ kind: 'drop-view', database, name: name.name });
    else missing.push(`${database}.${name.name}`);
  }
  if (missing.length > 0) {
    if (!statement.ifExists) throw new SqlError(1051, '42S02', `Unknown table '${missing.join(',')}'`);
    for (const name of missing) core.env.warn('Note', 1051, `Unknown table '${name}'`);
  }
  if (changes.length === 0) {
    x.session.keepWarnings();
    return ok(x);
  }
  return apply(x, changes);
}
