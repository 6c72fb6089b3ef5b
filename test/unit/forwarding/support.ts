/** A session without SQL at the far end of a link, and a sink that keeps what it is given at the near one. */
import type { RemoteSession, MovableSession } from '../../../node/forwarding/index.ts';
import type {
  ClientInfo,
  ColumnDefinition,
  OkResult,
  ResultSink,
  SessionStatus,
  WireValue,
} from '../../../node/server/index.ts';
import { SqlError } from '../../../node/sql/index.ts';
import { FakeEngine, type FakeSession } from '../../integration/server/fake-engine.ts';
import { FAR, Link } from '../../support/link.ts';

export const CLIENT: ClientInfo = {
  address: '127.0.0.1',
  port: 4321,
  tlsCipher: '',
  tlsVersion: '',
  attributes: new Map([['program_name', 'test']]),
  database: 'test',
  collationId: 255,
  interactive: false,
  foundRows: true,
  localInfile: true,
};

const nowhere = (): Promise<never> => Promise.reject(new SqlError(1105, 'HY000', 'nothing is hosted here'));

export class Pair {
  readonly engine = new FakeEngine();
  readonly link: Link;
  readonly internalErrors: unknown[] = [];
  /** What KILL said at the far end. */
  readonly kills: boolean[] = [];
  beforeOpen: () => Promise<void> = () => Promise.resolve();
  private lastId = 0;

  constructor(bytesMax?: number) {
    const onInternalError = (error: unknown): void => void this.internalErrors.push(error);
    const openSession = async (
      who: { user: string },
      client: ClientInfo,
      image: Uint8Array,
    ): Promise<MovableSession> => {
      await this.beforeOpen();
      const account = this.engine.findAccount(who.user);
      if (!account) throw new SqlError(1045, '28000', `Access denied for user '${who.user}'`);
      const session = this.engine.openSession(++this.lastId, account, client);
      return Object.assign(session as FakeSession, {
        image: () => image,
        kill: (connection: boolean) => {
          this.kills.push(connection);
          if (connection) session.onKill?.();
        },
      });
    };
    this.link = new Link({ openSession: nowhere, onInternalError }, { openSession, onInternalError }, bytesMax);
  }

  open(user = 'root', image = new Uint8Array([1, 2, 3]), client = CLIENT): Promise<RemoteSession> {
    return this.link.near.open(FAR, { user, host: '%' }, client, image);
  }

  async run(session: RemoteSession, sql: string, sink = new Kept(session)): Promise<Kept> {
    await session.query(Buffer.from(sql), sink);
    return sink;
  }
}

export type Given =
  | { readonly kind: 'columns'; readonly columns: readonly ColumnDefinition[] }
  | { readonly kind: 'row'; readonly values: readonly WireValue[] }
  | { readonly kind: 'end'; readonly warnings: number; readonly more: boolean; readonly status: SessionStatus }
  | { readonly kind: 'ok'; readonly ok: OkResult; readonly more: boolean; readonly status: SessionStatus }
  | { readonly kind: 'error'; readonly errno: number };

export class Kept implements ResultSink {
  readonly given: Given[] = [];
  rows = 0;
  /** Whether rows are kept, or counted only. */
  keepsRows = true;
  /** Rows after which the client is slow. */
  rowsAtOnce = Infinity;
  onDrain: () => Promise<void> = () => Promise.resolve();
  onGiven: (kind: Given['kind']) => void = () => undefined;
  file: () => AsyncIterable<Uint8Array> = () => {
    throw new SqlError(3948, '42000', 'Loading local data is disabled');
  };
  private readonly session: RemoteSession;

  constructor(session: RemoteSession) {
    this.session = session;
  }

  private give(given: Given): void {
    this.given.push(given);
    this.onGiven(given.kind);
  }

  columns(columns: readonly ColumnDefinition[]): void {
    this.give({ kind: 'columns', columns });
  }
  row(values: readonly WireValue[]): boolean {
    this.rows++;
    if (this.keepsRows) this.give({ kind: 'row', values });
    return this.rows % this.rowsAtOnce !== 0;
  }
  drained(): Promise<void> {
    return this.onDrain();
  }
  end(warnings: number, more: boolean): void {
    this.give({ kind: 'end', warnings, more, status: this.session.status() });
  }
  ok(ok: OkResult, more: boolean): void {
    this.give({ kind: 'ok', ok, more, status: this.session.status() });
  }
  error({ errno }: { errno: number }): void {
    this.give({ kind: 'error', errno });
  }
  requestFile(): AsyncIterable<Uint8Array> {
    return this.file();
  }

  get last(): Given | undefined {
    return this.given.at(-1);
  }
}
