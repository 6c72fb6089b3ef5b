import type {
  CheckConstraint,
  ColumnAttribute,
  ColumnDefinition,
  Expr,
  ForeignKey,
  IndexAlgorithm,
  IndexDefinition,
  IndexOptions,
  IndexPart,
  ReferentialAction,
  References,
  TableKey,
} from './ast.ts';
import { collationName, dataType } from './data-types.ts';
import { introduced } from './literals.ts';
import type { Parser } from './parser.ts';

/** A column's definition: name, type and attributes. */
export function columnDefinition(p: Parser): ColumnDefinition {
  const start = p.start;
  const name = p.ident();
  return definitionAfterName(p, start, name);
}

export function definitionAfterName(p: Parser, start: number, name: string): ColumnDefinition {
  const type = dataType(p);
  const attributes: ColumnAttribute[] = [];
  for (let attribute = columnAttribute(p); attribute !== undefined; attribute = columnAttribute(p)) {
    attributes.push(attribute);
  }
  return { kind: 'columnDefinition', start, end: p.prevEnd, name, type, attributes };
}

function columnAttribute(p: Parser): ColumnAttribute | undefined {
  switch (p.t) {
    case 'NULL':
      p.next();
      return { kind: 'null' };
    case 'NOT': {
      if (p.peek() === 'ENFORCED') p.fail();
      p.next();
      if (p.accept('SECONDARY')) return { kind: 'notSecondary' };
      p.expect('NULL');
      return { kind: 'notNull' };
    }
    case 'DEFAULT':
      p.next();
      return defaultValue(p);
    case 'ON':
      p.next();
      p.expect('UPDATE');
      return { kind: 'onUpdate', value: nowCall(p) };
    case 'AUTO_INCREMENT':
      p.next();
      return { kind: 'autoIncrement' };
    case 'PRIMARY':
      p.next();
      p.expect('KEY');
      return { kind: 'primaryKey' };
    case 'KEY':
      p.next();
      return { kind: 'key' };
    case 'UNIQUE':
      p.next();
      p.accept('KEY');
      return { kind: 'unique' };
    case 'SERIAL':
      p.next();
      p.expect2('DEFAULT', 'VALUE');
      return { kind: 'unique' };
    case 'COMMENT':
      p.next();
      return { kind: 'comment', text: p.text() };
    case 'COLLATE':
      p.next();
      return { kind: 'collate', collation: collationName(p) };
    case 'COLUMN_FORMAT':
      p.next();
      return { kind: 'columnFormat', format: p.expectAny('FIXED', 'DYNAMIC', 'DEFAULT').toLowerCase() as 'fixed' };
    case 'STORAGE':
      p.next();
      return { kind: 'storage', storage: p.expectAny('DISK', 'MEMORY', 'DEFAULT').toLowerCase() as 'disk' };
    case 'VISIBLE':
    case 'INVISIBLE': {
      const kind = p.t === 'VISIBLE' ? 'visible' : 'invisible';
      p.next();
      return { kind };
    }
    case 'SRID':
      p.next();
      return { kind: 'srid', srid: p.number() };
    case 'ENGINE_ATTRIBUTE':
    case 'SECONDARY_ENGINE_ATTRIBUTE': {
      const kind = p.t === 'ENGINE_ATTRIBUTE' ? 'engineAttribute' : 'secondaryEngineAttribute';
      p.next();
      p.accept('=');
      return { kind, value: p.text() };
    }
    case 'GENERATED':
      p.next();
      p.expectWord('always');
      p.expect('AS');
      return generated(p);
    case 'AS':
      p.next();
      return generated(p);
    case 'REFERENCES':
      return { kind: 'references', references: references(p) };
    case 'CHECK':
      return { kind: 'check', check: check(p, p.start, undefined) };
    case 'CONSTRAINT': {
      const start = p.start;
      p.next();
      const name = p.isIdent() ? p.ident() : undefined;
      if (!p.is('CHECK')) p.fail();
      return { kind: 'check', check: check(p, start, name) };
    }
    default:
      if (!p.isWord('masking')) return undefined;
      p.next();
      p.expectWord('policy');
      return { kind: 'maskingPolicy', policy: p.ident() };
  }
}

function defaultValue(p: Parser): ColumnAttribute {
  if (p.t === '(') {
    p.next();
    const value = p.grammar.expr(p);
    p.expect(')');
    return { kind: 'default', value, parens: true };
  }
  return { kind: 'default', value: isNow(p.t) ? nowCall(p) : signedLiteral(p), parens: false };
}

