/** Runs INSERT, REPLACE, UPDATE and DELETE row by row: conversion, defaults, generated columns, CHECK, keys, foreign keys. */
import {
  intRange,
  SqlError,
  type DeletePlan,
  type InsertPlan,
  type InsertValue,
  type SqliteValue,
  type SqlType,
  type TableDef,
  type UpdatePlan,
  type ViewCheck,
} from '../sql/index.ts';
import { nextOfClass, sameValue, type Intent, type Row, type RowId, type State } from '../store/index.ts';
import { finish, STEP_ROWS, type Steps } from '../consistency/index.ts';
import type { Environment } from './environment.ts';
import { duplicateEntry, ER_BAD_NULL, implicitDefault, RowStore } from './row-store.ts';
import type { Runner } from './runner.ts';
import type { TableRuntime } from './table.ts';
import type { RowWriter } from './writer.ts';
import type { KeyRange } from './transaction.ts';

interface InsertCounts {
  rows: number;
  /** Rows that no CHECK and no foreign key refused. */
  records: number;
  duplicates: number;
  /** The AUTO_INCREMENT value of a row that was not inserted: the statement's next row takes it. */
  spareId: number | bigint | undefined;
  reusedIds: number;
  /** Rows that were inserted, or changed by ON DUPLICATE KEY UPDATE. */
  copied: number;
  /** The AUTO_INCREMENT value of the row that came last, whatever became of it. */
  lastId: SqliteValue;
}

export interface DmlResult {
  affected: number;
  /** Rows that matched an UPDATE's WHERE. */
  matched: number;
  /** First AUTO_INCREMENT value that was made, or 0. */
  generatedId: number | bigint;
  /** What the OK packet says as insert id, where neither a value was made nor LAST_INSERT_ID(expr) called. */
  insertId: number | bigint;
  info: string;
}

export interface DmlContext {
  readonly env: Environment;
  readonly runner: Runner;
  readonly state: State;
  readonly writer: RowWriter;
  runtimeOf(table: TableDef): TableRuntime;
  /** Tables that have a foreign key on this one. */
  childrenOf(
    table: TableDef,
  ): readonly { readonly table: TableDef; readonly foreignKey: TableDef['foreignKeys'][number] }[];
  /** So many rows of children were changed, or are about to be. Throws where these are too many to go on. */
  follows?(rows: number): void;
  /** A row's change or removal hangs on which children name it. */
  looksForChildren?(table: TableDef, row: Row): void;
  tableNamed(database: string, name: string): TableDef | undefined;
  /** Rows of the statement's SELECT under the transaction's current view. */
  select(range: KeyRange | undefined): Iterable<SqliteValue[]>;
  readonly autoIncrementStep: { readonly increment: number; readonly offset: number };
  readonly foreignKeyChecks: boolean;
  readonly noAutoValueOnZero: boolean;
  readonly foundRows: boolean;
  readonly strict: boolean;
  /** The INSERT at hand, reading tables as its transaction sees them now. */
  readonly insertAsSeen?: () => InsertPlan;
  /** A row that is merged: what its author's session did not take for an error is none. */
  readonly isMerged?: boolean;
}

const DEPRECATED_VALUES =
  "'VALUES function' is deprecated and will be removed in a future release. Please use an alias (INSERT INTO ... VALUES (...) AS alias) and replace VALUES(col) in the ON DUPLICATE KEY UPDATE clause with alias.col instead";

export class Dml {
  private readonly x: DmlContext;
  private readonly rows: RowStore;

  constructor(x: DmlContext) {
    this.x = x;
    this.rows = new RowStore(x);
  }

  /** IGNORE: what strict mode would refuse is a warning, and the value is made to fit. */
  private ignoreErrors(ignore: boolean): void {
    this.x.env.ignore = ignore;
    if (ignore) this.x.env.strict = false;
  }

  // ALTER TABLE

  /** What an existing row takes in a column that is added. */
  added(rt: TableRuntime, place: number, row: Row): SqliteValue {
    const column = rt.table.columns[place];
    const d = rt.defaults[place];
    // It got that default later: each node would make another value of it.
    const isUnsafe = d?.kind === 'expression' && d.isUnsafe;
    if (isUnsafe && column?.nullable) return null;
    if (column && (d?.kind === 'none' || isUnsafe) && !column.autoIncrement)
      return implicitDefault(column.type, rt, place, this.x.env);
    return this.defaultValue(rt, place, row);
  }

