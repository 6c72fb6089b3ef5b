/** Finds committed rows by the values of some of their columns. */
import { columnById, columnName, ROWID, sortKeySql, tableName, type SqliteValue, type TableDef } from '../sql/index.ts';
import type { RowId, State } from '../store/index.ts';

/** Committed rows by index, through prepared statements kept by their text. */
class Finder {
  private readonly state: State;
  private readonly statements = new Map<string, ReturnType<State['db']['prepare']>>();

  constructor(state: State) {
    this.state = state;
  }

  rowids(sql: string, values: readonly SqliteValue[]): RowId[] {
    let statement = this.statements.get(sql);
    if (!statement) {
      if (this.statements.size > 2000) this.statements.clear();
      statement = this.state.db.prepare(sql);
      statement.setReturnArrays(true);
      statement.setReadBigInts(true);
      this.statements.set(sql, statement);
    }
    return (statement.all(...values) as unknown as [bigint][]).map(([rowid]) => {
      const number = Number(rowid);
      return Number.isSafeInteger(number) ? number : rowid;
    });
  }
}

const finders = new WeakMap<State, Finder>();
export function finderOf(state: State): Finder {
  let finder = finders.get(state);
  if (!finder) finders.set(state, (finder = new Finder(state)));
  return finder;
}

/** SQLite's text that finds rows by the values of some columns, through the index that has them first. */
export function findSql(table: TableDef, places: readonly number[], limit: number): string {
  const terms = places.map((p) => {
    const column = table.columns[p];
    if (!column) throw new Error('a place names a column');
    const name = columnName(column.id);
    const expression = columnExpression(table, column.id);
    return `${expression}=${expression.replace(name, '?')}`;
  });
  return `SELECT ${ROWID} FROM ${tableName(table)} WHERE ${terms.join(' AND ')} LIMIT ${limit}`;
}

function columnExpression(table: TableDef, id: number): string {
  const column = columnById(table, id);
  const name = columnName(id);
  return column?.type.kind === 'string' ? sortKeySql(column.type.collation, name) : name;
}
