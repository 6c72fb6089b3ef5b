import type {
  AlterAction,
  AlterTable,
  ColumnDefinition,
  ColumnPlace,
  CreateIndex,
  DropIndex,
  IndexDefinition,
  OrderItem,
  TableKey,
} from './ast.ts';
import { tableElement } from './create-table.ts';
import { acceptCharset, charsetName, collationName } from './data-types.ts';
import {
  columnDefinition,
  definitionAfterName,
  indexBody,
  isTableKey,
  signedLiteral,
  tableKey,
} from './definitions.ts';
import type { Parser } from './parser.ts';
import { partitionDefinition, partitioning } from './partitions.ts';
import { tableOption } from './table-options.ts';

interface Modifiers {
  algorithm: AlterTable['algorithm'];
  lock: AlterTable['lock'];
  validation: boolean | undefined;
}

/** ALGORITHM = x, LOCK = x, WITH VALIDATION: take one, tell whether there was one. */
function modifier(p: Parser, modifiers: Modifiers): boolean {
  if (p.t === 'ALGORITHM') {
    p.next();
    p.accept('=');
    if (p.accept('DEFAULT')) modifiers.algorithm = 'default';
    else {
      const word = p.isIdent() ? p.nameText().toLowerCase() : p.fail();
      if (word !== 'instant' && word !== 'inplace' && word !== 'copy') p.unknownValue('ALGORITHM', p.nameText());
      modifiers.algorithm = word;
      p.next();
    }
    return true;
  }
  if (p.t === 'LOCK') {
    p.next();
    p.accept('=');
    if (p.accept('DEFAULT')) modifiers.lock = 'default';
    else {
      const word = p.isIdent() ? p.nameText().toLowerCase() : p.fail();
      if (word !== 'none' && word !== 'shared' && word !== 'exclusive') p.unknownValue('LOCK TYPE', p.nameText());
      modifiers.lock = word;
      p.next();
    }
    return true;
  }
  if (p.t === 'WITH' || p.t === 'WITHOUT') {
    modifiers.validation = p.t === 'WITH';
    p.next();
    p.expect('VALIDATION');
    return true;
  }
  return false;
}

/** ALTER TABLE …; `p` stands at TABLE. */
export function alterTable(p: Parser, start: number): AlterTable {
  p.expect('TABLE');
  const name = p.qualified();
  const modifiers: Modifiers = { algorithm: undefined, lock: undefined, validation: undefined };
  const actions: AlterAction[] = [];
  if (p.t !== 'end' && p.t !== ';') alterList(p, actions, modifiers);
  return { kind: 'alterTable', start, end: p.prevEnd, name, actions, ...modifiers };
}

function alterList(p: Parser, actions: AlterAction[], modifiers: Modifiers): void {
  let comma = true;
  for (let first = true; ; first = false) {
    if (p.t === 'PARTITION' || p.t === 'REMOVE') {
      if (comma && !first) p.fail();
      break;
    }
    if (!modifier(p, modifiers)) {
      const stand = standalone(p);
      if (stand !== undefined) {
        if (actions.length > 0) p.fail(stand.start);
        actions.push(stand.action);
        return;
      }
      const option = tableOption(p);
      if (option !== undefined) {
        actions.push({ kind: 'option', option });
        // Options may follow one another without commas.
        comma = p.accept(',');
        if (comma) continue;
        const t = p.t;
        if (t === 'end' || t === ';' || t === 'PARTITION' || t === 'REMOVE') break;
        if (!optionFollows(p)) p.fail();
        continue;
      }
      if (!comma) p.fail();
      actions.push(alterAction(p));
    }
    comma = p.accept(',');
    if (!comma) break;
  }
  if (p.t === 'PARTITION') actions.push({ kind: 'partitionBy', partitioning: partitioning(p) });
  else if (p.t === 'REMOVE') {
    p.next();
    p.expect('PARTITIONING');
    actions.push({ kind: 'removePartitioning' });
  }
}

