import type { Account, CreateView, DropTable, DropView, RenameTable, TruncateTable } from './ast.ts';
import type { Parser } from './parser.ts';

/** What may stand between CREATE or ALTER and VIEW. */
export interface ViewPrefix {
  readonly orReplace: boolean;
  readonly algorithm: CreateView['algorithm'];
  readonly definer: Account | undefined;
  readonly security: CreateView['security'];
}

/** [JSON RELATIONAL DUALITY] VIEW name [(columns)] AS query [WITH CHECK OPTION] */
export function view(p: Parser, start: number, kind: CreateView['kind'], prefix: ViewPrefix): CreateView {
  let jsonDuality = false;
  if (p.accept('JSON')) {
    p.accept('RELATIONAL');
    p.expect('DUALITY');
    jsonDuality = true;
  }
  p.expect('VIEW');
  const ifNotExists = kind === 'createView' && !prefix.orReplace && p.ifNotExists();
  const name = p.qualified();
  const columns = p.t === '(' ? p.identList() : undefined;
  p.expect('AS');
  const query = p.grammar.query(p);
  let checkOption: CreateView['checkOption'];
  if (p.accept('WITH')) {
    checkOption = p.acceptAny('CASCADED', 'LOCAL') === 'LOCAL' ? 'local' : 'cascaded';
    p.expect('CHECK');
    p.expect('OPTION');
  }
  return { kind, start, end: p.prevEnd, ...prefix, ifNotExists, name, columns, query, checkOption, jsonDuality };
}

export function dropView(p: Parser, start: number): DropView {
  p.expect('VIEW');
  const ifExists = p.ifExists();
  const names = p.list((q) => q.qualified());
  p.acceptAny('RESTRICT', 'CASCADE');
  return { kind: 'dropView', start, ifExists, names, end: p.prevEnd };
}

export function dropTable(p: Parser, start: number, temporary: boolean): DropTable {
  p.expectAny('TABLE', 'TABLES');
  const ifExists = p.ifExists();
  const names = p.list((q) => q.qualified());
  p.acceptAny('RESTRICT', 'CASCADE');
  return { kind: 'dropTable', start, temporary, ifExists, names, end: p.prevEnd };
}

export function truncateTable(p: Parser): TruncateTable {
  const start = p.start;
  p.next();
  p.accept('TABLE');
  return { kind: 'truncateTable', start, name: p.qualified(), end: p.prevEnd };
}

export function renameTable(p: Parser, start: number): RenameTable {
  p.expectAny('TABLE', 'TABLES');
  const pairs = p.list((q) => {
    const from = q.qualified();
    q.expect('TO');
    return { from, to: q.qualified() };
  });
  return { kind: 'renameTable', start, pairs, end: p.prevEnd };
}
