/** What is told of a column, the same in SHOW COLUMNS and in information_schema. */
import {
  collationNamed,
  compileStatement,
  doubleToText,
  fixedToText,
  floatToText,
  parseExpression,
  parseStatement,
  print,
  SqlError,
  type ColumnDef,
  type IndexDef,
  type SqlType,
  type TableDef,
  type ViewDef,
  unqualified,
} from '../../sql/index.ts';
import type { EngineCore } from '../core.ts';
import type { EngineSession } from '../session.ts';
import { defaultText } from '../table.ts';
import type { VirtualDefinition } from './definitions.ts';
import { columnTypeText } from './type-text.ts';

export interface ColumnFacts {
  readonly name: string;
  readonly type: SqlType;
  readonly typeText: string;
  readonly nullable: boolean;
  readonly key: '' | 'PRI' | 'UNI' | 'MUL';
  readonly default: string | null;
  readonly extra: string;
  readonly comment: string;
  readonly generation: string;
  readonly privileges: string;
}

const ALL_PRIVILEGES = 'select,insert,update,references';

/** An expression of the schema as MySQL shows it: texts are marked with their character set. */
export function schemaExpression(text: string): string {
  try {
    return print(unqualified(parseExpression(text)), { introducer: 'utf8mb4' });
  } catch (error) {
    // Printed by an older version of the program: shown as it is.
    if (error instanceof SqlError) return text;
    throw error;
  }
}

