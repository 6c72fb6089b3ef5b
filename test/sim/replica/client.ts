/** A client's session with a node: statements in, rows or an error out; and the ledger of what clients were told. */
import type { Session, WireValue } from '../../../node/server/index.ts';
import { GatewaySession } from '../../../node/groups/session.ts';
import type { EngineSession } from '../../../node/engine/index.ts';
import type { SimulatedNode } from './node.ts';
import type { Predicate, PredicateRead, RowWrite } from './predicates.ts';

export type Level = 'local' | 'replicated' | 'final';

export interface Answer {
  readonly rows: readonly (readonly WireValue[])[];
  readonly affected: number;
}

/** What the server says of a statement. */
export class StatementError extends Error {
  override readonly name = 'StatementError';
  readonly errno: number;

  constructor(errno: number, message: string) {
    super(message);
    this.errno = errno;
  }
}

/** A transaction as its client knows it. */
export interface Deed {
  /** Lies in the table `ledger` where the transaction took place. */
  readonly tag: string;
  readonly node: string;
  readonly level: Level;
  readonly what: string;
  readonly start: number;
  end: number;
  /** `lost`: the node or its answer never came back. */
  outcome: 'lost' | 'acknowledged' | 'refused' | 'unconfirmed';
  txid: string;
  /** What it added to which counter. */
  readonly added?: { readonly counter: number; readonly by: number };
  /** Tags that it saw before it wrote its own, and that were sure to stay. */
  seen?: readonly string[];
  /** Lists that it read, and appended its tag to. */
  lists?: Map<number, readonly string[]>;
  /** What it read by predicate before it wrote, and which rows it then wrote. */
  reads?: PredicateRead[];
  writes?: readonly RowWrite[];
  /** It put its tag to all rows that match, without reading them. */
  sweep?: Predicate;
  /** What its session had written and seen by then, of what is read by predicate. */
  past?: ReadonlySet<string>;
}

const CONNECTION = {
  address: '127.0.0.1',
  port: 1,
  tlsCipher: '',
  tlsVersion: '',
  attributes: new Map(),
  database: '',
  collationId: 255,
  interactive: false,
  foundRows: false,
  localInfile: false,
} as const;

/** A session with a node. */
abstract class Connection<S extends Session> {
  readonly node: SimulatedNode;
  protected readonly session: S;
  private readonly run: number;
  private readonly now: () => number;

  constructor(node: SimulatedNode, id: number, now: () => number) {
    this.node = node;
    this.run = node.run;
    this.now = now;
    this.session = this.open(node, id);
  }

  /** Throws where the node takes no sessions. */
  protected abstract open(node: SimulatedNode, id: number): S;

  protected abstract lastTxid(): string | Promise<string>;

  get isAlive(): boolean {
    return this.node.isUp && this.node.run === this.run;
  }

  /** Rejects with StatementError. Never settles when the node crashes first. */
  async sql(text: string): Promise<Answer> {
    const rows: (readonly WireValue[])[] = [];
    let affected = 0;
    let error: StatementError | undefined;
    await this.session.query(Buffer.from(text), {
      columns: () => undefined,
      row: (values) => rows.push([...values]) > 0,
      drained: () => Promise.resolve(),
      end: () => undefined,
      ok: (result) => (affected = Number(result.affectedRows)),
      error: ({ errno, message }) => (error = new StatementError(errno, message)),
      requestFile: () => {
        throw new Error('no client gives files');
      },
    });
    // The answer is an effect, too: a crash may come before it.
    if (!this.isAlive || !this.node.mayAct()) return new Promise(() => undefined);
    if (error) throw error;
    return { rows, affected };
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.node.after(ms, resolve));
  }

  /** Does what a deed stands for, and notes what came of it. */
  async perform(deed: Deed, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      deed.outcome = 'acknowledged';
      const txid = this.lastTxid();
      deed.txid = typeof txid === 'string' ? txid : await txid;
    } catch (error) {
      if (!(error instanceof StatementError)) throw error;
      deed.outcome = error.errno === 3101 && !/no majority/.test(error.message) ? 'unconfirmed' : 'refused';
      if (this.session.status().inTransaction) await this.rollBack();
    }
    deed.end = this.now();
  }

  /** It may be that the node which has the transaction ends the session. */
  private async rollBack(): Promise<void> {
    try {
      await this.sql('ROLLBACK');
    } catch (error) {
      if (!(error instanceof StatementError)) throw error;
    }
  }
}

/** With the group that all nodes host. */
export class Client extends Connection<EngineSession> {
  protected override open({ name, life }: SimulatedNode, id: number): EngineSession {
    const core = life?.engine.core;
    const account = core?.findAccount('root', CONNECTION.address);
    if (!core || !account) throw new Error(`${name} takes no sessions`);
    return core.openSession(id, account, CONNECTION);
  }

  protected override lastTxid(): string {
    return String(this.session.systemVariable('p2pdb_last_txid', 'session'));
  }
}

/** With all databases, wherever they are. */
export class GatewayClient extends Connection<GatewaySession> {
  /** The node ended the connection. */
  private isEnded = false;
  onEnded: (() => void) | undefined;

  protected override open({ name, life }: SimulatedNode, id: number): GatewaySession {
    const gateway = life?.groups.gateway;
    const account = gateway?.findAccount('root', CONNECTION.address);
    if (!gateway || !account) throw new Error(`${name} takes no sessions`);
    const session = new GatewaySession(gateway, id, account, CONNECTION, false);
    session.onKill = () => {
      if (this.isEnded) return;
      this.isEnded = true;
      this.onEnded?.();
    };
    return session;
  }

  override get isAlive(): boolean {
    return super.isAlive && !this.isEnded;
  }

  /** The client goes. */
  close(): void {
    this.session.close();
  }

  /** Empty where the connection ends before it is told. */
  protected override async lastTxid(): Promise<string> {
    try {
      const { rows } = await this.sql('SELECT @@p2pdb_last_txid');
      return String(rows[0]?.[0]);
    } catch (error) {
      if (!(error instanceof StatementError)) throw error;
      return '';
    }
  }
}
