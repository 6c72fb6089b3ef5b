/** An error that a client sees: MySQL's number, SQLSTATE and text. */
export class SqlError extends Error {
  override readonly name = 'SqlError';
  readonly errno: number;
  readonly sqlState: string;

  constructor(errno: number, sqlState: string, message: string) {
    super(message);
    this.errno = errno;
    this.sqlState = sqlState;
  }
}

/** What SHOW WARNINGS lists. */
export interface Warning {
  readonly level: 'Note' | 'Warning' | 'Error';
  readonly errno: number;
  readonly message: string;
}