  /** NULL in a column that may no longer be NULL. */
  nullAltered(name: string, rt: TableRuntime, place: number): SqliteValue {
    if (this.x.strict) throw new SqlError(1138, '22004', 'Invalid use of NULL value');
    this.x.env.warn('Warning', 1265, `Data truncated for column '${name}' at row ${this.x.env.row}`);
    return implicitDefault((rt.table.columns[place] as TableDef['columns'][number]).type, rt, place, this.x.env);
  }

  /** AUTO_INCREMENT, generated columns and CHECKs of a row that is copied. */
  complete(rt: TableRuntime, row: Row): void {
    this.autoIncrement(rt, row);
    this.rows.derive(rt, row);
    const failure = this.rows.violated(rt, row);
    if (failure) throw failure;
  }

  // INSERT

  *insert(plan: InsertPlan): Steps<DmlResult> {
    const { env } = this.x;
    const rt = this.x.runtimeOf(plan.table);
    const result: DmlResult = { affected: 0, matched: 0, generatedId: 0, insertId: 0, info: '' };
    const before: InsertCounts = {
      rows: 0,
      records: 0,
      duplicates: 0,
      spareId: undefined,
      reusedIds: 0,
      copied: 0,
      lastId: null,
    };
    this.ignoreErrors(plan.ignore);
    for (let n = 0; n < plan.deprecated; n++) env.warn('Warning', 1287, DEPRECATED_VALUES);
    const one = (fill: (row: Row) => void): void => {
      before.rows++;
      env.row = before.rows;
      this.insertOne(seen, rt, fill, result, before);
    };
    let seen = plan;
    if (plan.rows) {
      for (const n of plan.rows.keys()) {
        if (plan.readsItself && n > 0) seen = this.x.insertAsSeen?.() ?? plan;
        const values = seen.rows?.[n] ?? [];
        one((row) => this.fill(rt, plan.targets, values, row, plan.rows?.length === 1));
        if (before.rows % STEP_ROWS === 0) yield;
      }
    } else if (plan.select) {
      const { select } = plan;
      for (const values of this.x.select(undefined)) {
        env.sourceRow = values;
        one((row) => {
          for (const [i, place] of plan.targets.entries())
            this.put(rt, row, place, values[i] ?? null, select.types[i] as SqlType, false);
        });
        if (before.rows % STEP_ROWS === 0) yield;
      }
    }
    if (plan.select || (plan.rows?.length ?? 0) > 1) {
      const duplicates = plan.ignore ? before.records - before.copied : before.duplicates;
      result.info = `Records: ${before.records}  Duplicates: ${duplicates}  Warnings: ${env.warningCount}`;
    }
    if (before.reusedIds > 0) this.skipIds(rt, before.reusedIds);
    // ON DUPLICATE KEY UPDATE of a SELECT's rows forgets which row it met.
    const id = before.copied > 0 && !(plan.select && plan.onDuplicate) ? before.lastId : null;
    if (typeof id === 'number' || typeof id === 'bigint')
      result.insertId = id < 0 ? BigInt.asUintN(64, BigInt(id)) : id;
    return result;
  }

  private fill(
    rt: TableRuntime,
    targets: readonly number[],
    values: readonly InsertValue[],
    row: Row,
    single: boolean,
  ): void {
    const { env } = this.x;
    env.oldRow = row;
    for (const [i, place] of targets.entries()) {
      const value = values[i] as InsertValue;
      if (value === 'default') row[place] = this.defaultValue(rt, place, row);
      else this.put(rt, row, place, this.rows.evaluate(value), value.type, single);
    }
  }

  /** Converts a value and puts it into the row. */
  private put(rt: TableRuntime, row: Row, place: number, value: SqliteValue, from: SqlType, single: boolean): void {
    const column = rt.table.columns[place];
    if (!column) return;
    if (column.generated)
      throw new SqlError(
        3105,
        'HY000',
        `The value specified for generated column '${column.name}' in table '${rt.table.name}' is not allowed.`,
      );
    if (value === null) {
      row[place] = this.rows.nullFor(rt, place, single);
      return;
    }
    row[place] = (rt.convert[place] as TableRuntime['convert'][number])(value, from, this.x.env);
  }