const isNow = (t: string): boolean =>
  t === 'NOW' || t === 'CURRENT_TIMESTAMP' || t === 'LOCALTIME' || t === 'LOCALTIMESTAMP';

/** NOW and its synonyms with an optional precision. */
function nowCall(p: Parser): Expr {
  if (!isNow(p.t)) p.fail();
  return p.grammar.operand(p);
}

/** A literal with an optional sign: what DEFAULT takes without parentheses. */
export function signedLiteral(p: Parser): Expr {
  const start = p.start;
  switch (p.t) {
    case '-':
    case '+': {
      const op = p.t;
      p.next();
      if (!p.is('int') && !p.is('decimal') && !p.is('float')) p.fail();
      return { kind: 'unary', start, op, operand: p.grammar.literal(p), end: p.prevEnd };
    }
    case 'introducer':
      return introduced(p) ?? p.fail();
    case 'NULL':
    case 'TRUE':
    case 'FALSE':
    case 'int':
    case 'decimal':
    case 'float':
    case 'string':
    case 'nstring':
    case 'hex':
    case 'bit':
    case 'param':
      return p.grammar.literal(p);
    case 'DATE':
    case 'TIME':
    case 'TIMESTAMP':
      if (p.peek() !== 'string') p.fail();
      return p.grammar.literal(p);
    default:
      return p.fail();
  }
}

function generated(p: Parser): ColumnAttribute {
  p.expect('(');
  const exprStart = p.start;
  const expr = p.grammar.expr(p);
  const exprEnd = p.prevEnd;
  p.expect(')');
  return { kind: 'generated', expr, stored: p.acceptAny('VIRTUAL', 'STORED') === 'STORED', exprStart, exprEnd };
}

/** CHECK (expr) [[NOT] ENFORCED] */
function check(p: Parser, start: number, name: string | undefined): CheckConstraint {
  p.expect('CHECK');
  p.expect('(');
  const expr = p.grammar.expr(p);
  p.expect(')');
  let enforced: boolean | undefined;
  if (p.t === 'NOT' && p.peek() === 'ENFORCED') {
    p.next();
    p.next();
    enforced = false;
  } else if (p.accept('ENFORCED')) enforced = true;
  return { kind: 'check', start, end: p.prevEnd, name, expr, enforced };
}

function referentialAction(p: Parser): ReferentialAction {
  if (p.accept('RESTRICT')) return 'restrict';
  if (p.accept('CASCADE')) return 'cascade';
  if (p.accept('NO')) {
    p.expect('ACTION');
    return 'noAction';
  }
  p.expect('SET');
  return p.expectAny('NULL', 'DEFAULT') === 'NULL' ? 'setNull' : 'setDefault';
}

function references(p: Parser): References {
  p.expect('REFERENCES');
  const table = p.qualified();
  const columns = p.t === '(' ? p.identList() : undefined;
  let match: References['match'];
  if (p.accept('MATCH')) match = p.expectAny('FULL', 'PARTIAL', 'SIMPLE').toLowerCase() as 'full';
  let onDelete: ReferentialAction | undefined;
  let onUpdate: ReferentialAction | undefined;
  while (p.t === 'ON' && (onDelete === undefined || onUpdate === undefined)) {
    const next = p.peek();
    if (next === 'DELETE' && onDelete === undefined) {
      p.next();
      p.next();
      onDelete = referentialAction(p);
    } else if (next === 'UPDATE' && onUpdate === undefined) {
      p.next();
      p.next();
      onUpdate = referentialAction(p);
    } else {
      p.next();
      p.fail();
    }
  }
  return { table, columns, match, onDelete, onUpdate };
}

function indexAlgorithm(p: Parser): IndexAlgorithm {
  return p.expectAny('BTREE', 'HASH', 'RTREE').toLowerCase() as IndexAlgorithm;
}

/** USING BTREE, TYPE BTREE */
function usingClause(p: Parser): IndexAlgorithm | undefined {
  if (p.t !== 'USING' && p.t !== 'TYPE') return undefined;
  p.next();
  return indexAlgorithm(p);
}

function indexPart(p: Parser): IndexPart {
  if (p.t === '(') {
    p.next();
    const expr = p.grammar.expr(p);
    p.expect(')');
    return { kind: 'exprPart', expr, direction: direction(p) };
  }
  const column = p.ident();
  let length: number | undefined;
  if (p.accept('(')) {
    if (p.t !== 'int') p.fail();
    length = p.number();
    p.expect(')');
  }
  return { kind: 'columnPart', column, length, direction: direction(p) };
}

