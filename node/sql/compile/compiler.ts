/** The state of compiling one statement: parameters, functions, tables, privileges, and what makes a plan unfit for keeping. */
import { sortKeySql, type Catalog, type TableDef, type ViewDef } from '../catalog/index.ts';
import type { TypeEnv } from '../functions/index.ts';
import type { ColumnRef, Expr, Locking, QueryExpression } from '../parser/index.ts';
import { sortKey } from '../values/index.ts';
import { isBinaryCollation } from '../values/index.ts';
import { SqlError, type SqlType } from '../types/index.ts';
import type { Binder, Bound, ColumnSource } from './bound.ts';
import type { Access, KeyLookup, KeyRange, LockTarget, SqlFunction, TableUse, ViewUse } from './plan.ts';
import type { Relation, RelationColumn, Scope } from './scope.ts';

/** What of a session decides how a statement compiles; part of a plan's key. */
export interface CompileSettings {
  /** Database in use, or ''. */
  readonly database: string;
  readonly collation: string;
  readonly onlyFullGroupBy: boolean;
  /** Whether TIMESTAMP columns need a conversion from UTC. */
  readonly timeZoneIsUtc: boolean;
  /** Types of placeholders by slot. */
  readonly slotTypes: ReadonlyMap<number, SqlType>;
  /** Type of a system variable, or undefined when there is none of that name. */
  systemVariable(name: string): SqlType | undefined;
  userVariableType(name: string): SqlType | undefined;
  /** A relation of the engine: information_schema, performance_schema, mysql, p2pdb. */
  virtualTable(database: string, name: string): VirtualTable | undefined;
  /** This session's temporary table of that name. */
  temporaryTable(database: string, name: string): TableDef | undefined;
  /** The table that the statement changes, where it is found by no name. */
  readonly target?: TableDef;
  parseView(view: ViewDef): { readonly query: QueryExpression; readonly text: string };
  /** DEFAULT(column) */
  columnDefault(c: Compiler, bound: Bound): Bound;
  /** Text of the statement, for the names of columns. */
  readonly text: string;
  readonly typeEnv: TypeEnv;
  /** Tables that the statement must see otherwise than as they lie in SQLite: see engine/overlay. */
  overlaid(table: TableDef): boolean;
  /** Throws when the account may not even know whether there is such a table. */
  mayName?(privilege: Access['privilege'], database: string, table: string): void;
  /** Throws: nobody may change rows of a relation of the engine. */
  mayNotChange?(privilege: Access['privilege'], database: string, table: string): void;
  /** Joins call a function for each row, so that the thread that runs them can be ended. */
  readonly interruptible: boolean;
}

export interface VirtualTable {
  readonly name: string;
  readonly columns: readonly {
    readonly name: string;
    readonly type: SqlType;
    readonly nullable: boolean;
    /** The type in a join, where another collation lets SQLite index the rows. */
    readonly joinType?: SqlType;
  }[];
}

/** A query as SQLite's text; its columns are called f0, f1, … */
export interface CompiledQuery {
  readonly sql: string;
  readonly columns: readonly CompiledColumn[];
  readonly atMostOneRow: boolean;
  /** The text without its LIMIT, and how many parameters it has, for SQL_CALC_FOUND_ROWS. */
  readonly unlimited?: { readonly sql: string; readonly parameters: number };
  readonly plain?: PlainOrder;
  /** The columns, by place, that are the same in all rows in which those at the given places are. */
  readonly determined?: (places: ReadonlySet<number>) => readonly number[];
}

/**
 * A text that SQLite sorts, and makes distinct, by itself, without calling a function for each row. Its rows are right where the columns at
 * these places hold plain texts only (see isPlain).
 */
export interface PlainOrder {
  readonly sql: string;
  readonly places: readonly number[];
}

export interface CompiledColumn {
  readonly name: string;
  readonly type: SqlType;
  readonly nullable: boolean;
  readonly coercibility: number;
  readonly source: ColumnSource | undefined;
}

/** What a SELECT shall put out behind its columns. */
export interface FurtherOutputs {
  /** A locking read: the rowids of its tables. */
  readonly rowids: boolean;
  /** INSERT … SELECT … ON DUPLICATE KEY UPDATE: columns of its tables that may be meant by these names. */
  readonly columns: readonly ColumnRef[];
}

/** A table of FROM, with the places in the output of those of its columns that were asked for. */
export interface OutputRelation {
  readonly relation: Relation;
  readonly columns: readonly { readonly column: RelationColumn; readonly output: number }[];
}

