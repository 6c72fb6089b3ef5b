/** JSON_TABLE: the rows that a JSON document spells. */
import { SqlError, type Decimal, type SqliteValue, type SqlType } from '../types/index.ts';
import type { JsonOnResponse, JsonTable, JsonTableColumn } from '../parser/index.ts';
import {
  findAll,
  invalidJsonArgument,
  isArray,
  isObject,
  parseJson,
  parsePath,
  printJson,
  readJson,
  storeConverter,
  toSqlite,
  type Json,
  type JsonPath,
  type StoreContext,
} from '../values/index.ts';
import type { Bound } from './bound.ts';
import { signatureName } from './call.ts';
import { unsupported, type Compiler } from './compiler.ts';
import { sqlTypeOf } from './declared-types.ts';
import { packedRow } from './packed-rows.ts';
import type { ExecContext, SqlFunction } from './plan.ts';

/** A column that holds a value; its place among all of them is its place in a row. */
interface ValueColumn {
  readonly name: string;
  readonly type: SqlType;
}

/** Puts the values of one match of a path into a row; `ordinal` counts the matches from 1. */
type Fill = (row: SqliteValue[], json: Json, ordinal: number, x: ExecContext) => void;

/** The columns at one level, and the levels below it. */
interface Level {
  readonly path: JsonPath;
  readonly fills: readonly Fill[];
  readonly nested: readonly Level[];
}

export interface CompiledJsonTable {
  readonly columns: readonly ValueColumn[];
  /** From the document to packed rows. */
  readonly rows: SqlFunction;
}

export function compileJsonTable(c: Compiler, table: JsonTable, document: Bound): CompiledJsonTable {
  const columns: ValueColumn[] = [];
  const root = compileLevel(c, table.path.value, table.columns, columns);
  const names = columns.map(({ name }) => name.toLowerCase());
  const twice = columns.find((_, i) => names.indexOf(names[i] as string) !== i);
  if (twice) throw new SqlError(1060, '42S21', `Duplicate column name '${twice.name}'`);
  pinTexts(c, table);
  const types = columns.map(({ type }) => type);
  const read = documentReader(document.type);
  // What it does hangs on the whole definition, texts of paths and defaults included.
  const key = JSON.stringify([table.path.value, table.columns, types, document.type.kind], withoutPlaces);
  return {
    columns,
    rows: {
      kind: 'scalar',
      name: signatureName(`json-table${key}`),
      arity: 1,
      deterministic: true,
      make: (x) => (value) => {
        if (value === null) return null;
        const rows = levelRows(root, read(value), types.length, x);
        return `[${rows.map((row) => packedRow(row, types)).join(',')}]`;
      },
    },
  };
}

const withoutPlaces = (key: string, value: unknown): unknown =>
  key === 'slot' || key === 'start' || key === 'end' ? undefined : value;

/** Paths and defaults go into the plan by value. */
function pinTexts(
  c: Compiler,
  { path, columns }: { path: { slot: number }; columns: readonly JsonTableColumn[] },
): void {
  c.pinned.add(path.slot);
  for (const column of columns) {
    if (column.kind === 'nested') pinTexts(c, column);
    if (column.kind !== 'path' && column.kind !== 'exists') continue;
    c.pinned.add(column.path.slot);
    for (const response of [column.onEmpty, column.onError])
      if (response?.kind === 'default' && response.value.kind === 'string') c.pinned.add(response.value.slot);
  }
}

function documentReader(type: SqlType): (value: SqliteValue) => Json {
  if (type.kind === 'json') return (value) => readJson(value as string);
  if (type.kind === 'binary')
    throw new SqlError(3144, '22032', "Cannot create a JSON value from a string with CHARACTER SET 'binary'.");
  if (type.kind !== 'string' && type.kind !== 'null')
    throw new SqlError(
      3146,
      '22032',
      'Invalid data type for JSON data in argument 1 to function json_table; a JSON string or JSON type is required.',
    );
  return (value) => {
    const parsed = parseJson(value as string);
    if ('error' in parsed) throw invalidJsonArgument(parsed.error, 1, 'json_table');
    return parsed.value;
  };
}

function compileLevel(
  c: Compiler,
  path: string,
  definitions: readonly JsonTableColumn[],
  columns: ValueColumn[],
): Level {
  const fills: Fill[] = [];
  const nested: Level[] = [];
  for (const definition of definitions) {
    if (definition.kind === 'nested') {
      nested.push(compileLevel(c, definition.path.value, definition.columns, columns));
      continue;
    }
    const place = columns.length;
    if (definition.kind === 'ordinality') {
      columns.push({ name: definition.name, type: ORDINALITY });
      fills.push((row, _json, ordinal) => (row[place] = ordinal));
      continue;
    }
    const type = sqlTypeOf(definition.type, definition.name, c.settings.collation);
    const column = { name: definition.name, type };
    columns.push(column);
    const value = definition.kind === 'exists' ? existsValue(column, definition) : pathValue(column, definition);
    fills.push((row, json, _ordinal, x) => (row[place] = value(json, x)));
  }
  return { path: parsePath(path), fills, nested };
}

const ORDINALITY: SqlType = { kind: 'int', bits: 64, unsigned: false };

type PathColumn = Extract<JsonTableColumn, { kind: 'path' | 'exists' }>;
type ValueOf = (json: Json, x: ExecContext) => SqliteValue;

function existsValue(column: ValueColumn, definition: PathColumn): ValueOf {
  const path = parsePath(definition.path.value);
  const store = scalarStore(column);
  return (json, x) => store(findAll(json, path).length > 0 ? 1n : 0n, x);
}

