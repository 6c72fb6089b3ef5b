/**
 * An engine without SQL: answers come from functions that a test gives for the text of a statement. It shows what the
 * front door makes of each answer, and records what it was asked.
 */
import {
  type Account,
  type ClientInfo,
  type ColumnDefinition,
  type Engine,
  hashPassword,
  ProtocolError,
  type ParameterValue,
  type PreparedStatement,
  type ResultSink,
  type Session,
  type SessionChange,
} from '../../../node/server/index.ts';
import type { SqlType } from '../../../node/sql/index.ts';

export type Answer = (
  sink: ResultSink,
  session: FakeSession,
  parameters: readonly ParameterValue[],
) => Promise<void> | undefined | void;

export function column(name: string, type: SqlType, more: Partial<ColumnDefinition> = {}): ColumnDefinition {
  return {
    database: 'test',
    table: 't',
    originalTable: 't',
    name,
    originalName: name,
    type,
    nullable: true,
    ...more,
  };
}

export const INT: SqlType = { kind: 'int', bits: 32, unsigned: false };
export const BIGINT: SqlType = { kind: 'int', bits: 64, unsigned: false };
export const VARCHAR: SqlType = { kind: 'string', family: 'varchar', length: 255, collation: 'utf8mb4_0900_ai_ci' };
export const LONGTEXT: SqlType = {
  kind: 'string',
  family: 'longtext',
  length: 0xffffffff,
  collation: 'utf8mb4_0900_ai_ci',
};
export const OK = { affectedRows: 0, insertId: 0, warnings: 0, info: '' } as const;

const ONE = [column('1', INT, { nullable: false })];

export class FakeSession implements Session {
  readonly id: number;
  readonly engine: FakeEngine;
  readonly account: Account;
  readonly client: ClientInfo;
  database: string;
  clientCharset = 'utf8mb4';
  resultsCharset = 'utf8mb4';
  multiStatements = false;
  onKill: (() => void) | undefined;
  closed = false;
  resets = 0;
  changes: SessionChange[] = [];
  inTransaction = false;
  readonly variables: Record<string, number> = {
    max_allowed_packet: 64 * 1024 * 1024,
    wait_timeout: 28_800,
    interactive_timeout: 28_800,
    net_write_timeout: 60,
    session_track_state_change: 0,
  };

  constructor(id: number, engine: FakeEngine, account: Account, client: ClientInfo) {
    this.id = id;
    this.engine = engine;
    this.account = account;
    this.client = client;
    this.database = client.database;
  }

  status() {
    return { inTransaction: this.inTransaction, autocommit: true, noBackslashEscapes: false };
  }

  query(sql: Uint8Array, sink: ResultSink): Promise<void> | undefined {
    const text = Buffer.from(sql).toString(this.clientCharset === 'latin1' ? 'latin1' : 'utf8');
    return this.run(text, sink, []);
  }

  run(text: string, sink: ResultSink, parameters: readonly ParameterValue[]): Promise<void> | undefined {
    this.engine.statements.push(text);
    for (const [pattern, answer] of this.engine.answers) {
      if (typeof pattern === 'string' ? pattern === text : pattern.test(text)) {
        return answer(sink, this, parameters) ?? undefined;
      }
    }
    const set = /^set names (\w+)/i.exec(text);
    if (set !== null) {
      this.clientCharset = this.resultsCharset = (set[1] as string).toLowerCase();
      sink.ok(OK, false);
    } else if (/^select /i.test(text)) {
      sink.columns(ONE);
      sink.row([1]);
      sink.end(0, false);
    } else {
      sink.ok(OK, false);
    }
    return undefined;
  }

  prepare(sql: Uint8Array): PreparedStatement & { text: string } {
    const text = Buffer.from(sql).toString();
    if (text.includes('syntax error')) throw new ProtocolError(1064, '42000', 'You have an error in your SQL syntax');
    this.engine.prepared++;
    return {
      text,
      parameterCount: text.split('?').length - 1,
      columns: /^select/i.test(text) ? (this.engine.preparedColumns.get(text) ?? ONE) : [],
      warnings: 0,
      close: () => void this.engine.prepared--,
    };
  }

  execute(
    statement: PreparedStatement,
    parameters: readonly ParameterValue[],
    sink: ResultSink,
  ): Promise<void> | undefined {
    return this.run((statement as PreparedStatement & { text: string }).text, sink, parameters);
  }

  useDatabase(name: string): void {
    if (name === 'missing') throw new ProtocolError(1049, '42000', `Unknown database '${name}'`);
    this.database = name;
    this.changes.push({ kind: 'schema', name: '', value: name });
  }

  listFields(): readonly ColumnDefinition[] {
    return [column('id', INT), column('name', VARCHAR)];
  }

  reset(): void {
    this.resets++;
  }

  variable(name: string): number {
    return this.variables[name] ?? 0;
  }

  takeChanges(): readonly SessionChange[] {
    if (this.changes.length === 0) return this.changes;
    const changes = this.changes;
    this.changes = [];
    return changes;
  }

  close(): void {
    this.closed = true;
    this.engine.sessions.delete(this.id);
    this.engine.onClose?.(this);
  }
}

export class FakeEngine implements Engine {
  readonly version = '9.7.4-p2pdb-test';
  maxConnections = 1000;
  readonly answers = new Map<string | RegExp, Answer>();
  readonly preparedColumns = new Map<string, readonly ColumnDefinition[]>();
  readonly statements: string[] = [];
  readonly sessions = new Map<number, FakeSession>();
  readonly accounts = new Map<string, Account>();
  prepared = 0;
  onClose: ((session: FakeSession) => void) | undefined;

  constructor() {
    this.addAccount('root', '');
    this.addAccount('sha', 'secret');
    this.addAccount('native', 'secret', { plugin: 'mysql_native_password' });
  }

  addAccount(user: string, password: string, more: Partial<Account> = {}): void {
    const plugin = more.plugin ?? 'caching_sha2_password';
    this.accounts.set(user, {
      user,
      host: '%',
      plugin,
      authentication: hashPassword(plugin, password),
      locked: false,
      passwordExpired: false,
      requireTls: false,
      ...more,
    });
  }

  findAccount(user: string): Account | undefined {
    return this.accounts.get(user);
  }

  /** What the engine hears when it asks. */
  news: () => void = () => undefined;

  caughtUp(): Promise<void> {
    this.news();
    return Promise.resolve();
  }

  openSession(id: number, account: Account, client: ClientInfo): Session {
    if (client.database === 'missing') throw new ProtocolError(1049, '42000', "Unknown database 'missing'");
    const session = new FakeSession(id, this, account, client);
    this.sessions.set(id, session);
    return session;
  }

  statistics(): string {
    return 'Uptime: 1  Threads: 1';
  }

  kill(_by: Session, id: number): void {
    const session = this.sessions.get(id);
    if (session === undefined) throw new ProtocolError(1094, 'HY000', `Unknown thread id: ${id}`);
    session.onKill?.();
  }
}

const nothing = (): void => undefined;
export const silentLog = { debug: nothing, info: nothing, warn: nothing, error: nothing };
