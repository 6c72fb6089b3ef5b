/** LOAD DATA LOCAL INFILE: the client's file, read as it comes, stored by the same machinery as INSERT's rows. */
import { setImmediate as turn } from 'node:timers/promises';
import {
  bytesOfLatin1,
  characterSetNamed,
  decodeLenient,
  decodeText,
  latin1Text,
  newCompiler,
  rowExpression,
  rowRelation,
  SqlError,
  targetTable,
  unsupported,
  utf8,
  type Binder,
  type ColumnDef,
  type ExecContext,
  type InsertPlan,
  type InsertValue,
  type SqliteValue,
  type SqlType,
  type Statement,
  type TableDef,
  type Warning,
} from '../sql/index.ts';
import type { OkResult, ResultSink } from '../server/index.ts';
import { FieldReader, type Field, type FileFormat } from './load/fields.ts';
import { refuseRows } from './moving.ts';
import type { EngineSession } from './session.ts';
import { rollbackTemporary } from './temporary-rows.ts';
import type { StatementContext } from './statement-context.ts';
import { commitTransaction } from './commit-transaction.ts';
import { interrupted } from './locks.ts';
import { SchemaChanged } from './waits.ts';

type LoadData = Extract<Statement, { kind: 'loadData' }>;

const BATCH_ROWS = 250;
const WARNINGS_MAX = 1024;

export function runLoadData(x: StatementContext, statement: LoadData): Promise<void> | undefined {
  const { session } = x;
  if (statement.source !== 'infile' || statement.format === 'xml')
    throw unsupported(statement.format === 'xml' ? 'LOAD XML' : 'LOAD DATA FROM');
  if (!statement.local)
    throw new SqlError(
      1290,
      'HY000',
      'The MySQL server is running with the --secure-file-priv option so it cannot execute this statement',
    );
  if (session.core.globals.number('local_infile') !== 1) {
    throw new SqlError(
      3948,
      '42000',
      'Loading local data is disabled; this must be enabled on both the client and server sides',
    );
  }
  return new Load(x, statement).run();
}

/** Bytes of a separator, one character a byte, as the file's text is held. */
const asBytes = (text: string): string => latin1Text(utf8(text));

function formatOf(statement: LoadData): FileFormat {
  const { fields, lines } = statement;
  const enclosed = fields?.enclosed ?? '';
  const escaped = fields?.escaped ?? '\\';
  if (enclosed.length > 1 || escaped.length > 1)
    throw new SqlError(1083, '42000', 'Field separator argument is not what is expected; check the manual');
  const format: FileFormat = {
    terminated: asBytes(fields?.terminated ?? '\t'),
    enclosed: asBytes(enclosed),
    escaped: asBytes(escaped),
    lineStart: asBytes(lines?.starting ?? ''),
    lineEnd: asBytes(lines?.terminated ?? '\n'),
  };
  if (format.terminated === '' && format.enclosed === '') throw unsupported('LOAD DATA with fields of fixed size');
  if (format.lineEnd === '') throw unsupported("LINES TERMINATED BY ''");
  return format;
}

/** Where a field of the file goes. */
type Target =
  { readonly kind: 'column'; readonly place: number } | { readonly kind: 'variable'; readonly name: string };

const TEXT: SqlType = { kind: 'string', family: 'longtext', length: 4294967295, collation: 'utf8mb4_0900_ai_ci' };
const BYTES: SqlType = { kind: 'binary', family: 'longblob', length: 4294967295 };

class Load {
  private readonly x: StatementContext;
  private readonly session: EngineSession;
  private readonly statement: LoadData;
  private readonly table: TableDef;
  private readonly targets: readonly Target[];
  private readonly assigned: readonly { readonly place: number; readonly value: InsertValue }[];
  private readonly charset: string;
  /** The client sends the whole file whatever happens: a row that does not fit is skipped with a warning. */
  private readonly skips: boolean;
  private readonly warnings: Warning[] = [];
  private warningCount = 0;
  private records = 0;
  private affected = 0;
  /** The first that AUTO_INCREMENT gave. */
  private firstId: EngineSession['state']['lastInsertId'] | undefined;

