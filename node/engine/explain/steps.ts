/** SQLite's EXPLAIN QUERY PLAN of a compiled statement, read into steps with MySQL's words for them. */
import type { DatabaseSync } from 'node:sqlite';
import {
  columnById,
  indexName,
  rowidColumn,
  type IndexDef,
  type SqlType,
  type TableDef,
  type TableUse,
} from '../../sql/index.ts';

export type AccessType = 'const' | 'eq_ref' | 'ref' | 'range' | 'index' | 'ALL';

/** One table of a SELECT, in the order in which they are read. */
export interface AccessStep {
  readonly kind: 'access';
  /** What the statement calls it. */
  readonly name: string;
  readonly table: TableDef | undefined;
  readonly access: AccessType;
  readonly key: string | undefined;
  readonly keyBytes: number;
  readonly ref: number;
  readonly covering: boolean;
  /** An index that is made for this one statement. */
  readonly automatic: boolean;
  readonly rows: number;
}

/** A SELECT inside the statement; `type` is MySQL's select_type. */
export interface SelectStep {
  readonly kind: 'select';
  readonly type: 'SIMPLE' | 'PRIMARY' | 'SUBQUERY' | 'DEPENDENT SUBQUERY' | 'DERIVED' | 'UNION';
  readonly name: string | undefined;
  readonly accesses: AccessStep[];
  readonly children: SelectStep[];
  sorts: boolean;
  groups: boolean;
  /** Duplicates are removed between its parts. */
  union: boolean;
}

interface PlanRow {
  readonly id: number;
  readonly parent: number;
  readonly detail: string;
}

export interface StepsContext {
  readonly db: DatabaseSync;
  readonly tables: readonly TableUse[];
  rowEstimate(table: TableDef): number;
}

/** The statement's functions must be registered already. */
export function readSteps(x: StepsContext, sql: string): SelectStep {
  const rows = x.db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as unknown as PlanRow[];
  const byParent = new Map<number, PlanRow[]>();
  for (const row of rows) byParent.set(row.parent, [...(byParent.get(row.parent) ?? []), row]);
  const top = newSelect('SIMPLE', undefined);
  const visit = (parent: number, select: SelectStep): void => {
    for (const row of byParent.get(parent) ?? []) readRow(x, row, select, (into) => visit(row.id, into));
  };
  visit(0, top);
  const plain = unwrapped(top);
  return plain.children.length > 0 ? { ...plain, type: 'PRIMARY' } : { ...plain, type: 'SIMPLE' };
}

/** A SELECT that does no more than read what another one makes is the compiler's, not the statement's. */
function unwrapped(select: SelectStep): SelectStep {
  const children = select.children.map(unwrapped);
  const [only] = select.accesses;
  const source =
    select.accesses.length === 1 && only?.table === undefined
      ? children.find((c) => c.type === 'DERIVED' && c.name === only?.name)
      : undefined;
  if (!source) return { ...select, children };
  return {
    ...source,
    type: select.type,
    name: select.name,
    sorts: source.sorts || select.sorts,
    groups: source.groups || select.groups,
    union: source.union || select.union,
    children: [...source.children, ...children.filter((c) => c !== source)],
  };
}

const newSelect = (type: SelectStep['type'], name: string | undefined): SelectStep => ({
  kind: 'select',
  type,
  name,
  accesses: [],
  children: [],
  sorts: false,
  groups: false,
  union: false,
});

function readRow(x: StepsContext, { detail }: PlanRow, select: SelectStep, visit: (into: SelectStep) => void): void {
  const child = (type: SelectStep['type'], name?: string): void => {
    const made = newSelect(type, name);
    visit(made);
    if (!isValueList(made)) select.children.push(made);
  };
  const named = /^(?:CO-ROUTINE|MATERIALIZE) (\S+)/.exec(detail);
  if (named) return child('DERIVED', named[1]);
  if (/^CORRELATED (SCALAR|LIST) SUBQUERY/.test(detail)) return child('DEPENDENT SUBQUERY');
  if (/^(SCALAR|LIST) SUBQUERY/.test(detail)) return child('SUBQUERY');
  if (/^(UNION|EXCEPT|INTERSECT)/.test(detail)) {
    if (!detail.startsWith('UNION ALL')) select.union = true;
    return child('UNION');
  }
  const access = accessOf(x, detail, select.accesses.length === 0);
  if (access) select.accesses.push(access);
  if (detail.includes('TEMP B-TREE FOR ORDER BY') || detail.includes('TERMS OF ORDER BY')) select.sorts = true;
  else if (detail.includes('TEMP B-TREE')) select.groups = true;
  visit(select);
}

/** A long IN is a query to SQLite alone. */
const isValueList = ({ type, accesses }: SelectStep): boolean =>
  type === 'SUBQUERY' && accesses.length === 1 && accesses[0]?.name === 'json_each' && accesses[0].table === undefined;

