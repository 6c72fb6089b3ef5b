/**
 * Stores rows with everything that the schema demands of them: generated columns, CHECK, unique keys, foreign keys. Statements
 * and merged transactions go through the same doors.
 */
import { finish, type Steps } from '../consistency/index.ts';
import {
  SqlError,
  viewCheckFails,
  wireValue,
  type RowExpression,
  type SqliteValue,
  type SqlType,
  type TableDef,
  type ViewCheck,
} from '../sql/index.ts';
import type { Intent, Row, RowId } from '../store/index.ts';
import type { DmlContext } from './dml.ts';
import type { Environment } from './environment.ts';
import { ForeignKeys } from './foreign-keys.ts';
import type { TableRuntime, UniqueKey } from './table.ts';
import { DuplicateError } from './writer.ts';

export const ER_BAD_NULL = 1048;
const ER_DUP_ENTRY = 1062;

export class RowStore {
  private readonly x: DmlContext;
  readonly foreignKeys: ForeignKeys;

  constructor(x: DmlContext) {
    this.x = x;
    this.foreignKeys = new ForeignKeys(x, {
      update: (rt, rowid, before, after) => this.update(rt, rowid, before, after, undefined),
      remove: (rt, rowid, before) => this.remove(rt, rowid, before),
    });
  }

  evaluate(expression: RowExpression): SqliteValue {
    if (expression.bind) return expression.bind(this.x.env);
    if (!expression.query) return null;
    return this.x.runner.value(expression.query);
  }

  /** What NULL becomes in a column: itself, the next AUTO_INCREMENT value (later), or an error. */
  nullFor(rt: TableRuntime, place: number, single: boolean): SqliteValue {
    const column = rt.table.columns[place];
    if (!column || column.nullable || place === rt.autoIncrement) return null;
    const { env } = this.x;
    if (!env.ignore && (single || this.x.strict))
      throw new SqlError(ER_BAD_NULL, '23000', `Column '${column.name}' cannot be null`);
    env.warn('Warning', ER_BAD_NULL, `Column '${column.name}' cannot be null`);
    return implicitDefault(column.type, rt, place, env);
  }

  /** Generated columns. */
  derive(rt: TableRuntime, row: Row): void {
    if (rt.generated.length === 0) return;
    const { env } = this.x;
    const { strict, ignore } = env;
    env.oldRow = row;
    // Whether its author's session was strict nobody knows: where it was, there is no error left.
    if (this.x.isMerged === true) Object.assign(env, { strict: false, ignore: true });
    try {
      env.ofSchema(() => {
        for (const { place, expression } of rt.generated) {
          const value = this.evaluate(expression);
          row[place] =
            value === null
              ? this.nullFor(rt, place, true)
              : (rt.convert[place] as TableRuntime['convert'][number])(value, expression.type, env);
        }
      });
    } finally {
      Object.assign(env, { strict, ignore });
    }
  }

  /** The error of the first CHECK that the row fails. */
  violated(rt: TableRuntime, row: Row): SqlError | undefined {
    if (rt.checks.length === 0) return undefined;
    const { env } = this.x;
    env.oldRow = row;
    const failed = env.ofSchema(() =>
      rt.checks.find(({ expression }) => {
        const value = this.evaluate(expression);
        return value !== null && Number(value) === 0;
      }),
    );
    return failed && new SqlError(3819, 'HY000', `Check constraint '${failed.name}' is violated.`);
  }

  /** The error of a row that the view it is written through would not show. */
  outsideView(check: ViewCheck | undefined, row: Row): SqlError | undefined {
    if (!check) return undefined;
    this.x.env.oldRow = row;
    const value = this.evaluate(check.condition);
    return value === null || Number(value) === 0 ? viewCheckFails(check.view) : undefined;
  }

  insert(rt: TableRuntime, row: Row, intent?: Intent): void {
    const missing = this.foreignKeys.parentMissing(rt, row);
    if (missing) throw missing;
    try {
      this.x.writer.insert(rt, row, intent);
    } catch (error) {
      if (error instanceof DuplicateError) throw duplicateEntry(rt, error.key, row);
      throw error;
    }
  }

