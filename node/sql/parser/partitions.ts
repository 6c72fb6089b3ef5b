import type { Expr, PartitionDefinition, Partitioning, PartitionMethod, PartitionValue, TableOption } from './ast.ts';
import type { Parser } from './parser.ts';

/** PARTITION BY method [PARTITIONS n] [SUBPARTITION BY …] [(definitions)] */
export function partitioning(p: Parser): Partitioning {
  const start = p.start;
  p.expect('PARTITION');
  p.expect('BY');
  const method = partitionMethod(p, false);
  const partitions = p.accept('PARTITIONS') ? p.number() : undefined;
  let subMethod: PartitionMethod | undefined;
  let subPartitions: number | undefined;
  if (p.accept('SUBPARTITION')) {
    p.expect('BY');
    subMethod = partitionMethod(p, true);
    if (p.accept('SUBPARTITIONS')) subPartitions = p.number();
  }
  const definitions = p.t === '(' ? p.parenList(partitionDefinition) : [];
  return {
    kind: 'partitioning',
    start,
    end: p.prevEnd,
    text: p.sql.slice(start, p.prevEnd),
    method,
    partitions,
    subMethod,
    subPartitions,
    definitions,
  };
}

function parenExpr(p: Parser): Expr {
  p.expect('(');
  const expr = p.grammar.operand(p);
  p.expect(')');
  return expr;
}

function partitionMethod(p: Parser, sub: boolean): PartitionMethod {
  const linear = p.accept('LINEAR');
  const none = { linear, algorithm: undefined, expr: undefined, columns: undefined };
  if (p.accept('HASH')) return { ...none, kind: 'hash', expr: parenExpr(p) };
  if (p.accept('KEY')) {
    let algorithm: number | undefined;
    if (p.accept('ALGORITHM')) {
      p.expect('=');
      const at = p.start;
      algorithm = p.integer();
      if (algorithm !== 1 && algorithm !== 2) p.fail(at);
    }
    p.expect('(');
    const columns = p.t === ')' ? [] : p.list((q) => q.ident());
    p.expect(')');
    return { ...none, kind: 'key', algorithm, columns };
  }
  if (sub || linear) p.fail();
  const kind = p.expectAny('RANGE', 'LIST').toLowerCase() as 'range' | 'list';
  if (p.acceptAny('COLUMNS', 'FIELDS') !== undefined) return { ...none, kind, columns: p.identList() };
  return { ...none, kind, expr: parenExpr(p) };
}

function partitionValue(p: Parser): PartitionValue {
  return p.accept('MAXVALUE') ? 'maxvalue' : p.grammar.operand(p);
}

export function partitionDefinition(p: Parser): PartitionDefinition {
  p.expect('PARTITION');
  const name = p.ident();
  let values: PartitionDefinition['values'];
  if (p.accept('VALUES')) {
    if (p.accept('LESS')) {
      p.expect('THAN');
      values = { kind: 'lessThan', values: p.accept('MAXVALUE') ? ['maxvalue'] : p.parenList(partitionValue) };
    } else {
      p.expect('IN');
      values = {
        kind: 'in',
        rows: p.parenList((q) => (q.t === '(' ? q.parenList(partitionValue) : [partitionValue(q)])),
      };
    }
  }
  const options = partitionOptions(p);
  const subPartitions =
    p.t === '('
      ? p.parenList((q) => {
          q.expect('SUBPARTITION');
          const sub = q.identOrText();
          return { name: sub, options: partitionOptions(q) };
        })
      : [];
  return { name, values, options, subPartitions };
}

function partitionOptions(p: Parser): TableOption[] {
  const options: TableOption[] = [];
  for (;;) {
    const t = p.t;
    let name = t.toLowerCase();
    let value: string | number | bigint;
    switch (t) {
      case 'TABLESPACE':
        p.next();
        p.accept('=');
        value = p.identOrText();
        break;
      case 'STORAGE':
      case 'ENGINE':
        if (t === 'STORAGE') p.next();
        name = 'engine';
        p.expect('ENGINE');
        p.accept('=');
        value = p.identOrText();
        break;
      case 'NODEGROUP':
      case 'MAX_ROWS':
      case 'MIN_ROWS':
        p.next();
        p.accept('=');
        value = p.uint64();
        break;
      case 'DATA':
      case 'INDEX':
        p.next();
        p.expect('DIRECTORY');
        p.accept('=');
        name += ' directory';
        value = p.text();
        break;
      case 'COMMENT':
        p.next();
        p.accept('=');
        value = p.text();
        break;
      default:
        return options;
    }
    options.push({ name, value, list: undefined });
  }
}
