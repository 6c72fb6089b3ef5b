import type {
  Binary,
  CastType,
  Expr,
  JsonOnResponse,
  OrderItem,
  Over,
  StringLiteral,
  WindowFrame,
  WindowSpec,
} from './ast.ts';
import type { QueryExpression } from './ast.ts';

/** What the printing rules share. */
export interface Printer {
  /** Character set that strings without one of their own are marked with: `_utf8mb4'…'` in stored expressions. */
  readonly introducer: string | undefined;
  readonly expr: (node: Expr) => string;
  readonly query: (node: QueryExpression) => string;
}

/** `name`, with backquotes inside doubled. */
export const quoteName = (name: string): string => '`' + name.replaceAll('`', '``') + '`';

export const quoteNames = (names: readonly string[]): string => names.map(quoteName).join(',');

const ESCAPES: Readonly<Record<string, string>> = { '\0': '\\0', '\n': '\\n', '\r': '\\r', '\\': '\\\\', "'": "''" };

/** A string literal's text as MySQL prints it, with backslash escapes. */
export const quoteText = (text: string): string => `'${text.replace(/[\0\n\r\\']/g, (c) => ESCAPES[c] as string)}'`;

const hexText = (bytes: Uint8Array): string => {
  let text = '0x';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
};

function stringText(printer: Printer, node: StringLiteral): string {
  if (node.bytes !== undefined)
    return node.bytes.length === 0 ? `_binary''` : `_${node.charset ?? 'binary'} ${hexText(node.bytes)}`;
  const charset = node.charset ?? (node.national ? 'utf8mb3' : printer.introducer);
  return (charset === undefined ? '' : `_${charset}`) + quoteText(node.value);
}

const list = (printer: Printer, nodes: readonly Expr[]): string => nodes.map(printer.expr).join(',');

export function orderItems(printer: Printer, items: readonly OrderItem[]): string {
  return items.map((item) => printer.expr(item.expr) + (item.direction === 'desc' ? ' desc' : '')).join(',');
}

function castTypeText(type: CastType): string {
  const { length, scale, charset, name } = type;
  const size = length === undefined ? '' : scale === undefined ? `(${length})` : `(${length},${scale})`;
  if (name === 'binary') return `char${size} charset binary`;
  return name + size + (charset === undefined ? '' : ` charset ${charset}`) + (type.binary ? ' binary' : '');
}

function binaryText(printer: Printer, node: Binary): string {
  // Chains lean to the left and may be thousands long, so the left side is walked, not descended.
  if (node.op === 'and' || node.op === 'or') {
    const parts: string[] = [];
    const waiting: Expr[] = [node];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (next.kind === 'binary' && next.op === node.op) waiting.push(next.left, next.right);
      else parts.push(printer.expr(next));
    }
    return `(${parts.reverse().join(` ${node.op} `)})`;
  }
  const spine: Binary[] = [];
  let first: Expr = node;
  while (first.kind === 'binary' && first.op !== 'and' && first.op !== 'or') {
    spine.push(first);
    first = first.left;
  }
  const ends: string[] = [];
  let starts = '';
  for (const each of spine) {
    const concat = each.op === 'concat';
    starts += concat ? 'concat(' : '(';
    const op = concat ? ',' : ` ${each.op === 'div' ? 'DIV' : each.op} `;
    ends.push(`${op}${printer.expr(each.right)})`);
  }
  return starts + printer.expr(first) + ends.reverse().join('');
}

const not = (is: boolean, text: string): string => (is ? `(not(${text}))` : text);

function frameText(printer: Printer, frame: WindowFrame): string {
  const bound = (b: WindowFrame['start']): string => {
    switch (b.kind) {
      case 'unboundedPreceding':
        return 'UNBOUNDED PRECEDING';
      case 'unboundedFollowing':
        return 'UNBOUNDED FOLLOWING';
      case 'currentRow':
        return 'CURRENT ROW';
      default: {
        const value =
          b.unit === undefined ? printer.expr(b.value) : `INTERVAL ${printer.expr(b.value)} ${b.unit.toUpperCase()}`;
        return `${value} ${b.kind.toUpperCase()}`;
      }
    }
  };
  const unit = frame.unit.toUpperCase();
  if (frame.end === undefined) return `${unit} ${bound(frame.start)}`;
  return `${unit} BETWEEN ${bound(frame.start)} AND ${bound(frame.end)}`;
}

