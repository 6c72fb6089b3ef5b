/**
 * What the expressions of a table's definition may say. Every node computes generated columns and CHECKs for itself, so they must
 * give the same whoever computes them, and when: no clock, no chance, nothing of a session.
 */
import { columnsNamed, parseExpression, SqlError, type ColumnDef, type TableDef } from '../../sql/index.ts';

const FICKLE = new Set(
  (
    'benchmark connection_id curdate current_role current_user curtime database found_rows get_lock is_free_lock is_used_lock ' +
    'last_insert_id load_file now rand random_bytes release_all_locks release_lock row_count sleep sysdate user ' +
    'utc_date utc_time utc_timestamp uuid uuid_short version'
  ).split(' '),
);

/** What a statement that is carried out again may find otherwise: chance, and who is there. The time is written down with it. */
const UNSAFE = new Set(
  (
    'current_role current_user found_rows get_lock is_free_lock is_used_lock load_file rand random_bytes release_all_locks ' +
    'release_lock row_count sleep sysdate user uuid uuid_short version'
  ).split(' '),
);

interface Uses {
  function?: string;
  isUnsafe: boolean;
  hasVariable: boolean;
  hasQuery: boolean;
  readonly columns: Set<string>;
}

function usesOf(text: string): Uses {
  const uses: Uses = { isUnsafe: false, hasVariable: false, hasQuery: false, columns: new Set() };
  const walk = (node: unknown): void => {
    if (node === null || typeof node !== 'object' || node instanceof Uint8Array) return;
    const { kind, name, args } = node as { kind?: string; name?: string; args?: readonly unknown[] };
    if (kind === 'userVariable' || kind === 'assignVariable' || kind === 'systemVariable') uses.hasVariable = true;
    if (kind === 'query') uses.hasQuery = true;
    if (kind === 'column' && name !== undefined) uses.columns.add(name.toLowerCase());
    if (kind === 'call' && name !== undefined) {
      const lower = name.toLowerCase();
      uses.isUnsafe ||= UNSAFE.has(lower);
      if (FICKLE.has(lower) || (lower === 'unix_timestamp' && args?.length === 0)) uses.function ??= lower;
    }
    Object.values(node).forEach(walk);
  };
  walk(parseExpression(text));
  return uses;
}

/** Whether a column's default would be another one on each node: it is the author's of a row, or nobody's. */
export const isUnsafeDefault = ({ default: value }: ColumnDef): boolean =>
  value?.kind === 'expression' && usesOf(value.text).isUnsafe;

/** Throws SqlError where rows that are there would take a default that each node makes for itself. */
export function checkAddable(column: ColumnDef): void {
  if (isUnsafeDefault(column))
    throw refused(
      1674,
      'Statement is unsafe because it uses a system function that may return a different value on the replica.',
    );
}

/** Throws SqlError for a CHECK of a table that is made that names no column of it. */
export function checkNames(table: TableDef): void {
  for (const { name, expression } of table.checks) {
    if (usesOf(expression).hasQuery) continue;
    const missing = columnsNamed(parseExpression(expression)).find((column) => !findColumn(table, column.name));
    if (missing) throw refused(3820, `Check constraint '${name}' refers to non-existing column '${missing.name}'.`);
  }
}

const findColumn = (table: TableDef, name: string): ColumnDef | undefined =>
  table.columns.find((c) => c.name.toLowerCase() === name.toLowerCase());

/** Throws SqlError for an expression that may not stand where it does. */
export function checkAllowed(table: TableDef): void {
  const auto = table.columns.find((c) => c.autoIncrement)?.name.toLowerCase();
  table.columns.forEach((column, place) => {
    if (column.generated) checkGenerated(table, column, place, usesOf(column.generated.expression), auto);
    else if (column.default?.kind === 'expression')
      checkDefault(table, column, place, usesOf(column.default.text), auto);
  });
  for (const { name, expression } of table.checks) {
    const uses = usesOf(expression);
    const what = `An expression of a check constraint '${name}'`;
    if (uses.function !== undefined) throw refused(3814, `${what} contains disallowed function: ${uses.function}.`);
    if (uses.hasQuery) throw refused(3815, `${what} contains disallowed function.`);
    if (uses.hasVariable) throw refused(3816, `${what} cannot refer to a user or system variable.`);
    if (auto !== undefined && uses.columns.has(auto))
      throw refused(3818, `Check constraint '${name}' cannot refer to an auto-increment column.`);
  }
}

function checkGenerated(table: TableDef, column: ColumnDef, place: number, uses: Uses, auto: string | undefined): void {
  const { name, hidden } = column;
  if (hidden && (uses.function !== undefined || uses.hasQuery || uses.hasVariable))
    throw refused(3758, 'Expression of functional index contains a disallowed function.');
  const what = `Expression of generated column '${name}'`;
  if (uses.function !== undefined) throw refused(3763, `${what} contains a disallowed function: ${uses.function}.`);
  if (uses.hasQuery) throw refused(3102, `${what} contains a disallowed function.`);
  if (uses.hasVariable) throw variables(name);
  if (auto !== undefined && uses.columns.has(auto) && !hidden)
    throw refused(3109, `Generated column '${name}' cannot refer to auto-increment column.`);
  if (table.columns.some((c, at) => at >= place && c.generated && !c.hidden && uses.columns.has(c.name.toLowerCase())))
    throw refused(3107, 'Generated column can refer only to generated columns defined prior to it.');
}

function checkDefault(table: TableDef, { name }: ColumnDef, place: number, uses: Uses, auto: string | undefined): void {
  if (uses.hasVariable) throw variables(name);
  const what = `Default value expression of column '${name}'`;
  if (uses.hasQuery) throw refused(3769, `${what} contains a disallowed function.`);
  if (auto !== undefined && uses.columns.has(auto))
    throw refused(3768, `${what} cannot refer to an auto-increment column.`);
  const isLater = (c: ColumnDef, at: number): boolean =>
    at >= place && (c.generated !== undefined || c.default?.kind === 'expression') && !c.hidden;
  if (table.columns.some((c, at) => isLater(c, at) && uses.columns.has(c.name.toLowerCase())))
    throw refused(
      3767,
      `${what} cannot refer to a column defined after it if that column is a generated column or has an expression as default value.`,
    );
}

const refused = (errno: number, message: string): SqlError => new SqlError(errno, 'HY000', message);
const variables = (name: string): SqlError =>
  refused(3772, `Default value expression of column '${name}' cannot refer user or system variables.`);
