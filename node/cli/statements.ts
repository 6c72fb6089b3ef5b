/** Cuts what is typed into statements, as MySQL's own client does: by the delimiter outside quotes and comments. */

export interface ShellStatement {
  readonly sql: string;
  /** Ended by \G: a line for each column. */
  readonly vertical: boolean;
  /** Line of the input that it starts on, from 1. */
  readonly line: number;
}

/** A short command such as `\q`; `argument` is the rest of its line. */
export interface ShellCommand {
  readonly command: string;
  readonly argument: string;
  readonly line: number;
}

export type ShellInput = ShellStatement | ShellCommand;

/** What an unfinished statement is in: nothing, a quote of that kind, or a comment. */
type Open = '' | "'" | '"' | '`' | '*';

const WORD_COMMANDS: Readonly<Record<string, string>> = {
  quit: 'q',
  exit: 'q',
  status: 's',
  source: '.',
  use: 'u',
  help: 'h',
  clear: 'c',
  delimiter: 'd',
};

export class StatementReader {
  delimiter = ';';
  #text = '';
  #open: Open = '';
  #line = 0;
  #startLine = 1;

  /** What to show at the start of the next line: `-`, or the open quote. */
  get continuation(): string {
    return this.#open === '' ? (this.#text.trim() === '' ? '' : '-') : this.#open;
  }

  /** Forgets an unfinished statement. */
  clear(): void {
    this.#text = '';
    this.#open = '';
  }

  /** Takes a line (without its end), and gives what it completes. */
  feed(line: string): ShellInput[] {
    this.#line++;
    const found: ShellInput[] = [];
    if (this.#text.trim() === '') {
      this.clear();
      const command = this.#wordCommand(line);
      if (command !== undefined) return [command];
      this.#startLine = this.#line;
    }
    let at = 0;
    const finish = (vertical: boolean): void => {
      const sql = this.#text.trim();
      if (sql !== '') found.push({ sql, vertical, line: this.#startLine });
      this.#text = '';
      this.#startLine = this.#line;
    };
    while (at < line.length) {
      if (this.#open !== '') {
        at = this.#skipOpen(line, at);
        continue;
      }
      const character = line[at] as string;
      if (line.startsWith(this.delimiter, at)) {
        at += this.delimiter.length;
        finish(false);
      } else if (character === '\\' && at + 1 < line.length) {
        const letter = line[at + 1] as string;
        at += 2;
        if (letter === 'g' || letter === 'G') finish(letter === 'G');
        else if ('qshcu.d'.includes(letter)) {
          found.push({ command: letter, argument: unquoted(line.slice(at), this.delimiter), line: this.#line });
          if (letter === 'c') this.#text = '';
          at = line.length;
        } else this.#text += `\\${letter}`;
      } else if (character === '#' || (character === '-' && /^--(?:\s|$)/.test(line.slice(at, at + 3)))) {
        at = line.length;
      } else {
        if (character === "'" || character === '"' || character === '`') this.#open = character;
        else if (line.startsWith('/*', at)) {
          this.#open = '*';
          this.#text += '/';
          at++;
        }
        this.#text += line[at] as string;
        at++;
      }
    }
    if (this.#text !== '') this.#text += '\n';
    return found;
  }

  /** The last statement of an input need not have a delimiter. */
  end(): ShellInput[] {
    const sql = this.#text.trim();
    this.clear();
    return sql === '' ? [] : [{ sql, vertical: false, line: this.#startLine }];
  }

  /** Copies up to where a quote or comment ends, or the line does. */
  #skipOpen(line: string, from: number): number {
    let at = from;
    for (; at < line.length; at++) {
      if (this.#open === '*') {
        if (line.startsWith('*/', at)) {
          at += 2;
          this.#open = '';
          break;
        }
      } else if (line[at] === '\\' && this.#open !== '`') at++;
      else if (line[at] === this.#open) {
        at++;
        this.#open = '';
        break;
      }
    }
    at = Math.min(at, line.length);
    this.#text += line.slice(from, at);
    return at;
  }

  /** Commands that are words, at the start of a line. */
  #wordCommand(line: string): ShellCommand | undefined {
    const match = /^\s*([a-z]+)(?:\s+(.*?))?\s*$/i.exec(line);
    const word = match?.[1]?.toLowerCase() ?? '';
    const bare = word === '' ? /^\s*([a-z]+)\s*;\s*$/i.exec(line)?.[1]?.toLowerCase() : word;
    const command = WORD_COMMANDS[bare ?? ''];
    if (command === undefined) return undefined;
    return { command, argument: unquoted(match?.[2] ?? '', this.delimiter), line: this.#line };
  }
}

/** A command's argument without the delimiter and quotes around it. */
function unquoted(text: string, delimiter: string): string {
  let argument = text.trim();
  if (argument.endsWith(delimiter) && argument !== delimiter) argument = argument.slice(0, -delimiter.length).trim();
  const quoted = /^(['"`])(.*)\1$/.exec(argument);
  return quoted?.[2] ?? argument;
}
