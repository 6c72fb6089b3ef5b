/** Table options that mean nothing here: kept as they are, for SHOW CREATE TABLE and information_schema. */
import { SqlError, type TableOption } from '../../sql/index.ts';
import type { StatementContext } from '../statement-context.ts';

const U32_MAX = 4294967295;

/** In the order of SHOW CREATE TABLE; `ROW_FORMAT` stands between `DELAY_KEY_WRITE` and `KEY_BLOCK_SIZE`, `COMMENT` before `CONNECTION`. */
const ORDER = [
  'MIN_ROWS',
  'MAX_ROWS',
  'AVG_ROW_LENGTH',
  'PACK_KEYS',
  'STATS_PERSISTENT',
  'STATS_AUTO_RECALC',
  'STATS_SAMPLE_PAGES',
  'CHECKSUM',
  'DELAY_KEY_WRITE',
  'KEY_BLOCK_SIZE',
  'COMPRESSION',
  'CONNECTION',
];
const nameOf = (text: string): string => text.slice(0, text.indexOf('='));
const place = (text: string): number => ORDER.indexOf(nameOf(text));

/** Those that stand before ROW_FORMAT, between it and COMMENT, and after that. */
export function keptOptionTexts(kept: readonly string[] = []): [first: string, second: string, third: string] {
  const part = (from: string, to: string): string =>
    kept
      .filter((text) => place(text) >= ORDER.indexOf(from) && place(text) <= ORDER.indexOf(to))
      .map((text) => ` ${text}`)
      .join('');
  return [part('MIN_ROWS', 'DELAY_KEY_WRITE'), part('KEY_BLOCK_SIZE', 'COMPRESSION'), part('CONNECTION', 'CONNECTION')];
}

const INFORMATION_SCHEMA_ORDER = [
  'MAX_ROWS',
  'MIN_ROWS',
  'AVG_ROW_LENGTH',
  'ROW_FORMAT',
  'STATS_SAMPLE_PAGES',
  'STATS_AUTO_RECALC',
  'KEY_BLOCK_SIZE',
  'COMPRESSION',
  'STATS_PERSISTENT',
  'PACK_KEYS',
  'CHECKSUM',
  'DELAY_KEY_WRITE',
];

/** information_schema.TABLES.CREATE_OPTIONS */
export function createOptions(kept: readonly string[] = [], rowFormat?: string): string {
  const all = rowFormat === undefined ? kept : [...kept, `ROW_FORMAT=${rowFormat}`];
  return INFORMATION_SCHEMA_ORDER.flatMap((name) => all.filter((text) => nameOf(text) === name))
    .map((text) => {
      const name = nameOf(text);
      if (name === 'COMPRESSION') return text.replaceAll("'", '"');
      return name === 'KEY_BLOCK_SIZE' ? text : name.toLowerCase() + text.slice(name.length);
    })
    .join(' ');
}

export interface OptionsTable {
  readonly name: string;
  readonly engine: string;
  /** It is there already. */
  readonly altered: boolean;
}

const noOption = ({ name, engine, altered }: OptionsTable, option: string): SqlError =>
  altered
    ? new SqlError(1478, 'HY000', `Table storage engine '${engine}' does not support the create option '${option}'`)
    : new SqlError(1031, 'HY000', `Table storage engine for '${name}' doesn't have this option`);

const MEGABYTE = 2 ** 20;
const UNITS: Readonly<Record<string, number>> = { k: 2 ** 10, m: MEGABYTE, g: 2 ** 30 };

