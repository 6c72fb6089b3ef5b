import { sqlError } from '../values/index.ts';
import { XPATH_FUNCTIONS } from './calls.ts';
import {
  arithmetic,
  both,
  comparison,
  either,
  filtered,
  negated,
  nodeSet,
  textual,
  unionOf,
  writtenNumber,
  type Arithmetic,
  type Comparison,
  type NodesExpr,
  type XPathExpr,
} from './expressions.ts';
import { AXES, type Axis } from './nodes.ts';
import { tokenAt, type Token } from './tokens.ts';

/** XPath 1.0, as far as MySQL has it, parsed into functions over a document. */

export interface XPath {
  readonly expr: XPathExpr;
  /** The user variables that it names by `$@name`, in its order. */
  readonly variables: readonly string[];
}

const SHOWN = 32;
const DEPTH_MAX = 200;
/** Steps and operators are calls within calls: more of them than a stack holds are refused. */
const TOKENS_MAX = 2000;
const NAME_LIKE: ReadonlySet<string> = new Set(['name', 'axis', 'nodeType']);
const EQUALITY: readonly Comparison[] = ['=', '!='];
const RELATIONS: readonly Comparison[] = ['<', '<=', '>', '>='];

const root: NodesExpr = nodeSet(() => [{ node: 0, place: 0 }]);
const here: NodesExpr = nodeSet((x) => (x.here === undefined ? [] : [x.here]));

function step(base: NodesExpr, axis: Axis, name: string): NodesExpr {
  const walk = AXES[axis];
  return nodeSet((x) => walk(x.nodes, base.value(x), name === '*' ? () => true : (node) => node.text === name));
}

const tooDeep = (): Error => sqlError(1436, 'Thread stack overrun: the XPATH is nested too deeply');

const isFunction = (name: string): boolean => XPATH_FUNCTIONS.has(name);

class XPathParser {
  private readonly source: string;
  private readonly isNumber: (variable: number) => boolean;
  private token: Token;
  private depth = 0;
  private tokens = 0;
  /** The predicates that the parser is within. */
  private predicates = 0;
  readonly variables: string[] = [];

  constructor(source: string, isNumber: (variable: number) => boolean) {
    this.source = source;
    this.isNumber = isNumber;
    this.token = tokenAt(source, 0, isFunction);
  }

  parse(): XPath {
    const expr = this.or();
    if (this.token.kind !== 'end') this.fail();
    return { expr, variables: this.variables };
  }

  private or(): XPathExpr {
    if (++this.depth > DEPTH_MAX) throw tooDeep();
    let left = this.and();
    while (this.acceptWord('or')) left = either(left, this.and());
    this.depth--;
    return left;
  }

  private and(): XPathExpr {
    let left = this.compared(EQUALITY, () => this.compared(RELATIONS, () => this.sum()));
    while (this.acceptWord('and'))
      left = both(
        left,
        this.compared(EQUALITY, () => this.compared(RELATIONS, () => this.sum())),
      );
    return left;
  }

  private compared(operators: readonly Comparison[], operand: () => XPathExpr): XPathExpr {
    let left = operand();
    for (;;) {
      const { from } = this.token;
      const operator = this.comparisonSign(operators);
      if (operator === undefined) return left;
      const right = operand();
      if (left.kind === 'nodes' && right.kind === 'nodes') {
        throw sqlError(
          1105,
          `XPATH error: comparison of two nodesets is not supported: '${this.source.slice(from, from + SHOWN)}'`,
        );
      }
      left = comparison(operator, left, right);
    }
  }

  private comparisonSign(operators: readonly Comparison[]): Comparison | undefined {
    const { text, to } = this.token;
    const two = `${text}${this.source.slice(to, to + 1)}` as Comparison;
    if (this.token.kind !== 'sign') return undefined;
    for (const operator of [two, text as Comparison]) {
      if (!operators.includes(operator)) continue;
      this.next();
      if (operator.length === 2) this.next();
      return operator;
    }
    return undefined;
  }

  private sum(): XPathExpr {
    let left = this.product();
    for (;;) {
      const { text } = this.token;
      if (!this.acceptSign('+') && !this.acceptSign('-')) return left;
      left = arithmetic(text as Arithmetic, left, this.product());
    }
  }

  private product(): XPathExpr {
    let left = this.unary();
    for (;;) {
      const text = this.token.text.toLowerCase();
      if (!this.acceptSign('*') && !this.acceptWord('div') && !this.acceptWord('mod')) return left;
      left = arithmetic(text as Arithmetic, left, this.unary());
    }
  }

  private unary(): XPathExpr {
    let minus = false;
    let signs = 0;
    while (this.acceptSign('-')) {
      minus = !minus;
      signs++;
    }
    const operand = this.united();
    if (signs === 0) return operand;
    return minus ? negated(operand) : negated(negated(operand));
  }

  private united(): XPathExpr {
    let left = this.path();
    while (this.acceptSign('|')) {
      if (left.kind !== 'nodes') this.fail();
      const right = this.path();
      if (right.kind !== 'nodes') this.fail();
      left = unionOf(left, right);
    }
    return left;
  }

  private path(): XPathExpr {
    if (this.isSign('/')) return this.absolute();
    if (this.atStep()) return this.relative(this.predicates > 0 ? here : root);
    const base = this.primary();
    if (!this.isSign('/')) return base;
    if (base.kind !== 'nodes') return this.fail();
    this.next();
    return this.relative(this.acceptSign('/') ? step(base, 'descendant-or-self', '*') : base);
  }

