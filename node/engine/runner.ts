/** Runs compiled text on one SQLite connection: registers the functions it calls, prepares it once, fills its parameters. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { SqlFunction, SqliteValue, SqlText } from '../sql/index.ts';
import type { Environment } from './environment.ts';

const STATEMENTS_MAX = 2000;

interface Prepared {
  readonly statement: StatementSync;
  bigints: boolean;
}

export class Runner {
  readonly db: DatabaseSync;
  readonly env: Environment;
  private readonly onRead: (() => void) | undefined;
  private readonly registered = new Set<string>();
  private readonly prepared = new Map<string, Prepared>();

  /** `onRead`: to be told before rows are read. */
  constructor(db: DatabaseSync, env: Environment, onRead?: () => void) {
    this.db = db;
    this.env = env;
    this.onRead = onRead;
  }

  register(functions: readonly SqlFunction[]): void {
    for (const fn of functions) {
      if (this.registered.has(fn.name)) continue;
      this.registered.add(fn.name);
      if (fn.kind === 'scalar') {
        this.db.function(
          fn.name,
          { deterministic: fn.deterministic, useBigIntArguments: true, varargs: true },
          this.keeping(fn.make(this.env)) as never,
        );
      } else {
        const implementation = fn.make(this.env);
        this.db.aggregate(fn.name, {
          start: () => implementation.start() as never,
          step: this.keeping((state: unknown, ...args: SqliteValue[]) => implementation.step(state, ...args)) as never,
          result: (state: unknown) => implementation.result(state),
          varargs: true,
          useBigIntArguments: true,
          ...(implementation.inverse && { inverse: implementation.inverse.bind(implementation) as never }),
        });
      }
    }
  }

  /** What a function threw: where an aggregate is at work, node:sqlite ends the statement for it, but answers undefined instead of throwing it. */
  private lastError: unknown;

  private keeping<A extends unknown[], R>(call: (...args: A) => R): (...args: A) => R {
    return (...args) => {
      try {
        return call(...args);
      } catch (error) {
        this.lastError = error;
        throw error;
      }
    };
  }

  private all(statement: StatementSync, values: SqliteValue[]): SqliteValue[][] {
    this.lastError = undefined;
    const rows = statement.all(...values) as unknown as SqliteValue[][] | undefined;
    if (rows) return rows;
    throw this.takeLastError();
  }

  private takeLastError(): Error {
    const error = this.lastError;
    this.lastError = undefined;
    return error instanceof Error ? error : new Error('SQLite gave no rows and no error');
  }

  private statementOf(text: SqlText): Prepared {
    let prepared = this.prepared.get(text.sql);
    if (!prepared) {
      this.register(text.functions);
      const statement = this.db.prepare(text.sql);
      statement.setReturnArrays(true);
      prepared = { statement, bigints: false };
      if (this.prepared.size >= STATEMENTS_MAX) this.prepared.delete(this.prepared.keys().next().value as string);
      this.prepared.set(text.sql, prepared);
    }
    return prepared;
  }

  /** Statements on tables whose schema changed are prepared anew by themselves; those on dropped ones go. */
  forget(): void {
    this.prepared.clear();
  }

  private valuesOf(binders: SqlText['binders']): SqliteValue[] {
    const values = new Array<SqliteValue>(binders.length);
    for (let i = 0; i < binders.length; i++) values[i] = (binders[i] as (x: Environment) => SqliteValue)(this.env);
    return values;
  }

  /** What fills a text's parameters while it runs; `done` is to be called afterwards. */
  private parameters({ binders, further }: SqlText): { readonly values: SqliteValue[]; readonly done?: () => void } {
    const values = this.valuesOf(binders);
    if (!further) return { values };
    const run = ++this.runs;
    values.push(run);
    this.env.further.set(run, this.valuesOf(further));
    return { values, done: () => this.env.further.delete(run) };
  }
  /** Counts those with further parameters. */
  private runs = 0;

  /** All rows. Integers beyond 2^53 come as bigint, and then so do all of the statement. */
  rows(text: SqlText): SqliteValue[][] {
    const prepared = this.statementOf(text);
    const { values, done } = this.parameters(text);
    this.onRead?.();
    try {
      return this.all(prepared.statement, values);
    } catch (error) {
      if (prepared.bigints || (error as { code?: string }).code !== 'ERR_OUT_OF_RANGE') throw error;
      prepared.statement.setReadBigInts(true);
      prepared.bigints = true;
      return this.all(prepared.statement, values);
    } finally {
      done?.();
    }
  }

  /** The rows one by one, integers as bigint where they pass 2^53. */
  *iterate(text: SqlText): Generator<SqliteValue[]> {
    const prepared = this.statementOf(text);
    if (!prepared.bigints) {
      prepared.statement.setReadBigInts(true);
      prepared.bigints = true;
    }
    const { values, done } = this.parameters(text);
    const rows = prepared.statement.iterate(...values) as unknown as Iterator<SqliteValue[]>;
    let open = true;
    try {
      for (;;) {
        // Where an aggregate throws, SQLite answers with nothing at all, and the error is the one that was kept.
        this.lastError = undefined;
        const next = rows.next() as IteratorResult<SqliteValue[]> | undefined;
        open = next?.done !== true;
        if (next === undefined) throw this.takeLastError();
        if (next.done === true) break;
        const row = next.value;
        for (let i = 0; i < row.length; i++) {
          const value = row[i];
          if (typeof value === 'bigint' && value >= -9007199254740991n && value <= 9007199254740991n)
            row[i] = Number(value);
        }
        yield row;
      }
    } finally {
      if (open) rows.return?.();
      done?.();
    }
    if (this.lastError !== undefined) throw this.takeLastError();
  }

  /** The first column of the first row. */
  value(text: SqlText): SqliteValue {
    const value = this.rows(text)[0]?.[0] ?? null;
    return typeof value === 'bigint' && value >= -9007199254740991n && value <= 9007199254740991n
      ? Number(value)
      : value;
  }
}
