/** Types as SHOW CREATE TABLE and information_schema write them. */
import { charsetOf, collationNamed, maxBytesPerChar, quoteText, type SqlType } from '../../sql/index.ts';

const INT_NAMES = { 8: 'tinyint', 16: 'smallint', 24: 'mediumint', 32: 'int', 64: 'bigint' } as const;

/** DATA_TYPE: the name alone. */
export function dataTypeName(type: SqlType): string {
  switch (type.kind) {
    case 'int':
      return INT_NAMES[type.bits];
    case 'string':
    case 'binary':
      return type.family;
    case 'null':
      return 'binary';
    default:
      return type.kind;
  }
}

/** COLUMN_TYPE: with everything but character set and collation. */
export function columnTypeText(type: SqlType): string {
  const name = dataTypeName(type);
  switch (type.kind) {
    case 'int':
      return `${name}${type.width === undefined ? '' : `(${type.width})`}${type.unsigned ? ' unsigned' : ''}${type.zerofill ? ' zerofill' : ''}`;
    case 'bit':
      return `bit(${type.length})`;
    case 'decimal':
      return `decimal(${type.precision},${type.scale})${type.unsigned ? ' unsigned' : ''}`;
    case 'float':
    case 'double':
      return `${name}${type.digits ? `(${type.digits.join(',')})` : ''}${type.unsigned ? ' unsigned' : ''}`;
    case 'time':
    case 'datetime':
    case 'timestamp':
      return type.fsp === 0 ? name : `${name}(${type.fsp})`;
    case 'string':
      return type.family === 'char' || type.family === 'varchar' ? `${name}(${type.length})` : name;
    case 'binary':
      return type.family === 'binary' || type.family === 'varbinary' ? `${name}(${type.length})` : name;
    case 'enum':
    case 'set':
      return `${name}(${type.values.map(quoteText).join(',')})`;
    case 'null':
      return 'binary(0)';
    default:
      return name;
  }
}

export const collationOf = (type: SqlType): string | undefined => ('collation' in type ? type.collation : undefined);

export interface TypeFacts {
  readonly characters: number | null;
  readonly octets: number | null;
  readonly precision: number | null;
  readonly scale: number | null;
  readonly fsp: number | null;
  readonly charset: string | null;
  readonly collation: string | null;
}

const INT_DIGITS = { 8: 3, 16: 5, 24: 7, 32: 10, 64: 19 } as const;

/** CHARACTER_MAXIMUM_LENGTH and its neighbours. */
export function typeFacts(type: SqlType): TypeFacts {
  const collation = collationOf(type) ?? null;
  const facts: TypeFacts = {
    characters: null,
    octets: null,
    precision: null,
    scale: null,
    fsp: null,
    charset: collation === null ? null : (collationNamed(collation)?.charset ?? charsetOf(collation)),
    collation,
  };
  switch (type.kind) {
    case 'int':
      return { ...facts, precision: type.bits === 64 && type.unsigned ? 20 : INT_DIGITS[type.bits], scale: 0 };
    case 'bit':
      return { ...facts, precision: type.length };
    case 'decimal':
      return { ...facts, precision: type.precision, scale: type.scale };
    case 'float':
    case 'double':
      return type.digits
        ? { ...facts, precision: type.digits[0], scale: type.digits[1] }
        : { ...facts, precision: type.kind === 'float' ? 12 : 22 };
    case 'time':
    case 'datetime':
    case 'timestamp':
      return { ...facts, fsp: type.fsp };
    case 'string': {
      const large = type.family.endsWith('text');
      return {
        ...facts,
        characters: type.length,
        octets: large ? type.length : type.length * maxBytesPerChar(type.collation),
      };
    }
    case 'binary':
      return { ...facts, characters: type.length, octets: type.length };
    case 'enum':
    case 'set': {
      const lengths = type.values.map((v) => [...v].length);
      const characters =
        type.kind === 'enum'
          ? Math.max(0, ...lengths)
          : lengths.reduce((a, b) => a + b, 0) + Math.max(0, lengths.length - 1);
      return { ...facts, characters, octets: characters * maxBytesPerChar(type.collation) };
    }
    case 'null':
      return { ...facts, characters: 0, octets: 0 };
    default:
      return facts;
  }
}