/** The two recursive parts of the compiler, handed to the files that need them: files import each other one way only. */
export interface CompilerParts {
  expr(c: Compiler, scope: Scope, e: Expr, clause: string): Bound;
  query(c: Compiler, query: QueryExpression, parent: Scope | undefined): CompiledQuery;
}

interface FoldedCall {
  readonly of: readonly Binder[];
  readonly bind: Binder;
}

export class Compiler {
  readonly catalog: Catalog;
  readonly settings: CompileSettings;
  private readonly parts: CompilerParts;
  readonly typeEnv: TypeEnv;
  /** Functions that wait (SLEEP, GET_LOCK): the engine runs them before the statement. */
  readonly waits: { readonly name: string; readonly args: readonly Bound[] }[] = [];
  /** Literals stand in the text by value: equal ones must be equal texts (GROUP BY a + 1). */
  inlineLiterals = false;
  /** The statement assigns user variables: their reads are calls, not parameters. */
  assignsVariables = false;
  readonly binders: Binder[] = [];
  readonly functions = new Map<string, SqlFunction>();
  readonly tables: TableUse[] = [];
  readonly access: Access[] = [];
  /** Slots whose value, not only its class, went into the plan. */
  readonly pinned = new Set<number>();
  volatile = false;
  /** Set for the outermost SELECT, which takes it before it compiles anything inside it. */
  further: FurtherOutputs | undefined;
  /** Set for the SELECT of a query that has it, which takes it likewise. */
  locking: readonly Locking[] = [];
  /** Queries with a locking clause of their own, wherever they stand but in views. */
  readonly lockingQueries: QueryExpression[] = [];
  /** The order of the query's rows says nothing: it is one whose rows an expression looks through. Taken likewise. */
  unordered = false;
  furtherColumns: readonly OutputRelation[] = [];
  rowidOutputs: LockTarget[] | undefined;
  /** Rowids that the outermost SELECT can touch, when it reads one table and says so plainly. */
  keyRange: KeyRange | undefined;
  keyLookup: KeyLookup | undefined;
  /** The FROM at hand has more than one table. */
  joins = false;
  private aliases = 0;
  private readonly parameters = new Map<Binder, string>();
  /** By function, then by the first argument. */
  private readonly foldedCalls = new Map<SqlFunction, Map<Binder | undefined, FoldedCall[]>>();
  private viewDepth = 0;
  /** Text that the tree being compiled came from: the statement's, or a view's. */
  text: string;

  constructor(catalog: Catalog, settings: CompileSettings, parts: CompilerParts) {
    this.catalog = catalog;
    this.settings = settings;
    this.parts = parts;
    this.typeEnv = settings.typeEnv;
    this.text = settings.text;
  }

  expr(scope: Scope, e: Expr, clause: string): Bound {
    return this.parts.expr(this, scope, e, clause);
  }

  query(query: QueryExpression, parent?: Scope): CompiledQuery {
    return this.parts.query(this, query, parent);
  }

  alias(): string {
    return `a${++this.aliases}`;
  }

  /** A numbered parameter for a binder; the same binder twice is one parameter. */
  param(binder: Binder): string {
    let name = this.parameters.get(binder);
    if (!name) {
      this.binders.push(binder);
      name = `?${this.binders.length}`;
      this.parameters.set(binder, name);
    }
    return name;
  }

  /** The binder of a function's call of what other binders give: `make` makes it where there is none yet. */
  folded(fn: SqlFunction, of: readonly Binder[], make: () => Binder): Binder {
    let byFirst = this.foldedCalls.get(fn);
    if (!byFirst) this.foldedCalls.set(fn, (byFirst = new Map<Binder | undefined, FoldedCall[]>()));
    let calls = byFirst.get(of[0]);
    if (!calls) byFirst.set(of[0], (calls = []));
    const known = calls.find((call) => call.of.length === of.length && call.of.every((binder, i) => binder === of[i]));
    if (known) return known.bind;
    const bind = make();
    calls.push({ of, bind });
    return bind;
  }

  noteLocking(query: QueryExpression): void {
    if (this.viewDepth === 0) this.lockingQueries.push(query);
  }

  /** Of a text that is a parameter and nothing else. */
  binderOf(sql: string): Binder | undefined {
    return /^\?\d+$/.test(sql) ? this.binders[Number(sql.slice(1)) - 1] : undefined;
  }

  /** Takes back the parameters that were made since there were so many. */
  withdraw(mark: number): void {
    for (const binder of this.binders.splice(mark)) this.parameters.delete(binder);
  }

