import type { Begin, Commit, LiteralValue, LockTables, Savepoint, Statement, Xa, Xid } from './ast.ts';
import type { Parser } from './parser.ts';
import { tableAlias } from './table-references.ts';

/** BEGIN [WORK], and START TRANSACTION [WITH CONSISTENT SNAPSHOT | READ ONLY | READ WRITE, …]. */
export function begin(p: Parser): Begin {
  const start = p.start;
  const word = p.t;
  p.next();
  let consistentSnapshot = false;
  let access: Begin['access'];
  if (word === 'BEGIN') p.accept('WORK');
  else {
    p.expect('TRANSACTION');
    if (p.t === 'WITH' || p.t === 'READ') {
      do {
        if (p.accept('WITH')) {
          p.expect2('CONSISTENT', 'SNAPSHOT');
          consistentSnapshot = true;
        } else {
          p.expect('READ');
          const next = p.expectAny('ONLY', 'WRITE') === 'ONLY' ? 'readOnly' : 'readWrite';
          if (access !== undefined && access !== next) p.fail();
          access = next;
        }
      } while (p.accept(','));
    }
  }
  return { kind: 'begin', start, end: p.prevEnd, consistentSnapshot, access };
}

/** COMMIT and ROLLBACK [WORK] [AND [NO] CHAIN] [[NO] RELEASE]; ROLLBACK TO [SAVEPOINT] name. */
export function commit(p: Parser): Commit | Savepoint {
  const start = p.start;
  const kind = p.t === 'COMMIT' ? 'commit' : 'rollback';
  p.next();
  p.accept('WORK');
  if (kind === 'rollback' && p.accept('TO')) {
    p.accept('SAVEPOINT');
    return { kind: 'rollbackTo', start, name: p.ident(), end: p.prevEnd };
  }
  let chain: boolean | undefined;
  let release: boolean | undefined;
  if (p.accept('AND')) {
    chain = !p.accept('NO');
    p.expect('CHAIN');
  }
  if (p.t === 'NO' || p.t === 'RELEASE') {
    release = !p.accept('NO');
    // AND CHAIN RELEASE is against itself.
    if (release && chain === true) p.fail();
    p.expect('RELEASE');
  }
  return { kind, start, end: p.prevEnd, chain, release };
}

export function savepoint(p: Parser): Savepoint {
  const start = p.start;
  const release = p.accept('RELEASE');
  p.expect('SAVEPOINT');
  return { kind: release ? 'releaseSavepoint' : 'savepoint', start, name: p.ident(), end: p.prevEnd };
}

/** LOCK TABLES, LOCK INSTANCE FOR BACKUP, UNLOCK TABLES, UNLOCK INSTANCE. */
export function lock(p: Parser): Statement {
  const start = p.start;
  const unlock = p.t === 'UNLOCK';
  p.next();
  if (p.accept('INSTANCE')) {
    if (!unlock) {
      p.expect('FOR');
      p.expect('BACKUP');
    }
    return { kind: unlock ? 'unlockInstance' : 'lockInstance', start, end: p.prevEnd };
  }
  p.expectAny('TABLE', 'TABLES');
  if (unlock) return { kind: 'unlockTables', start, end: p.prevEnd };
  const tables = p.list((q): LockTables['tables'][number] => {
    const table = q.qualified();
    const alias = tableAlias(q);
    if (q.accept('READ')) return { table, alias, mode: q.accept('LOCAL') ? 'readLocal' : 'read' };
    const low = q.accept('LOW_PRIORITY');
    q.expect('WRITE');
    return { table, alias, mode: low ? 'lowPriorityWrite' : 'write' };
  });
  return { kind: 'lockTables', start, tables, end: p.prevEnd };
}

function xidPart(p: Parser): LiteralValue {
  if (p.t !== 'hex' && p.t !== 'bit') return p.text();
  const value = p.literalValue();
  p.pinned.push(p.slot);
  p.next();
  return value;
}

function xid(p: Parser): Xid {
  const global = xidPart(p);
  let branch: LiteralValue | undefined;
  let format: number | undefined;
  if (p.accept(',')) {
    branch = xidPart(p);
    if (p.accept(',')) format = p.number();
  }
  return { global, branch, format };
}

export function xa(p: Parser): Xa {
  const start = p.start;
  p.next();
  const word = p.expectAny('START', 'BEGIN', 'END', 'PREPARE', 'COMMIT', 'ROLLBACK', 'RECOVER');
  const action = word === 'BEGIN' ? 'start' : (word.toLowerCase() as Xa['action']);
  const none = { xid: undefined, onePhase: false, suspend: undefined, join: undefined, convertXid: false };
  if (action === 'recover') {
    const convertXid = p.accept('CONVERT');
    if (convertXid) p.expect('XID');
    return { kind: 'xa', start, action, ...none, convertXid, end: p.prevEnd };
  }
  const id = xid(p);
  let onePhase = false;
  let suspend: Xa['suspend'];
  let join: Xa['join'];
  if (action === 'start') join = p.acceptAny('JOIN', 'RESUME')?.toLowerCase() as Xa['join'];
  else if (action === 'end' && p.accept('SUSPEND')) {
    suspend = 'suspend';
    if (p.accept('FOR')) {
      p.expect('MIGRATE');
      suspend = 'suspendForMigrate';
    }
  } else if (action === 'commit' && p.accept('ONE')) {
    p.expect('PHASE');
    onePhase = true;
  }
  return { kind: 'xa', start, action, ...none, xid: id, onePhase, suspend, join, end: p.prevEnd };
}
