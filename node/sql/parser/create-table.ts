import type {
  ColumnDefinition,
  CreateTable,
  CreateTableLike,
  Partitioning,
  QualifiedName,
  QueryExpression,
  TableKey,
  TableOption,
} from './ast.ts';
import { columnDefinition, isTableKey, tableKey } from './definitions.ts';
import type { Parser } from './parser.ts';
import { partitioning } from './partitions.ts';
import { tableOptions } from './table-options.ts';

/** CREATE [TEMPORARY] TABLE …; `p` stands at TABLE. */
export function createTable(
  p: Parser,
  start: number,
  temporary: boolean,
  external = false,
): CreateTable | CreateTableLike {
  p.expect('TABLE');
  const ifNotExists = p.ifNotExists();
  const name = p.qualified();
  const columns: ColumnDefinition[] = [];
  const keys: TableKey[] = [];
  if (p.accept('LIKE')) return like(p, start, temporary, ifNotExists, name);
  if (p.t === '(' && p.peek() === 'LIKE') {
    p.next();
    p.next();
    const node = like(p, start, temporary, ifNotExists, name);
    p.expect(')');
    return { ...node, end: p.prevEnd };
  }
  if (p.t === '(' && !p.parensHoldQuery()) {
    p.next();
    do tableElement(p, columns, keys);
    while (p.accept(','));
    p.expect(')');
  }
  const all: TableOption[] = tableOptions(p);
  const options = all.filter((o) => o.name !== 'start transaction');
  const parts: Partitioning | undefined = p.t === 'PARTITION' ? partitioning(p) : undefined;
  let duplicates: CreateTable['duplicates'];
  let select: QueryExpression | undefined;
  if (p.t === 'IGNORE' || p.t === 'REPLACE') {
    duplicates = p.t === 'IGNORE' ? 'ignore' : 'replace';
    p.next();
  }
  const as = p.accept('AS');
  const t = p.t;
  if (
    as ||
    duplicates !== undefined ||
    t === 'SELECT' ||
    t === 'WITH' ||
    t === '(' ||
    t === 'TABLE' ||
    t === 'VALUES'
  ) {
    select = p.grammar.query(p);
  }
  return {
    kind: 'createTable',
    start,
    end: p.prevEnd,
    temporary,
    external,
    ifNotExists,
    name,
    columns,
    keys,
    options,
    partitioning: parts,
    duplicates,
    select,
    startTransaction: options.length < all.length,
  };
}

function like(
  p: Parser,
  start: number,
  temporary: boolean,
  ifNotExists: boolean,
  name: QualifiedName,
): CreateTableLike {
  return { kind: 'createTableLike', start, temporary, ifNotExists, name, like: p.qualified(), end: p.prevEnd };
}

export function tableElement(p: Parser, columns: ColumnDefinition[], keys: TableKey[]): void {
  if (isTableKey(p)) keys.push(tableKey(p));
  else columns.push(columnDefinition(p));
}