function accessOf(x: StepsContext, detail: string, first: boolean): AccessStep | undefined {
  const [, verb, alias = '', rest = ''] = /^(SCAN|SEARCH) (\S+)(.*)$/.exec(detail) ?? [];
  if (verb === undefined || alias === 'CONSTANT') return undefined;
  const use = x.tables.find((t) => t.alias === alias);
  const common = { kind: 'access' as const, name: use?.name ?? use?.table.name ?? alias, table: use?.table };
  const none = { key: undefined, keyBytes: 0, ref: 0, covering: false, automatic: false };
  if (!use) return { ...common, ...none, access: verb === 'SCAN' ? 'ALL' : 'ref', rows: 2 };
  const { table } = use;
  const all = Math.max(1, x.rowEstimate(table));
  const terms = /\(([^()]*)\)\s*(?:LEFT-JOIN)?$/.exec(rest)?.[1] ?? '';
  const equal = (terms.match(/=\?/g) ?? []).length - (terms.match(/[<>]=\?/g) ?? []).length;
  const range = /[<>]/.test(terms);
  const automatic = rest.includes('AUTOMATIC');
  const covering = rest.includes('COVERING') && !automatic;
  if (rest.includes('INTEGER PRIMARY KEY')) {
    const bytes = keyBytes(
      table,
      table.indexes.find((i) => i.kind === 'primary'),
      1,
    );
    if (range)
      return {
        ...common,
        access: 'range',
        key: 'PRIMARY',
        keyBytes: bytes,
        ref: 0,
        covering: false,
        automatic,
        rows: third(all),
      };
    return {
      ...common,
      access: first ? 'const' : 'eq_ref',
      key: 'PRIMARY',
      keyBytes: bytes,
      ref: 1,
      covering: false,
      automatic,
      rows: 1,
    };
  }
  const index = table.indexes.find(
    (i) => rest.includes(` ${indexName(table, i)} `) || rest.endsWith(` ${indexName(table, i)}`),
  );
  if (verb === 'SCAN') {
    if (!index) return { ...common, ...none, access: 'ALL', rows: all };
    return {
      ...common,
      access: 'index',
      key: index.name,
      keyBytes: keyBytes(table, index, index.parts.length),
      ref: 0,
      covering,
      automatic,
      rows: all,
    };
  }
  if (!index) return { ...common, ...none, automatic, access: 'ALL', rows: all };
  const used = keyBytes(table, index, Math.max(1, equal + (range ? 1 : 0)));
  const shared = { ...common, key: index.name, keyBytes: used, covering, automatic };
  if (range) return { ...shared, access: 'range', ref: 0, rows: third(all) };
  const unique = (index.kind === 'primary' || index.kind === 'unique') && equal >= index.parts.length;
  if (unique) return { ...shared, access: first ? 'const' : 'eq_ref', ref: equal, rows: 1 };
  return { ...shared, access: 'ref', ref: equal, rows: Math.max(1, Math.ceil(all / 10)) };
}

const third = (rows: number): number => Math.max(1, Math.ceil(rows / 3));

/** Indexes that begin with a column of the statement would be candidates; SQLite tells of the chosen one only. */
export const possibleKeys = (step: AccessStep): string | null =>
  step.access === 'index' || step.key === undefined ? null : step.key;

const FIXED_BYTES: Readonly<Record<string, number>> = {
  float: 4,
  double: 8,
  year: 1,
  date: 3,
  time: 3,
  datetime: 5,
  timestamp: 4,
};

function typeBytes(type: SqlType, length: number | undefined): number {
  switch (type.kind) {
    case 'int':
      return type.bits / 8;
    case 'decimal':
      return Math.ceil(type.precision / 2.25);
    case 'bit':
      return Math.ceil(type.length / 8);
    case 'enum':
      return type.values.length > 255 ? 2 : 1;
    case 'set':
      return Math.ceil(type.values.length / 8);
    case 'string':
      return (length ?? type.length) * 4 + (type.family === 'char' ? 0 : 2);
    case 'binary':
      return (length ?? type.length) + (type.family === 'binary' ? 0 : 2);
    default:
      return (FIXED_BYTES[type.kind] ?? 8) + ('fsp' in type ? Math.ceil(type.fsp / 2) : 0);
  }
}

/** KEY_LEN: bytes of the first parts of an index. */
function keyBytes(table: TableDef, index: IndexDef | undefined, parts: number): number {
  const columns = index?.parts ?? [{ column: rowidColumn(table)?.id ?? 0, length: undefined }];
  return columns.slice(0, parts).reduce((bytes, part) => {
    const column = columnById(table, part.column);
    return bytes + (column ? typeBytes(column.type, part.length) + (column.nullable ? 1 : 0) : 0);
  }, 0);
}
