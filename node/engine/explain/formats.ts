/** The three forms of EXPLAIN's answer. */
import type { VirtualRow } from '../virtual/rows.ts';
import { possibleKeys, type AccessStep, type SelectStep } from './steps.ts';

export interface Explained {
  /** What is done with the rows that are found. */
  readonly change: { readonly verb: 'INSERT' | 'REPLACE' | 'UPDATE' | 'DELETE'; readonly table: string } | undefined;
  /** Undefined: INSERT … VALUES finds no rows. */
  readonly select: SelectStep | undefined;
  /** It has a WHERE at the top. */
  readonly filters: boolean;
  readonly query: string;
  /** EXPLAIN ANALYZE: rows and milliseconds of the whole. */
  readonly actual: { readonly rows: number; readonly milliseconds: number } | undefined;
}

// TRADITIONAL

function extraOf(step: AccessStep, first: boolean, select: SelectStep, filters: boolean): string | null {
  const words: string[] = [];
  if (filters && first && step.access !== 'const') words.push('Using where');
  if (step.covering) words.push('Using index');
  if (first && select.groups) words.push('Using temporary');
  if (first && select.sorts) words.push('Using filesort');
  if (!first && (step.automatic || step.access === 'ALL')) words.push('Using join buffer (hash join)');
  return words.length === 0 ? null : words.join('; ');
}

export function traditionalRows(x: Explained): VirtualRow[] {
  const rows: VirtualRow[] = [];
  let number = 0;
  const nothing = (id: number, type: string, extra: string): VirtualRow => [
    id,
    type,
    ...new Array<null>(9).fill(null),
    extra,
  ];
  if (x.change && (x.change.verb === 'INSERT' || x.change.verb === 'REPLACE')) {
    rows.push([1, x.change.verb, x.change.table, null, 'ALL', null, null, null, null, null, null, null]);
    number = x.select ? 0 : 1;
  }
  const visit = (select: SelectStep, filters: boolean, changed: string | undefined): void => {
    const id = ++number;
    const type = changed ?? select.type;
    if (
      select.accesses.length === 0 &&
      !(select.children.length > 0 && select.children.every((c) => c.type === 'UNION'))
    ) {
      rows.push(nothing(id, type, 'No tables used'));
    }
    select.accesses.forEach((step, i) => {
      const ref = step.ref === 0 ? null : new Array<string>(step.ref).fill(i === 0 ? 'const' : 'func').join(',');
      const key = step.key ?? null;
      rows.push([
        id,
        type,
        step.name,
        null,
        step.access,
        possibleKeys(step),
        key,
        key === null ? null : String(step.keyBytes),
        ref,
        step.rows,
        100,
        extraOf(step, i === 0, select, filters),
      ]);
    });
    for (const child of select.children) visit(child, false, undefined);
    if (select.union)
      rows.push([
        null,
        'UNION RESULT',
        `<union${id},${number}>`,
        null,
        'ALL',
        null,
        null,
        null,
        null,
        null,
        null,
        'Using temporary',
      ]);
  };
  const changed = x.change?.verb === 'UPDATE' || x.change?.verb === 'DELETE' ? x.change.verb : undefined;
  if (x.select) visit(x.select, x.filters, changed);
  return rows;
}

// TREE

const ROW_COST = 0.1;
const number = (n: number): string => String(Number(n.toPrecision(3)));

interface Node {
  readonly text: string;
  readonly rows: number | undefined;
  readonly cost: number | undefined;
  readonly children: readonly Node[];
}

function accessNode(step: AccessStep): Node {
  const using = `${step.name} using ${step.key ?? ''}`;
  const covering = step.covering ? 'Covering index' : 'Index';
  const texts: Record<AccessStep['access'], string> = {
    ALL: `Table scan on ${step.name}`,
    index: `${covering} scan on ${using}`,
    range: `${covering} range scan on ${using}`,
    ref: `${covering} lookup on ${using}`,
    eq_ref: `Single-row ${covering.toLowerCase()} lookup on ${using}`,
    const: `Single-row ${covering.toLowerCase()} lookup on ${using}`,
  };
  return { text: texts[step.access], rows: step.rows, cost: 0.25 + step.rows * ROW_COST, children: [] };
}

