/** Results as text: boxes, a line for each column, or parted by tabs. */

export interface Field {
  readonly name: string;
  /** Numbers stand at the right. */
  readonly numeric: boolean;
}

export type Cell = string | null;

/** Columns of a terminal that a text takes: East Asian characters and emoji take two, marks none. */
function width(text: string): number {
  let columns = 0;
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    if (code < 0x300) columns++;
    else if (!/\p{Mark}/u.test(character)) {
      columns +=
        /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Emoji_Presentation}/u.test(
          character,
        )
          ? 2
          : 1;
    }
  }
  return columns;
}

const shown = (cell: Cell): string => cell ?? 'NULL';

function pad(text: string, columns: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, columns - width(text)));
  return right ? space + text : text + space;
}

export function boxes(fields: readonly Field[], rows: readonly (readonly Cell[])[]): string {
  const widths = fields.map(({ name }) => width(name));
  for (const row of rows) {
    row.forEach((cell, i) => (widths[i] = Math.max(widths[i] as number, width(shown(cell)))));
  }
  const rule = `+${widths.map((columns) => '-'.repeat(columns + 2)).join('+')}+`;
  const line = (cells: readonly string[], right: (i: number) => boolean): string =>
    `|${cells.map((cell, i) => ` ${pad(cell, widths[i] as number, right(i))} `).join('|')}|`;
  return [
    rule,
    line(
      fields.map(({ name }) => name),
      () => false,
    ),
    rule,
    ...rows.map((row) => line(row.map(shown), (i) => fields[i]?.numeric === true)),
    rule,
    '',
  ].join('\n');
}

/** \G */
export function vertical(fields: readonly Field[], rows: readonly (readonly Cell[])[]): string {
  const widest = Math.max(0, ...fields.map(({ name }) => width(name)));
  const stars = '*'.repeat(27);
  return rows
    .map((row, n) => {
      const lines = row.map((cell, i) => `${pad(fields[i]?.name ?? '', widest, true)}: ${shown(cell)}\n`);
      return `${stars} ${n + 1}. row ${stars}\n${lines.join('')}`;
    })
    .join('');
}

const ESCAPES: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\\': '\\\\', '\0': '\\0' };

/** A line for other programs: parted by tabs, with what would confuse them escaped. */
export function tabs(cells: readonly Cell[]): string {
  return `${cells.map((cell) => shown(cell).replace(/[\t\n\\\0]/g, (character) => ESCAPES[character] as string)).join('\t')}\n`;
}
