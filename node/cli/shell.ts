/** `p2pdb sql`: a small SQL shell that looks like MySQL's. */
import { createReadStream, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { type Changes, type ConnectOptions, type Receiver, ShellClient } from './client.ts';
import { type ShellCommand, type ShellInput, type ShellStatement, StatementReader } from './statements.ts';
import { boxes, type Cell, type Field, tabs, vertical } from './tables.ts';

export interface ShellStreams {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export const SHELL_HELP = `p2pdb sql [OPTION…] [DATABASE]

  -h, --host HOST          server (127.0.0.1)
  -P, --port PORT          its port (3306)
  -u, --user USER          user (root)
  -p, --password PASSWORD  password; -p alone asks for it; MYSQL_PWD gives it unseen by others
  -D, --database DB        database to use
  -e, --execute SQL        runs SQL and ends
  -t, --table              boxes, even when the output is no terminal
  -B, --batch              parted by tabs, even when it is one
  -N, --skip-column-names  no names of columns
  -f, --force              goes on after an error
      --ssl                with TLS
      --local-infile       lets LOAD DATA LOCAL read files
`;

const COMMAND_HELP = `\\q quit    \\s status    \\c clear what is typed    \\u DB use a database
\\. FILE or source FILE runs a file    \\d X or delimiter X changes the delimiter    \\G a line for each column
`;

interface ShellOptions {
  readonly connect: ConnectOptions;
  readonly execute: string | undefined;
  readonly style: 'boxes' | 'tabs';
  readonly names: boolean;
  readonly force: boolean;
  readonly interactive: boolean;
}

const HISTORY_MAX = 1000;

/** Runs the shell; gives the exit code. */
export async function runShell(argv: readonly string[], streams: ShellStreams): Promise<number> {
  let options: ShellOptions;
  try {
    const { values, positionals } = parseOptions(argv);
    if (values.help === true) {
      streams.stdout.write(SHELL_HELP);
      return 0;
    }
    const asked = values.password === undefined && values['ask-password'] === true;
    const password = asked ? await askPassword(streams) : (values.password ?? streams.env['MYSQL_PWD'] ?? '');
    options = makeOptions(values, positionals[0], password, streams);
  } catch (error) {
    streams.stderr.write(`p2pdb sql: ${(error as Error).message}\n`);
    return 1;
  }
  let client: ShellClient;
  try {
    client = await ShellClient.open(options.connect);
  } catch (error) {
    streams.stderr.write(`${errorText(error)}\n`);
    return 1;
  }
  const shell = new Shell(client, options, streams);
  try {
    if (options.execute !== undefined) return await shell.runLines(options.execute.split('\n'));
    return options.interactive ? await shell.interact() : await shell.runStream(streams.stdin);
  } finally {
    client.close();
  }
}

function parseOptions(argv: readonly string[]) {
  // -p takes its value only when that is attached, as in MySQL's client.
  const args = argv.map((argument) =>
    argument === '-p' ? '--ask-password' : /^-p./.test(argument) ? `--password=${argument.slice(2)}` : argument,
  );
  return parseArgs({
    args,
    allowPositionals: true,
    options: {
      host: { type: 'string', short: 'h', default: '127.0.0.1' },
      port: { type: 'string', short: 'P', default: '3306' },
      user: { type: 'string', short: 'u', default: 'root' },
      password: { type: 'string' },
      'ask-password': { type: 'boolean' },
      database: { type: 'string', short: 'D' },
      execute: { type: 'string', short: 'e' },
      table: { type: 'boolean', short: 't' },
      batch: { type: 'boolean', short: 'B' },
      'skip-column-names': { type: 'boolean', short: 'N' },
      force: { type: 'boolean', short: 'f' },
      ssl: { type: 'boolean' },
      'local-infile': { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
}

type Values = ReturnType<typeof parseOptions>['values'];

function makeOptions(
  values: Values,
  database: string | undefined,
  password: string,
  streams: ShellStreams,
): ShellOptions {
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`--port: ${values.port} is no port`);
  const interactive = values.execute === undefined && streams.stdin.isTTY === true && values.batch !== true;
  const forTerminal = interactive || (values.execute !== undefined && streams.stdout.isTTY === true);
  return {
    connect: {
      host: values.host,
      port,
      user: values.user,
      password,
      database: values.database ?? database ?? '',
      tls: values.ssl === true,
      localInfile: values['local-infile'] === true,
    },
    execute: values.execute,
    style: values.table === true || (forTerminal && values.batch !== true) ? 'boxes' : 'tabs',
    names: values['skip-column-names'] !== true,
    force: values.force === true || interactive,
    interactive,
  };
}

/** Reads a line that is not shown. */
function askPassword({ stdin, stderr }: ShellStreams): Promise<string> {
  stderr.write('Enter password: ');
  // readline echoes to its output: one that goes nowhere hides what is typed.
  const reader = createInterface({ input: stdin, output: new PassThrough(), terminal: stdin.isTTY === true });
  return new Promise((resolve) => {
    reader.question('', (answer) => {
      reader.close();
      stderr.write('\n');
      resolve(answer);
    });
  });
}

function errorText(error: unknown, line?: number): string {
  const { errno, sqlState, message, code } = error as {
    errno?: number;
    sqlState?: string;
    message: string;
    code?: string;
  };
  const where = line === undefined ? '' : ` at line ${line}`;
  if (sqlState !== undefined && errno !== undefined) return `ERROR ${errno} (${sqlState})${where}: ${message}`;
  return `ERROR 2003 (HY000)${where}: ${message || (code ?? 'connection failed')}`;
}

class Shell {
  readonly #client: ShellClient;
  readonly #options: ShellOptions;
  readonly #streams: ShellStreams;
  readonly #reader = new StatementReader();
  #running = false;
  #quit = false;

  constructor(client: ShellClient, options: ShellOptions, streams: ShellStreams) {
    this.#client = client;
    this.#options = options;
    this.#streams = streams;
  }

  #say(text: string): void {
    this.#streams.stdout.write(text);
  }

  /** Statements of a file or a pipe; stops at an error unless told to go on. */
  async runStream(input: Readable): Promise<number> {
    const lines = createInterface({ input, crlfDelay: Infinity });
    let code = 0;
    for await (const line of lines) {
      for (const piece of this.#reader.feed(line)) code = (await this.#run(piece)) ? code : 1;
      if (this.#quit || (code !== 0 && !this.#options.force)) return code;
    }
    for (const piece of this.#reader.end()) code = (await this.#run(piece)) ? code : 1;
    return code;
  }

  async runLines(lines: readonly string[]): Promise<number> {
    const pieces = [...lines.flatMap((line) => this.#reader.feed(line)), ...this.#reader.end()];
    let code = 0;
    for (const piece of pieces) {
      if (!(await this.#run(piece))) code = 1;
      if (this.#quit || (code !== 0 && !this.#options.force)) break;
    }
    return code;
  }

  async interact(): Promise<number> {
    const history = new History(this.#streams.env);
    const terminal = createInterface({
      input: this.#streams.stdin,
      output: this.#streams.stdout,
      terminal: true,
      history: history.load(),
      historySize: HISTORY_MAX,
      removeHistoryDuplicates: true,
    });
    this.#say("Commands end with ; or \\G. Type '\\h' for help, '\\q' to quit.\n\n");
    terminal.on('history', (lines) => history.keep(lines));
    terminal.on('SIGINT', () => this.#interrupt(terminal));
    this.#prompt(terminal);
    for await (const line of terminal) {
      for (const piece of this.#reader.feed(line)) await this.#run(piece);
      if (this.#quit) break;
      this.#prompt(terminal);
    }
    terminal.close();
    this.#say('Bye\n');
    history.save();
    return 0;
  }

  #prompt(terminal: Interface): void {
    const open = this.#reader.continuation;
    terminal.setPrompt(open === '' ? 'p2pdb> ' : `    ${open}> `);
    terminal.prompt();
  }

  /** Ctrl-C: ends the running statement, or forgets the typed one. */
  #interrupt(terminal: Interface): void {
    if (this.#running) {
      this.#client.interrupt().catch((error: unknown) => this.#streams.stderr.write(`${errorText(error)}\n`));
      return;
    }
    this.#reader.clear();
    this.#say('^C\n');
    this.#prompt(terminal);
  }

  /** False when it failed. */
  async #run(piece: ShellInput): Promise<boolean> {
    this.#running = true;
    try {
      if ('command' in piece) await this.#command(piece);
      else await this.#statement(piece);
      return true;
    } catch (error) {
      this.#streams.stderr.write(`${errorText(error, this.#options.interactive ? undefined : piece.line)}\n`);
      return false;
    } finally {
      this.#running = false;
    }
  }

  async #statement({ sql, vertical: upright }: ShellStatement): Promise<void> {
    const start = performance.now();
    const seconds = (): string => `(${((performance.now() - start) / 1000).toFixed(2)} sec)`;
    const { style, names, interactive } = this.#options;
    const chatty = interactive || style === 'boxes';
    const receiver =
      style === 'tabs' && !upright
        ? new TabReceiver(this.#streams.stdout, names)
        : new TableReceiver(this.#streams.stdout, names, upright, chatty ? seconds : undefined);
    await this.#client.run(sql, receiver);
  }

  async #command({ command, argument }: ShellCommand): Promise<void> {
    switch (command) {
      case 'q':
        this.#quit = true;
        break;
      case 'h':
        this.#say(COMMAND_HELP);
        break;
      case 'c':
        this.#reader.clear();
        break;
      case 'd':
        if (argument === '' || argument.includes('\\')) throw new Error('DELIMITER must be followed by a delimiter');
        this.#reader.delimiter = argument;
        break;
      case 'u':
        await this.#statement({ sql: `USE \`${argument.replaceAll('`', '``')}\``, vertical: false, line: 0 });
        break;
      case 's':
        await this.#statement({
          sql: 'SELECT CONNECTION_ID() AS `connection`, DATABASE() AS `database`, CURRENT_USER() AS `user`, VERSION() AS `version`',
          vertical: true,
          line: 0,
        });
        break;
      case '.': {
        if (!existsSync(argument)) throw new Error(`Failed to open file '${argument}'`);
        const nested = new Shell(this.#client, this.#options, this.#streams);
        nested.#reader.delimiter = this.#reader.delimiter;
        await nested.runStream(createReadStream(argument));
        break;
      }
    }
  }
}

/** Lines parted by tabs, written as they come. */
class TabReceiver implements Receiver {
  readonly #out: Writable;
  readonly #names: boolean;

  constructor(out: Writable, names: boolean) {
    this.#out = out;
    this.#names = names;
  }

  fields(fields: readonly Field[]): void {
    if (this.#names) this.#out.write(tabs(fields.map(({ name }) => name)));
  }

  row(cells: readonly Cell[]): boolean {
    return this.#out.write(tabs(cells));
  }

  drained(): Promise<void> {
    return new Promise((resolve) => this.#out.once('drain', resolve));
  }

  end(): void {
    // Nothing follows the rows.
  }

  changed(): void {
    // Said in interactive use only.
  }
}

/** Boxes, whose widths are known when all rows are. */
class TableReceiver implements Receiver {
  readonly #out: Writable;
  readonly #names: boolean;
  readonly #upright: boolean;
  readonly #seconds: (() => string) | undefined;
  #fields: readonly Field[] = [];
  #rows: (readonly Cell[])[] = [];

  constructor(out: Writable, names: boolean, upright: boolean, seconds: (() => string) | undefined) {
    this.#out = out;
    this.#names = names;
    this.#upright = upright;
    this.#seconds = seconds;
  }

  fields(fields: readonly Field[]): void {
    this.#fields = this.#names ? fields : fields.map((field) => ({ ...field, name: '' }));
    this.#rows = [];
  }

  row(cells: readonly Cell[]): boolean {
    this.#rows.push(cells);
    return true;
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }

  end(): void {
    const count = this.#rows.length;
    if (count > 0) this.#out.write((this.#upright ? vertical : boxes)(this.#fields, this.#rows));
    if (this.#seconds === undefined) return;
    const text = count === 0 ? 'Empty set' : `${count} row${count === 1 ? '' : 's'} in set`;
    this.#out.write(`${text} ${this.#seconds()}\n\n`);
  }

  changed({ affectedRows, info, warnings }: Changes): void {
    if (this.#seconds === undefined) return;
    const rows = `${affectedRows} row${affectedRows === 1 ? '' : 's'} affected`;
    const noted = warnings === 0 ? '' : `, ${warnings} warning${warnings === 1 ? '' : 's'}`;
    this.#out.write(`Query OK, ${rows}${noted} ${this.#seconds()}\n${info === '' ? '' : `${info}\n`}\n`);
  }
}

/** Lines typed before, in the user's home; those with passwords are not kept. */
class History {
  readonly #file: string;
  #lines: readonly string[] = [];

  constructor(env: ShellStreams['env']) {
    this.#file = env['P2PDB_HISTFILE'] ?? path.join(homedir(), '.p2pdb_history');
  }

  load(): string[] {
    try {
      // The newest first, as readline has them.
      this.#lines = readFileSync(this.#file, 'utf8').split('\n').filter(Boolean).reverse();
    } catch {
      // A history that is not there yet, or cannot be read, is an empty one.
      this.#lines = [];
    }
    return [...this.#lines];
  }

  keep(lines: readonly string[]): void {
    this.#lines = lines.filter((line) => !/identified|password/i.test(line));
  }

  save(): void {
    try {
      writeFileSync(this.#file, `${[...this.#lines].reverse().join('\n')}\n`, { mode: 0o600 });
    } catch {
      // The shell has done its work; a home that cannot be written to is no reason to fail.
    }
  }
}
