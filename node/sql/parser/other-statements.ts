import type { OtherStatement } from './ast.ts';
import { account } from './accounts.ts';
import type { Parser } from './parser.ts';
import { channel } from './show.ts';
import { sizeNumber } from './table-options.ts';

// Statements that this server accepts and does not run: read exactly enough to refuse what MySQL refuses.

function other(p: Parser, start: number, name: string): OtherStatement {
  p.pinFrom(0);
  return { kind: 'other', start, end: p.prevEnd, name, text: p.sql.slice(start, p.prevEnd) };
}

/** INSTALL PLUGIN, INSTALL COMPONENT, UNINSTALL … */
export function install(p: Parser): OtherStatement {
  const start = p.start;
  const un = p.t === 'UNINSTALL';
  p.next();
  const word = p.expectAny('PLUGIN', 'COMPONENT');
  if (word === 'PLUGIN') {
    p.ident();
    if (!un) {
      p.expect('SONAME');
      p.text();
    }
  } else {
    p.list((q) => q.text());
    if (!un && p.accept('SET')) p.list(componentVariable);
  }
  return other(p, start, `${un ? 'uninstall' : 'install'} ${word.toLowerCase()}`);
}

function componentVariable(p: Parser): void {
  p.acceptAny('GLOBAL', 'PERSIST');
  p.ident();
  if (p.accept('.')) p.identAfterPoint();
  if (!p.accept('=')) p.expect(':=');
  if (p.acceptAny('ON', 'ALL', 'DEFAULT', 'BINARY', 'ROW', 'SYSTEM') === undefined) p.grammar.expr(p);
}

/** `NAME [=] value` options, with or without commas. */
function options(p: Parser, kinds: Readonly<Record<string, 'size' | 'number' | 'text' | 'name' | 'flag'>>): void {
  for (let first = true; ; first = false) {
    const comma = !first && p.accept(',');
    const kind = kinds[p.t];
    if (kind === undefined) {
      if (comma) p.fail();
      return;
    }
    const storage = p.t === 'STORAGE';
    p.next();
    if (storage) {
      p.expect('ENGINE');
      p.accept('=');
      p.identOrText();
      continue;
    }
    if (kind === 'flag') continue;
    p.accept('=');
    if (kind === 'size') sizeNumber(p);
    else if (kind === 'number') p.number();
    else if (kind === 'text') p.text();
    else p.identOrText();
  }
}

const TABLESPACE_OPTIONS = {
  INITIAL_SIZE: 'size',
  AUTOEXTEND_SIZE: 'size',
  MAX_SIZE: 'size',
  EXTENT_SIZE: 'size',
  FILE_BLOCK_SIZE: 'size',
  UNDO_BUFFER_SIZE: 'size',
  REDO_BUFFER_SIZE: 'size',
  NODEGROUP: 'number',
  ENGINE: 'name',
  STORAGE: 'name',
  COMMENT: 'text',
  ENCRYPTION: 'text',
  ENGINE_ATTRIBUTE: 'text',
  WAIT: 'flag',
  NO_WAIT: 'flag',
} as const;

/** [UNDO] TABLESPACE and LOGFILE GROUP of CREATE, ALTER and DROP. */
export function tablespace(p: Parser, start: number, verb: 'create' | 'alter' | 'drop'): OtherStatement {
  const undo = p.accept('UNDO');
  const logfile = !undo && p.accept('LOGFILE');
  p.expect(logfile ? 'GROUP' : 'TABLESPACE');
  p.ident();
  if (verb === 'create') {
    if (undo || logfile || p.is('ADD')) {
      p.expect('ADD');
      p.expectAny(logfile ? 'UNDOFILE' : 'DATAFILE');
      p.text();
    }
    if (!undo && !logfile && p.accept('USE')) {
      p.expect2('LOGFILE', 'GROUP');
      p.ident();
    }
  } else if (verb === 'alter') {
    if (undo) {
      p.expect('SET');
      p.expectAny('ACTIVE', 'INACTIVE');
    } else if (p.acceptAny('ADD', 'DROP') !== undefined) {
      p.expect(logfile ? 'UNDOFILE' : 'DATAFILE');
      p.text();
    } else if (!logfile && p.accept('RENAME')) {
      p.expect('TO');
      p.ident();
    } else if (TABLESPACE_OPTIONS[p.t as keyof typeof TABLESPACE_OPTIONS] === undefined) p.fail();
  }
  options(p, TABLESPACE_OPTIONS);
  return other(p, start, `${verb} ${undo ? 'undo tablespace' : logfile ? 'logfile group' : 'tablespace'}`);
}

