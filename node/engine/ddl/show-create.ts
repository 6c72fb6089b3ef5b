/** The text of SHOW CREATE: what MySQL prints, byte for byte, and what makes the same thing again here. */
import {
  columnById,
  collationNamed,
  parseStatement,
  print,
  quoteName,
  quoteText,
  type ColumnDef,
  type DatabaseDef,
  type IndexDef,
  type TableDef,
  type ViewDef,
} from '../../sql/index.ts';
import { keptOptionTexts } from './kept-options.ts';
import { partitionText } from './partition-text.ts';
import { defaultBytes, defaultValueText, schemaExpression } from '../virtual/columns.ts';
import { collationOf, columnTypeText } from '../virtual/type-text.ts';

const isPrimaryCollation = (collation: string): boolean => collationNamed(collation)?.isDefault ?? false;

const isLarge = ({ type }: ColumnDef): boolean =>
  (type.kind === 'string' && type.family.endsWith('text')) || (type.kind === 'binary' && type.family.endsWith('blob'));

const fraction = (fsp: number): string => (fsp > 0 ? `(${fsp})` : '');

function charsetClause(column: ColumnDef, table: TableDef): string {
  const collation = collationOf(column.type);
  if (collation === undefined) return '';
  if (collation === table.options.collation)
    return isPrimaryCollation(collation) || collation === 'utf8mb4_0900_ai_ci' ? '' : ` COLLATE ${collation}`;
  return ` CHARACTER SET ${collationNamed(collation)?.charset ?? ''} COLLATE ${collation}`;
}

function defaultClause(column: ColumnDef): string {
  const d = column.default;
  switch (d?.kind) {
    case 'value': {
      if (column.type.kind === 'bit') return ` DEFAULT ${d.text}`;
      if (column.type.kind !== 'binary') return ` DEFAULT ${quoteText(defaultValueText(d.text, column.type))}`;
      const bytes = Buffer.from(defaultBytes(d.text, column.type));
      const text = bytes.toString('utf8');
      return Buffer.from(text).equals(bytes)
        ? ` DEFAULT ${quoteText(text)}`
        : ` DEFAULT 0x${bytes.toString('hex').toUpperCase()}`;
    }
    case 'now':
      return ` DEFAULT CURRENT_TIMESTAMP${fraction(d.fsp)}`;
    case 'expression':
      return ` DEFAULT (${schemaExpression(d.text)})`;
    case 'null':
      return isLarge(column) || !column.nullable ? '' : ' DEFAULT NULL';
    default:
      return '';
  }
}

function columnText(column: ColumnDef, table: TableDef): string {
  let text = `${quoteName(column.name)} ${columnTypeText(column.type)}${charsetClause(column, table)}`;
  const { generated } = column;
  if (generated) {
    text += ` GENERATED ALWAYS AS (${schemaExpression(generated.expression)}) ${generated.stored ? 'STORED' : 'VIRTUAL'}`;
    if (!column.nullable) text += ' NOT NULL';
  } else {
    if (!column.nullable) text += ' NOT NULL';
    else if (column.type.kind === 'timestamp') text += ' NULL';
    text += defaultClause(column);
    if (column.onUpdateNow !== undefined) text += ` ON UPDATE CURRENT_TIMESTAMP${fraction(column.onUpdateNow)}`;
    if (column.autoIncrement) text += ' AUTO_INCREMENT';
  }
  if (column.invisible) text += ' /*!80023 INVISIBLE */';
  if (column.comment !== '') text += ` COMMENT ${quoteText(column.comment)}`;
  return text;
}

const KEY_WORDS: Readonly<Record<IndexDef['kind'], string>> = {
  primary: 'PRIMARY KEY',
  unique: 'UNIQUE KEY',
  index: 'KEY',
  fulltext: 'FULLTEXT KEY',
  spatial: 'SPATIAL KEY',
};

function indexText(index: IndexDef, table: TableDef): string {
  const parts = index.parts.map((part) => {
    const column = columnById(table, part.column);
    const name =
      column?.hidden && column.generated
        ? `(${schemaExpression(column.generated.expression)})`
        : quoteName(column?.name ?? '');
    return `${name}${part.length === undefined ? '' : `(${part.length})`}${part.descending ? ' DESC' : ''}`;
  });
  let text = index.kind === 'primary' ? 'PRIMARY KEY' : `${KEY_WORDS[index.kind]} ${quoteName(index.name)}`;
  text += ` (${parts.join(',')})`;
  if (index.using === 'BTREE') text += ' USING BTREE';
  if (index.comment !== '') text += ` COMMENT ${quoteText(index.comment)}`;
  if (index.invisible) text += ' /*!80000 INVISIBLE */';
  return text;
}

const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