/** The data dictionary keeps such texts with their quotes escaped, and shows them so. */
export const dictionaryText = (expression: string): string => expression.replace(/[\\']/g, '\\$&');

/** The index that MySQL takes for the primary key: its own, else the first unique one that cannot be NULL. */
function primaryLike(table: TableDef): IndexDef | undefined {
  const notNull = (index: IndexDef): boolean =>
    index.parts.every(
      (p) => p.length === undefined && table.columns.find((c) => c.id === p.column)?.nullable === false,
    );
  return (
    table.indexes.find((i) => i.kind === 'primary') ?? table.indexes.find((i) => i.kind === 'unique' && notNull(i))
  );
}

function keyOf(table: TableDef, column: ColumnDef, primary: IndexDef | undefined): ColumnFacts['key'] {
  if (primary?.parts.some((p) => p.column === column.id)) return 'PRI';
  const first = table.indexes.filter((i) => i.parts[0]?.column === column.id);
  if (first.some((i) => i.kind === 'unique' && i.parts.length === 1)) return 'UNI';
  return first.length > 0 ? 'MUL' : '';
}

const fraction = (fsp: number): string => (fsp > 0 ? `(${fsp})` : '');

/** COLUMN_DEFAULT. */
function defaultOf(column: ColumnDef): string | null {
  const d = column.default;
  switch (d?.kind) {
    case 'value': {
      if (column.type.kind !== 'binary') return defaultValueText(d.text, column.type);
      const bytes = defaultBytes(d.text, column.type);
      if (bytes.length === 0) return '';
      const end = bytes.indexOf(0);
      return `0x${Buffer.from(end < 0 ? bytes : bytes.subarray(0, end))
        .toString('hex')
        .toUpperCase()}`;
    }
    case 'now':
      return `CURRENT_TIMESTAMP${fraction(d.fsp)}`;
    case 'expression':
      return dictionaryText(schemaExpression(d.text));
    default:
      return null;
  }
}

/** A default's text as the column prints its values: 1.50 is 1.5 in a FLOAT, 3 is 00003 in an INT(5) ZEROFILL. */
export function defaultValueText(text: string, type: SqlType): string {
  if (type.kind === 'int' && type.zerofill) return text.padStart(type.width ?? 0, '0');
  if (type.kind !== 'float' && type.kind !== 'double') return text;
  const value = Number(text);
  if (!Number.isFinite(value)) return text;
  if (type.digits) return fixedToText(value, type.digits[1]);
  return type.kind === 'float' ? floatToText(value) : doubleToText(value);
}

/** Bytes of a binary column's default, filled up as the column stores them. */
export function defaultBytes(text: string, type: Extract<SqlType, { kind: 'binary' }>): Uint8Array {
  const { value } = defaultText(text, type);
  const bytes = value instanceof Uint8Array ? value : Buffer.from(String(value));
  if (type.family !== 'binary' || bytes.length >= type.length) return bytes;
  const filled = new Uint8Array(type.length);
  filled.set(bytes);
  return filled;
}

function extraOf(column: ColumnDef): string {
  const words: string[] = [];
  if (column.autoIncrement) words.push('auto_increment');
  if (column.default?.kind === 'now' || column.default?.kind === 'expression') words.push('DEFAULT_GENERATED');
  if (column.onUpdateNow !== undefined) words.push(`on update CURRENT_TIMESTAMP${fraction(column.onUpdateNow)}`);
  if (column.generated) words.push(column.generated.stored ? 'STORED GENERATED' : 'VIRTUAL GENERATED');
  if (column.invisible) words.push('INVISIBLE');
  return words.join(' ');
}

const ofTables = new WeakMap<TableDef, readonly ColumnFacts[]>();

export function tableColumns(table: TableDef): readonly ColumnFacts[] {
  let facts = ofTables.get(table);
  if (!facts) {
    const primary = primaryLike(table);
    facts = table.columns
      .filter((c) => !c.hidden)
      .map((c) => ({
        name: c.name,
        type: c.type,
        typeText: columnTypeText(c.type),
        nullable: c.nullable,
        key: keyOf(table, c, primary),
        default: defaultOf(c),
        extra: extraOf(c),
        comment: c.comment,
        generation: c.generated ? dictionaryText(schemaExpression(c.generated.expression)) : '',
        privileges: ALL_PRIVILEGES,
      }));
    ofTables.set(table, facts);
  }
  return facts;
}

const ofViews = new WeakMap<
  ViewDef,
  { readonly version: number; readonly facts: readonly ColumnFacts[] | undefined }
>();

/** Columns of a view; undefined when it no longer compiles because what it reads is gone. */
export function viewColumns(
  core: EngineCore,
  session: EngineSession,
  view: ViewDef,
): readonly ColumnFacts[] | undefined {
  const engine = core.engineOf(view.database);
  const known = ofViews.get(view);
  if (known?.version === engine.catalog.version) return known.facts;
  const facts = compileView(engine, session, view);
  ofViews.set(view, { version: engine.catalog.version, facts });
  return facts;
}

function compileView(core: EngineCore, session: EngineSession, view: ViewDef): readonly ColumnFacts[] | undefined {
  try {
    const { statement } = parseStatement(view.select);
    const settings = core.compileSettings(session, view.select, new Map(), false);
    const compiled = compileStatement(core.catalog, { ...settings, temporaryTable: () => undefined }, statement);
    if (compiled?.plan.kind !== 'select') return undefined;
    return compiled.plan.columns.map((column, i) => {
      const { source } = column;
      const table = source?.tableId === undefined ? undefined : core.catalog.tableById(source.tableId);
      const base = table?.columns.find((c) => c.id === source?.columnId);
      const type = shown(column.type);
      return {
        name: view.columns[i] ?? column.name,
        type,
        typeText: columnTypeText(type),
        nullable: column.nullable,
        key: '' as const,
        default: base && !base.autoIncrement ? defaultOf(base) : column.nullable ? null : zeroOf(type),
        extra: '',
        comment: base?.comment ?? '',
        generation: '',
        privileges: ALL_PRIVILEGES,
      };
    });
  } catch (error) {
    if (error instanceof SqlError) return undefined;
    throw error;
  }
}

/** The type of a view's column, as a table made from it would have it. */
function shown(type: SqlType): SqlType {
  if (type.kind !== 'string' || !type.family.endsWith('char') || type.length <= 16383) return type;
  const length = type.length > 16777215 ? 4294967295 : type.length > 65535 ? 16777215 : 65535;
  return { ...type, family: length > 16777215 ? 'longtext' : length > 65535 ? 'mediumtext' : 'text', length };
}

function zeroOf(type: SqlType): string | null {
  switch (type.kind) {
    case 'int':
    case 'float':
    case 'double':
      return '0';
    case 'decimal':
      return (0).toFixed(type.scale);
    case 'string':
      return type.family.endsWith('text') ? null : '';
    default:
      return null;
  }
}

const ofVirtual = new WeakMap<VirtualDefinition, readonly ColumnFacts[]>();

export function virtualColumns(definition: VirtualDefinition): readonly ColumnFacts[] {
  let facts = ofVirtual.get(definition);
  if (!facts) {
    facts = definition.columns.map((c) => ({
      name: c.name,
      type: c.type,
      typeText: columnTypeText(c.type),
      nullable: c.nullable,
      key: '' as const,
      default: c.default ?? null,
      extra: c.extra,
      comment: '',
      generation: '',
      privileges: definition.database === 'information_schema' ? 'select' : ALL_PRIVILEGES,
    }));
    ofVirtual.set(definition, facts);
  }
  return facts;
}

/** Character set of a collation's name. */
export const charsetNameOf = (collation: string): string => collationNamed(collation)?.charset ?? 'utf8mb4';