export function windowText(printer: Printer, spec: WindowSpec): string {
  let text = '(';
  if (spec.base !== undefined) text += `${quoteName(spec.base)} `;
  if (spec.partitionBy.length > 0) text += `PARTITION BY ${orderItems(printer, spec.partitionBy)} `;
  if (spec.orderBy.length > 0) text += `ORDER BY ${orderItems(printer, spec.orderBy)} `;
  if (spec.frame !== undefined) text += frameText(printer, spec.frame);
  return `${text})`;
}

function overText(printer: Printer, over: Over | undefined): string {
  if (over === undefined) return '';
  return ` OVER ${over.kind === 'windowName' ? quoteName(over.name) : windowText(printer, over)}`;
}

export function responseText(printer: Printer, response: JsonOnResponse | undefined, when: string): string {
  if (response === undefined) return '';
  return ` ${response.kind === 'default' ? `default ${printer.expr(response.value)}` : response.kind} on ${when}`;
}

/** An expression as SHOW CREATE prints it. */
export function expressionText(printer: Printer, node: Expr): string {
  const { expr } = printer;
  switch (node.kind) {
    case 'number':
      return node.text;
    case 'string':
      return stringText(printer, node);
    case 'hex':
    case 'bit':
      return (
        (node.charset === undefined ? '' : `_${node.charset} `) +
        (node.bytes.length === 0 ? `x''` : hexText(node.bytes))
      );
    case 'null':
      return 'NULL';
    case 'bool':
      return node.value ? 'true' : 'false';
    case 'temporal':
      return `${node.type.toUpperCase()}${quoteText(node.value)}`;
    case 'param':
      return '?';
    case 'column':
      return (
        (node.schema === undefined ? '' : `${quoteName(node.schema)}.`) +
        (node.table === undefined ? '' : `${quoteName(node.table)}.`) +
        quoteName(node.name)
      );
    case 'unary':
      switch (node.op) {
        case '+':
          return expr(node.operand);
        case 'not':
        case '!':
          return `(not(${expr(node.operand)}))`;
        case 'binary':
          return `cast(${expr(node.operand)} as char charset binary)`;
        default:
          return `${node.op}(${expr(node.operand)})`;
      }
    case 'binary':
      return binaryText(printer, node);
    case 'is':
      return `(${expr(node.operand)} is ${node.not ? 'not ' : ''}${node.test})`;
    case 'between':
      return `(${expr(node.operand)} ${node.not ? 'not ' : ''}between ${expr(node.low)} and ${expr(node.high)})`;
    case 'in':
      return `(${expr(node.operand)} ${node.not ? 'not ' : ''}in (${list(printer, node.list)}))`;
    case 'inSubquery':
      return `(${expr(node.operand)} ${node.not ? 'not ' : ''}in (${printer.query(node.query)}))`;
    case 'like': {
      const escape = node.escape === undefined ? '' : ` escape ${expr(node.escape)}`;
      return not(node.not, `(${expr(node.operand)} like ${expr(node.pattern)}${escape})`);
    }
    case 'regexp':
      return not(node.not, `regexp_like(${expr(node.operand)},${expr(node.pattern)})`);
    case 'soundsLike':
      return `(soundex(${expr(node.left)}) = soundex(${expr(node.right)}))`;
    case 'memberOf':
      return `(${expr(node.operand)} member of (${expr(node.array)}))`;
    case 'quantified':
      return `(${expr(node.left)} ${node.op} ${node.quantifier} (${printer.query(node.query)}))`;
    case 'exists':
      return `exists(${printer.query(node.query)})`;
    case 'subquery':
      return `(${printer.query(node.query)})`;
    case 'row':
      return node.items.length === 1 ? `row(${list(printer, node.items)})` : `(${list(printer, node.items)})`;
    case 'case': {
      const branches = node.branches.map((b) => ` when ${expr(b.when)} then ${expr(b.then)}`).join('');
      const operand = node.operand === undefined ? '' : ` ${expr(node.operand)}`;
      return `(case${operand}${branches}${node.otherwise === undefined ? '' : ` else ${expr(node.otherwise)}`} end)`;
    }
    case 'collate':
      // COLLATE binds more tightly than a sign.
      if (node.operand.kind === 'unary') return `((${expr(node.operand)}) collate ${node.collation})`;
      return `(${expr(node.operand)} collate ${node.collation})`;
    case 'dateArithmetic':
      return `(${expr(node.operand)} ${node.op === 'add' ? '+' : '-'} interval ${expr(node.amount)} ${node.unit})`;
    case 'timestampAdd':
      return `(${expr(node.operand)} + interval ${expr(node.amount)} ${node.unit})`;
    case 'userVariable':
      return `(@${quoteName(node.name)})`;
    case 'assignVariable':
      return `(@${quoteName(node.name)}:=${expr(node.value)})`;
    case 'systemVariable': {
      const scope = node.scope === undefined ? '' : `${node.scope === 'persistOnly' ? 'persist_only' : node.scope}.`;
      return `@@${scope}${node.component === undefined ? '' : `${quoteName(node.component)}.`}${quoteName(node.name)}`;
    }
    case 'default':
      return 'default';
    default:
      return functionText(printer, node);
  }
}

