/** What the engine keeps of each table to store its rows, and the compiler of its expressions, which mean the same in every session. */
import {
  Bound,
  columnById,
  newCompiler,
  SqlError,
  type Catalog,
  type Compiler,
  type SqliteValue,
  type TableDef,
} from '../sql/index.ts';
import { makeCompileSettings } from './compile-settings.ts';
import { SCHEMA_SQL_MODE, type Environment } from './environment.ts';
import type { CompileFacts } from './lane/messages.ts';
import { makeTableRuntime, type TableRuntime } from './table.ts';

export class TableRuntimes {
  private readonly catalog: Catalog;
  private readonly env: Environment;
  private readonly runtimes = new Map<number, TableRuntime>();

  constructor(catalog: Catalog, env: Environment) {
    this.catalog = catalog;
    this.env = env;
  }

  of(table: TableDef): TableRuntime {
    let runtime = this.runtimes.get(table.id);
    if (runtime?.table !== table) {
      runtime = this.make(table);
      this.runtimes.set(table.id, runtime);
    }
    return runtime;
  }

  /** Of a definition that need not be in the catalog yet. Throws where an expression of it does not compile. */
  make(table: TableDef): TableRuntime {
    return makeTableRuntime(table, (t) => this.compiler(t));
  }

  /** For expressions of the schema. */
  compiler(table: Pick<TableDef, 'database'>): Compiler {
    const facts: CompileFacts = {
      database: table.database,
      collation: 'utf8mb4_0900_ai_ci',
      onlyFullGroupBy: false,
      timeZoneIsUtc: true,
      divPrecisionIncrement: 4,
      groupConcatMaxLen: 1024,
      sqlMode: SCHEMA_SQL_MODE,
      text: '',
      slotTypes: new Map(),
      userVariableTypes: new Map(),
    };
    const settings = makeCompileSettings(facts, {
      virtualTable: () => undefined,
      temporaryTable: () => undefined,
      columnDefault: (c, bound) => this.columnDefault(c, bound),
      overlaid: () => false,
      interruptible: false,
    });
    return newCompiler(this.catalog, settings, true);
  }

  /** DEFAULT(column) */
  columnDefault(c: Compiler, bound: Bound): Bound {
    const table = bound.column?.tableId === undefined ? undefined : this.catalog.tableById(bound.column.tableId);
    const column = table && bound.column?.columnId !== undefined ? columnById(table, bound.column.columnId) : undefined;
    if (!table || !column)
      throw new SqlError(1364, 'HY000', `Field '${bound.column?.name ?? ''}' doesn't have a default value`);
    const d = this.of(table).defaults[table.columns.indexOf(column)];
    if (d?.kind === 'none') throw new SqlError(1364, 'HY000', `Field '${column.name}' doesn't have a default value`);
    if (d?.kind !== 'constant')
      throw new SqlError(3773, 'HY000', 'DEFAULT function cannot be used with default value expressions');
    const convert = this.of(table).convert[table.columns.indexOf(column)];
    const bind = (): SqliteValue => (d.value === null ? null : (convert?.(d.value, d.from, this.env) ?? null));
    return new Bound(() => c.param(bind), {
      type: bound.type,
      nullable: d.value === null,
      coercibility: bound.coercibility,
      bind,
    });
  }
}
