import type { Statement } from './ast.ts';
import { createTable } from './create-table.ts';
import { callProcedure, deleteStatement, doStatement, handler, insert, loadData, update } from './manipulation.ts';
import type { Parser } from './parser.ts';
import { query, queryAfterWith, withTables } from './queries.ts';

/** The statement that begins at the token. */
export function statement(p: Parser): Statement {
  const start = p.start;
  switch (p.t) {
    case 'SELECT':
    case '(':
    case 'VALUES':
    case 'TABLE':
      return query(p);
    case 'WITH':
      return withStatement(p);
    case 'INSERT':
    case 'REPLACE':
      return insert(p);
    case 'UPDATE':
      return update(p, start, undefined);
    case 'DELETE':
      return deleteStatement(p, start, undefined);
    case 'LOAD':
      return loadData(p);
    case 'CALL':
      return callProcedure(p);
    case 'DO':
      return doStatement(p);
    case 'HANDLER':
      return handler(p);
    case 'CREATE':
      p.next();
      return createTable(p, start, p.accept('TEMPORARY'));
    default:
      return p.fail();
  }
}

/** WITH before SELECT, UPDATE or DELETE. */
function withStatement(p: Parser): Statement {
  const start = p.start;
  const clause = withTables(p);
  if (p.t === 'UPDATE') return update(p, start, clause);
  if (p.t === 'DELETE') return deleteStatement(p, start, clause);
  return queryAfterWith(p, start, clause);
}