  private absolute(): NodesExpr {
    this.next();
    if (this.acceptSign('/')) return this.relative(step(root, 'descendant-or-self', '*'));
    return this.atStep() ? this.relative(root) : root;
  }

  private atStep(): boolean {
    const { kind } = this.token;
    return NAME_LIKE.has(kind) || this.isSign('@') || this.isSign('*') || this.isSign('.');
  }

  private relative(from: NodesExpr): NodesExpr {
    let base = this.step(from);
    while (this.acceptSign('/')) {
      base = this.step(this.acceptSign('/') ? step(base, 'descendant-or-self', '*') : base);
    }
    return base;
  }

  private step(base: NodesExpr): NodesExpr {
    if (this.acceptSign('.')) return this.acceptSign('.') ? step(base, 'parent', '*') : base;
    let found = this.nodeTest(base, this.axis());
    while (this.acceptSign('[')) {
      this.predicates++;
      found = filtered(found, this.or());
      this.predicates--;
      this.expectSign(']');
    }
    return found;
  }

  private axis(): Axis {
    if (this.acceptSign('@')) return 'attribute';
    if (this.token.kind !== 'axis') return 'child';
    const name = this.token.text.toLowerCase();
    this.next();
    this.expectSign(':');
    this.expectSign(':');
    // MySQL takes the axes that it lacks for `child`.
    return name in AXES ? (name as Axis) : 'child';
  }

  private nodeTest(base: NodesExpr, axis: Axis): NodesExpr {
    if (this.acceptSign('*')) return step(base, axis, '*');
    if (this.token.kind === 'nodeType') {
      // `text()` and its like keep the node that they stand behind.
      this.next();
      this.expectSign('(');
      this.expectSign(')');
      return base;
    }
    const { from } = this.token;
    let end = this.name();
    if (this.acceptSign(':')) end = this.name();
    return step(base, axis, this.source.slice(from, end));
  }

  private name(): number {
    const { kind, to } = this.token;
    if (kind !== 'name') this.fail();
    this.next();
    return to;
  }

  private primary(): XPathExpr {
    const { kind, text, to } = this.token;
    if (this.acceptSign('(')) {
      const inner = this.or();
      this.expectSign(')');
      return inner;
    }
    if (this.isSign('$')) return this.variable();
    switch (kind) {
      case 'string':
        this.next();
        return textual(() => text.slice(1, -1));
      case 'digits':
        this.next();
        return this.number(text, to);
      case 'function':
        return this.call(text.toLowerCase());
      default:
        return this.fail();
    }
  }

  private number(digits: string, to: number): XPathExpr {
    let text = digits;
    if (this.acceptSign('.')) {
      text += '.';
      if (this.token.kind === 'digits' && this.token.from === to + 1) {
        text += this.token.text;
        this.next();
      }
    }
    if (!Number.isFinite(Number(text))) {
      throw sqlError(1367, `Illegal double '${text.slice(0, 192)}' value found during parsing`);
    }
    return writtenNumber(text);
  }

  private variable(): XPathExpr {
    const { from } = this.token;
    this.next();
    if (!this.acceptSign('@')) {
      this.name();
      throw sqlError(1105, `Unknown XPATH variable at: '${this.source.slice(from, from + SHOWN)}'`);
    }
    const index = this.variables.length;
    this.variables.push(this.token.text);
    this.name();
    return this.isNumber(index)
      ? { kind: 'number', value: (x) => x.variables[index] as number | null }
      : textual((x) => x.variables[index] as string | null);
  }

  private call(name: string): XPathExpr {
    const { arity, make } = XPATH_FUNCTIONS.get(name) as NonNullable<ReturnType<typeof XPATH_FUNCTIONS.get>>;
    this.next();
    this.expectSign('(');
    const args: XPathExpr[] = [];
    if (!this.isSign(')')) {
      do args.push(this.or());
      while (args.length < arity[1] && this.acceptSign(','));
    }
    if (args.length < arity[0] || args.length > arity[1]) this.fail();
    this.expectSign(')');
    return make(args, this.predicates > 0 ? here : undefined) ?? this.fail();
  }

  private next(): void {
    if (++this.tokens > TOKENS_MAX) throw tooDeep();
    this.token = tokenAt(this.source, this.token.to, isFunction);
  }

  private isSign(sign: string): boolean {
    return this.token.kind === 'sign' && this.token.text === sign;
  }

  private acceptSign(sign: string): boolean {
    if (!this.isSign(sign)) return false;
    this.next();
    return true;
  }

  private expectSign(sign: string): void {
    if (!this.acceptSign(sign)) this.fail();
  }

  /** `and`, `or`, `div` and `mod` are operators only where one can stand. */
  private acceptWord(word: string): boolean {
    if (this.token.kind !== 'name' || this.token.text.toLowerCase() !== word) return false;
    this.next();
    return true;
  }

  private fail(): never {
    const { from } = this.token;
    throw sqlError(1105, `XPATH syntax error: '${this.source.slice(from, from + SHOWN)}'`);
  }
}

/** `isNumber` tells of which variables, by their places in the XPath, the values are numbers. */
export function parseXPath(source: string, isNumber: (variable: number) => boolean = () => false): XPath {
  return new XPathParser(source, isNumber).parse();
}
