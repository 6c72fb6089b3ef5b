/** Declared types (of columns, of JSON_TABLE) as the catalog keeps them. */
import type { DataType } from '../parser/index.ts';
import { SqlError, type SqlType } from '../types/index.ts';
import { characterSetNamed, collationNamed, defaultCollation } from '../values/index.ts';
import { unsupported } from './compiler.ts';

const INT_BITS = { tinyint: 8, smallint: 16, mediumint: 24, int: 32, bigint: 64 } as const;
const TEXT_LENGTH = { tinytext: 255, text: 65535, mediumtext: 16777215, longtext: 4294967295 } as const;
const BLOB_LENGTH = { tinyblob: 255, blob: 65535, mediumblob: 16777215, longblob: 4294967295 } as const;
const ROW_BYTES_MAX = 65535;

const tooBig = (column: string, max: number): SqlError =>
  new SqlError(1074, '42000', `Column length too big for column '${column}' (max = ${max}); use BLOB or TEXT instead`);

/** The collation that a column's words ask for, with `inherited` where they say nothing. */
export function columnCollation(
  charset: string | undefined,
  collation: string | undefined,
  binary: boolean,
  inherited: string,
): string {
  if (collation !== undefined) {
    const known = collationNamed(collation.toLowerCase());
    if (!known) throw new SqlError(1273, 'HY000', `Unknown collation: '${collation}'`);
    if (charset !== undefined && charsetName(charset) !== known.charset) {
      throw new SqlError(1253, '42000', `COLLATION '${collation}' is not valid for CHARACTER SET '${charset}'`);
    }
    return known.name;
  }
  if (charset !== undefined) {
    const name = charsetName(charset);
    return name === 'binary' ? 'binary' : binary ? `${name}_bin` : (defaultCollation(name) ?? 'binary');
  }
  return binary ? `${collationNamed(inherited)?.charset ?? 'utf8mb4'}_bin` : inherited;
}

function charsetName(name: string): string {
  const lower = name.toLowerCase() === 'utf8' ? 'utf8mb3' : name.toLowerCase();
  if (!characterSetNamed(lower)) throw new SqlError(1115, '42000', `Unknown character set: '${name}'`);
  return lower;
}

