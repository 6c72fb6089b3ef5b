/** The words and signs of an XPath. */

export type TokenKind = 'end' | 'error' | 'name' | 'digits' | 'string' | 'function' | 'nodeType' | 'axis' | 'sign';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

const NAME = /[\p{L}_][\p{L}\p{N}_.\-]*/uy;
const SIGNS = '!$()*+,-./:<=>@[]|';
const NODE_TYPES: ReadonlySet<string> = new Set(['comment', 'text', 'processing-instruction', 'node']);
const AXIS_NAMES: ReadonlySet<string> = new Set([
  ...['ancestor', 'ancestor-or-self', 'attribute', 'child', 'descendant', 'descendant-or-self', 'following'],
  ...['following-sibling', 'namespace', 'parent', 'preceding', 'preceding-sibling', 'self'],
]);

/** The token at or behind `start`. A name in front of `(` or `::` is a function, a node's type or an axis, where it is known as one. */
export function tokenAt(source: string, start: number, isFunction: (name: string) => boolean): Token {
  let from = start;
  while (source[from] === ' ') from++;
  const c = source[from];
  const token = (kind: TokenKind, to: number): Token => ({ kind, text: source.slice(from, to), from, to });
  if (c === undefined) return token('end', from);
  NAME.lastIndex = from;
  const name = NAME.exec(source)?.[0];
  if (name !== undefined) {
    const to = from + name.length;
    const lower = name.toLowerCase();
    if (source[to] === '(') {
      return token(isFunction(lower) ? 'function' : NODE_TYPES.has(lower) ? 'nodeType' : 'name', to);
    }
    return token(source.startsWith('::', to) && AXIS_NAMES.has(lower) ? 'axis' : 'name', to);
  }
  if (SIGNS.includes(c)) return token('sign', from + 1);
  if (c >= '0' && c <= '9') {
    let to = from + 1;
    while (/[0-9]/.test(source[to] ?? '')) to++;
    return token('digits', to);
  }
  if (c === '"' || c === "'") {
    const end = source.indexOf(c, from + 1);
    return end < 0 ? token('error', source.length) : token('string', end + 1);
  }
  return token('error', from + 1);
}