  constructor(x: StatementContext, statement: LoadData) {
    this.x = x;
    this.session = x.session;
    this.statement = statement;
    this.skips = statement.duplicates !== 'replace';
    const { core } = x.session;
    const settings = core.compileSettings(x.session, x.text, new Map(), false);
    this.table = targetTable(newCompiler(core.catalog, settings), statement.table, 'LOAD DATA');
    this.charset = charsetOf(statement.charset ?? String(x.session.state.variables.get('character_set_database')));
    const visible = this.table.columns
      .map((column, place) => ({ column, place }))
      .filter(({ column }) => !column.hidden);
    const placeOf = (name: string): number => {
      const found = visible.find(({ column }) => column.name.toLowerCase() === name.toLowerCase());
      if (!found) throw new SqlError(1054, '42S22', `Unknown column '${name}' in 'field list'`);
      return found.place;
    };
    this.targets =
      statement.targets.length === 0
        ? visible.filter(({ column }) => !column.invisible).map(({ place }) => ({ kind: 'column', place }))
        : statement.targets.map((t): Target =>
            t.kind === 'column' ? { kind: 'column', place: placeOf(t.name) } : { kind: 'variable', name: t.name },
          );
    // SET may read the variables: they are texts from the first row on.
    for (const target of this.targets)
      if (target.kind === 'variable') x.session.setUserVariable(target.name, null, TEXT);
    const typed = core.compileSettings(x.session, x.text, new Map(), false);
    this.assigned = statement.assignments.map(({ column, value }) => ({
      place: placeOf(column.name),
      value:
        value.kind === 'default'
          ? 'default'
          : rowExpression(
              newCompiler(core.catalog, typed),
              (c) => [rowRelation(this.table, this.table.name, 'oldRow', c)],
              value,
              'field list',
            ),
    }));
  }

  async run(): Promise<void> {
    const { session } = this;
    const { core } = session;
    core.refuseWrites();
    if (!this.table.temporary) session.refuseReadOnly();
    refuseRows(core, [this.table]);
    // Refused where the client does not give files: nothing has begun then.
    const file = received(this.x.sink.requestFile(this.statement.file));
    session.state.hasTakenFile = true;
    const own = session.transaction === undefined;
    const transaction = session.transaction ?? session.openTransaction();
    const mark = transaction.mark();
    const reader = new FieldReader(formatOf(this.statement), this.statement.ignoreLines);
    try {
      let batch: Field[][] = [];
      const take = async (all: boolean): Promise<void> => {
        for (let line = reader.next(); line; line = reader.next()) {
          batch.push(line);
          if (batch.length < BATCH_ROWS) continue;
          await this.store(batch.splice(0));
          // What came of the file lies here already: others have their turn.
          await turn();
        }
        if (all && batch.length > 0) await this.store(batch);
      };
      for await (const chunk of file) {
        if (session.state.killed) throw interrupted();
        reader.add(latin1Text(chunk));
        await take(false);
      }
      reader.end();
      await take(true);
      batch = [];
    } catch (error) {
      if (own) session.rollback();
      else if (session.transaction === transaction) {
        transaction.rollbackTo(mark.changes);
        await rollbackTemporary(session, transaction, mark.temporary);
      }
      // What is left of the file stands before the next command.
      for await (const chunk of file) void chunk;
      throw error;
    }
    if (own && session.state.autocommit) await commitTransaction(session);
    this.finish();
  }

  private finish(): void {
    const { session, statement } = this;
    session.state.warnings = this.warnings;
    session.state.warningCount = this.warningCount;
    session.state.rowCount = this.affected;
    const deleted = statement.duplicates === 'replace' ? Math.max(0, this.affected - this.records) : 0;
    const skipped = Math.max(0, this.records + deleted - this.affected);
    const info = `Records: ${this.records}  Deleted: ${deleted}  Skipped: ${skipped}  Warnings: ${this.warningCount}`;
    this.x.sink.ok(
      { affectedRows: this.affected, insertId: session.state.lastInsertId, warnings: this.warningCount, info },
      this.x.more,
    );
  }

  /** Stores lines as one INSERT of many rows. */
  private async store(lines: readonly Field[][]): Promise<void> {
    const { session, statement } = this;
    const before = this.records;
    const columns = this.targets.flatMap((t) => (t.kind === 'column' ? [t.place] : []));
    const targets = [...columns, ...this.assigned.map((a) => a.place)];
    const plan: InsertPlan = {
      kind: 'insert',
      table: this.table,
      replace: statement.duplicates === 'replace',
      ignore: this.skips,
      targets,
      rows: lines.map((line, i) => this.valuesOf(line, before + i + 1)),
      readsRow: this.assigned.length > 0,
      select: undefined,
      onDuplicate: undefined,
      deprecated: 0,
      readsItself: false,
      viewCheck: undefined,
      tables: [],
      access: [
        {
          database: this.table.database,
          table: this.table.name,
          privilege: 'insert',
          columns: new Set(targets.map((t) => this.table.columns[t]?.name ?? '')),
        },
      ],
      volatile: true,
    };
    const answer: { affected: number; insertId: OkResult['insertId'] } = { affected: 0, insertId: 0 };
    const sink = silent(this.x.sink, (ok) => {
      answer.affected = Number(ok.affectedRows);
      answer.insertId = ok.insertId;
    });
    for (;;) {
      try {
        await session.runPlan(plan, this.x.slots, undefined, sink, true);
        break;
      } catch (error) {
        // The statement cannot be made anew: its file has come. What it refers to may be what it was.
        if (!(error instanceof SchemaChanged) || !this.isAsItWas) throw error;
      }
    }
    const { state } = session;
    if (answer.insertId !== 0 && answer.insertId === state.lastInsertId) this.firstId ??= state.lastInsertId;
    state.lastInsertId = this.firstId ?? state.lastInsertId;
    this.records += lines.length;
    this.affected += answer.affected;
    for (const warning of session.state.warnings) {
      if (this.warnings.length >= WARNINGS_MAX) break;
      this.warnings.push({
        ...warning,
        message: warning.message.replace(/ at row (\d+)$/, (_, n: string) => ` at row ${before + Number(n)}`),
      });
    }
    this.warningCount += session.state.warningCount;
  }