  /** The column's default. */
  private defaultValue(rt: TableRuntime, place: number, row: Row): SqliteValue {
    const { env } = this.x;
    const d = rt.defaults[place];
    const column = rt.table.columns[place];
    if (!d || !column) return null;
    if (place === rt.autoIncrement) return null;
    switch (d.kind) {
      case 'constant':
        return d.value === null ? null : (rt.convert[place] as TableRuntime['convert'][number])(d.value, d.from, env);
      case 'now':
        return env.nowAs(column.type);
      case 'expression': {
        env.oldRow = row;
        const value = this.rows.evaluate(d.expression);
        return value === null
          ? null
          : (rt.convert[place] as TableRuntime['convert'][number])(value, d.expression.type, env);
      }
      case 'none': {
        if (column.generated) return null;
        if (column.type.kind === 'enum') return 1;
        const message = `Field '${column.name}' doesn't have a default value`;
        if (this.x.strict && !env.ignore) throw new SqlError(1364, 'HY000', message);
        env.warn('Warning', 1364, message);
        return implicitDefault(column.type, rt, place, env);
      }
    }
  }

  /** Whether a column has nothing to take where the statement names it not. */
  private lacksDefault(rt: TableRuntime, place: number): boolean {
    const column = rt.table.columns[place];
    return (
      rt.defaults[place]?.kind === 'none' &&
      place !== rt.autoIncrement &&
      !column?.generated &&
      column?.type.kind !== 'enum'
    );
  }

  /** Whether a column's default is made for every row, by a counter, a clock or an expression. */
  private isMade(rt: TableRuntime, place: number): boolean {
    const kind = rt.defaults[place]?.kind;
    return place === rt.autoIncrement || kind === 'now' || kind === 'expression';
  }

  /** What an expression reads of a column that the statement has not set yet: its constant default, else NULL, else its type's zero. */
  private initialValue(rt: TableRuntime, place: number): SqliteValue {
    const column = rt.table.columns[place] as TableDef['columns'][number];
    if (rt.defaults[place]?.kind === 'constant') return this.defaultValue(rt, place, []);
    return column.nullable || column.generated ? null : implicitDefault(column.type, rt, place, this.x.env);
  }

  private insertOne(
    plan: InsertPlan,
    rt: TableRuntime,
    fill: (row: Row) => void,
    result: DmlResult,
    counts: InsertCounts,
  ): void {
    const { env, writer } = this.x;
    const { table } = rt;
    const row: Row = new Array<SqliteValue>(table.columns.length).fill(null);
    const given = new Set(plan.targets);
    // Defaults first, but those that are expressions come last: they may name columns that the statement sets. Its own expressions may
    // name any column: one that it has not set yet is as the row begins.
    const isLate = (place: number): boolean =>
      plan.readsRow ? this.isMade(rt, place) : rt.computedDefaults.includes(place);
    for (let place = 0; place < row.length; place++) {
      if (!given.has(place) && !isLate(place))
        row[place] = this.lacksDefault(rt, place)
          ? implicitDefault((table.columns[place] as TableDef['columns'][number]).type, rt, place, env)
          : this.defaultValue(rt, place, row);
      else if (plan.readsRow) row[place] = this.initialValue(rt, place);
    }
    fill(row);
    // Told once, behind what is wrong with the first row's values.
    for (const place of counts.rows === 1 ? row.keys() : [])
      if (!given.has(place) && this.lacksDefault(rt, place)) this.defaultValue(rt, place, row);
    for (const place of plan.readsRow ? row.keys() : rt.computedDefaults)
      if (!given.has(place) && isLate(place)) row[place] = this.defaultValue(rt, place, row);
    const generated = this.autoIncrement(rt, row, counts);
    if (rt.autoIncrement >= 0) counts.lastId = row[rt.autoIncrement] ?? null;
    this.rows.derive(rt, row);
    const failure = this.rows.outsideView(plan.viewCheck, row) ?? this.rows.violated(rt, row);
    if (failure) {
      if (!env.ignore) throw failure;
      counts.spareId = generated;
      env.warn('Warning', failure.errno, failure.message);
      return;
    }
    // A parent that is missing counts before a key that is taken, also where the row there would be changed instead.
    const isPlain = !plan.replace && !plan.onDuplicate && !plan.ignore;
    const orphan = isPlain ? undefined : this.rows.foreignKeys.parentMissing(rt, row);
    if (orphan) {
      if (!env.ignore) throw orphan;
      counts.spareId = generated;
      env.warn('Warning', orphan.errno, orphan.message);
      return;
    }
    counts.records++;
    if (plan.replace) {
      const removed = this.rows.replace(rt, row);
      counts.duplicates += removed;
      result.affected += removed + 1;
    } else if (plan.onDuplicate) {
      // Which row it updates hangs on all of its keys, also where another one is in the way first.
      writer.claimKeys(rt, row);
      const duplicate = writer.duplicateOf(rt, row, undefined);
      if (duplicate) {
        counts.spareId = generated;
        this.updateDuplicate(plan, rt, duplicate.rowid, duplicate.row, row, result, counts);
        return;
      }
      this.rows.insert(rt, row, this.upsertIntent(plan, rt, row));
      result.affected++;
    } else if (plan.ignore) {
      const duplicate = writer.duplicateOf(rt, row, undefined);
      if (duplicate) {
        const error = duplicateEntry(rt, duplicate.key, row);
        counts.spareId = generated;
        env.warn('Warning', error.errno, error.message);
        return;
      }
      this.rows.insert(rt, row, { mode: 'ignore' });
      result.affected++;
    } else {
      this.rows.insert(rt, row);
      result.affected++;
    }
    counts.copied++;
    if (generated !== undefined && result.generatedId === 0) result.generatedId = generated;
  }

