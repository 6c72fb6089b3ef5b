/** ANALYZE, CHECK, OPTIMIZE, REPAIR and CHECKSUM TABLE; FLUSH, KILL, RESET. */
import { crc32 } from 'node:zlib';
import {
  isSystemDatabase,
  SqlError,
  tableName,
  type CatalogChange,
  type QualifiedName,
  type SqliteValue,
  type Statement,
  type TableDef,
} from '../sql/index.ts';
import { answer, columnsOf } from './show/result.ts';
import { GLOBAL_READ_LOCK, tableLock, interrupted } from './locks.ts';
import { evaluate } from './prepared.ts';
import { ok, type StatementContext } from './statement-context.ts';
import { keepTo, okAfter, withAllLocks } from './transaction-statements.ts';
import type { VirtualRow } from './virtual/rows.ts';
import { commitTransaction } from './commit-transaction.ts';

type Of<K extends string> = Extract<Statement, { kind: K }>;
type TableMaintenance = Of<'analyzeTable' | 'checkTable' | 'optimizeTable' | 'repairTable' | 'checksumTable'>;
type Answered = Promise<void> | undefined;

export function runMaintenance(
  x: StatementContext,
  statement: TableMaintenance | Of<'flush' | 'kill' | 'reset' | 'resetPersist'>,
): Answered {
  switch (statement.kind) {
    case 'flush':
      return flush(x, statement);
    case 'kill':
      return kill(x, statement);
    case 'reset':
      x.session.core.accounts.checkSystemVariables(x.session);
      return ok(x);
    case 'resetPersist':
      return resetPersist(x, statement);
    case 'checksumTable':
      return committed(x, () => checksums(x, statement));
    default:
      return committed(x, () => inspect(x, statement));
  }
}

/** These statements end the open transaction. */
function committed(x: StatementContext, then: () => Answered): Answered {
  const done = commitTransaction(x.session);
  return done ? done.then(then) : then();
}

// Tables

const RESULT_COLUMNS = columnsOf('Table varchar(128); Op varchar(10); Msg_type varchar(10); Msg_text mediumtext');
const OPERATIONS = {
  analyzeTable: 'analyze',
  checkTable: 'check',
  optimizeTable: 'optimize',
  repairTable: 'repair',
} as const;

interface Subject {
  readonly name: string;
  readonly table: TableDef | undefined;
  readonly isView: boolean;
  readonly isVirtual: boolean;
}

function subjectOf(x: StatementContext, name: QualifiedName): Subject {
  const { session } = x;
  const { catalog } = session.core;
  const database = name.schema ?? session.database;
  if (database === '') throw new SqlError(1046, '3D000', 'No database selected');
  const table = session.state.temporaryTables.get(`${database}.${name.name}`) ?? catalog.table(database, name.name);
  const isVirtual =
    isSystemDatabase(database) &&
    session.core.compileSettings(session, '', new Map(), false).virtualTable(database, name.name) !== undefined;
  return {
    name: `${database}.${name.name}`,
    table,
    isView: catalog.view(database, name.name) !== undefined,
    isVirtual,
  };
}

function inspect(x: StatementContext, statement: Exclude<TableMaintenance, { kind: 'checksumTable' }>): Answered {
  const op = OPERATIONS[statement.kind as keyof typeof OPERATIONS];
  const rows = statement.tables.flatMap((name): VirtualRow[] => {
    const subject = subjectOf(x, name);
    const row = (type: string, text: string): VirtualRow => [subject.name, op, type, text];
    if (subject.isVirtual || (subject.isView && op === 'check')) return [row('status', 'OK')];
    if (subject.isView) return [row('Error', `'${subject.name}' is not BASE TABLE`), row('status', 'Operation failed')];
    if (!subject.table)
      return [row('Error', `Table '${subject.name}' doesn't exist`), row('status', 'Operation failed')];
    switch (op) {
      case 'optimize':
        return [row('note', 'Table does not support optimize, doing recreate + analyze instead'), row('status', 'OK')];
      case 'repair':
        return [row('note', "The storage engine for the table doesn't support repair")];
      case 'check':
        return check(x, subject.table, statement.options).map(([type, text]) => row(type, text));
      case 'analyze':
        if (statement.histogram)
          return statement.histogram.columns.map((c) => [
            subject.name,
            'histogram',
            'Error',
            `No histogram is kept of the column '${c}'.`,
          ]);
        return [row('status', 'OK')];
    }
  });
  return answer(x, { columns: RESULT_COLUMNS, rows });
}