  private get isAsItWas(): boolean {
    const { database, name } = this.table;
    const refersToOthers = this.assigned.some(({ value }) => value !== 'default' && value.query !== undefined);
    return !refersToOthers && this.session.core.catalog.table(database, name) === this.table;
  }

  /** The values of one line: its fields, then what SET says, which may read the line's variables. */
  private valuesOf(line: readonly Field[], row: number): InsertValue[] {
    const { targets, session } = this;
    const variables: (readonly [string, SqliteValue])[] = [];
    const values = targets.flatMap((target, i): InsertValue[] => {
      const field = line[i];
      if (target.kind === 'variable') {
        variables.push([target.name, field === undefined || field === null ? null : this.textOf(field)]);
        return [];
      }
      const column = this.table.columns[target.place];
      if (field === undefined) return [this.missing(column, `Row ${row} doesn't contain data for all columns`)];
      return [this.columnValue(field, column?.type)];
    });
    const assign = (): void => {
      for (const [name, value] of variables) session.setUserVariable(name, value, TEXT);
    };
    const all = [
      ...values,
      ...this.assigned.map(({ value }) => (variables.length === 0 ? value : withBefore(value, assign))),
    ];
    if (line.length <= targets.length) return all;
    const message = `Row ${row} was truncated; it contained more data than there were input columns`;
    return all.map((value, i) => (i === 0 ? withBefore(value, (env) => this.note(env, 1262, message)) : value));
  }

  /** A warning; under strict rules, where rows are not skipped, an error. */
  private note(env: ExecContext, errno: number, message: string): void {
    if (!this.skips && this.session.state.strict) throw new SqlError(errno, '01000', message);
    env.warn('Warning', errno, message);
  }

  /** What a column takes when the line ends before it: NULL where that is what it begins with, else its type's zero. */
  private missing(column: ColumnDef | undefined, message: string): InsertValue {
    const value =
      column === undefined || (column.nullable && column.default?.kind !== 'value') ? null : zeroOf(column.type);
    const bind = (env: ExecContext): SqliteValue => {
      this.note(env, 1261, message);
      return value;
    };
    return { type: TEXT, bind, query: undefined };
  }

  private columnValue(field: Field, type: SqlType | undefined): InsertValue {
    if (field === null) return { type: TEXT, bind: () => null, query: undefined };
    if (type?.kind === 'binary' || type?.kind === 'bit') {
      const bytes = bytesOfLatin1(field);
      return { type: BYTES, bind: () => bytes, query: undefined };
    }
    const text = this.textOf(field);
    return { type: TEXT, bind: () => text, query: undefined };
  }

  private textOf(field: string): string {
    const bytes = bytesOfLatin1(field);
    return decodeText(bytes, this.charset) ?? decodeLenient(bytes);
  }
}

function zeroOf(type: SqlType): SqliteValue {
  switch (type.kind) {
    case 'string':
    case 'binary':
      return '';
    case 'date':
      return '0000-00-00';
    case 'datetime':
    case 'timestamp':
      return '0000-00-00 00:00:00';
    case 'enum':
    case 'set':
      return '';
    default:
      return '0';
  }
}

function charsetOf(name: string): string {
  const lower = name.toLowerCase() === 'utf8' ? 'utf8mb3' : name.toLowerCase();
  if (!characterSetNamed(lower)) throw new SqlError(1115, '42000', `Unknown character set: '${name}'`);
  // Bytes without a character set are read as the text they most likely are.
  return lower === 'binary' ? 'utf8mb4' : lower;
}

/** The value, with something done before its parameters are asked for. */
function withBefore(value: InsertValue, before: (env: ExecContext) => void): InsertValue {
  if (value === 'default') return value;
  const first =
    (binder: Binder): Binder =>
    (env) => {
      before(env);
      return binder(env);
    };
  if (value.bind) return { ...value, bind: first(value.bind) };
  return value.query ? { ...value, query: { ...value.query, binders: value.query.binders.map(first) } } : value;
}

/** The file's chunks, in order. Error 1158 where its client is gone. */
async function* received(file: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    yield* file;
  } catch (error) {
    if (error instanceof SqlError) throw error;
    throw new SqlError(1158, '08S01', 'Got an error reading communication packets');
  }
}

/** A sink for the batches: only their outcome is of interest. */
function silent(sink: ResultSink, done: (ok: OkResult) => void): ResultSink {
  return {
    columns: () => undefined,
    row: () => true,
    drained: () => sink.drained(),
    end: () => undefined,
    ok: done,
    error: (error) => {
      throw new SqlError(error.errno, error.sqlState, error.message);
    },
    requestFile: (name) => sink.requestFile(name),
  };
}
