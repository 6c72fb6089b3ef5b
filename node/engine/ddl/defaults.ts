/** DEFAULT clauses. */
import {
  print,
  SqlError,
  type SqlMode,
  storeConverter,
  type ColumnDef,
  type ColumnDefault,
  type Expr,
  type SqliteValue,
  type SqlType,
  unqualified,
  wireValue,
} from '../../sql/index.ts';
import { Environment, SCHEMA_SQL_MODE } from '../environment.ts';
import { defaultText } from '../table.ts';

/** Which dates with zeros are refused as defaults: those that strict mode refuses as values. */
export type ZeroDates = Pick<SqlMode, 'noZeroDate' | 'noZeroInDate'>;

export const zeroDatesOf = (mode: SqlMode, strict: boolean): ZeroDates => ({
  noZeroDate: strict && mode.noZeroDate,
  noZeroInDate: strict && mode.noZeroInDate,
});

export const isNow = (e: Expr): boolean => e.kind === 'call' && e.name === 'now';

const invalid = (column: ColumnDef): SqlError =>
  new SqlError(1067, '42000', `Invalid default value for '${column.name}'`);

export function columnDefault(column: ColumnDef, value: Expr, parens: boolean, zeroDates: ZeroDates): ColumnDefault {
  const { type } = column;
  if (isNow(value) && !parens) {
    if (type.kind !== 'timestamp' && type.kind !== 'datetime') throw invalid(column);
    const fsp = value.kind === 'call' && value.args[0]?.kind === 'number' ? Number(value.args[0].value) : 0;
    if (fsp !== type.fsp) throw invalid(column);
    return { kind: 'now', fsp };
  }
  if (value.kind === 'null') return { kind: 'null' };
  if (parens) return { kind: 'expression', text: print(unqualified(value)) };
  const literal = literalText(value, type);
  if (literal === undefined) throw invalid(column);
  const large =
    (type.kind === 'string' && type.family.endsWith('text')) ||
    (type.kind === 'binary' && type.family.endsWith('blob')) ||
    type.kind === 'json' ||
    type.kind === 'geometry';
  if (large)
    throw new SqlError(
      1101,
      '42000',
      `BLOB, TEXT, GEOMETRY or JSON column '${column.name}' can't have a default value`,
    );
  return { kind: 'value', text: normalised(column, literal, zeroDates) };
}

const isDated = ({ kind }: SqlType): boolean => kind === 'date' || kind === 'datetime' || kind === 'timestamp';

/** A literal's text as information_schema shows a default. */
function literalText(value: Expr, type: SqlType): string | undefined {
  switch (value.kind) {
    case 'number':
      return isDated(type) && Number(value.text) === 0 ? '0000-00-00' : value.text;
    case 'unary': {
      const inner = literalText(value.operand, type);
      return inner === undefined || (value.op !== '-' && value.op !== '+')
        ? undefined
        : value.op === '-'
          ? `-${inner}`
          : inner;
    }
    case 'string':
      return value.bytes ? `0x${Buffer.from(value.bytes).toString('hex').toUpperCase()}` : value.value;
    case 'temporal':
      return value.value;
    case 'bool':
      return value.value ? '1' : '0';
    case 'hex':
    case 'bit': {
      const number = BigInt(`0x${Buffer.from(value.bytes).toString('hex') || '0'}`);
      if (type.kind === 'bit') return `b'${number.toString(2)}'`;
      if (type.kind === 'binary') return `0x${Buffer.from(value.bytes).toString('hex').toUpperCase()}`;
      return type.kind === 'string' ? Buffer.from(value.bytes).toString('utf8') : number.toString();
    }
    default:
      return undefined;
  }
}

/** The default as the column stores it, as text: 5 in a DECIMAL(5,2) is 5.00. Throws 1067 where it does not fit. */
function normalised(column: ColumnDef, text: string, zeroDates: ZeroDates): string {
  const { type } = column;
  const bits = type.kind === 'bit' && !text.startsWith("b'") ? `b'${BigInt(text).toString(2)}'` : text;
  const { value, from } = defaultText(bits, type);
  const env = new Environment();
  env.sqlMode = { ...SCHEMA_SQL_MODE, ...zeroDates };
  env.strict = true;
  let stored: SqliteValue;
  try {
    stored = storeConverter({ name: column.name, type })(value, from, env);
  } catch (error) {
    if (error instanceof SqlError) throw invalid(column);
    throw error;
  }
  if (
    type.kind === 'decimal' ||
    type.kind === 'time' ||
    type.kind === 'date' ||
    type.kind === 'datetime' ||
    type.kind === 'timestamp' ||
    type.kind === 'enum' ||
    type.kind === 'set' ||
    type.kind === 'int' ||
    type.kind === 'year'
  ) {
    const shown = wireValue(type)?.(stored) ?? stored;
    return String(shown);
  }
  return bits;
}
