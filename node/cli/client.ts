/** The shell's connection: statements in, texts of values out. */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import mysql from 'mysql2';
import type { Cell, Field } from './tables.ts';

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly tls: boolean;
  readonly localInfile: boolean;
}

export interface Changes {
  readonly affectedRows: number;
  readonly info: string;
  readonly warnings: number;
}

/** Where the results of a statement go. */
export interface Receiver {
  fields(fields: readonly Field[]): void;
  /** False: wait for `drained`. */
  row(cells: readonly Cell[]): boolean;
  drained(): Promise<void>;
  /** The end of a result with rows. */
  end(): void;
  changed(changes: Changes): void;
}

/** Types of columns whose values are numbers. */
const NUMERIC = new Set([0, 1, 2, 3, 4, 5, 8, 9, 13, 246]);
/** Types whose values are bytes when their character set is binary: BIT, and texts. */
const TEXTS = new Set([16, 249, 250, 251, 252, 253, 254, 255]);
const BINARY = 63;

interface RawField {
  readonly name: string;
  readonly columnType?: number;
  readonly characterSet?: number;
  readonly type?: number;
}

export class ShellClient {
  readonly #connection: mysql.Connection;
  readonly #options: ConnectOptions;

  private constructor(connection: mysql.Connection, options: ConnectOptions) {
    this.#connection = connection;
    this.#options = options;
    // Said again by the next statement; without a listener it would end the process.
    connection.on('error', () => undefined);
  }

  static open(options: ConnectOptions): Promise<ShellClient> {
    const connection = mysql.createConnection({
      host: options.host,
      port: options.port,
      user: options.user,
      password: options.password,
      ...(options.database === '' ? {} : { database: options.database }),
      ...(options.tls ? { ssl: { rejectUnauthorized: false } } : {}),
      rowsAsArray: true,
      flags: options.localInfile ? ['+LOCAL_FILES'] : ['-LOCAL_FILES'],
      connectAttributes: { program_name: 'p2pdb sql' },
      // The bytes as the server sends them: its text of a value is what is to be seen.
      typeCast: (field) => field.buffer(),
    });
    return new Promise((resolve, reject) => {
      connection.connect((error) => {
        if (error) reject(error);
        else resolve(new ShellClient(connection, options));
      });
    });
  }

  get threadId(): number {
    return this.#connection.threadId;
  }

  run(sql: string, receiver: Receiver): Promise<void> {
    const query = this.#connection.query({
      sql,
      infileStreamFactory: (path: string): Readable => {
        if (!this.#options.localInfile) throw new Error('--local-infile was not given');
        return createReadStream(path);
      },
    } as mysql.QueryOptions);
    let fields: readonly RawField[] = [];
    let rows = false;
    return new Promise((resolve, reject) => {
      query.on('fields', (raw: unknown) => {
        if (rows) receiver.end();
        rows = Array.isArray(raw);
        fields = rows ? (raw as RawField[]) : [];
        if (rows) receiver.fields(fields.map((field) => ({ name: field.name, numeric: NUMERIC.has(typeOf(field)) })));
      });
      query.on('result', (result: unknown) => {
        if (Array.isArray(result)) {
          const cells = result.map((value: Buffer | null, i) => text(value, fields[i]));
          if (receiver.row(cells)) return;
          this.#connection.pause();
          void receiver.drained().then(() => this.#connection.resume());
          return;
        }
        if (rows) receiver.end();
        rows = false;
        const { affectedRows, info, warningStatus } = result as mysql.ResultSetHeader;
        receiver.changed({ affectedRows, info, warnings: warningStatus });
      });
      query.on('error', (error: Error) => reject(error));
      query.on('end', () => {
        if (rows) receiver.end();
        resolve();
      });
    });
  }

  /** Ends the running statement of this connection, by another one. */
  async interrupt(): Promise<void> {
    const other = await ShellClient.open(this.#options);
    const nobody: Receiver = {
      fields: () => undefined,
      row: () => true,
      drained: () => Promise.resolve(),
      end: () => undefined,
      changed: () => undefined,
    };
    try {
      await other.run(`KILL QUERY ${this.threadId}`, nobody);
    } finally {
      other.close();
    }
  }

  close(): void {
    this.#connection.end(() => undefined);
  }
}

const typeOf = (field: RawField): number => field.columnType ?? field.type ?? -1;

function text(value: Buffer | null, field: RawField | undefined): Cell {
  if (value === null) return null;
  if (field?.characterSet === BINARY && TEXTS.has(typeOf(field))) {
    return `0x${value.toString('hex').toUpperCase()}`;
  }
  return value.toString('utf8');
}
