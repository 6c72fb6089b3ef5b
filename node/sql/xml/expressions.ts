import { decimals, doubleToText, fixedToText, parseDouble, roundHalfEven } from '../values/index.ts';
import type { XmlNode } from './document.ts';
import { joinedText, textsOf, union, type Hit } from './nodes.ts';

/** XPath's values, with MySQL's meaning: its comparisons, its conversions, its NULL. */

/** How texts compare and where one stands in another, under the collation of the call. */
export interface TextRules {
  compare(a: string, b: string): number;
  /** 0 where it does not, else a place counted from 1. */
  locate(text: string, part: string): number;
  substring(text: string, position: number, count?: number): string;
  length(text: string): number;
}

/** What an expression is evaluated against. */
export interface Context {
  readonly nodes: readonly XmlNode[];
  /** The node that a predicate is asked of. */
  readonly here?: Hit;
  readonly variables: readonly (number | string | null)[];
  readonly rules: TextRules;
}

export interface NumberExpr {
  readonly kind: 'number';
  /** Digits behind the point in its text; undefined: as many as it has. */
  readonly scale?: number;
  /** A predicate that is a truth value, not a place. */
  readonly truth?: boolean;
  readonly value: (x: Context) => number | null;
}
export interface TextExpr {
  readonly kind: 'text';
  readonly value: (x: Context) => string | null;
}
export interface NodesExpr {
  readonly kind: 'nodes';
  readonly value: (x: Context) => readonly Hit[];
}
export type XPathExpr = NumberExpr | TextExpr | NodesExpr;

export const integer = (value: NumberExpr['value']): NumberExpr => ({ kind: 'number', scale: 0, value });
export const truth = (value: (x: Context) => boolean | null): NumberExpr => ({
  kind: 'number',
  scale: 0,
  truth: true,
  value: (x) => {
    const result = value(x);
    return result === null ? null : Number(result);
  },
});
export const textual = (value: TextExpr['value']): TextExpr => ({ kind: 'text', value });
export const nodeSet = (value: NodesExpr['value']): NodesExpr => ({ kind: 'nodes', value });

export function textOf(e: XPathExpr, x: Context): string | null {
  if (e.kind === 'nodes') return joinedText(x.nodes, e.value(x));
  if (e.kind === 'text') return e.value(x);
  const number = e.value(x);
  if (number === null) return null;
  return e.scale === undefined ? doubleToText(number) : fixedToText(number, e.scale);
}

export function numberOf(e: XPathExpr, x: Context): number | null {
  if (e.kind === 'number') return e.value(x);
  const text = textOf(e, x);
  return text === null ? null : parseDouble(text).value;
}

export function integerOf(e: XPathExpr, x: Context): number | null {
  const number = numberOf(e, x);
  return number === null ? null : roundHalfEven(number);
}

/** As a truth value. Of nodes there must be exactly one: so MySQL has it. */
export function booleanOf(e: XPathExpr): NumberExpr {
  if (e.kind === 'nodes') return truth((x) => e.value(x).length === 1);
  return truth((x) => {
    const number = numberOf(e, x);
    return number === null ? null : number !== 0;
  });
}

/** Nodes as the truth value that they are; the rest as it is. */
export const condition = (e: XPathExpr): XPathExpr => (e.kind === 'nodes' ? booleanOf(e) : e);

export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=';