/** SERVER of CREATE, ALTER and DROP. */
export function server(p: Parser, start: number, verb: 'create' | 'alter' | 'drop'): OtherStatement {
  p.expect('SERVER');
  if (verb === 'drop') p.ifExists();
  p.identOrText();
  if (verb === 'create') {
    p.expect('FOREIGN');
    p.expect2('DATA', 'WRAPPER');
    p.identOrText();
  }
  if (verb !== 'drop') {
    p.expect('OPTIONS');
    p.parenList((q) => {
      const word = q.expectAny('USER', 'HOST', 'DATABASE', 'OWNER', 'PASSWORD', 'SOCKET', 'PORT');
      if (word === 'PORT') q.number();
      else q.text();
    });
  }
  return other(p, start, `${verb} server`);
}

/** RESOURCE GROUP of CREATE, ALTER and DROP. */
export function resourceGroup(p: Parser, start: number, verb: 'create' | 'alter' | 'drop'): OtherStatement {
  p.expect('RESOURCE');
  p.expect('GROUP');
  p.ident();
  if (verb === 'create') {
    p.expect('TYPE');
    p.accept('=');
    p.expectAny('SYSTEM', 'USER');
  }
  if (verb !== 'drop') {
    if (p.accept('VCPU')) {
      p.accept('=');
      p.list((q) => {
        q.number();
        if (q.accept('-')) q.number();
      });
    }
    if (p.accept('THREAD_PRIORITY')) {
      p.accept('=');
      p.accept('-');
      p.number();
    }
    p.acceptAny('ENABLE', 'DISABLE');
  }
  if (verb !== 'create') p.accept('FORCE');
  return other(p, start, `${verb} resource group`);
}

/** [OR REPLACE] SPATIAL REFERENCE SYSTEM of CREATE and DROP. */
export function spatialReference(
  p: Parser,
  start: number,
  verb: 'create' | 'drop',
  orReplace: boolean,
): OtherStatement {
  p.expect('SPATIAL');
  p.expect2('REFERENCE', 'SYSTEM');
  if (verb === 'drop') p.ifExists();
  else if (!orReplace) p.ifNotExists();
  p.number();
  if (verb === 'create') {
    for (;;) {
      const word = p.acceptAny('NAME', 'DEFINITION', 'ORGANIZATION', 'DESCRIPTION');
      if (word === undefined) break;
      p.text();
      if (word === 'ORGANIZATION') {
        p.expect2('IDENTIFIED', 'BY');
        p.number();
      }
    }
  }
  return other(p, start, `${verb} spatial reference system`);
}

/** CACHE INDEX … IN cache, LOAD INDEX INTO CACHE …; `p` stands at INDEX. */
export function cacheIndex(p: Parser, start: number, load: boolean): OtherStatement {
  p.expect('INDEX');
  if (load) p.expect2('INTO', 'CACHE');
  p.list((q) => {
    q.qualified();
    if (q.accept('PARTITION')) {
      q.expect('(');
      if (!q.accept('ALL')) q.list((r) => r.ident());
      q.expect(')');
    }
    if (q.acceptAny('INDEX', 'KEY') !== undefined) {
      q.expect('(');
      if (!q.is(')')) q.list((r) => (r.accept('PRIMARY') ? 'PRIMARY' : r.ident()));
      q.expect(')');
    }
    if (load && q.accept('IGNORE')) q.expect('LEAVES');
  });
  if (!load) {
    p.expect('IN');
    if (!p.accept('DEFAULT')) p.ident();
  }
  return other(p, start, load ? 'load index' : 'cache index');
}

