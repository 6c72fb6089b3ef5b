/** Errors that a client sees, as far as this room knows them. */

/** An error of the protocol itself, with MySQL's number, SQLSTATE and text. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly errno: number;
  readonly sqlState: string;

  constructor(errno: number, sqlState: string, message: string) {
    super(message);
    this.errno = errno;
    this.sqlState = sqlState;
  }
}

export interface ClientError {
  readonly errno: number;
  readonly sqlState: string;
  readonly message: string;
}

/** Whether a thrown value says what the client shall see: a ProtocolError, or the engine's SqlError. */
export function isClientError(error: unknown): error is ClientError {
  return (
    error instanceof Error &&
    typeof (error as Partial<ProtocolError>).errno === 'number' &&
    typeof (error as Partial<ProtocolError>).sqlState === 'string'
  );
}