/** Everything that looks like a function. */
function functionText(printer: Printer, node: Expr): string {
  const { expr } = printer;
  switch (node.kind) {
    case 'cast':
      if (node.atTimeZone !== undefined) {
        return `cast(${expr(node.operand)} at time zone ${quoteText(node.atTimeZone)} as ${castTypeText(node.type)})`;
      }
      return `cast(${expr(node.operand)} as ${castTypeText(node.type)}${node.array ? ' array' : ''})`;
    case 'convertUsing':
      return `convert(${expr(node.operand)} using ${node.charset})`;
    case 'extract':
      return `extract(${node.unit} from ${expr(node.operand)})`;
    case 'trim': {
      const remove = node.remove === undefined ? '' : `${expr(node.remove)} `;
      if (node.side === 'both' && remove === '') return `trim(${expr(node.operand)})`;
      return `trim(${node.side} ${remove}from ${expr(node.operand)})`;
    }
    case 'timestampDiff':
      return `timestampdiff(${node.unit.toUpperCase()},${expr(node.from)},${expr(node.to)})`;
    case 'getFormat':
      return `get_format(${node.type.toUpperCase()}, ${expr(node.format)})`;
    case 'aggregate': {
      const args = node.star ? '0' : list(printer, node.args);
      return `${node.name}(${node.distinct ? 'distinct ' : ''}${args})${overText(printer, node.over)}`;
    }
    case 'groupConcat': {
      const order = node.orderBy.map((o) => `${expr(o.expr)} ${o.direction === 'desc' ? 'DESC' : 'ASC'}`).join(',');
      const separator = node.separator === undefined ? `','` : expr(node.separator).replace(/^_\w+'/, `'`);
      return (
        `group_concat(${node.distinct ? 'distinct ' : ''}${list(printer, node.args)}` +
        `${order === '' ? '' : ` order by ${order}`} separator ${separator})${overText(printer, node.over)}`
      );
    }
    case 'windowFunction': {
      const last = node.fromLast ? ' FROM LAST' : '';
      const nulls = node.nulls === undefined ? '' : ` ${node.nulls.toUpperCase()} NULLS`;
      // The second argument of NTH_VALUE, LEAD and LAG is no expression: a variable there has no parentheses.
      const args = node.args
        .map((arg) => (arg.kind === 'userVariable' ? `@${quoteName(arg.name)}` : expr(arg)))
        .join(',');
      return `${node.name}(${args})${last}${nulls}${overText(printer, node.over)}`;
    }
    case 'jsonValue': {
      const returning = node.returning === undefined ? '' : ` returning ${castTypeText(node.returning)}`;
      const responses = responseText(printer, node.onEmpty, 'empty') + responseText(printer, node.onError, 'error');
      return `json_value(${expr(node.document)}, ${expr(node.path)}${returning}${responses})`;
    }
    case 'jsonArrow': {
      const extract = `json_extract(${expr(node.column)},${expr(node.path)})`;
      return node.unquote ? `json_unquote(${extract})` : extract;
    }
    case 'match': {
      const mode =
        node.mode === 'boolean'
          ? ' in boolean mode'
          : node.mode === 'naturalWithExpansion'
            ? ' with query expansion'
            : '';
      return `(match ${list(printer, node.columns)} against (${expr(node.against)}${mode}))`;
    }
    case 'char':
      return `char(${list(printer, node.args)}${node.charset === undefined ? '' : ` using ${node.charset}`})`;
    case 'weightString': {
      const as = node.as === undefined || node.length === undefined ? '' : ` as ${node.as}(${node.length})`;
      return `weight_string(${expr(node.operand)}${as})`;
    }
    case 'valuesOf':
      return `values(${expr(node.column)})`;
    case 'defaultOf':
      return `default(${expr(node.column)})`;
    case 'call': {
      const name =
        node.schema === undefined ? callName(node.name) : `${quoteName(node.schema)}.${quoteName(node.name)}`;
      return `${name}(${list(printer, node.args)})`;
    }
    default:
      throw new Error(`no text for an expression of kind ${node.kind}`);
  }
}

/** Names that are no plain words stay quoted. */
const callName = (name: string): string => (/^[a-z_][a-z0-9_$]*$/.test(name) ? name : quoteName(name));
