import type { Account, CreateView, Statement } from './ast.ts';
import { account } from './accounts.ts';
import { deallocate } from './administration.ts';
import { alterTable, createIndex, dropIndex } from './alter-table.ts';
import { createTable } from './create-table.ts';
import { alterDatabase, createDatabase, dropDatabase } from './databases.ts';
import { alterInstance, resourceGroup, server, spatialReference, tablespace } from './other-statements.ts';
import type { Parser } from './parser.ts';
import {
  alterEvent,
  alterLibrary,
  alterRoutine,
  createEvent,
  createLibrary,
  createRoutine,
  createTrigger,
  dropRoutine,
} from './routines.ts';
import { createRole, createUser, dropUser } from './users.ts';
import { dropTable, dropView, view } from './views.ts';

/** [OR REPLACE] [ALGORITHM = …] [DEFINER = …] [SQL SECURITY …] */
interface Prefix {
  orReplace: boolean;
  algorithm: CreateView['algorithm'];
  definer: Account | undefined;
  security: CreateView['security'];
  /** Something that only views have. */
  viewOnly: boolean;
}

function prefixes(p: Parser, create: boolean): Prefix {
  const prefix: Prefix = {
    orReplace: false,
    algorithm: undefined,
    definer: undefined,
    security: undefined,
    viewOnly: false,
  };
  if (create && p.t === 'OR') {
    p.next();
    p.expect('REPLACE');
    prefix.orReplace = true;
  }
  if (p.accept('ALGORITHM')) {
    p.expect('=');
    prefix.algorithm = p.expectAny('UNDEFINED', 'MERGE', 'TEMPTABLE').toLowerCase() as 'merge';
    prefix.viewOnly = true;
  }
  if (p.accept('DEFINER')) {
    p.expect('=');
    prefix.definer = account(p);
  }
  if (p.t === 'SQL') {
    p.next();
    p.expect('SECURITY');
    prefix.security = p.expectAny('DEFINER', 'INVOKER') === 'DEFINER' ? 'definer' : 'invoker';
    prefix.viewOnly = true;
  }
  return prefix;
}

export function create(p: Parser): Statement {
  const start = p.start;
  p.next();
  const prefix = prefixes(p, true);
  const plain = !prefix.orReplace && prefix.definer === undefined && !prefix.viewOnly;
  const t = p.t;
  if (t === 'VIEW' || t === 'JSON') return view(p, start, 'createView', prefix);
  if (prefix.viewOnly) p.fail();
  switch (t) {
    case 'TRIGGER':
      if (prefix.orReplace) p.fail();
      return createTrigger(p, start, prefix.definer, false);
    case 'PROCEDURE':
    case 'FUNCTION':
      if (prefix.orReplace) p.fail();
      return createRoutine(p, start, prefix.definer, false, false);
    case 'EVENT':
      if (prefix.orReplace) p.fail();
      return createEvent(p, start, prefix.definer);
    case 'SPATIAL':
      if (p.peek() === 'REFERENCE' && prefix.definer === undefined)
        return spatialReference(p, start, 'create', prefix.orReplace);
      break;
    default:
  }
  if (!plain) p.fail();
  switch (t) {
    case 'TABLE':
      return createTable(p, start, false);
    case 'TEMPORARY':
      p.next();
      return createTable(p, start, true);
    case 'EXTERNAL':
      p.next();
      return createTable(p, start, false, true);
    case 'DATABASE':
    case 'SCHEMA':
      return createDatabase(p, start);
    case 'INDEX':
    case 'UNIQUE':
    case 'FULLTEXT':
    case 'SPATIAL':
      return createIndex(p, start);
    case 'AGGREGATE':
      p.next();
      if (p.is('PROCEDURE')) p.fail();
      return createRoutine(p, start, undefined, false, true);
    case 'USER':
      return createUser(p, start, false);
    case 'ROLE':
      return createRole(p, start);
    case 'SERVER':
      return server(p, start, 'create');
    case 'TABLESPACE':
    case 'UNDO':
    case 'LOGFILE':
      return tablespace(p, start, 'create');
    case 'RESOURCE':
      return resourceGroup(p, start, 'create');
    case 'LIBRARY':
      return createLibrary(p, start, false);
    default:
      return p.fail();
  }
}

export function alter(p: Parser): Statement {
  const start = p.start;
  p.next();
  const prefix = prefixes(p, false);
  const t = p.t;
  if (t === 'VIEW' || t === 'JSON') return view(p, start, 'alterView', prefix);
  if (prefix.viewOnly) p.fail();
  if (t === 'EVENT') return alterEvent(p, start, prefix.definer);
  if (prefix.definer !== undefined) p.fail();
  switch (t) {
    case 'TABLE':
      return alterTable(p, start);
    case 'DATABASE':
    case 'SCHEMA':
      return alterDatabase(p, start);
    case 'PROCEDURE':
    case 'FUNCTION':
      return alterRoutine(p, start);
    case 'LIBRARY':
      return alterLibrary(p, start);
    case 'USER':
      return createUser(p, start, true);
    case 'SERVER':
      return server(p, start, 'alter');
    case 'TABLESPACE':
    case 'UNDO':
    case 'LOGFILE':
      return tablespace(p, start, 'alter');
    case 'RESOURCE':
      return resourceGroup(p, start, 'alter');
    case 'INSTANCE':
      return alterInstance(p, start);
    default:
      return p.fail();
  }
}

export function drop(p: Parser): Statement {
  const start = p.start;
  p.next();
  switch (p.t) {
    case 'TABLE':
    case 'TABLES':
      return dropTable(p, start, false);
    case 'TEMPORARY':
      p.next();
      return dropTable(p, start, true);
    case 'DATABASE':
    case 'SCHEMA':
      return dropDatabase(p, start);
    case 'INDEX':
      return dropIndex(p, start);
    case 'VIEW':
      return dropView(p, start);
    case 'PROCEDURE':
    case 'FUNCTION':
    case 'TRIGGER':
    case 'EVENT':
    case 'LIBRARY':
      return dropRoutine(p, start);
    case 'USER':
      return dropUser(p, start, 'dropUser');
    case 'ROLE':
      return dropUser(p, start, 'dropRole');
    case 'PREPARE':
      return deallocate(p, start);
    case 'SERVER':
      return server(p, start, 'drop');
    case 'TABLESPACE':
    case 'UNDO':
    case 'LOGFILE':
      return tablespace(p, start, 'drop');
    case 'RESOURCE':
      return resourceGroup(p, start, 'drop');
    case 'SPATIAL':
      return spatialReference(p, start, 'drop', false);
    default:
      return p.fail();
  }
}