/** Whether a table option begins here (which `tableOption` will then read). */
function optionFollows(p: Parser): boolean {
  const mark = p.mark();
  const is = tableOption(p) !== undefined;
  p.reset(mark);
  return is;
}

function place(p: Parser): ColumnPlace {
  if (p.accept('FIRST')) return { kind: 'first' };
  return p.accept('AFTER') ? { kind: 'after', column: p.ident() } : undefined;
}

function alterAction(p: Parser): AlterAction {
  const t = p.t;
  switch (t) {
    case 'ADD':
      p.next();
      return addAction(p);
    case 'CHANGE': {
      p.next();
      p.accept('COLUMN');
      const name = p.ident();
      return { kind: 'changeColumn', name, column: columnDefinition(p), place: place(p) };
    }
    case 'MODIFY': {
      p.next();
      p.accept('COLUMN');
      const start = p.start;
      const name = p.ident();
      return { kind: 'modifyColumn', column: definitionAfterName(p, start, name), place: place(p) };
    }
    case 'DROP':
      p.next();
      return dropAction(p);
    case 'ALTER':
      p.next();
      return alterColumn(p);
    case 'RENAME':
      p.next();
      if (p.accept('COLUMN')) {
        const from = p.ident();
        p.expect('TO');
        return { kind: 'renameColumn', from, to: p.ident() };
      }
      if (p.acceptAny('INDEX', 'KEY') !== undefined) {
        const from = p.ident();
        p.expect('TO');
        return { kind: 'renameIndex', from, to: p.ident() };
      }
      p.acceptAny('TO', 'AS', '=');
      return { kind: 'renameTable', to: p.qualified() };
    case 'ENABLE':
    case 'DISABLE':
      p.next();
      p.expect('KEYS');
      return { kind: t === 'ENABLE' ? 'enableKeys' : 'disableKeys' };
    case 'FORCE':
      p.next();
      return { kind: 'force' };
    case 'CONVERT': {
      p.next();
      p.expect('TO');
      if (!acceptCharset(p)) p.fail();
      const charset = p.accept('DEFAULT') ? undefined : charsetName(p);
      const collation = p.accept('COLLATE') ? collationName(p) : undefined;
      return { kind: 'convertCharset', charset, collation };
    }
    case 'ORDER':
      p.next();
      p.expect('BY');
      return { kind: 'orderBy', items: p.list(columnOrder) };
    default:
      return p.fail();
  }
}

/** ORDER BY of ALTER TABLE takes columns only. */
function columnOrder(p: Parser): OrderItem {
  if (!p.isIdent()) p.fail();
  const { start, schema, name } = p.qualified();
  const expr: OrderItem['expr'] = { kind: 'column', start, end: p.prevEnd, schema: undefined, table: schema, name };
  const word = p.acceptAny('ASC', 'DESC');
  return { expr, direction: word === undefined ? undefined : word === 'ASC' ? 'asc' : 'desc' };
}

function addAction(p: Parser): AlterAction {
  if (isTableKey(p)) return { kind: 'addKey', key: tableKey(p) };
  p.accept('COLUMN');
  if (p.accept('(')) {
    const columns: ColumnDefinition[] = [];
    const keys: TableKey[] = [];
    do tableElement(p, columns, keys);
    while (p.accept(','));
    p.expect(')');
    return { kind: 'addColumns', columns, keys };
  }
  return { kind: 'addColumn', column: columnDefinition(p), place: place(p) };
}

function dropAction(p: Parser): AlterAction {
  switch (p.t) {
    case 'FOREIGN':
      p.next();
      p.expect('KEY');
      return { kind: 'dropForeignKey', name: p.ident() };
    case 'PRIMARY':
      p.next();
      p.expect('KEY');
      return { kind: 'dropPrimaryKey' };
    case 'INDEX':
    case 'KEY':
      p.next();
      return { kind: 'dropIndex', name: p.ident() };
    case 'CHECK':
      p.next();
      return { kind: 'dropCheck', name: p.ident() };
    case 'CONSTRAINT':
      p.next();
      return { kind: 'dropConstraint', name: p.ident() };
    default: {
      p.accept('COLUMN');
      const name = p.ident();
      p.acceptAny('RESTRICT', 'CASCADE');
      return { kind: 'dropColumn', name };
    }
  }
}