function selectNode(select: SelectStep, filters: boolean): Node {
  let node: Node = { text: 'Rows fetched before execution', rows: 1, cost: 0, children: [] };
  const [first, ...others] = select.accesses.map(accessNode);
  if (first) {
    node = first;
    if (filters) node = { text: 'Filter', rows: node.rows, cost: node.cost, children: [node] };
    for (const next of others) {
      const rows = (node.rows ?? 1) * (next.rows ?? 1);
      node = {
        text: 'Nested loop inner join',
        rows,
        cost: (node.cost ?? 0) + (node.rows ?? 1) * (next.cost ?? 0),
        children: [node, next],
      };
    }
  }
  const unions = select.children.filter((c) => c.type === 'UNION');
  if (unions.length > 0) {
    const parts = [...(select.accesses.length > 0 ? [node] : []), ...unions.map((c) => selectNode(c, false))];
    node = {
      text: select.union ? 'Union materialize with deduplication' : 'Append',
      rows: undefined,
      cost: undefined,
      children: parts,
    };
  }
  if (select.groups)
    node = { text: 'Aggregate using temporary table', rows: undefined, cost: undefined, children: [node] };
  if (select.sorts) node = { text: 'Sort', rows: undefined, cost: undefined, children: [node] };
  const others2 = select.children.filter((c) => c.type !== 'UNION');
  const subqueries = others2.map((c): Node => ({
    text:
      c.type === 'DERIVED'
        ? 'Materialize'
        : c.type === 'DEPENDENT SUBQUERY'
          ? 'Select (subquery in condition; dependent)'
          : 'Select (subquery in condition; run only once)',
    rows: undefined,
    cost: undefined,
    children: [selectNode(c, false)],
  }));
  return subqueries.length === 0 ? node : { ...node, children: [...node.children, ...subqueries] };
}

function tree(x: Explained): Node {
  const found = x.select
    ? selectNode(x.select, x.filters)
    : { text: 'Rows fetched before execution', rows: 1, cost: 0, children: [] };
  if (!x.change) return found;
  const { verb, table } = x.change;
  const text =
    verb === 'INSERT' || verb === 'REPLACE'
      ? `${verb === 'INSERT' ? 'Insert' : 'Replace'} into ${table}`
      : `${verb === 'UPDATE' ? 'Update' : 'Delete from'} ${table} (immediate)`;
  return { text, rows: undefined, cost: undefined, children: [found] };
}

export function treeText(x: Explained): string {
  const lines: string[] = [];
  const visit = (node: Node, depth: number): void => {
    const cost =
      node.cost === undefined || node.rows === undefined
        ? ''
        : `  (cost=${number(node.cost)} rows=${number(node.rows)})`;
    const actual =
      depth === 0 && x.actual
        ? ` (actual time=${number(x.actual.milliseconds)}..${number(x.actual.milliseconds)} rows=${x.actual.rows} loops=1)`
        : '';
    lines.push(`${'    '.repeat(depth)}-> ${node.text}${cost}${actual}`);
    for (const child of node.children) visit(child, depth + 1);
  };
  visit(tree(x), 0);
  return `${lines.join('\n')}\n`;
}

// JSON

export function jsonText(x: Explained): string {
  const plan = (node: Node): object => ({
    operation: node.text,
    ...(node.rows !== undefined && { estimated_rows: node.rows }),
    ...(node.cost !== undefined && { estimated_total_cost: Number(number(node.cost)) }),
    ...(node.children.length > 0 && { inputs: node.children.map(plan) }),
  });
  const type = x.change ? x.change.verb.toLowerCase() : 'select';
  return JSON.stringify(
    { query: x.query, query_plan: plan(tree(x)), query_type: type, json_schema_version: '2.0' },
    undefined,
    2,
  );
}
