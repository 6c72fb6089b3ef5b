import type {
  IndexHint,
  JsonTableColumn,
  Limit,
  QueryBody,
  QueryExpression,
  Select,
  SelectItem,
  TableExpr,
  With,
} from './ast.ts';
import { orderItems, quoteName, quoteNames, responseText, windowText } from './print-expressions.ts';
import type { Printer } from './print-expressions.ts';
import { dataTypeText } from './print-types.ts';

const name = (schema: string | undefined, table: string): string =>
  (schema === undefined ? '' : `${quoteName(schema)}.`) + quoteName(table);

const alias = (text: string | undefined): string => (text === undefined ? '' : ` ${quoteName(text)}`);

function itemText(printer: Printer, item: SelectItem): string {
  if (item.kind === 'star') return item.table === undefined ? '*' : `${name(item.schema, item.table)}.*`;
  return printer.expr(item.expr) + (item.alias === undefined ? '' : ` AS ${quoteName(item.alias)}`);
}

function withText(printer: Printer, clause: With): string {
  const tables = clause.tables.map(
    (t) =>
      `${quoteName(t.name)}${t.columns === undefined ? '' : ` (${quoteNames(t.columns)})`} as (${printer.query(t.query)})`,
  );
  return `with ${clause.recursive ? 'recursive ' : ''}${tables.join(',')} `;
}

function limitText(printer: Printer, limit: Limit): string {
  const offset = limit.offset === undefined ? '' : `${printer.expr(limit.offset)},`;
  return ` limit ${offset}${printer.expr(limit.count)}`;
}

/** A query; `print` asks no less of INTO and locking than that they can be read again. */
export function queryText(printer: Printer, query: QueryExpression): string {
  let text = query.with === undefined ? '' : withText(printer, query.with);
  const body = bodyText(printer, query.body);
  text += query.body.kind === 'query' ? `(${body})` : body;
  if (query.orderBy.length > 0) text += ` order by ${orderItems(printer, query.orderBy)}`;
  if (query.limit !== undefined) text += limitText(printer, query.limit);
  for (const lock of query.locking) {
    text += ` for ${lock.strength}`;
    if (lock.tables !== undefined) text += ` of ${lock.tables.map((t) => name(t.schema, t.name)).join(',')}`;
    if (lock.wait !== 'wait') text += lock.wait === 'nowait' ? ' nowait' : ' skip locked';
  }
  return text;
}

function bodyText(printer: Printer, body: QueryBody): string {
  switch (body.kind) {
    case 'query':
      return printer.query(body);
    case 'select':
      return selectText(printer, body);
    case 'tableQuery':
      return `table ${name(body.table.schema, body.table.name)}`;
    case 'valuesQuery':
      return `values ${body.rows.map((row) => `row(${row.map(printer.expr).join(',')})`).join(',')}`;
    case 'setOperation': {
      const word = body.op + (body.all ? ' all' : '');
      // Equal operators go on without parentheses on the left; anything else there was in parentheses or binds tighter.
      const left = needsParens(body.left) ? `(${bodyText(printer, body.left)})` : bodyText(printer, body.left);
      const right = needsParens(body.right) ? `(${bodyText(printer, body.right)})` : bodyText(printer, body.right);
      return `${left} ${word} ${right}`;
    }
  }
}

const needsParens = (body: QueryBody): boolean => body.kind === 'query';