function direction(p: Parser): 'asc' | 'desc' | undefined {
  if (p.accept('ASC')) return 'asc';
  return p.accept('DESC') ? 'desc' : undefined;
}

function indexOptions(p: Parser, using: IndexAlgorithm | undefined, type: IndexDefinition['type']): IndexOptions {
  const options: { -readonly [K in keyof IndexOptions]: IndexOptions[K] } = {
    using,
    keyBlockSize: undefined,
    comment: undefined,
    visible: undefined,
    parser: undefined,
    engineAttribute: undefined,
    secondaryEngineAttribute: undefined,
  };
  for (;;) {
    switch (p.t) {
      case 'USING':
      case 'TYPE':
        if (type === 'fulltext' || type === 'spatial') p.fail();
        options.using = usingClause(p);
        break;
      case 'KEY_BLOCK_SIZE':
        p.next();
        p.accept('=');
        options.keyBlockSize = p.number();
        break;
      case 'COMMENT':
        p.next();
        options.comment = p.text();
        break;
      case 'VISIBLE':
      case 'INVISIBLE':
        options.visible = p.t === 'VISIBLE';
        p.next();
        break;
      case 'WITH':
        if (type !== 'fulltext') p.fail();
        p.next();
        p.expect('PARSER');
        options.parser = p.ident();
        break;
      case 'ENGINE_ATTRIBUTE':
        p.next();
        p.accept('=');
        options.engineAttribute = p.text();
        break;
      case 'SECONDARY_ENGINE_ATTRIBUTE':
        p.next();
        p.accept('=');
        options.secondaryEngineAttribute = p.text();
        break;
      default:
        return options;
    }
  }
}

/** Whether a table key, not a column, begins here. */
export function isTableKey(p: Parser): boolean {
  switch (p.t) {
    case 'CONSTRAINT':
    case 'PRIMARY':
    case 'UNIQUE':
    case 'KEY':
    case 'INDEX':
    case 'FULLTEXT':
    case 'SPATIAL':
    case 'FOREIGN':
    case 'CHECK':
      return true;
    default:
      return false;
  }
}

/** A key, foreign key or check of CREATE TABLE and ALTER TABLE … ADD. */
export function tableKey(p: Parser): TableKey {
  const start = p.start;
  let constraint: string | undefined;
  const named = p.accept('CONSTRAINT');
  if (named && p.isIdent()) constraint = p.ident();
  const t = p.t;
  if (t === 'CHECK') return check(p, start, constraint);
  if (t === 'FOREIGN') return foreignKey(p, start, constraint);
  if (named && t !== 'PRIMARY' && t !== 'UNIQUE') p.fail();
  p.next();
  let type: IndexDefinition['type'] = 'index';
  if (t === 'PRIMARY') {
    p.expect('KEY');
    type = 'primary';
  } else if (t === 'UNIQUE' || t === 'FULLTEXT' || t === 'SPATIAL') {
    p.acceptAny('KEY', 'INDEX');
    type = t.toLowerCase() as 'unique';
  } else if (t !== 'KEY' && t !== 'INDEX') p.fail(start);
  return indexBody(p, start, type, constraint);
}

/** [name] [USING …] (parts) options */
export function indexBody(
  p: Parser,
  start: number,
  type: IndexDefinition['type'],
  constraint: string | undefined,
): IndexDefinition {
  let name: string | undefined;
  if (p.isIdent()) name = p.ident();
  const using =
    type === 'fulltext' || type === 'spatial' || (p.is('TYPE') && name === undefined) ? undefined : usingClause(p);
  const parts = p.parenList(indexPart);
  const options = indexOptions(p, using, type);
  return { kind: 'index', start, end: p.prevEnd, type, constraint, name, parts, options };
}

function foreignKey(p: Parser, start: number, name: string | undefined): ForeignKey {
  p.expect('FOREIGN');
  p.expect('KEY');
  const indexName = p.isIdent() ? p.ident() : undefined;
  const parts = p.parenList(indexPart);
  const columns = parts.map((part) => (part.kind === 'columnPart' ? part.column : p.fail(start)));
  return { kind: 'foreignKey', start, name, indexName, columns, references: references(p), end: p.prevEnd };
}