function constraintTexts(table: TableDef): string[] {
  const foreignKeys = [...table.foreignKeys].sort(byName).map((f) => {
    const columns = f.columns.map((id) => quoteName(columnById(table, id)?.name ?? '')).join(', ');
    const parent = `${f.referencedDatabase === table.database ? '' : `${quoteName(f.referencedDatabase)}.`}${quoteName(f.referencedTable)}`;
    const actions = `${f.onDelete === 'NO ACTION' ? '' : ` ON DELETE ${f.onDelete}`}${f.onUpdate === 'NO ACTION' ? '' : ` ON UPDATE ${f.onUpdate}`}`;
    return `CONSTRAINT ${quoteName(f.name)} FOREIGN KEY (${columns}) REFERENCES ${parent} (${f.referencedColumns.map(quoteName).join(', ')})${actions}`;
  });
  const checks = [...table.checks]
    .sort(byName)
    .map(
      (c) =>
        `CONSTRAINT ${quoteName(c.name)} CHECK (${schemaExpression(c.expression)})${c.enforced ? '' : ' /*!80016 NOT ENFORCED */'}`,
    );
  return [...foreignKeys, ...checks];
}

/** `autoIncrement`: the table's next value. */
export function createTableText(table: TableDef, autoIncrement: number | bigint | undefined): string {
  const lines = [
    ...table.columns.filter((c) => !c.hidden).map((c) => columnText(c, table)),
    ...table.indexes.map((i) => indexText(i, table)),
    ...constraintTexts(table),
  ];
  const { options } = table;
  const { collation } = options;
  let text = `CREATE ${table.temporary ? 'TEMPORARY ' : ''}TABLE ${quoteName(table.name)} (\n  ${lines.join(',\n  ')}\n) ENGINE=${options.engine}`;
  if (autoIncrement !== undefined && autoIncrement > 1) text += ` AUTO_INCREMENT=${autoIncrement}`;
  text += ` DEFAULT CHARSET=${collationNamed(collation)?.charset ?? 'utf8mb4'}`;
  if (!isPrimaryCollation(collation) || collation === 'utf8mb4_0900_ai_ci') text += ` COLLATE=${collation}`;
  const [beforeFormat, afterFormat, afterComment] = keptOptionTexts(options.other);
  text += beforeFormat;
  if (options.rowFormat !== undefined) text += ` ROW_FORMAT=${options.rowFormat}`;
  text += afterFormat;
  if (options.comment !== '') text += ` COMMENT=${quoteText(options.comment)}`;
  text += afterComment;
  if (table.partitions !== undefined) text += `\n${partitionText(table.partitions, options.engine)}`;
  return text;
}

export function createDatabaseText(database: DatabaseDef, ifNotExists: boolean): string {
  const charset = collationNamed(database.collation)?.charset ?? 'utf8mb4';
  const collate =
    isPrimaryCollation(database.collation) && database.collation !== 'utf8mb4_0900_ai_ci'
      ? ''
      : ` COLLATE ${database.collation}`;
  const readOnly = database.readOnly ? ' /* READ ONLY=1 */' : '';
  return `CREATE DATABASE ${ifNotExists ? '/*!32312 IF NOT EXISTS*/ ' : ''}${quoteName(database.name)} /*!40100 DEFAULT CHARACTER SET ${charset}${collate} */ /*!80016 DEFAULT ENCRYPTION='N' */${readOnly}`;
}

/** Parts of an account's name between quotes: `user`@`host`. */
export function accountText(account: string): string {
  const at = account.lastIndexOf('@');
  return `${quoteName(account.slice(0, at))}@${quoteName(account.slice(at + 1))}`;
}

/** Names of the database in use stand without it. */
export function createViewText(view: ViewDef, databaseInUse: string): string {
  const here = view.database === databaseInUse;
  const name = here ? quoteName(view.name) : `${quoteName(view.database)}.${quoteName(view.name)}`;
  const columns = hasOwnNames(view) ? ` (${view.columns.map(quoteName).join(',')})` : '';
  const select = here ? withoutDatabase(view) : view.select;
  const check = view.checkOption === 'NONE' ? '' : ` WITH ${view.checkOption} CHECK OPTION`;
  return `CREATE ALGORITHM=${view.algorithm} DEFINER=${accountText(view.definer)} SQL SECURITY ${view.security} VIEW ${name}${columns} AS ${select}${check}`;
}

/** The SELECT with the names of the view's own database unqualified. */
function withoutDatabase(view: ViewDef): string {
  const { statement } = parseStatement(view.select);
  if (statement.kind !== 'query') return view.select;
  const strip = (node: unknown): unknown => {
    if (node === null || typeof node !== 'object' || node instanceof Uint8Array) return node;
    if (Array.isArray(node)) return node.map(strip);
    const copy: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(node))
      copy[key] = key === 'schema' && value === view.database ? undefined : strip(value);
    return copy;
  };
  return print(strip(statement) as typeof statement);
}

/** Whether the view was given names for its columns that its SELECT does not give itself. */
function hasOwnNames(view: ViewDef): boolean {
  const { statement } = parseStatement(view.select);
  if (statement.kind !== 'query' || statement.body.kind !== 'select') return false;
  const { items } = statement.body;
  return view.columns.some((name, i) => {
    const item = items[i];
    return item?.kind === 'item' && item.alias !== undefined && item.alias !== name;
  });
}