/** IMPORT TABLE FROM 'file', … */
export function importTable(p: Parser): OtherStatement {
  const start = p.start;
  p.next();
  p.expect('TABLE');
  p.expect('FROM');
  p.list((q) => q.text());
  return other(p, start, 'import table');
}

export function clone(p: Parser): OtherStatement {
  const start = p.start;
  p.next();
  if (p.accept('LOCAL')) {
    p.expect2('DATA', 'DIRECTORY');
    p.accept('=');
    p.text();
  } else {
    p.expect2('INSTANCE', 'FROM');
    account(p);
    p.expect(':');
    p.number();
    p.expect2('IDENTIFIED', 'BY');
    p.text();
    if (p.accept('DATA')) {
      p.expect('DIRECTORY');
      p.accept('=');
      p.text();
    }
    const no = p.accept('REQUIRE') && p.accept('NO');
    if (no || p.is('SSL')) p.expect('SSL');
  }
  return other(p, start, 'clone');
}

export function binlog(p: Parser): OtherStatement {
  const start = p.start;
  p.next();
  p.text();
  return other(p, start, 'binlog');
}

export function help(p: Parser): OtherStatement {
  const start = p.start;
  p.next();
  p.identOrText();
  return other(p, start, 'help');
}

/** PURGE BINARY LOGS TO 'name' | BEFORE time */
export function purge(p: Parser): OtherStatement {
  const start = p.start;
  p.next();
  p.expect2('BINARY', 'LOGS');
  if (p.accept('TO')) p.text();
  else {
    p.expect('BEFORE');
    p.grammar.expr(p);
  }
  return other(p, start, 'purge binary logs');
}

/** START and STOP REPLICA, START and STOP GROUP_REPLICATION. */
export function startReplication(p: Parser, start: number, verb: 'start' | 'stop'): OtherStatement {
  if (p.accept('GROUP_REPLICATION')) {
    if (verb === 'start' && p.t !== 'end' && p.t !== ';') credentials(p, ',');
    return other(p, start, `${verb} group_replication`);
  }
  p.expect('REPLICA');
  const threads = ['IO_THREAD', 'RELAY_THREAD', 'SQL_THREAD'];
  if (threads.includes(p.t)) p.list((q) => q.expectAny(...threads));
  if (verb === 'start') {
    if (p.accept('UNTIL')) until(p);
    credentials(p, '');
  }
  channel(p);
  return other(p, start, `${verb} replica`);
}

function credentials(p: Parser, separator: string): void {
  for (let first = true; ; first = false) {
    if (!first && separator !== '' && !p.accept(separator)) return;
    const word = p.acceptAny('USER', 'PASSWORD', 'DEFAULT_AUTH', 'PLUGIN_DIR');
    if (word === undefined) return;
    p.expect('=');
    p.text();
  }
}

function until(p: Parser): void {
  do {
    const word = p.expectAny(
      'SQL_BEFORE_GTIDS',
      'SQL_AFTER_GTIDS',
      'SQL_AFTER_MTS_GAPS',
      'SOURCE_LOG_FILE',
      'SOURCE_LOG_POS',
      'RELAY_LOG_FILE',
      'RELAY_LOG_POS',
    );
    if (word === 'SQL_AFTER_MTS_GAPS') return;
    p.expect('=');
    if (word.endsWith('_POS')) p.number();
    else p.text();
  } while (p.accept(','));
}