function pathValue(column: ValueColumn, definition: PathColumn): ValueOf {
  const path = parsePath(definition.path.value);
  const store =
    column.type.kind === 'json' ? (json: Json) => (json === null ? null : printJson(json)) : scalarStore(column);
  const empty = response(
    definition.onEmpty,
    store,
    () => new SqlError(3665, '22035', `Missing value for JSON_TABLE column '${column.name}'`),
  );
  const failed = response(definition.onError, store, (error) => error as SqlError);
  return (json, x) => {
    const found = findAll(json, path);
    if (found.length === 0) return empty(x, undefined);
    try {
      // Several values are one array, which only a JSON column takes.
      return store(found.length === 1 ? (found[0] as Json) : found, x);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      return failed(x, error);
    }
  };
}

/** What stands in for a value that is missing or does not fit. */
function response(
  wanted: JsonOnResponse | undefined,
  store: ValueOf,
  error: (cause: SqlError | undefined) => SqlError,
): (x: ExecContext, cause: SqlError | undefined) => SqliteValue {
  if (wanted === undefined || wanted.kind === 'null') return () => null;
  if (wanted.kind === 'error')
    return (_x, cause) => {
      throw error(cause);
    };
  const { value } = wanted;
  if (value.kind !== 'string') throw unsupported('non-string DEFAULT value for a column in a JSON_TABLE expression');
  const parsed = parseJson(value.value);
  if ('error' in parsed) throw invalidJsonArgument(parsed.error, 1, 'JSON_TABLE');
  return (x) => store(parsed.value, x);
}

const TEXT: SqlType = { kind: 'string', family: 'longtext', length: 4294967295, collation: 'utf8mb4_bin' };
const SIGNED: SqlType = { kind: 'int', bits: 64, unsigned: false };
const UNSIGNED: SqlType = { kind: 'int', bits: 64, unsigned: true };
const DOUBLE: SqlType = { kind: 'double', unsigned: false };
const INT64_MAX = 9223372036854775807n;

/** Stores a JSON scalar as a column's value, or throws: strict whatever the session's mode. */
function scalarStore(column: ValueColumn): ValueOf {
  const { type, name } = column;
  const convert = storeConverter(column);
  const isEnum = type.kind === 'enum' || type.kind === 'set';
  const isText = isEnum || type.kind === 'string' || type.kind === 'binary';
  const isWhole = type.kind === 'int' || type.kind === 'year' || type.kind === 'bit';
  const isTemporal = ['date', 'time', 'datetime', 'timestamp'].includes(type.kind);
  const isReal = type.kind === 'float' || type.kind === 'double';
  const typed = (json: JsonScalar): [SqliteValue, SqlType] => {
    if (typeof json === 'string') {
      // A number's text must be just that: no blanks, and no point where a whole number is wanted.
      if (isWhole && !/^[+-]?\d+$/.test(json)) throw invalidCast(column);
      if (isReal && json !== json.trim()) throw invalidCast(column);
      return isWhole && type.kind !== 'year' ? typed(BigInt(json)) : [json, TEXT];
    }
    if (isText) return [printJson(json), TEXT];
    if (typeof json === 'boolean') return [json ? 1 : 0, SIGNED];
    if (typeof json === 'number') return [json, DOUBLE];
    const from = typeof json === 'bigint' ? (json > INT64_MAX ? UNSIGNED : SIGNED) : decimalType(json);
    return [toSqlite(from)(json), from];
  };
  return (json, x) => {
    if (json === null) return null;
    if (isArray(json) || isObject(json))
      throw new SqlError(3666, '2203F', `Can't store an array or an object in the scalar JSON_TABLE column '${name}'`);
    const [value, from] = typed(json);
    try {
      return convert(value, from, strictly(x));
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      // An ENUM or SET takes its error value.
      if (isEnum) return 0;
      throw isTemporal || error.errno === 1264 || error.errno === 1406
        ? new SqlError(3669, '22003', `Value is out of range for JSON_TABLE's column '${name}'`)
        : invalidCast(column);
    }
  };
}

type JsonScalar = Exclude<Json, null | readonly Json[] | ReadonlyMap<string, Json>>;

const decimalType = ({ scale }: Decimal): SqlType => ({ kind: 'decimal', precision: 65, scale, unsigned: false });

const invalidCast = ({ name, type }: ValueColumn): SqlError => {
  const kind = type.kind === 'int' || type.kind === 'year' || type.kind === 'bit' ? 'integer' : type.kind;
  return new SqlError(
    3156,
    '22018',
    `Invalid JSON value for CAST to ${kind.toUpperCase()} from column ${name} at row 1`,
  );
};

const strictly = (x: ExecContext): StoreContext => ({
  sqlMode: x.sqlMode,
  timeZone: x.timeZone,
  nowUtcMicros: () => x.nowUtcMicros(),
  strict: true,
  row: 1,
  warn: (level, errno, message) => {
    if (level !== 'Note') throw new SqlError(errno, 'HY000', message);
  },
});

/** Nested paths that stand side by side take turns: while one gives rows, the columns of the others are NULL. */
function levelRows(root: Level, document: Json, width: number, x: ExecContext): SqliteValue[][] {
  const rows: SqliteValue[][] = [];
  const visit = (level: Level, json: Json, row: readonly SqliteValue[]): boolean => {
    const matches = findAll(json, level.path);
    matches.forEach((match, i) => {
      const own = [...row];
      for (const fill of level.fills) fill(own, match, i + 1, x);
      const below = level.nested.map((nested) => visit(nested, match, own));
      if (!below.includes(true)) rows.push(own);
    });
    return matches.length > 0;
  };
  visit(root, document, new Array<SqliteValue>(width).fill(null));
  return rows;
}
