/** Which databases a statement is about: a database's tables lie in one replication group, and this node may not host it. */
import type { Statement, UserVariable } from '../sql/index.ts';

/** Accounts, databases and settings of the cluster lie in the group that every node hosts. */
const OF_ALL: ReadonlySet<Statement['kind']> = new Set([
  'createDatabase',
  'alterDatabase',
  'dropDatabase',
  'createUser',
  'alterUser',
  'dropUser',
  'createRole',
  'dropRole',
  'renameUser',
  'grant',
  'revoke',
  'setPassword',
  'setDefaultRole',
  'resetPersist',
]);

/** What of one node is meant: that which the client is connected to. */
const OF_NODE: ReadonlySet<Statement['kind']> = new Set(['kill', 'flush', 'shutdown', 'restart']);

/** SHOW … without a name is about the database in use. */
const OF_DATABASE: ReadonlySet<string> = new Set(['tables', 'tableStatus', 'openTables', 'triggers', 'events']);

/** Relations of all groups, or of none. */
const SYSTEM = new Set(['information_schema', 'performance_schema', 'mysql', 'sys']);

/** Of the node that the client is connected to, unless something else is asked for, too. */
const OF_NODE_FIRST = 'p2pdb';

export type About =
  /** What all nodes host. `names`: databases whose tables it looks at. */
  | { readonly kind: 'all'; readonly names: ReadonlySet<string> }
  | { readonly kind: 'node' }
  /** Names of databases; none where the statement looks at no table. */
  | { readonly kind: 'databases'; readonly names: ReadonlySet<string> };

/** What a session knows that a statement alone does not say. */
export interface Scope {
  /** The database in use, or ''. */
  readonly database: string;
  /** Statement of PREPARE, by name. */
  prepared(name: string): Statement | undefined;
  /** Statement that PREPARE's source holds; undefined where it holds none. */
  parse(source: string | UserVariable): Statement | undefined;
}

export function aboutOf(statement: Statement, scope: Scope): About {
  if (OF_ALL.has(statement.kind)) return { kind: 'all', names: grantedOn(statement, scope.database) };
  if (OF_NODE.has(statement.kind) && !namesTables(statement)) return { kind: 'node' };
  if (statement.kind === 'set' && statement.items.some(isGlobal)) return { kind: 'node' };
  const inner =
    statement.kind === 'execute'
      ? scope.prepared(statement.name.toLowerCase())
      : statement.kind === 'prepare'
        ? scope.parse(statement.source)
        : undefined;
  if (inner) return aboutOf(inner, scope);
  const found = new Names(scope.database);
  if (statement.kind === 'show' && statement.from !== undefined) found.add(statement.from);
  else if (statement.kind === 'show' && OF_DATABASE.has(statement.subject)) found.add(scope.database);
  else found.visit(statement);
  if (found.names.size > 1) found.names.delete(OF_NODE_FIRST);
  return { kind: 'databases', names: found.names };
}

/** Of GRANT on a table, or on columns: the table must be there. */
function grantedOn(statement: Statement, database: string): ReadonlySet<string> {
  const found = new Names(database);
  if ((statement.kind === 'grant' || statement.kind === 'revoke') && 'target' in statement.what) {
    const { target } = statement.what;
    if (target?.type === 'table' && target.name !== '*' && target.schema !== '*') found.add(target.schema ?? database);
  }
  return found.names;
}

const namesTables = (statement: Statement): boolean => statement.kind === 'flush' && statement.tables.length > 0;

const isGlobal = (item: Extract<Statement, { kind: 'set' }>['items'][number]): boolean =>
  item.kind === 'variable' && item.variable.scope !== undefined && item.variable.scope !== 'session';

/** Every table that a tree names has a database, written or in use. */
class Names {
  readonly names = new Set<string>();
  private readonly current: string;
  /** Names that stand for queries, not for tables. */
  private readonly queries = new Set<string>();

  constructor(current: string) {
    this.current = current;
  }

  add(database: string): void {
    if (database !== '' && !SYSTEM.has(database.toLowerCase())) this.names.add(database);
  }

  visit(node: unknown): void {
    if (Array.isArray(node)) for (const item of node) this.visit(item);
    else if (typeof node === 'object' && node !== null && !ArrayBuffer.isView(node)) this.visitNode(node);
  }

  private visitNode(node: object & { kind?: unknown; with?: unknown }): void {
    // What follows WITH may name its queries, and they one another.
    const { kind } = node;
    if (kind === 'with')
      for (const { name } of (node as { tables: { name: string }[] }).tables) this.queries.add(name.toLowerCase());
    if (node.with !== undefined) this.visit(node.with);
    if (kind === 'name' || kind === 'table') {
      const { schema, name } = node as { schema: string | undefined; name: string };
      if (schema !== undefined) this.add(schema);
      else if (!this.queries.has(name.toLowerCase())) this.add(this.current);
    }
    for (const [key, value] of Object.entries(node)) {
      if (key === 'with' || typeof value !== 'object') continue;
      // Of a DELETE from several tables, and of FOR UPDATE OF: aliases of what is named elsewhere.
      if (key === 'targets' && kind === 'delete' && (node as { from?: unknown }).from !== undefined) continue;
      if (key === 'tables' && 'strength' in node) continue;
      this.visit(value);
    }
  }
}