function alterColumn(p: Parser): AlterAction {
  if (p.accept('INDEX')) {
    const name = p.ident();
    return { kind: 'alterIndexVisible', name, visible: p.expectAny('VISIBLE', 'INVISIBLE') === 'VISIBLE' };
  }
  if (p.t === 'CHECK' || p.t === 'CONSTRAINT') {
    const kind = p.t === 'CHECK' ? 'alterCheck' : 'alterConstraint';
    p.next();
    const name = p.ident();
    const enforced = !p.accept('NOT');
    p.expect('ENFORCED');
    return { kind, name, enforced };
  }
  p.accept('COLUMN');
  const name = p.ident();
  if (p.accept('DROP')) {
    if (p.acceptWord('masking')) {
      p.expectWord('policy');
      return { kind: 'alterColumnMasking', name, policy: undefined };
    }
    p.expect('DEFAULT');
    return { kind: 'alterColumnDefault', name, value: undefined, parens: false };
  }
  p.expect('SET');
  if (p.acceptWord('masking')) {
    p.expectWord('policy');
    return { kind: 'alterColumnMasking', name, policy: p.ident() };
  }
  if (p.t === 'VISIBLE' || p.t === 'INVISIBLE') {
    const visible = p.t === 'VISIBLE';
    p.next();
    return { kind: 'alterColumnVisible', name, visible };
  }
  p.expect('DEFAULT');
  if (p.accept('(')) {
    const value = p.grammar.expr(p);
    p.expect(')');
    return { kind: 'alterColumnDefault', name, value, parens: true };
  }
  return { kind: 'alterColumnDefault', name, value: signedLiteral(p), parens: false };
}

type PartitionAction = Extract<AlterAction, { kind: 'partition' }>['action'];

const PARTITION_ACTIONS: Readonly<Record<string, PartitionAction>> = {
  ADD: 'add',
  DROP: 'drop',
  TRUNCATE: 'truncate',
  COALESCE: 'coalesce',
  REORGANIZE: 'reorganize',
  EXCHANGE: 'exchange',
  ANALYZE: 'analyze',
  CHECK: 'check',
  OPTIMIZE: 'optimize',
  REBUILD: 'rebuild',
  REPAIR: 'repair',
  DISCARD: 'discard',
  IMPORT: 'import',
  SECONDARY_LOAD: 'secondaryLoad',
  SECONDARY_UNLOAD: 'secondaryUnload',
};

/** Actions that stand alone: those on partitions and tablespaces. */
function standalone(p: Parser): { start: number; action: AlterAction } | undefined {
  const start = p.start;
  const t = p.t;
  const action = PARTITION_ACTIONS[t];
  if (action === undefined) return undefined;
  const next = p.peek();
  if ((t === 'DISCARD' || t === 'IMPORT') && next === 'TABLESPACE') {
    p.next();
    p.next();
    return { start, action: { kind: t === 'DISCARD' ? 'discardTablespace' : 'importTablespace' } };
  }
  if ((t === 'SECONDARY_LOAD' || t === 'SECONDARY_UNLOAD') && next !== 'PARTITION') {
    p.next();
    return { start, action: { kind: t === 'SECONDARY_LOAD' ? 'secondaryLoad' : 'secondaryUnload' } };
  }
  if (next !== 'PARTITION') return undefined;
  p.next();
  p.next();
  const slots = p.slots;
  const names = partitionAction(p, t);
  p.pinFrom(slots);
  return { start, action: { kind: 'partition', action, names, text: p.sql.slice(start, p.prevEnd) } };
}

function noLog(p: Parser): void {
  p.acceptAny('NO_WRITE_TO_BINLOG', 'LOCAL');
}

function allOrNames(p: Parser): readonly string[] | undefined {
  return p.accept('ALL') ? undefined : p.list((q) => q.ident());
}

