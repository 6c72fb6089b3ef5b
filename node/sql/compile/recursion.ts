/**
 * What a recursive common table is made of: query blocks that begin it, and blocks that go on from its newest rows, with what MySQL asks
 * of them (Reference Manual, 15.2.20 "WITH", "Limits on Recursive Common Table Expressions").
 */
import { SqlError } from '../types/index.ts';
import type { QueryBody, SetOperation, TableExpr } from '../parser/index.ts';
import { unsupported } from './compiler.ts';

export interface Recursion {
  /** They do not name the table. */
  readonly seeds: readonly QueryBody[];
  readonly steps: readonly QueryBody[];
}

/** Throws 3574, 3576, 3577 and 1235. */
export function recursionOf(body: SetOperation, name: string): Recursion {
  if (body.op !== 'union') throw unsupported(`recursive ${body.op.toUpperCase()}`);
  const seeds: QueryBody[] = [];
  const steps: QueryBody[] = [];
  const add = (written: QueryBody): void => {
    const part = withoutParentheses(written);
    if (!mentions(part, name)) {
      // Common tables within a step may mean another table by that name, or be used by nobody.
      if (steps.some((step) => mentions(step, name, true))) throw seedsFirst(name);
      seeds.push(part);
    } else if (part.kind === 'setOperation' && part.op === 'union') {
      if (part.all && hasDistinctStep(part.left, name))
        throw unsupported(
          'recursive query blocks with UNION DISTINCT then UNION ALL, in recursive Common Table Expression',
        );
      add(part.left);
      add(part.right);
    } else {
      checkStep(part, name);
      steps.push(part);
    }
  };
  add(body);
  if (seeds.length === 0) throw seedsFirst(name);
  return { seeds, steps };
}

const withoutParentheses = (part: QueryBody): QueryBody =>
  part.kind === 'query' && !part.with && !part.limit && part.orderBy.length === 0 && part.locking.length === 0
    ? withoutParentheses(part.body)
    : part;

const hasDistinctStep = (part: QueryBody, name: string): boolean =>
  part.kind === 'setOperation' &&
  part.op === 'union' &&
  ((!part.all && mentions(part.right, name)) || hasDistinctStep(part.left, name));

/** A step reads the newest rows once, and none without them. */
function checkStep(step: QueryBody, name: string): void {
  if (step.kind !== 'select' || count(step, (node) => node.kind === 'with') > 0) return;
  const references = step.from.flatMap((table) => referencesIn(table, name, false));
  if (references.length !== count(step, (node) => isTable(node, name)) || references.length > 1)
    throw forbidden(3577, name, 'the recursive table must be referenced only once, and not in any subquery');
  if (references.some(({ isOptional }) => isOptional))
    throw forbidden(
      3576,
      name,
      'the recursive table must neither be in the right argument of a LEFT JOIN, nor be forced to be non-first with join order hints',
    );
}

function referencesIn(table: TableExpr, name: string, isOptional: boolean): { readonly isOptional: boolean }[] {
  switch (table.kind) {
    case 'table':
      return isTable(table, name) ? [{ isOptional }] : [];
    case 'join':
      return [
        ...referencesIn(table.left, name, isOptional || table.type === 'right'),
        ...referencesIn(table.right, name, isOptional || table.type === 'left'),
      ];
    case 'tableList':
      return table.tables.flatMap((one) => referencesIn(one, name, isOptional));
    default:
      return [];
  }
}

const seedsFirst = (name: string): SqlError =>
  new SqlError(
    3574,
    'HY000',
    `Recursive Common Table Expression '${name}' should have one or more non-recursive query blocks followed by one or more recursive ones`,
  );

const forbidden = (errno: number, name: string, rule: string): SqlError =>
  new SqlError(errno, 'HY000', `In recursive query block of Recursive Common Table Expression '${name}', ${rule}`);

interface Node {
  readonly kind?: unknown;
  readonly name?: unknown;
  readonly schema?: unknown;
}

const isTable = ({ kind, name: own, schema }: Node, name: string): boolean =>
  kind === 'table' && schema === undefined && own === name;

/** Whether a tree names a table without a schema; with `outside`, elsewhere than in common tables. */
export const mentions = (tree: unknown, name: string, outside = false): boolean =>
  count(tree, (node) => isTable(node, name), outside) > 0;

/** How many nodes of a tree are such ones; with `outside`, but for those of common tables. */
function count(tree: unknown, matches: (node: Node) => boolean, outside = false): number {
  if (tree === null || typeof tree !== 'object') return 0;
  if (Array.isArray(tree)) return tree.reduce((sum: number, node) => sum + count(node, matches, outside), 0);
  const node = tree as Node;
  if (outside && node.kind === 'with') return 0;
  return Object.values(tree).reduce((sum: number, part) => sum + count(part, matches, outside), matches(node) ? 1 : 0);
}