/** SQLite's own check of the table and its indexes. */
function check(x: StatementContext, table: TableDef, options: readonly string[]): [type: string, text: string][] {
  const name = tableName(table).replace(/^temp\./, '');
  const pragma = options.includes('quick') || options.includes('fast') ? 'quick_check' : 'integrity_check';
  const faults = x.session.core.state.db
    .prepare(`PRAGMA ${pragma}('${name}')`)
    .all()
    .map((row) => String(Object.values(row)[0]))
    .filter((text) => text !== 'ok');
  if (faults.length === 0) return [['status', 'OK']];
  return [...faults.map((text): [string, string] => ['error', text]), ['error', 'Corrupt']];
}

const CHECKSUM_COLUMNS = columnsOf('Table varchar(384); Checksum bigint unsigned');

/** A sum over the rows, whatever their order. */
function checksums(x: StatementContext, statement: TableMaintenance): Answered {
  const { core } = x.session;
  const rows = statement.tables.map((name): VirtualRow => {
    const { table, name: shown, isView } = subjectOf(x, name);
    if (!table) {
      const [errno, message] = isView
        ? [1347, `'${shown}' is not BASE TABLE`]
        : [1146, `Table '${shown}' doesn't exist`];
      core.env.warn('Error', errno, message);
      return [shown, null];
    }
    if (statement.options.includes('quick')) return [shown, null];
    let sum = 0;
    for (const { row } of core.state.scan(table)) sum = (sum + crc32(JSON.stringify(row, plain))) % 2 ** 32;
    return [shown, sum];
  });
  x.session.keepWarnings();
  return answer(x, { columns: CHECKSUM_COLUMNS, rows });
}

const plain = (_key: string, value: SqliteValue): unknown =>
  typeof value === 'bigint' ? `${value}n` : value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;

// FLUSH

function flush(x: StatementContext, statement: Of<'flush'>): Answered {
  const { session } = x;
  const { core } = session;
  if (!statement.withReadLock && !statement.forExport) {
    if (statement.targets.includes('privileges')) {
      core.env.warn('Warning', 1681, "'FLUSH PRIVILEGES' is deprecated and will be removed in a future release.");
      session.keepWarnings();
    }
    return okAfter(x, commitTransaction(session));
  }
  const named = statement.tables.map((name) => {
    const { table, name: shown, isView } = subjectOf(x, name);
    if (!table)
      throw isView
        ? new SqlError(1347, 'HY000', `'${shown}' is not BASE TABLE`)
        : new SqlError(1146, '42S02', `Table '${shown}' doesn't exist`);
    return table;
  });
  return committed(x, () =>
    withAllLocks(session, () => {
      // Taken over until UNLOCK TABLES, like those of LOCK TABLES … READ; without names, of every table and of the schema.
      const tables = named.length > 0 ? named : core.catalog.allTables();
      const keys = tables.filter((t) => !t.temporary).map((t) => tableLock(t.id));
      if (named.length === 0) keys.unshift(GLOBAL_READ_LOCK);
      for (const key of keys) {
        core.locks.takeTable(key.table, session.owner, 'shared');
        session.owner.lockedTables.set(key.table, key);
      }
      if (named.length > 0)
        keepTo(session, new Map(named.map(({ database, name }) => [`${database}.${name}`, 'shared'])));
      return ok(x);
    }),
  );
}

// KILL and RESET PERSIST

function kill(x: StatementContext, statement: Of<'kill'>): Answered {
  const { session } = x;
  return evaluate(x, [statement.id], ([value]) => {
    const id = Number(value);
    if (!Number.isInteger(id) || id < 0) throw new SqlError(1094, 'HY000', `Unknown thread id: ${String(value)}`);
    if (id === session.id) {
      if (statement.type === 'connection') setImmediate(() => session.onKill?.());
      throw interrupted();
    }
    session.core.kill(session, id, statement.type === 'query');
    return ok(x);
  });
}

function resetPersist(x: StatementContext, statement: Of<'resetPersist'>): Answered {
  const { session } = x;
  const { core } = session;
  core.accounts.checkSystemVariables(session);
  const name = statement.name?.toLowerCase();
  if (name !== undefined && !core.catalog.globals.has(name)) {
    const message = `Variable ${name} does not exist in persisted config file`;
    if (!statement.ifExists) throw new SqlError(3615, 'HY000', message);
    core.env.warn('Warning', 3615, message);
    session.keepWarnings();
    return ok(x);
  }
  const names = name === undefined ? [...core.catalog.globals.keys()] : [name];
  const changes = names.map((n): CatalogChange => ({ kind: 'set-global', name: n, value: null }));
  if (changes.length === 0) return ok(x);
  return core.commits.changeCatalog(session, x.text, changes).then(() => ok(x));
}
