/** What all connections of a server share. */
import type { SecureContext } from 'node:tls';
import type { AuthKeys } from './auth/authenticate.ts';
import type { LoginThrottle } from './auth/throttle.ts';
import type { Connection } from './connection.ts';
import type { Figures } from './figures.ts';
import type { Engine } from './ports.ts';

/** The part of a logger that this room uses; pino's loggers fit. */
export interface Log {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface ServerContext {
  readonly engine: Engine;
  readonly log: Log;
  readonly figures: Figures;
  readonly throttle: LoginThrottle;
  readonly keys: AuthKeys;
  readonly tls: boolean;
  /** Seconds since the server's start; moves once a second, so that reading it costs nothing. */
  readonly seconds: number;
  /** Prepared statements of all connections. */
  statementCount: number;
  readonly statementMax: number;
  secureContext(): SecureContext;
  /** The connection is gone. */
  closed(connection: Connection): void;
}
