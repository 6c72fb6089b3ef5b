/** What forwarding asks of the node around it, and what it gives it. */
import type { NodeId } from '../consensus/index.ts';
import type { ClientInfo, ColumnDefinition, PreparedStatement, Session } from '../server/index.ts';

/** Whose session it is, as the accounts name it. */
export interface Who {
  readonly user: string;
  readonly host: string;
}

export interface ForwardingOptions {
  /** 'full': it was NOT taken; `drained(to)` is called when there is room again. The bytes do not change afterwards. */
  readonly send: (to: NodeId, message: Uint8Array) => 'queued' | 'full' | 'unreachable';
  /** At the node that a session comes to. Throws SqlError: no such account (1045), ... */
  readonly openSession: (who: Who, client: ClientInfo, image: Uint8Array) => Promise<MovableSession>;
  /** A session threw what is no SqlError; its client heard 1105. */
  readonly onInternalError?: (error: unknown) => void;
}

/** A session whose settings can be taken elsewhere. */
export interface MovableSession extends Session {
  /** All that makes it what it is, for openSession() at another node. */
  image(): Uint8Array;
  /** Ends what runs; with `connection`, the client's connection too, by onKill. */
  kill?(connection: boolean): void;
}

/** A session at another node. Once it is gone every command of it ends with error 3101. */
export interface RemoteSession extends Session {
  readonly isGone: boolean;
  prepare(sql: Uint8Array): Promise<PreparedStatement>;
  useDatabase(name: string): Promise<void>;
  listFields(table: string, wildcard: string): Promise<readonly ColumnDefinition[]>;
  reset(): Promise<void>;
  image(): Promise<Uint8Array>;
  /** Ends the statement that runs there; without `queryOnly` the client's connection too, by onKill. */
  kill(queryOnly: boolean): void;
}