  /** Gives the row its AUTO_INCREMENT value when it asks for one, and keeps the counter above what is given. */
  private autoIncrement(rt: TableRuntime, row: Row, counts?: InsertCounts): number | bigint | undefined {
    const place = rt.autoIncrement;
    if (place < 0) return undefined;
    const value = row[place] ?? null;
    const spare = counts?.spareId;
    if (counts) counts.spareId = undefined;
    if (value !== null && (this.x.noAutoValueOnZero || Number(value) !== 0)) {
      this.noteAutoIncrement(rt, row);
      return undefined;
    }
    const { increment, offset } = this.x.autoIncrementStep;
    let next = spare ?? this.x.state.counters.autoIncrement(rt.table);
    if (counts && spare !== undefined) counts.reusedIds++;
    else if (increment > 1 || offset > 1)
      next = nextOfClass(next, { increment, offset: offset <= increment ? offset : 1 });
    const type = rt.table.columns[place]?.type;
    const mayPass = type?.kind === 'int' && (typeof next === 'bigint' || next >= 2 ** (type.bits - 1));
    const most = mayPass ? intRange(type)[1] : undefined;
    if (most !== undefined && next > most) {
      // The first row takes the last value again, which its key refuses.
      if (counts?.rows !== 1 || most > 2n ** 63n)
        throw new SqlError(1467, 'HY000', 'Failed to read auto-increment value from storage engine');
      next = most;
    }
    row[place] = (rt.convert[place] as TableRuntime['convert'][number])(
      BigInt(next),
      { kind: 'int', bits: 64, unsigned: true },
      this.x.env,
    );
    this.x.state.counters.raiseAutoIncrement(rt.table, typeof next === 'number' ? next + 1 : next + 1n);
    return next;
  }

  /** A statement has as many values to itself as it has rows that ask for one. */
  private skipIds(rt: TableRuntime, count: number): void {
    const { counters } = this.x.state;
    const next = counters.autoIncrement(rt.table);
    const skipped = count * this.x.autoIncrementStep.increment;
    counters.raiseAutoIncrement(rt.table, typeof next === 'number' ? next + skipped : next + BigInt(skipped));
  }

  /** Keeps the counter above the value that a row has. */
  private noteAutoIncrement(rt: TableRuntime, row: Row, before?: Row): void {
    const place = rt.autoIncrement;
    if (place < 0 || (before && sameValue(before[place], row[place]))) return;
    this.x.state.counters.raiseAbove(rt.table, row[place] ?? null);
  }