export function sqlTypeOf(type: DataType, column: string, inheritedCollation: string): SqlType {
  const { length, scale } = type;
  switch (type.name) {
    case 'tinyint':
    case 'smallint':
    case 'mediumint':
    case 'int':
    case 'bigint': {
      const bits = INT_BITS[type.name];
      if (length !== undefined && length > 255)
        throw new SqlError(1439, '42000', `Display width out of range for column '${column}' (max = 255)`);
      const shown = type.zerofill
        ? (length ?? [3, 5, 8, 10, 20][[8, 16, 24, 32, 64].indexOf(bits)])
        : type.name === 'tinyint' && length === 1 && !type.unsigned
          ? 1
          : undefined;
      return {
        kind: 'int',
        bits,
        unsigned: type.unsigned || type.zerofill,
        ...(shown !== undefined && { width: shown }),
        ...(type.zerofill && { zerofill: true }),
      };
    }
    case 'bit':
      if (length === 0) throw new SqlError(3013, 'HY000', `Invalid size for column '${column}'.`);
      if ((length ?? 1) > 64)
        throw new SqlError(1439, '42000', `Display width out of range for column '${column}' (max = 64)`);
      return { kind: 'bit', length: length ?? 1 };
    case 'decimal': {
      const precision = length === undefined || length === 0 ? 10 : length;
      if (precision > 65)
        throw new SqlError(1426, '42000', `Too-big precision ${precision} specified for '${column}'. Maximum is 65.`);
      if ((scale ?? 0) > 30)
        throw new SqlError(
          1425,
          '42000',
          `Too big scale ${scale ?? 0} specified for column '${column}'. Maximum is 30.`,
        );
      if ((scale ?? 0) > precision) throw scaleError(column);
      return { kind: 'decimal', precision, scale: scale ?? 0, unsigned: type.unsigned || type.zerofill };
    }
    case 'float':
    case 'double': {
      if (scale === undefined) {
        if (length !== undefined && length > 53)
          throw new SqlError(1063, '42000', `Incorrect column specifier for column '${column}'`);
        return {
          kind: type.name === 'float' && (length ?? 0) <= 24 ? 'float' : 'double',
          unsigned: type.unsigned || type.zerofill,
        };
      }
      if ((length ?? 0) > 255)
        throw new SqlError(1439, '42000', `Display width out of range for column '${column}' (max = 255)`);
      if (scale > 30)
        throw new SqlError(1425, '42000', `Too big scale ${scale} specified for column '${column}'. Maximum is 30.`);
      if (scale > (length ?? 0)) throw scaleError(column);
      return { kind: type.name, unsigned: type.unsigned || type.zerofill, digits: [length ?? 10, scale] };
    }
    case 'year':
      if (length !== undefined && length !== 4)
        throw new SqlError(1818, 'HY000', 'Supports only YEAR or YEAR(4) column.');
      return { kind: 'year' };
    case 'date':
      return { kind: 'date' };
    case 'time':
    case 'datetime':
    case 'timestamp':
      if ((length ?? 0) > 6)
        throw new SqlError(1426, '42000', `Too-big precision ${length ?? 0} specified for '${column}'. Maximum is 6.`);
      return { kind: type.name, fsp: length ?? 0 };
    case 'char':
    case 'varchar': {
      const collation = type.national
        ? 'utf8mb3_general_ci'
        : columnCollation(type.charset, type.collation, type.binary, inheritedCollation);
      if (collation === 'binary') {
        return sqlTypeOf({ ...type, name: type.name === 'char' ? 'binary' : 'varbinary' }, column, inheritedCollation);
      }
      const chars = length ?? 1;
      const bytes = characterSetNamed(collationNamed(collation)?.charset ?? '')?.maxLength ?? 4;
      if (type.name === 'char' && chars > 255) throw tooBig(column, 255);
      if (chars * bytes > ROW_BYTES_MAX) throw tooBig(column, Math.floor(ROW_BYTES_MAX / bytes));
      return { kind: 'string', family: type.name, length: chars, collation };
    }
    case 'binary':
    case 'varbinary':
      if (type.name === 'binary' && (length ?? 1) > 255) throw tooBig(column, 255);
      if ((length ?? 1) > ROW_BYTES_MAX) throw tooBig(column, ROW_BYTES_MAX);
      return { kind: 'binary', family: type.name, length: length ?? 1 };
    case 'tinytext':
    case 'text':
    case 'mediumtext':
    case 'longtext': {
      const collation = columnCollation(type.charset, type.collation, type.binary, inheritedCollation);
      const family =
        length === undefined ? type.name : fitting(length * 4, ['tinytext', 'text', 'mediumtext', 'longtext'] as const);
      if (collation === 'binary')
        return { kind: 'binary', family: family.replace('text', 'blob') as 'blob', length: TEXT_LENGTH[family] };
      return { kind: 'string', family, length: TEXT_LENGTH[family], collation };
    }
    case 'tinyblob':
    case 'blob':
    case 'mediumblob':
    case 'longblob': {
      const family =
        length === undefined ? type.name : fitting(length, ['tinyblob', 'blob', 'mediumblob', 'longblob'] as const);
      return { kind: 'binary', family, length: BLOB_LENGTH[family] };
    }
    case 'enum':
    case 'set': {
      const values = (type.values ?? []).map((v) => v.replace(/ +$/, ''));
      const collation = columnCollation(type.charset, type.collation, type.binary, inheritedCollation);
      const twice = values.find((v, i) => values.findIndex((w) => w.toLowerCase() === v.toLowerCase()) !== i);
      if (twice !== undefined)
        throw new SqlError(
          1291,
          'HY000',
          `Column '${column}' has duplicated value '${twice}' in ${type.name.toUpperCase()}`,
        );
      if (type.name === 'set' && values.length > 64)
        throw new SqlError(1097, 'HY000', `Too many strings for column ${column} and SET`);
      return { kind: type.name, values, collation };
    }
    case 'json':
      return { kind: 'json' };
    default:
      throw unsupported(type.name.toUpperCase());
  }
}

const scaleError = (column: string): SqlError =>
  new SqlError(1427, '42000', `For float(M,D), double(M,D) or decimal(M,D), M must be >= D (column '${column}').`);

/** TEXT(n) and BLOB(n): the smallest of the family that holds n. */
function fitting<T extends string>(bytes: number, families: readonly [T, T, T, T]): T {
  if (bytes < 256) return families[0];
  if (bytes < 65536) return families[1];
  return bytes < 16777216 ? families[2] : families[3];
}