/** Throws what InnoDB, or any engine, refuses of an option that is not kept. */
export function checkOption(table: OptionsTable, { name, value }: TableOption, all: readonly TableOption[]): void {
  const text = String(value);
  const isInnoDB = table.engine === 'InnoDB';
  switch (name) {
    case 'row_format': {
      const inPages = all.some((other) => other.name === 'key_block_size' && Number(other.value) !== 0);
      if (isInnoDB && (text === 'fixed' || (inPages && !['compressed', 'default'].includes(text))))
        throw noOption(table, 'ROW_TYPE');
      return;
    }
    case 'encryption':
      if (!/^[yn]$/i.test(text)) throw new SqlError(3184, 'HY000', 'Invalid encryption option.');
      if (/^y$/i.test(text))
        throw new SqlError(
          3185,
          'HY000',
          "Can't find master key from keyring, please check in the server log if a keyring is loaded and initialized successfully.",
        );
      return;
    case 'engine_attribute':
    case 'secondary_engine_attribute':
      checkAttribute(table, name, text);
      return;
    case 'autoextend_size': {
      const [, digits, unit = ''] = /^(\d+)([kmg]?)$/i.exec(text) ?? [];
      const megabytes = (Number(digits) * (UNITS[unit.toLowerCase()] ?? 1)) / MEGABYTE;
      if (!isInnoDB || megabytes === 0) return;
      if (megabytes < 4 || megabytes > 4096)
        throw new SqlError(4025, 'HY000', 'AUTOEXTEND_SIZE value should be between 4M and 4096M');
      if (megabytes % 4 !== 0) throw new SqlError(4023, 'HY000', 'AUTOEXTEND_SIZE should be a multiple of 4M');
      return;
    }
    default:
  }
}

function checkAttribute({ engine }: OptionsTable, name: string, text: string): void {
  try {
    if (text !== '') JSON.parse(text);
  } catch {
    throw new SqlError(3980, 'HY000', `Invalid json attribute, error: "Invalid value." at pos 0: '${text}'`);
  }
  if (name === 'engine_attribute')
    throw new SqlError(3981, 'HY000', `Storage engine '${engine}' does not support ENGINE_ATTRIBUTE.`);
}

/** The kept options with one more, or without one that goes back to its default. Throws 1031, of a table that is there 1478. */
export function withOption(
  table: OptionsTable,
  kept: readonly string[] | undefined,
  { name: given, value }: TableOption,
  x: StatementContext,
): readonly string[] | undefined {
  const name = given === 'table_checksum' ? 'CHECKSUM' : given.toUpperCase();
  if (!ORDER.includes(name)) return kept;
  const text = textOf(x, table, name, value);
  const all = (kept ?? []).filter((other) => nameOf(other) !== name);
  if (text !== undefined) all.push(`${name}=${text}`);
  return all.length === 0 ? undefined : all.sort((a, b) => place(a) - place(b));
}

/** As it is shown; undefined for the default. */
function textOf(
  x: StatementContext,
  table: OptionsTable,
  name: string,
  value: TableOption['value'],
): string | undefined {
  const isInnoDB = table.engine === 'InnoDB';
  switch (name) {
    case 'CONNECTION':
      return value === '' ? undefined : `'${String(value).replace(/[\\']/g, (c) => (c === "'" ? "''" : '\\\\'))}'`;
    case 'COMPRESSION':
      if (value === '') return undefined;
      if (isInnoDB && !/^(none|zlib|lz4)$/i.test(String(value))) throw noOption(table, name);
      return `'${String(value).replaceAll("'", "''")}'`;
    case 'KEY_BLOCK_SIZE':
      if (isInnoDB && ![0, 1, 2, 4, 8, 16].includes(Number(value))) throw noOption(table, name);
      return Number(value) === 0 ? undefined : String(value);
    case 'CHECKSUM':
    case 'DELAY_KEY_WRITE':
      return Number(value) === 0 ? undefined : '1';
    case 'MIN_ROWS':
    case 'MAX_ROWS':
    case 'AVG_ROW_LENGTH': {
      if (Number(value) === 0) return undefined;
      if (Number(value) <= U32_MAX) return String(value);
      const word = name.toLowerCase();
      x.session.core.env.warn(
        'Warning',
        4074,
        `${word}=${value} is outside the valid range [0,${U32_MAX}]. ${U32_MAX} will be used.`,
      );
      return String(U32_MAX);
    }
    default:
      return value === 'default' ? undefined : String(value);
  }
}
