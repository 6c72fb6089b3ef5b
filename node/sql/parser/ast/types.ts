import type { Span } from './expressions.ts';

/** A declared data type as written; synonyms are resolved to the name that SHOW CREATE TABLE prints. */
export interface DataType extends Span {
  readonly kind: 'type';
  readonly name:
    | 'tinyint'
    | 'smallint'
    | 'mediumint'
    | 'int'
    | 'bigint'
    | 'bit'
    | 'decimal'
    | 'float'
    | 'double'
    | 'year'
    | 'date'
    | 'time'
    | 'datetime'
    | 'timestamp'
    | 'char'
    | 'varchar'
    | 'binary'
    | 'varbinary'
    | 'tinytext'
    | 'text'
    | 'mediumtext'
    | 'longtext'
    | 'tinyblob'
    | 'blob'
    | 'mediumblob'
    | 'longblob'
    | 'enum'
    | 'set'
    | 'json'
    | 'vector'
    | 'geometry'
    | 'point'
    | 'linestring'
    | 'polygon'
    | 'multipoint'
    | 'multilinestring'
    | 'multipolygon'
    | 'geometrycollection';
  /** Length, width, precision or fsp. */
  readonly length: number | undefined;
  readonly scale: number | undefined;
  readonly unsigned: boolean;
  readonly zerofill: boolean;
  readonly charset: string | undefined;
  readonly collation: string | undefined;
  /** CHAR(5) BINARY: the binary collation of the character set. */
  readonly binary: boolean;
  readonly national: boolean;
  /** ENUM and SET. */
  readonly values: readonly string[] | undefined;
  /** SERIAL: BIGINT UNSIGNED NOT NULL AUTO_INCREMENT UNIQUE. BOOL: TINYINT(1), with `length` 1. */
  readonly serial: boolean;
}
