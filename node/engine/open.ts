/** Opens a data folder: identity, log, state; replays what the state has not seen; makes the first account. */
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { decodeTransaction, type LogKey, type Operation, type TableReference } from '../log/index.ts';
import { rowidColumn, type CatalogChange, type SqliteValue, type TableDef } from '../sql/index.ts';
import { hashCachingSha2Password } from '../server/index.ts';
import {
  loadIdentity,
  LogDamagedError,
  LogStore,
  State,
  StateCorruptError,
  writeFileDurably,
  type Identity,
  type Row,
  type StoredEntry,
} from '../store/index.ts';
import { EngineCore, type EngineOptions } from './core.ts';

const DATA_FORMAT = 1;

/** The data folder cannot be used. One line for the person who starts the node. */
export class DataFolderError extends Error {
  override readonly name = 'DataFolderError';
}

export interface OpenOptions extends EngineOptions {
  readonly dir: string;
  readonly rootPassword: string | undefined;
  /** Lines for the operator: a torn tail that was cut, progress of a replay. */
  readonly notice: (message: string, facts: Readonly<Record<string, unknown>>) => void;
}

export interface OpenedEngine {
  readonly core: EngineCore;
  readonly identity: Identity;
  /** The password that was made for root, to be shown once. */
  readonly generatedPassword: string | undefined;
  close(): Promise<void>;
}