  /** Where a part begins that may be compiled again. */
  mark(): readonly [binders: number, tables: number, waits: number, lockingQueries: number] {
    return [this.binders.length, this.tables.length, this.waits.length, this.lockingQueries.length];
  }

  backTo([binders, tables, waits, lockingQueries]: ReturnType<Compiler['mark']>): void {
    this.withdraw(binders);
    this.tables.length = tables;
    this.waits.length = waits;
    this.lockingQueries.length = lockingQueries;
  }

  use(fn: SqlFunction): string {
    this.functions.set(fn.name, fn);
    return fn.name;
  }

  /** The text that compares and sorts as `sql`, a string of that collation, does. */
  sortKey(collation: string, sql: string): string {
    if (!isBinaryCollation(collation)) {
      const name = sortKeySql(collation, '').replace('()', '');
      this.functions.set(name, sortKeyOf(name, collation));
    }
    return sortKeySql(collation, sql);
  }

  needs(privilege: Access['privilege'], database: string, table: string, column?: string): void {
    if (this.unnoted) return;
    const { view } = this;
    let entry = this.access.find(
      (a) => a.privilege === privilege && a.database === database && a.table === table && a.view === view,
    );
    if (!entry) this.access.push((entry = { privilege, database, table, columns: new Set(), view }));
    if (column !== undefined) entry.columns.add(column);
  }

  /** Throws when the account may not even know whether there is such a table. */
  mayName(privilege: Access['privilege'], database: string, table: string): void {
    if (!this.view) this.settings.mayName?.(privilege, database, table);
  }

  /** Takes over what a part of the statement needs. */
  absorbAccess(access: readonly Access[]): void {
    for (const a of access) {
      const known = this.access.find(
        (b) => b.privilege === a.privilege && b.database === a.database && b.table === a.table && b.view === a.view,
      );
      if (known) for (const column of a.columns) known.columns.add(column);
      else this.access.push(a);
    }
  }

  /** Runs `work` without noting what it reads: it only looks a name up, to change what stands there. */
  withoutReads<T>(work: () => T): T {
    const saved = this.unnoted;
    this.unnoted = true;
    try {
      return work();
    } finally {
      this.unnoted = saved;
    }
  }
  private unnoted = false;
  /** The view that is being compiled, and who answers for what it reads. */
  private view: ViewUse | undefined;

  /** Runs `work` inside a view: its names resolve in the view's own terms. */
  insideView<T>(view: ViewDef, text: string, work: () => T): T {
    if (++this.viewDepth > 32)
      throw new SqlError(1462, 'HY000', `\`${view.database}\`.\`${view.name}\` contains view recursion`);
    // A view's literals have slots of their own text: they stand by value.
    const saved = { text: this.text, inlineLiterals: this.inlineLiterals, view: this.view, pinned: [...this.pinned] };
    this.text = text;
    this.inlineLiterals = true;
    // Inside a view, an invoker is the definer of the view round it.
    this.view = {
      database: view.database,
      name: view.name,
      definer: view.security === 'DEFINER' ? view.definer : this.view?.definer,
    };
    try {
      return work();
    } finally {
      this.viewDepth--;
      this.view = saved.view;
      this.text = saved.text;
      this.inlineLiterals = saved.inlineLiterals;
      this.pinned.clear();
      for (const slot of saved.pinned) this.pinned.add(slot);
    }
  }
}

const sortKeyFunctions = new Map<string, SqlFunction>();

/** The SQL function behind sortKeySql(); also needed by indexes, so a connection registers all of them at its start. */
export function sortKeyOf(name: string, collation: string): SqlFunction {
  let fn = sortKeyFunctions.get(name);
  if (!fn) {
    const key = sortKey(collation);
    fn = {
      kind: 'scalar',
      name,
      arity: 1,
      deterministic: true,
      make: () => (value) => (value === null ? null : typeof value === 'string' ? key(value) : value),
    };
    sortKeyFunctions.set(name, fn);
  }
  return fn;
}

export const isSortKey = (fn: SqlFunction): boolean => sortKeyFunctions.get(fn.name) === fn;

export const unsupported = (what: string): SqlError =>
  new SqlError(1235, '42000', `This version of P2PDB doesn't yet support '${what}'`);

export const columnListCount = (): SqlError =>
  new SqlError(
    1353,
    'HY000',
    'In definition of view, derived table or common table expression, SELECT list and column names list have different column counts',
  );
