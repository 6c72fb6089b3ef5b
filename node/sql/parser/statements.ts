import type { Statement } from './ast.ts';
import { deallocate, execute, flush, kill, maintenance, prepare, reset, use } from './administration.ts';
import { alter, create, drop } from './create-alter-drop.ts';
import { grant } from './grants.ts';
import { callProcedure, deleteStatement, doStatement, handler, insert, loadData, update } from './manipulation.ts';
import {
  binlog,
  cacheIndex,
  changeReplication,
  clone,
  help,
  importTable,
  install,
  purge,
  startReplication,
} from './other-statements.ts';
import type { Parser } from './parser.ts';
import { getDiagnostics, programStatement, signal } from './programs.ts';
import { query, queryAfterWith, withTables } from './queries.ts';
import { setStatement } from './set-statement.ts';
import { explain, show } from './show.ts';
import { begin, commit, lock, savepoint, xa } from './transactions.ts';
import { renameUser } from './users.ts';
import { renameTable, truncateTable } from './views.ts';

/** The statement that begins at the token. */
export function statement(p: Parser): Statement {
  p.enter();
  if (p.inProgram) {
    const program = programStatement(p);
    if (program !== undefined) {
      p.leave();
      return program;
    }
  }
  const node = anyStatement(p);
  p.leave();
  return node;
}

function anyStatement(p: Parser): Statement {
  const start = p.start;
  switch (p.t) {
    case 'SELECT':
    case '(':
    case 'VALUES':
    case 'TABLE':
      p.intoAllowed = true;
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
    case 'SET':
      return setStatement(p);
    case 'SHOW':
      return show(p);
    case 'BEGIN':
      return begin(p);
    case 'START':
    case 'STOP':
      return startOrStop(p);
    case 'COMMIT':
    case 'ROLLBACK':
      return commit(p);
    case 'SAVEPOINT':
    case 'RELEASE':
      return savepoint(p);
    case 'USE':
      return use(p);
    case 'CREATE':
      return create(p);
    case 'ALTER':
      return alter(p);
    case 'DROP':
      return drop(p);
    case 'TRUNCATE':
      return truncateTable(p);
    case 'RENAME':
      p.next();
      return p.is('USER') ? renameUser(p, start) : renameTable(p, start);
    default:
      return rarer(p);
  }
}

function rarer(p: Parser): Statement {
  const start = p.start;
  switch (p.t) {
    case 'LOAD':
      if (p.peek() !== 'INDEX') return loadData(p);
      p.next();
      return cacheIndex(p, start, true);
    case 'CALL':
      return callProcedure(p);
    case 'DO':
      return doStatement(p);
    case 'HANDLER':
      return handler(p);
    case 'EXPLAIN':
    case 'DESCRIBE':
    case 'DESC':
      return explain(p);
    case 'LOCK':
    case 'UNLOCK':
      return lock(p);
    case 'XA':
      return xa(p);
    case 'PREPARE':
      return prepare(p);
    case 'EXECUTE':
      return execute(p);
    case 'DEALLOCATE':
      p.next();
      return deallocate(p, start);
    case 'GRANT':
    case 'REVOKE':
      return grant(p);
    case 'KILL':
      return kill(p);
    case 'FLUSH':
      return flush(p);
    case 'RESET':
      return reset(p);
    case 'ANALYZE':
    case 'CHECK':
    case 'OPTIMIZE':
    case 'REPAIR':
    case 'CHECKSUM':
      return maintenance(p);
    case 'SIGNAL':
    case 'RESIGNAL':
      return signal(p);
    case 'GET':
      return getDiagnostics(p);
    case 'INSTALL':
    case 'UNINSTALL':
      return install(p);
    case 'SHUTDOWN':
    case 'RESTART': {
      const kind = p.t === 'SHUTDOWN' ? 'shutdown' : 'restart';
      p.next();
      return { kind, start, end: p.prevEnd };
    }
    case 'CHANGE':
      return changeReplication(p);
    case 'PURGE':
      return purge(p);
    case 'BINLOG':
      return binlog(p);
    case 'HELP':
      return help(p);
    case 'IMPORT':
      return importTable(p);
    case 'CLONE':
      return clone(p);
    case 'CACHE':
      p.next();
      return cacheIndex(p, start, false);
    default:
      return p.fail();
  }
}

function startOrStop(p: Parser): Statement {
  if (p.t === 'START' && p.peek() === 'TRANSACTION') return begin(p);
  const start = p.start;
  const verb = p.t === 'START' ? 'start' : 'stop';
  p.next();
  return startReplication(p, start, verb);
}

/** WITH before SELECT, UPDATE or DELETE. */
function withStatement(p: Parser): Statement {
  const start = p.start;
  const clause = withTables(p);
  if (p.t === 'UPDATE') return update(p, start, clause);
  if (p.t === 'DELETE') return deleteStatement(p, start, clause);
  return queryAfterWith(p, start, clause, true);
}