export function openEngine(options: OpenOptions): OpenedEngine {
  const { dir } = options;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  checkFormat(dir);
  const unlock = lockFolder(dir);
  try {
    const identity = loadIdentity(dir);
    const groupDir = path.join(dir, 'groups', 'main');
    const file = path.join(groupDir, 'state.sqlite');
    let opened: { core: EngineCore; log: LogStore };
    try {
      opened = openGroup(options, identity, groupDir, file);
    } catch (error) {
      // The state is a view of the log: a damaged one is made anew. Replay errors of the SQLite file count as damage.
      if (!(error instanceof StateCorruptError) && !isSqliteError(error)) throw error;
      options.notice('the state file is damaged and is made anew from the log', {
        file,
        reason: (error as Error).message,
      });
      State.remove(file);
      opened = openGroup(options, identity, groupDir, file);
    }
    const { core, log } = opened;
    const generatedPassword = core.catalog.accounts.size === 0 ? makeRoot(core, options.rootPassword) : undefined;
    return {
      core,
      identity,
      generatedPassword,
      close: async () => {
        await core.close();
        core.state.close();
        log.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

const isSqliteError = (error: unknown): boolean => (error as { code?: string }).code === 'ERR_SQLITE_ERROR';

function checkFormat(dir: string): void {
  const file = path.join(dir, 'format');
  if (!existsSync(file)) {
    writeFileDurably(file, `${DATA_FORMAT}\n`);
    return;
  }
  const format = Number(readFileSync(file, 'utf8').trim());
  if (format > DATA_FORMAT)
    throw new DataFolderError(
      `${dir} was written by a newer version (data format ${format}; this program reads up to ${DATA_FORMAT}): upgrade the program`,
    );
  if (!(format >= 1)) throw new DataFolderError(`${file} does not name a data format`);
}

/** One process a folder. The lock file names the process, so that one of a process that died is no obstacle. */
function lockFolder(dir: string): () => void {
  const file = path.join(dir, 'lock');
  for (let attempt = 0; ; attempt++) {
    try {
      const fd = openSync(file, 'wx', 0o600);
      writeSync(fd, `${process.pid}\n`);
      closeSync(fd);
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 0) throw error;
      const pid = Number(readFileSync(file, 'utf8').trim());
      if (pid > 0 && pid !== process.pid && isAlive(pid))
        throw new DataFolderError(`${dir} is in use by process ${pid}`);
      rmSync(file, { force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function openGroup(
  options: OpenOptions,
  identity: Identity,
  groupDir: string,
  file: string,
): { core: EngineCore; log: LogStore } {
  let core: EngineCore | undefined;
  const logDir = path.join(groupDir, 'log');
  const existed = existsSync(logDir);
  const state = new State(file);
  try {
    const from = state.appliedSeq + 1;
    let replayed = 0;
    let lastNotice = Date.now();
    const pending: StoredEntry[] = [];
    const log = LogStore.open(
      logDir,
      'main',
      identity,
      from,
      (stored) => pending.push(stored),
      (segment, offset, bytes) =>
        options.notice(
          'a write that was cut short by a crash is removed from the end of the log; nobody was told that it succeeded',
          { segment, offset, bytes },
        ),
    );
    if (log.seq < from - 1) {
      throw new LogDamagedError(
        `the log in ${logDir} ends at entry ${log.seq}, but the state has applied ${from - 1}: the end of the log was lost. Restore the folder from a backup.`,
      );
    }
    core = new EngineCore(state, log, options);
    if (pending.length > 1000 && existed)
      options.notice('catching the state up with the log', { entries: pending.length });
    for (const stored of pending) {
      replayEntry(core, stored);
      replayed++;
      if (Date.now() - lastNotice > 2000) {
        lastNotice = Date.now();
        options.notice('catching the state up with the log', { entries: pending.length, done: replayed });
        state.publish(stored.entry.seq);
      }
    }
    if (replayed > 0) state.publish(log.seq);
    return { core, log };
  } catch (error) {
    state.close();
    throw error;
  }
}

/** Applies an entry's transactions to the state. */
function replayEntry(core: EngineCore, stored: StoredEntry): void {
  for (const bytes of stored.entry.transactions) {
    const transaction = decodeTransaction(bytes);
    for (const operation of transaction.operations) {
      if (operation.kind === 'schema') {
        for (const change of JSON.parse(operation.change) as CatalogChange[]) core.applyChange(change, false);
        core.runner.forget();
        continue;
      }
      const reference = transaction.tables[operation.table];
      if (reference) replayOperation(core, reference, operation);
    }
  }
}

function replayOperation(
  core: EngineCore,
  reference: TableReference,
  operation: Exclude<Operation, { kind: 'schema' }>,
): void {
  const table = core.catalog.tableById(reference.id);
  if (!table) throw new LogDamagedError(`the log changes table ${reference.id}, which it never made`);
  const places = reference.columns.map((id) => table.columns.findIndex((c) => c.id === id));
  if (operation.kind === 'insert') {
    const row: Row = new Array<SqliteValue>(table.columns.length).fill(null);
    places.forEach((place, i) => {
      if (place >= 0) row[place] = operation.values[i] ?? null;
    });
    const rowid = typeof operation.key === 'object' ? core.state.newRowid(table) : operation.key;
    core.state.apply({ table, rowid, before: undefined, after: row });
    const auto = table.columns.findIndex((c) => c.autoIncrement);
    const value = auto < 0 ? null : row[auto];
    if (typeof value === 'number' && value > 0) core.state.setAutoIncrement(table, value + 1);
    return;
  }
  const rowid = rowidOf(core, table, operation.key);
  const before = rowid === undefined ? undefined : core.state.get(table, rowid);
  if (rowid === undefined || !before)
    throw new LogDamagedError(`the log changes a row of table ${table.name} that is not there`);
  if (operation.kind === 'delete') {
    core.state.apply({ table, rowid, before, after: undefined });
    return;
  }
  const after = [...before];
  for (const { column, add, value } of operation.changes) {
    const place = places[column] ?? -1;
    if (place < 0) continue;
    after[place] = add ? ((before[place] as number) ?? 0) + (value as number) : value;
  }
  core.state.apply({ table, rowid, before, after });
}

/** The rowid of the row with this key. */
function rowidOf(core: EngineCore, table: TableDef, key: LogKey): number | bigint | undefined {
  if (typeof key !== 'object') return key;
  if (rowidColumn(table)) return key[0] as number;
  const rt = core.runtimeOf(table);
  const primary = rt.unique.find((u) => u.index.kind === 'primary');
  if (!primary) return undefined;
  const statement = core.state.db.prepare(primary.find);
  statement.setReturnArrays(true);
  return (statement.get(...key) as unknown as [number] | undefined)?.[0];
}

function makeRoot(core: EngineCore, given: string | undefined): string | undefined {
  const password = given ?? randomBytes(12).toString('base64url');
  const changes: CatalogChange[] = ['localhost', '%'].map((host) => ({
    kind: 'put-account',
    account: {
      user: 'root',
      host,
      plugin: 'caching_sha2_password',
      authentication: password === '' ? '' : hashCachingSha2Password(password),
      locked: false,
      passwordExpired: false,
      requireTls: false,
      privileges: { '*': ['ALL', 'GRANT OPTION'] },
      roles: [],
      defaultRoles: [],
    },
  }));
  for (const change of changes) core.applyChange(change, true);
  void core.committer.commit({
    user: 'root@localhost',
    database: '',
    sql: '',
    level: 'final',
    changes: [],
    schema: { text: 'CREATE USER root', changes },
  });
  core.committer.flush();
  return given === undefined ? password : undefined;
}
