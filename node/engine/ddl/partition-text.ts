/** PARTITION BY as SHOW CREATE TABLE prints it. */
import { parseStatement, print, quoteName, quoteText, SqlError, unqualified, type Statement } from '../../sql/index.ts';

type Partitioning = NonNullable<Extract<Statement, { kind: 'createTable' }>['partitioning']>;
type Definition = Partitioning['definitions'][number];
type Value = 'maxvalue' | Parameters<typeof print>[0];

const isPlain = (name: string): boolean => /^[A-Za-z_$][\w$]*$/.test(name);
const partName = (name: string): string => (isPlain(name) ? name : quoteName(name));

function methodText(method: Partitioning['method']): string {
  const word = `${method.linear ? 'LINEAR ' : ''}${method.kind.toUpperCase()}`;
  const algorithm = method.algorithm === undefined ? '' : ` /*!50611 ALGORITHM = ${method.algorithm} */`;
  if (method.kind === 'key') return `${word}${algorithm} (${(method.columns ?? []).map(partName).join(',')})`;
  if (method.columns) return `${word}  COLUMNS(${method.columns.map(partName).join(',')})`;
  return `${word} (${method.expr ? print(unqualified(method.expr)) : ''})`;
}

const valueText = (value: Value): string =>
  value === 'maxvalue' ? 'MAXVALUE' : print(value).replace(/^null$/i, 'NULL');

function valuesText({ values }: Definition, columns: number): string {
  if (!values) return '';
  if (values.kind === 'lessThan') {
    const list = values.values.map(valueText);
    // One expression that is MAXVALUE stands without parentheses.
    return ` VALUES LESS THAN ${columns === 0 && list[0] === 'MAXVALUE' ? 'MAXVALUE' : `(${list.join(',')})`}`;
  }
  const rows = values.rows.map((row) =>
    columns > 1 ? `(${row.map(valueText).join(',')})` : row.map(valueText).join(','),
  );
  return ` VALUES IN (${rows.join(',')})`;
}

const OPTION_WORDS: Readonly<Record<string, string>> = { max_rows: 'MAX_ROWS', min_rows: 'MIN_ROWS' };

function optionsText(options: Definition['options'], engine: string): string {
  let text = '';
  for (const { name, value } of options) {
    if (name === 'comment') text += ` COMMENT = ${quoteText(String(value))}`;
    else if (OPTION_WORDS[name] !== undefined) text += ` ${OPTION_WORDS[name]} = ${String(value)}`;
  }
  return `${text} ENGINE = ${engine}`;
}

function definitionText(definition: Definition, columns: number, engine: string): string {
  const head = `PARTITION ${partName(definition.name)}${valuesText(definition, columns)}`;
  if (definition.subPartitions.length === 0) return head + optionsText(definition.options, engine);
  const parts = definition.subPartitions.map(
    (s) => `SUBPARTITION ${partName(s.name)}${optionsText(s.options, engine)}`,
  );
  return `${head}\n (${parts.join(',\n  ')})`;
}

/** `text`: the clause as it was written. */
export function partitionText(text: string, engine: string): string {
  let partitioning: Partitioning | undefined;
  try {
    const { statement } = parseStatement(`CREATE TABLE t (c int) ${text}`);
    if (statement.kind === 'createTable') ({ partitioning } = statement);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
  }
  if (!partitioning) return `/*!50100 ${text} */`;
  const { method, subMethod, definitions } = partitioning;
  const columns = method.kind === 'key' ? 0 : (method.columns?.length ?? 0);
  const lines = [`PARTITION BY ${methodText(method)}`];
  if (subMethod) {
    lines.push(`SUBPARTITION BY ${methodText(subMethod)}`);
    if (partitioning.subPartitions !== undefined) lines.push(`SUBPARTITIONS ${partitioning.subPartitions}`);
  }
  if (definitions.length > 0)
    lines.push(`(${definitions.map((d) => definitionText(d, columns, engine)).join(',\n ')})`);
  else if (partitioning.partitions !== undefined) lines.push(`PARTITIONS ${partitioning.partitions}`);
  const version = columns > 0 ? '50500' : '50100';
  return `/*!${version} ${lines.join('\n')} */`;
}