const NUMERIC_SOURCE =
  /^(SOURCE_(PORT|LOG_POS|CONNECT_RETRY|RETRY_COUNT|DELAY|SSL|SSL_VERIFY_SERVER_CERT|AUTO_POSITION|HEARTBEAT_PERIOD|ZSTD_COMPRESSION_LEVEL|CONNECTION_AUTO_FAILOVER)|RELAY_LOG_POS|GET_SOURCE_PUBLIC_KEY|REQUIRE_ROW_FORMAT|GTID_ONLY)$/;

/** CHANGE REPLICATION SOURCE TO …, CHANGE REPLICATION FILTER … */
export function changeReplication(p: Parser): OtherStatement {
  const start = p.start;
  p.next();
  p.expect('REPLICATION');
  if (p.accept('FILTER')) {
    p.list(replicationFilter);
    channel(p);
    return other(p, start, 'change replication filter');
  }
  p.expect2('SOURCE', 'TO');
  p.list(sourceOption);
  channel(p);
  return other(p, start, 'change replication source');
}

function sourceOption(p: Parser): void {
  const t = p.t;
  if (NUMERIC_SOURCE.test(t)) {
    p.next();
    p.expect('=');
    p.number();
  } else if (t === 'IGNORE_SERVER_IDS') {
    p.next();
    p.expect('=');
    p.expect('(');
    if (!p.is(')')) p.list((q) => q.number());
    p.expect(')');
  } else if (t === 'PRIVILEGE_CHECKS_USER') {
    p.next();
    p.expect('=');
    if (!p.accept('NULL')) account(p);
  } else if (t === 'REQUIRE_TABLE_PRIMARY_KEY_CHECK') {
    p.next();
    p.expect('=');
    p.expectAny('STREAM', 'ON', 'OFF', 'GENERATE');
  } else if (t === 'ASSIGN_GTIDS_TO_ANONYMOUS_TRANSACTIONS') {
    p.next();
    p.expect('=');
    if (p.acceptAny('OFF', 'LOCAL') === undefined) p.text();
  } else if (t.startsWith('SOURCE_') || t === 'RELAY_LOG_FILE' || t === 'NETWORK_NAMESPACE') {
    p.next();
    p.expect('=');
    if (t !== 'SOURCE_TLS_CIPHERSUITES' || !p.accept('NULL')) p.text();
  } else p.fail();
}

function replicationFilter(p: Parser): void {
  const word = p.expectAny(
    'REPLICATE_DO_DB',
    'REPLICATE_IGNORE_DB',
    'REPLICATE_DO_TABLE',
    'REPLICATE_IGNORE_TABLE',
    'REPLICATE_WILD_DO_TABLE',
    'REPLICATE_WILD_IGNORE_TABLE',
    'REPLICATE_REWRITE_DB',
  );
  p.expect('=');
  p.expect('(');
  if (!p.is(')')) {
    p.list((q) => {
      if (word === 'REPLICATE_REWRITE_DB') {
        q.parenList((r) => r.ident());
      } else if (word.includes('WILD')) q.text();
      else q.qualified();
    });
  }
  p.expect(')');
}

/** ALTER INSTANCE … */
export function alterInstance(p: Parser, start: number): OtherStatement {
  p.expect('INSTANCE');
  const verb = p.isIdent() ? p.nameText().toLowerCase() : '';
  p.next();
  if (verb === 'rotate') {
    p.ident();
    p.expectWord('master');
    p.expect('KEY');
  } else if (verb === 'reload') {
    if (p.accept('KEYRING')) return other(p, start, 'alter instance');
    p.expect('TLS');
    if (p.accept('FOR')) {
      p.expect('CHANNEL');
      p.ident();
    }
    if (p.accept('NO')) {
      p.expect('ROLLBACK');
      p.expect('ON');
      p.expect('ERROR');
    }
  } else if (verb === 'enable' || verb === 'disable') {
    p.ident();
    p.ident();
  } else p.failBefore();
  return other(p, start, 'alter instance');
}