  /** REPLACE: takes the place of all rows that have one of its keys. Returns how many went. */
  replace(rt: TableRuntime, row: Row): number {
    const { writer } = this.x;
    let removed = 0;
    for (let d = writer.duplicateOf(rt, row, undefined); d; d = writer.duplicateOf(rt, row, undefined)) {
      writer.derived = true;
      try {
        const rest = this.remove(rt, d.rowid, d.row, row);
        if (rest) finish(rest);
      } finally {
        writer.derived = false;
      }
      removed++;
    }
    this.insert(rt, row, { mode: 'replace' });
    return removed;
  }

  /** What is left to be done, at once, before anything else: the row's children follow. */
  update(
    rt: TableRuntime,
    rowid: RowId,
    before: Row,
    after: Row,
    adds: readonly number[] | undefined,
    intent?: Intent,
  ): Steps<void> | undefined {
    this.foreignKeys.parentChanges(rt, before, after);
    const missing = this.foreignKeys.parentMissing(rt, after, before);
    if (missing) throw missing;
    try {
      this.x.writer.update(rt, rowid, before, after, adds, intent);
    } catch (error) {
      if (error instanceof DuplicateError) throw duplicateEntry(rt, error.key, after);
      throw error;
    }
    return this.foreignKeys.parentChanged(rt, before, after);
  }

  /** As update(). `instead` comes at once in the row's place: what it is a parent by as before, it stays. */
  remove(rt: TableRuntime, rowid: RowId, before: Row, instead?: Row): Steps<void> | undefined {
    return this.foreignKeys.parentRemoved(rt, before, () => this.x.writer.remove(rt, rowid, before), instead);
  }
}

/** The zero of a type, which a column without a default takes when strict mode does not forbid it. */
export function implicitDefault(type: SqlType, rt: TableRuntime, place: number, env: Environment): SqliteValue {
  switch (type.kind) {
    case 'date':
      return '0000-00-00';
    case 'datetime':
    case 'timestamp':
      return `0000-00-00 00:00:00${type.fsp > 0 ? `.${'0'.repeat(type.fsp)}` : ''}`;
    case 'string':
      return '';
    case 'binary':
      return new Uint8Array(type.family === 'binary' ? type.length : 0);
    case 'enum':
      return 1;
    case 'json':
      return 'null';
    case 'decimal':
      return (rt.convert[place] as TableRuntime['convert'][number])(
        0n,
        { kind: 'int', bits: 64, unsigned: false },
        env,
      );
    default:
      return 0;
  }
}

/** A unique key of a row is taken. */
export class DuplicateEntry extends SqlError {
  readonly table: TableDef;
  readonly key: UniqueKey | undefined;
  readonly row: Row;

  constructor(message: string, table: TableDef, key: UniqueKey | undefined, row: Row) {
    super(ER_DUP_ENTRY, '23000', message);
    this.table = table;
    this.key = key;
    this.row = row;
  }
}

export const DUPLICATE = 'Duplicate entry';

/** `what`: how MySQL's text begins. */
export function duplicateEntry(
  rt: TableRuntime,
  key: UniqueKey | undefined,
  row: Row,
  what = DUPLICATE,
): DuplicateEntry {
  const values = (key?.places ?? []).map((p) =>
    displayed(row[p] ?? null, (rt.table.columns[p] as TableDef['columns'][number]).type),
  );
  const message = `${what} '${values.join('-')}' for key '${rt.table.name}.${key?.index.name ?? ''}'`;
  return new DuplicateEntry(message, rt.table, key, row);
}

function displayed(value: SqliteValue, type: SqlType): string {
  if (value === null) return 'NULL';
  const shown = wireValue(type)?.(value) ?? value;
  return shown instanceof Uint8Array ? Buffer.from(shown).toString('latin1') : String(shown);
}