  /** What ON DUPLICATE KEY UPDATE makes of a row. */
  private assignDuplicate(
    plan: InsertPlan,
    rt: TableRuntime,
    base: Row,
    inserted: Row,
  ): { updated: Row; adds: number[]; assigned: number[] } {
    const { env } = this.x;
    const updated = [...base];
    const adds: number[] = [];
    const assigned: number[] = [];
    env.newRow = inserted;
    for (const { column, value, add } of plan.onDuplicate ?? []) {
      env.oldRow = updated;
      if (value === 'default') updated[column] = this.defaultValue(rt, column, updated);
      else this.put(rt, updated, column, this.rows.evaluate(value), value.type, true);
      const id = rt.table.columns[column]?.id ?? 0;
      assigned.push(id);
      if (add) adds.push(id);
    }
    return { updated, adds, assigned };
  }

  /**
   * What the upsert of a row that was not there would have done to it: elsewhere the row may exist. Assignments that cannot be
   * computed leave a plain insert.
   */
  private upsertIntent(plan: InsertPlan, rt: TableRuntime, inserted: Row): Intent | undefined {
    const { env } = this.x;
    const warnings = env.warnings.length;
    const { warningCount } = env;
    try {
      return { mode: 'upsert', inserted, base: inserted, ...this.assignDuplicate(plan, rt, inserted, inserted) };
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      return undefined;
    } finally {
      env.warnings.length = Math.min(env.warnings.length, warnings);
      env.warningCount = warningCount;
    }
  }

  private updateDuplicate(
    plan: InsertPlan,
    rt: TableRuntime,
    rowid: RowId,
    old: Row,
    inserted: Row,
    result: DmlResult,
    counts: InsertCounts,
  ): void {
    this.x.writer.lockForChange(rt.table, rowid);
    const { updated: after, adds, assigned } = this.assignDuplicate(plan, rt, old, inserted);
    const intent: Intent = { mode: 'upsert', inserted, base: old, updated: after, adds, assigned };
    const changed = finish(
      this.finishUpdate(rt, rowid, old, after, adds, plan.onDuplicate ?? [], plan.viewCheck, intent),
    );
    if (rt.autoIncrement >= 0) counts.lastId = after[rt.autoIncrement] ?? null;
    if (changed === undefined) return;
    result.affected += changed ? 2 : this.x.foundRows ? 1 : 0;
    if (!changed) return;
    counts.copied++;
    counts.duplicates++;
  }

  // UPDATE

  *update(plan: UpdatePlan, range: KeyRange | undefined): Steps<DmlResult> {
    const { env } = this.x;
    this.ignoreErrors(plan.ignore);
    const result: DmlResult = { affected: 0, matched: 0, generatedId: 0, insertId: 0, info: '' };
    const seen = plan.targets.map(() => new Set<RowId>());
    let number = 0;
    for (const output of this.x.select(range)) {
      if (++number % STEP_ROWS === 0) yield;
      env.row = number;
      for (const [t, target] of plan.targets.entries()) {
        const rowid = output[target.rowid] as RowId | null;
        // A row may meet several of the other table's in a join: the first one counts; the outer join's missing row is none.
        if (rowid === null || seen[t]?.has(rowid)) continue;
        if (plan.tables.length > 1) seen[t]?.add(rowid);
        const rt = this.x.runtimeOf(target.table);
        this.x.writer.lockForChange(target.table, rowid);
        // Another target of the same statement may have changed or moved the row since it was read.
        const before =
          plan.targets.length === 1
            ? output.slice(target.first, target.first + target.table.columns.length)
            : this.x.writer.get(target.table, rowid);
        if (!before) continue;
        const after = [...before];
        const adds: number[] = [];
        result.matched++;
        for (const { column, value, type, add } of target.assignments) {
          if (value === 'default') after[column] = this.defaultValue(rt, column, after);
          else this.putUpdated(rt, after, column, output[value] ?? null, type);
          if (add) adds.push(target.table.columns[column]?.id ?? 0);
        }
        if (yield* this.finishUpdate(rt, rowid, before, after, adds, target.assignments, target.viewCheck))
          result.affected++;
      }
    }
    result.info = `Rows matched: ${result.matched}  Changed: ${result.affected}  Warnings: ${env.warningCount}`;
    if (this.x.foundRows) result.affected = result.matched;
    return result;
  }

