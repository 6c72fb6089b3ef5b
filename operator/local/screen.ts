/** Lines that stay, and below them, on a terminal, a table that is drawn again in its place. */

export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export class Screen {
  readonly #out: Output;
  #table: readonly string[] = [];

  constructor(out: Output) {
    this.#out = out;
  }

  /** Whether a table is shown. */
  get live(): boolean {
    return this.#out.isTTY === true;
  }

  /** Writes a line above the table. */
  line(text: string): void {
    const table = this.#table;
    this.#out.write(`${this.#erase()}${text}\n`);
    this.#draw(table);
  }

  /** Shows the table in place of the one before; nothing where the output is no terminal. */
  table(lines: readonly string[]): void {
    if (!this.live || lines.join('\n') === this.#table.join('\n')) return;
    this.#out.write(this.#erase());
    this.#draw(lines);
  }

  #draw(lines: readonly string[]): void {
    this.#table = lines;
    // A line that the terminal would break would throw the count of lines off.
    const width = this.#out.columns ?? Infinity;
    if (lines.length > 0) this.#out.write(lines.map((line) => `${[...line].slice(0, width - 1).join('')}\n`).join(''));
  }

  /** To the first line of the table, and clears from there. */
  #erase(): string {
    const { length } = this.#table;
    this.#table = [];
    return length === 0 ? '' : `\u001b[${length}A\u001b[J`;
  }
}