function selectText(printer: Printer, select: Select): string {
  let text = 'select ';
  if (select.hints !== undefined) text += `/*+ ${select.hints} */ `;
  for (const option of select.options) text += `${option} `;
  text += select.items.map((item) => itemText(printer, item)).join(',');
  if (select.from.length > 0) text += ` from ${tablesText(printer, select.from)}`;
  if (select.where !== undefined) text += ` where ${printer.expr(select.where)}`;
  if (select.groupBy.length > 0) {
    const items = orderItems(printer, select.groupBy);
    if (select.rollup === 'cube') text += ` group by cube(${items})`;
    else if (select.rollup === 'groupingSets') {
      const sets = select.groupBy.map(({ expr }) =>
        expr.kind === 'row' ? `(${expr.items.map(printer.expr).join(',')})` : '',
      );
      text += ` group by grouping sets (${sets.join(',')})`;
    } else text += ` group by ${items}${select.rollup === undefined ? '' : ' with rollup'}`;
  }
  if (select.having !== undefined) text += ` having ${printer.expr(select.having)}`;
  if (select.windows.length > 0) {
    text += ` window ${select.windows.map((w) => `${quoteName(w.name)} AS ${windowText(printer, w.spec)}`).join(',')}`;
  }
  if (select.qualify !== undefined) text += ` qualify ${printer.expr(select.qualify)}`;
  return text;
}

/** Comma-separated tables are printed as the joins that they are. */
function tablesText(printer: Printer, tables: readonly TableExpr[]): string {
  return tables.map((table) => tableText(printer, table)).reduce((left, right) => `(${left} join ${right})`);
}

const hintText = (hint: IndexHint): string => {
  const scope =
    hint.scope === undefined ? '' : ` FOR ${hint.scope === 'join' ? 'JOIN' : `${hint.scope.toUpperCase()} BY`}`;
  return ` ${hint.action.toUpperCase()} INDEX${scope} (${hint.indexes.map((i) => quoteName(i)).join(',')})`;
};

function tableText(printer: Printer, table: TableExpr): string {
  switch (table.kind) {
    case 'table': {
      let text = name(table.schema, table.name);
      if (table.partitions !== undefined) text += ` PARTITION (${quoteNames(table.partitions)})`;
      if (table.asOf !== undefined) {
        text += ` for system_time as of ${table.asOf.kind} ${printer.expr(table.asOf.value)}`;
      }
      text += alias(table.alias);
      if (table.sample !== undefined)
        text += ` tablesample ${table.sample.method} (${printer.expr(table.sample.percent)})`;
      return text + table.indexHints.map(hintText).join('');
    }
    case 'derived': {
      const columns = table.columns === undefined ? '' : ` (${quoteNames(table.columns)})`;
      return `${table.lateral ? 'lateral ' : ''}(${printer.query(table.query)})${alias(table.alias)}${columns}`;
    }
    case 'jsonTable': {
      const columns = table.columns.map((column) => jsonColumnText(printer, column)).join(', ');
      return `json_table(${printer.expr(table.document)}, ${printer.expr(table.path)} columns (${columns}))${alias(table.alias)}`;
    }
    case 'tableList':
      return tablesText(printer, table.tables);
    case 'join': {
      const word =
        table.type === 'straight' ? 'straight_join' : `${table.type === 'inner' ? '' : `${table.type} `}join`;
      let text = `${tableText(printer, table.left)} ${table.natural ? 'natural ' : ''}${word} ${tableText(printer, table.right)}`;
      if (table.on !== undefined) text += ` on(${printer.expr(table.on)})`;
      if (table.using !== undefined) text += ` using (${quoteNames(table.using)})`;
      return `(${text})`;
    }
  }
}

function jsonColumnText(printer: Printer, column: JsonTableColumn): string {
  switch (column.kind) {
    case 'ordinality':
      return `${quoteName(column.name)} for ordinality`;
    case 'nested':
      return `nested path ${printer.expr(column.path)} columns (${column.columns.map((c) => jsonColumnText(printer, c)).join(', ')})`;
    default: {
      const exists = column.kind === 'exists' ? ' exists' : '';
      const responses = responseText(printer, column.onEmpty, 'empty') + responseText(printer, column.onError, 'error');
      return `${quoteName(column.name)} ${dataTypeText(column.type)}${exists} path ${printer.expr(column.path)}${responses}`;
    }
  }
}
