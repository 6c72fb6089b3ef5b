import { parseDouble, roundHalfEven } from '../values/index.ts';
import {
  booleanOf,
  condition,
  countOf,
  integer,
  integerOf,
  numberOf,
  textOf,
  textual,
  truth,
  type Context,
  type NodesExpr,
  type NumberExpr,
  type XPathExpr,
} from './expressions.ts';
import { textsOf } from './nodes.ts';

/** XPath's functions, as far as MySQL has them. */
export interface XPathFunction {
  readonly arity: readonly [min: number, max: number];
  /** `here` is the node of a predicate, where there is one. Undefined: the arguments do not do. */
  readonly make: (args: readonly XPathExpr[], here: NodesExpr | undefined) => XPathExpr | undefined;
}

type Arg = XPathExpr;

const onNumber = (compute: (value: number) => number): XPathFunction => ({
  arity: [1, 1],
  make: ([e]) =>
    integer((x) => {
      const value = numberOf(e as Arg, x);
      return value === null ? null : compute(value);
    }),
});

const onNodes = (make: (e: NodesExpr) => NumberExpr): XPathFunction => ({
  arity: [1, 1],
  make: ([e]) => (e?.kind === 'nodes' ? make(e) : undefined),
});

const onTexts =
  <T>(compute: (x: Context, a: string, b: string) => T, [a, b]: readonly XPathExpr[]) =>
  (x: Context): T | null => {
    const [first, second] = [textOf(a as Arg, x), textOf(b as Arg, x)];
    return first === null || second === null ? null : compute(x, first, second);
  };

export const XPATH_FUNCTIONS: ReadonlyMap<string, XPathFunction> = new Map<string, XPathFunction>([
  ['true', { arity: [0, 0], make: () => truth(() => true) }],
  ['false', { arity: [0, 0], make: () => truth(() => false) }],
  [
    'not',
    {
      arity: [1, 1],
      make: ([e]) => {
        const inner = booleanOf(condition(e as Arg));
        return truth((x) => {
          const value = inner.value(x);
          return value === null ? null : value === 0;
        });
      },
    },
  ],
  ['boolean', { arity: [1, 1], make: ([e]) => booleanOf(e as Arg) }],
  ['number', { arity: [1, 1], make: ([e]) => ({ kind: 'number', value: (x) => numberOf(e as Arg, x) }) }],
  ['ceiling', onNumber(Math.ceil)],
  ['floor', onNumber(Math.floor)],
  ['round', onNumber(roundHalfEven)],
  ['count', onNodes(countOf)],
  [
    'sum',
    onNodes((e) => ({
      kind: 'number',
      value: (x) => textsOf(x.nodes, e.value(x)).reduce((sum, text) => sum + parseDouble(text).value, 0),
    })),
  ],
  ['last', { arity: [0, 0], make: (_args, here) => here && countOf(here) }],
  ['position', { arity: [0, 0], make: (_args, here) => here && integer((x) => (x.here?.place ?? -1) + 1) }],
  [
    'contains',
    { arity: [2, 2], make: (args) => truth(onTexts((x, text, part) => x.rules.locate(text, part) > 0, args)) },
  ],
  // More than two arguments are taken, and left out.
  ['concat', { arity: [2, 255], make: (args) => textual(onTexts((_x, a, b) => a + b, args)) }],
  [
    'substring',
    {
      arity: [2, 3],
      make: ([e, from, count]) =>
        textual((x) => {
          const [text, position] = [textOf(e as Arg, x), integerOf(from as Arg, x)];
          const length = count === undefined ? undefined : integerOf(count, x);
          if (text === null || position === null || length === null) return null;
          return x.rules.substring(text, position, length);
        }),
    },
  ],
  [
    'string-length',
    {
      arity: [0, 1],
      make: ([e], here) => {
        const of = e ?? here;
        return (
          of &&
          integer((x) => {
            const text = textOf(of, x);
            return text === null ? null : x.rules.length(text);
          })
        );
      },
    },
  ],
]);
