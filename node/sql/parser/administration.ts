import type {
  Deallocate,
  Execute,
  Flush,
  Kill,
  Prepare,
  QualifiedName,
  Statement,
  TableMaintenance,
  Use,
} from './ast.ts';
import type { Parser } from './parser.ts';
import { channel } from './show.ts';
import { userVariable } from './variables.ts';

export function use(p: Parser): Use {
  const start = p.start;
  p.next();
  return { kind: 'use', start, database: p.ident(), end: p.prevEnd };
}

export function prepare(p: Parser): Prepare {
  const start = p.start;
  p.next();
  const name = p.ident();
  p.expect('FROM');
  const source = p.t === 'variable' ? userVariable(p) : p.text();
  return { kind: 'prepare', start, name, source, end: p.prevEnd };
}

export function execute(p: Parser): Execute {
  const start = p.start;
  p.next();
  const name = p.ident();
  const using = p.accept('USING') ? p.list(userVariable) : [];
  return { kind: 'execute', start, name, using, end: p.prevEnd };
}

/** DEALLOCATE PREPARE and DROP PREPARE; `p` stands at PREPARE. */
export function deallocate(p: Parser, start: number): Deallocate {
  p.expect('PREPARE');
  return { kind: 'deallocate', start, name: p.ident(), end: p.prevEnd };
}

export function kill(p: Parser): Kill {
  const start = p.start;
  p.next();
  const type = p.acceptAny('CONNECTION', 'QUERY') === 'QUERY' ? 'query' : 'connection';
  return { kind: 'kill', start, type, id: p.grammar.expr(p), end: p.prevEnd };
}

const LOG_KINDS = ['BINARY', 'ENGINE', 'ERROR', 'GENERAL', 'SLOW', 'RELAY'];

function flushTarget(p: Parser): string {
  const t = p.t;
  if (LOG_KINDS.includes(t)) {
    p.next();
    p.expect('LOGS');
    if (t === 'RELAY') channel(p);
    return `${t.toLowerCase()} logs`;
  }
  return p.expectAny('PRIVILEGES', 'LOGS', 'STATUS', 'USER_RESOURCES', 'OPTIMIZER_COSTS').toLowerCase();
}

export function flush(p: Parser): Flush {
  const start = p.start;
  p.next();
  const local = p.acceptAny('NO_WRITE_TO_BINLOG', 'LOCAL') !== undefined;
  let tables: QualifiedName[] = [];
  let withReadLock = false;
  let forExport = false;
  if (p.acceptAny('TABLE', 'TABLES') !== undefined) {
    if (p.isIdent()) {
      tables = p.list((q) => q.qualified());
      if (p.accept('FOR')) {
        p.expect('EXPORT');
        forExport = true;
      }
    }
    if (!forExport && p.accept('WITH')) {
      p.expect('READ');
      p.expect('LOCK');
      withReadLock = true;
    }
    return { kind: 'flush', start, end: p.prevEnd, local, targets: ['tables'], tables, withReadLock, forExport };
  }
  const targets = p.list(flushTarget);
  return { kind: 'flush', start, end: p.prevEnd, local, targets, tables, withReadLock, forExport };
}

function resetTarget(p: Parser): string {
  if (p.accept('BINARY')) {
    p.expect2('LOGS', 'AND');
    p.expect('GTIDS');
    if (p.accept('TO')) p.number();
    return 'binary logs and gtids';
  }
  p.expect('REPLICA');
  p.accept('ALL');
  channel(p);
  return 'replica';
}

export function reset(p: Parser): Statement {
  const start = p.start;
  p.next();
  if (p.accept('PERSIST')) {
    const ifExists = p.ifExists();
    let name: string | undefined;
    if (ifExists || p.isIdent()) {
      name = p.ident();
      if (p.accept('.')) name += `.${p.identAfterPoint()}`;
    }
    return { kind: 'resetPersist', start, ifExists, name, end: p.prevEnd };
  }
  return { kind: 'reset', start, targets: p.list(resetTarget), end: p.prevEnd };
}

const MAINTENANCE: Readonly<Record<string, TableMaintenance['kind']>> = {
  ANALYZE: 'analyzeTable',
  CHECK: 'checkTable',
  OPTIMIZE: 'optimizeTable',
  REPAIR: 'repairTable',
  CHECKSUM: 'checksumTable',
};

/** ANALYZE, CHECK, OPTIMIZE, REPAIR and CHECKSUM TABLE. */
export function maintenance(p: Parser): TableMaintenance {
  const start = p.start;
  const kind = MAINTENANCE[p.t] as TableMaintenance['kind'];
  p.next();
  const logs = kind === 'analyzeTable' || kind === 'optimizeTable' || kind === 'repairTable';
  const local = logs && p.acceptAny('NO_WRITE_TO_BINLOG', 'LOCAL') !== undefined;
  p.expectAny('TABLE', 'TABLES');
  const tables = p.list((q) => q.qualified());
  const options: string[] = [];
  let histogram: TableMaintenance['histogram'];
  if (kind === 'analyzeTable' && (p.t === 'UPDATE' || p.t === 'DROP')) histogram = histogramClause(p);
  else if (kind === 'checkTable') {
    for (;;) {
      const word = p.acceptAny('QUICK', 'FAST', 'MEDIUM', 'EXTENDED', 'CHANGED');
      if (word !== undefined) options.push(word.toLowerCase());
      else if (p.accept('FOR')) {
        p.expect('UPGRADE');
        options.push('for upgrade');
      } else break;
    }
  } else if (kind === 'repairTable') {
    for (let word = p.acceptAny('QUICK', 'EXTENDED', 'USE_FRM'); word !== undefined;) {
      options.push(word.toLowerCase());
      word = p.acceptAny('QUICK', 'EXTENDED', 'USE_FRM');
    }
  } else if (kind === 'checksumTable') {
    const word = p.acceptAny('QUICK', 'EXTENDED');
    if (word !== undefined) options.push(word.toLowerCase());
  }
  return { kind, start, end: p.prevEnd, local, tables, options, histogram };
}

function histogramClause(p: Parser): TableMaintenance['histogram'] {
  const action = p.expectAny('UPDATE', 'DROP') === 'UPDATE' ? 'update' : 'drop';
  p.expect('HISTOGRAM');
  p.expect('ON');
  const columns = p.list((q) => q.ident());
  let buckets: number | undefined;
  if (action === 'update') {
    if (p.accept('USING')) {
      p.expect('DATA');
      p.text();
    } else if (p.t === 'WITH' && p.peek() === 'int') {
      p.next();
      buckets = p.number();
      p.expect('BUCKETS');
    }
    if (p.acceptAny('AUTO', 'MANUAL') !== undefined) p.expect('UPDATE');
  }
  return { action, columns, buckets };
}