  private putUpdated(rt: TableRuntime, row: Row, place: number, value: SqliteValue, from: SqlType): void {
    const column = rt.table.columns[place];
    if (value === null && column && !column.nullable) {
      const message = `Column '${column.name}' cannot be null`;
      if (this.x.strict && !this.x.env.ignore) throw new SqlError(ER_BAD_NULL, '23000', message);
      this.x.env.warn('Warning', ER_BAD_NULL, message);
      row[place] = implicitDefault(column.type, rt, place, this.x.env);
      return;
    }
    this.put(rt, row, place, value, from, false);
  }

  /** Stores an updated row. False when nothing changed; undefined when IGNORE passed over it. */
  private *finishUpdate(
    rt: TableRuntime,
    rowid: RowId,
    before: Row,
    after: Row,
    adds: readonly number[],
    assignments: readonly { readonly column: number }[],
    view: ViewCheck | undefined,
    intent?: Intent,
  ): Steps<boolean | undefined> {
    const { env } = this.x;
    if (before.every((value, i) => sameValue(value, after[i]))) return false;
    for (const { place, fsp } of rt.onUpdateNow) {
      // What the statement sets is set, also to what it was.
      if (!assignments.some(({ column }) => column === place))
        after[place] = env.nowAs((rt.table.columns[place] as TableDef['columns'][number]).type, fsp);
    }
    this.noteAutoIncrement(rt, after, before);
    this.rows.derive(rt, after);
    const failure = this.rows.outsideView(view, after) ?? this.rows.violated(rt, after);
    const mark = this.x.writer.mark();
    try {
      if (failure) throw failure;
      const rest = this.rows.update(rt, rowid, before, after, adds.length > 0 ? adds : undefined, intent);
      if (rest) yield* rest;
    } catch (error) {
      if (!env.ignore || !(error instanceof SqlError)) throw error;
      // Some of its children may have followed already.
      this.x.writer.rollbackTo(mark);
      env.warn('Warning', error.errno, error.message);
      return undefined;
    }
    return true;
  }

  // DELETE

  *delete(plan: DeletePlan, range: KeyRange | undefined): Steps<DmlResult> {
    const { writer } = this.x;
    this.ignoreErrors(plan.ignore);
    const result: DmlResult = { affected: 0, matched: 0, generatedId: 0, insertId: 0, info: '' };
    const seen = plan.targets.map(() => new Set<RowId>());
    let number = 0;
    for (const output of this.x.select(range)) {
      if (++number % STEP_ROWS === 0) yield;
      for (const [t, target] of plan.targets.entries()) {
        const rowid = output[target.rowid] as RowId | null;
        if (rowid === null || seen[t]?.has(rowid)) continue;
        if (plan.tables.length > 1) seen[t]?.add(rowid);
        // The rows of one table go before those of the next one.
        if (t > 0) continue;
        writer.lockForChange(target.table, rowid);
        // A cascade of an earlier row may have taken it already.
        const before =
          number === 1 && plan.targets.length === 1
            ? output.slice(target.first, target.first + target.table.columns.length)
            : writer.get(target.table, rowid);
        if (before) yield* this.deleteOne(this.x.runtimeOf(target.table), rowid, before, result);
      }
    }
    for (const [t, { table }] of plan.targets.entries()) {
      const rt = this.x.runtimeOf(table);
      for (const rowid of t === 0 ? [] : (seen[t] ?? [])) {
        if (++number % STEP_ROWS === 0) yield;
        writer.lockForChange(table, rowid);
        const before = writer.get(table, rowid);
        if (before) yield* this.deleteOne(rt, rowid, before, result);
      }
    }
    return result;
  }

  private *deleteOne(rt: TableRuntime, rowid: RowId, before: Row, result: DmlResult): Steps<void> {
    const { env, writer } = this.x;
    const mark = writer.mark();
    try {
      const rest = this.rows.remove(rt, rowid, before);
      if (rest) yield* rest;
      result.affected++;
    } catch (error) {
      if (!env.ignore || !(error instanceof SqlError)) throw error;
      // Some of its children may be gone already.
      writer.rollbackTo(mark);
      env.warn('Warning', error.errno, error.message);
    }
  }
}