const HOLDS: Readonly<Record<Comparison, (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};
const MIRRORED: Readonly<Record<Comparison, Comparison>> = {
  '=': '=',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

/** Two texts compare as texts, everything else as numbers. Of nodes, one that compares so is enough. */
export function comparison(operator: Comparison, a: XPathExpr, b: XPathExpr): NumberExpr {
  if (a.kind === 'nodes') {
    const other = b;
    return truth((x) =>
      textsOf(x.nodes, a.value(x)).some(
        (text) =>
          scalars(
            operator,
            textual(() => text),
            other,
          ).value(x) === 1,
      ),
    );
  }
  return b.kind === 'nodes' ? comparison(MIRRORED[operator], b, a) : scalars(operator, a, b);
}

function scalars(operator: Comparison, a: XPathExpr, b: XPathExpr): NumberExpr {
  const holds = HOLDS[operator];
  if (a.kind === 'text' && b.kind === 'text') {
    return truth((x) => {
      const [left, right] = [a.value(x), b.value(x)];
      return left === null || right === null ? null : holds(x.rules.compare(left, right));
    });
  }
  return truth((x) => {
    const [left, right] = [numberOf(a, x), numberOf(b, x)];
    return left === null || right === null ? null : holds(left - right);
  });
}

export function both(a: XPathExpr, b: XPathExpr): NumberExpr {
  const [left, right] = [booleanOf(condition(a)), booleanOf(condition(b))];
  return truth((x) => {
    const first = left.value(x);
    if (first === 0) return false;
    const second = right.value(x);
    return second === 0 ? false : first === null || second === null ? null : true;
  });
}

export function either(a: XPathExpr, b: XPathExpr): NumberExpr {
  const [left, right] = [booleanOf(condition(a)), booleanOf(condition(b))];
  return truth((x) => {
    const first = left.value(x);
    if (first === 1) return true;
    const second = right.value(x);
    return second === 1 ? true : first === null || second === null ? null : false;
  });
}

const scaleOf = (e: XPathExpr): number | undefined => (e.kind === 'number' ? e.scale : undefined);

export type Arithmetic = '+' | '-' | '*' | 'div' | 'mod';

const COMPUTED: Readonly<Record<Arithmetic, (a: number, b: number) => number | null>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  div: (a, b) => (b === 0 ? null : Math.trunc(a / b)),
  mod: (a, b) => (b === 0 ? null : a % b),
};

export function arithmetic(operator: Arithmetic, a: XPathExpr, b: XPathExpr): NumberExpr {
  const compute = COMPUTED[operator];
  const [left, right] = [scaleOf(a), scaleOf(b)];
  const value = (x: Context): number | null => {
    const [first, second] = [numberOf(a, x), numberOf(b, x)];
    return first === null || second === null ? null : compute(first, second);
  };
  if (operator === 'div') return integer(value);
  if (left === undefined || right === undefined) return { kind: 'number', value };
  return { kind: 'number', scale: Math.max(left, right), value };
}

export function negated(e: XPathExpr): NumberExpr {
  return arithmetic(
    '-',
    integer(() => 0),
    e,
  );
}

export const unionOf = (a: NodesExpr, b: NodesExpr): NodesExpr => nodeSet((x) => union(a.value(x), b.value(x)));

/** The hits of which the expression is true, or, where it is a number, those that stand at its place. */
export function filtered(base: NodesExpr, predicate: XPathExpr): NodesExpr {
  const test = condition(predicate);
  const isTruth = test.kind === 'number' && test.truth === true;
  return nodeSet((x) => {
    const hits = base.value(x);
    const kept = hits.filter((hit) => {
      const inner = { ...x, here: { ...hit, size: hits.length } };
      if (isTruth) return numberOf(test, inner) === 1;
      return integerOf(test, inner) === hit.place + 1;
    });
    return kept.map(({ node }, place) => ({ node, place }));
  });
}

/** How many nodes; of the one that a predicate is asked of: of how many it is. */
export function countOf(e: NodesExpr): NumberExpr {
  return integer((x) => {
    const hits = e.value(x);
    return hits.length === 1 ? (hits[0]?.size ?? 1) : hits.length;
  });
}

/** A number as it is written, with its places behind the point. */
export function writtenNumber(text: string): NumberExpr {
  const value = Number(text);
  const scale = decimals.parseDecimal(text).value.scale;
  return { kind: 'number', scale, value: () => value };
}
