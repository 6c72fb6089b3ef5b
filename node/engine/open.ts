/** Opens a data folder: identity, log, state; replays what the state has not seen; makes the first account. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { hex } from '../log/index.ts';
import type { CatalogChange } from '../sql/index.ts';
import { hashCachingSha2Password } from '../server/index.ts';
import {
  DiskFullError,
  loadIdentity,
  lockFolder,
  LogDamagedError,
  LogStore,
  makeFolder,
  markClean,
  markOpen,
  mayTrust,
  readLog,
  Reserve,
  State,
  StateCorruptError,
  writeFileDurably,
  type Identity,
} from '../store/index.ts';
import { EngineCore, type EngineOptions } from './core.ts';
import { replayEntry } from './replay.ts';

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
  makeFolder(dir);
  checkFormat(dir);
  const lock = lockFolder(dir);
  if ('takenBy' in lock) throw new DataFolderError(`${dir} is in use by process ${lock.takenBy}`);
  const { unlock } = lock;
  try {
    const identity = loadIdentity(dir);
    const groupDir = path.join(dir, 'groups', 'main');
    const file = path.join(groupDir, 'state.sqlite');
    makeFolder(groupDir);
    if (!mayTrust(file)) {
      options.notice('the machine went down while the node ran: the state is made anew from the log', { file });
      State.remove(file);
    }
    markOpen(file);
    const { core, log } = openDamaged(options, identity, groupDir, file);
    const generatedPassword = core.catalog.accounts.size === 0 ? makeRoot(core, options.rootPassword) : undefined;
    return {
      core,
      identity,
      generatedPassword,
      close: async () => {
        await core.close();
        core.state.close();
        log.close();
        markClean(file);
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** The state is a view of the log: a damaged one is made anew. SQLite's errors while it catches up count as damage. */
function openDamaged(options: OpenOptions, identity: Identity, groupDir: string, file: string): Group {
  const open = (): Group => openGroup(options, identity, groupDir, file);
  try {
    return open();
  } catch (error) {
    if (error instanceof DiskFullError) return openFull(groupDir, error, open);
    if (!(error instanceof StateCorruptError) && !isSqliteError(error)) throw error;
    options.notice('the state file is damaged and is made anew from the log', {
      file,
      reason: (error as Error).message,
    });
    State.remove(file);
    return open();
  }
}

/** With the room that was set aside the state may still catch up. */
function openFull(groupDir: string, first: DiskFullError, open: () => Group): Group {
  new Reserve(groupDir).release();
  try {
    return open();
  } catch (error) {
    if (!(error instanceof DiskFullError)) throw error;
    throw new DataFolderError(`${first.message}: free some space on the disk of ${groupDir} and start the node again`);
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

interface Group {
  readonly core: EngineCore;
  readonly log: LogStore;
}

function openGroup(options: OpenOptions, identity: Identity, groupDir: string, file: string): Group {
  const logDir = path.join(groupDir, 'log');
  const state = new State(file);
  let log: LogStore | undefined;
  try {
    log = LogStore.open(logDir, 'main', identity, (segment, offset, bytes) =>
      options.notice(
        'a write that was cut short by a crash is removed from the end of the log; nobody was told that it succeeded',
        { segment, offset, bytes },
      ),
    );
    const from = state.appliedSeq + 1;
    if (log.seq < from - 1) {
      throw new LogDamagedError(
        `the log in ${logDir} ends at entry ${log.seq}, but the state has applied ${from - 1}: the end of the log was lost. Restore the folder from a backup.`,
      );
    }
    const core = new EngineCore(state, log, options);
    if (log.seq >= from - 1) catchUp(options, core, logDir, from);
    return { core, log };
  } catch (error) {
    log?.close();
    state.close();
    throw error;
  }
}

const NOTICE_MS = 2000;

/** Applies what the state has not seen yet. The entry that it saw last must be the log's: else it is of another history. */
function catchUp(options: OpenOptions, core: EngineCore, logDir: string, from: number): void {
  const { state, log } = core;
  const entries = log.seq - from + 1;
  if (entries > 1000) options.notice('catching the state up with the log', { entries });
  let lastNotice = Date.now();
  let head = '';
  for (const { entry, signed } of readLog(logDir, Math.max(1, from - 1))) {
    if (entry.seq === from - 1 && state.appliedHead !== '' && hex(signed.cid) !== state.appliedHead) {
      throw new StateCorruptError(`the state has applied another entry ${entry.seq} than the log has`);
    }
    if (entry.seq < from) continue;
    replayEntry(core, entry);
    head = hex(signed.cid);
    if (Date.now() - lastNotice > NOTICE_MS) {
      lastNotice = Date.now();
      options.notice('catching the state up with the log', { entries, done: entry.seq - from + 1 });
      state.publish(entry.seq, head);
    }
  }
  if (entries > 0) state.publish(log.seq, head);
  core.readPersisted();
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