function partitionAction(p: Parser, t: string): readonly string[] | undefined {
  switch (t) {
    case 'ADD':
      noLog(p);
      if (p.accept('PARTITIONS')) p.number();
      else if (p.t === '(') return p.parenList(partitionDefinition).map((d) => d.name);
      return [];
    case 'DROP':
      return p.list((q) => q.ident());
    case 'COALESCE':
      noLog(p);
      p.number();
      return [];
    case 'REORGANIZE': {
      noLog(p);
      if (!p.isIdent()) return [];
      const names = p.list((q) => q.ident());
      p.expect('INTO');
      p.parenList(partitionDefinition);
      return names;
    }
    case 'EXCHANGE': {
      const names = [p.ident()];
      p.expect2('WITH', 'TABLE');
      p.qualified();
      if (p.acceptAny('WITH', 'WITHOUT') !== undefined) p.expect('VALIDATION');
      return names;
    }
    case 'ANALYZE':
    case 'OPTIMIZE':
    case 'REBUILD':
      noLog(p);
      return allOrNames(p);
    case 'CHECK': {
      const names = allOrNames(p);
      while (
        p.acceptAny('QUICK', 'FAST', 'MEDIUM', 'EXTENDED', 'CHANGED') !== undefined ||
        p.accept2('FOR', 'UPGRADE')
      );
      return names;
    }
    case 'REPAIR': {
      noLog(p);
      const names = allOrNames(p);
      while (p.acceptAny('QUICK', 'EXTENDED', 'USE_FRM') !== undefined);
      return names;
    }
    case 'DISCARD':
    case 'IMPORT': {
      const names = allOrNames(p);
      p.expect('TABLESPACE');
      return names;
    }
    case 'SECONDARY_LOAD':
    case 'SECONDARY_UNLOAD':
      return p.parenList((q) => q.ident());
    default:
      return allOrNames(p);
  }
}

/** ALGORITHM and LOCK after CREATE INDEX and DROP INDEX, in any order. */
function indexModifiers(p: Parser): Pick<Modifiers, 'algorithm' | 'lock'> {
  const modifiers: Modifiers = { algorithm: undefined, lock: undefined, validation: undefined };
  while ((p.t === 'ALGORITHM' || p.t === 'LOCK') && modifier(p, modifiers));
  return { algorithm: modifiers.algorithm, lock: modifiers.lock };
}

/** CREATE [UNIQUE | FULLTEXT | SPATIAL] INDEX …; `p` stands behind CREATE. */
export function createIndex(p: Parser, start: number): CreateIndex {
  const word = p.acceptAny('UNIQUE', 'FULLTEXT', 'SPATIAL');
  const type: IndexDefinition['type'] = word === undefined ? 'index' : (word.toLowerCase() as IndexDefinition['type']);
  p.expect('INDEX');
  const name = p.ident();
  const mark = p.mark();
  const using = p.accept('USING') || p.accept('TYPE');
  if (using) {
    if (type === 'fulltext' || type === 'spatial') p.fail(mark.start);
    p.expectAny('BTREE', 'HASH', 'RTREE');
  }
  const algorithm = using ? p.sql.slice(mark.start, p.prevEnd).trim().split(/\s+/).pop()?.toLowerCase() : undefined;
  p.expect('ON');
  const table = p.qualified();
  if (p.t !== '(') p.fail();
  const body = indexBody(p, start, type, undefined);
  const options =
    algorithm === undefined ? body.options : { ...body.options, using: body.options.using ?? (algorithm as 'btree') };
  const index = { ...body, name, options };
  return { kind: 'createIndex', start, table, index, ...indexModifiers(p), end: p.prevEnd };
}

export function dropIndex(p: Parser, start: number): DropIndex {
  p.expect('INDEX');
  const name = p.ident();
  p.expect('ON');
  const table = p.qualified();
  return { kind: 'dropIndex', start, name, table, ...indexModifiers(p), end: p.prevEnd };
}
