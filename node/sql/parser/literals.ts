import type { BytesLiteral, Expr, NumberLiteral, Param, StringLiteral, TemporalLiteral } from './ast.ts';
import type { Decimal } from '../types/index.ts';
import type { Parser } from './parser.ts';

export function numberLiteral(p: Parser): NumberLiteral {
  const literal: NumberLiteral = {
    kind: 'number',
    start: p.start,
    end: p.end,
    class: p.t as 'int' | 'decimal' | 'float',
    text: p.sql.slice(p.start, p.end),
    value: p.literalValue() as number | bigint | Decimal,
    slot: p.slot,
  };
  p.next();
  return literal;
}

/** `charset` is the introducer's. */
export function stringLiteral(p: Parser, charset: string | undefined, start: number = p.start): StringLiteral {
  const { value, bytes } = p.stringValue(charset === 'binary');
  const national = p.t === 'nstring';
  const slot = p.slot;
  p.next();
  return { kind: 'string', start, end: p.prevEnd, value, bytes, charset, national, slot };
}

export function bytesLiteral(p: Parser, charset: string | undefined, start: number = p.start): BytesLiteral {
  const kind = p.t as 'hex' | 'bit';
  const bytes = p.literalValue() as Uint8Array;
  const slot = p.slot;
  p.next();
  return { kind, start, end: p.prevEnd, bytes, charset, slot };
}

/** _utf8mb4'…'; undefined when no literal follows the word. */
export function introduced(p: Parser): Expr | undefined {
  const next = p.peek();
  if (next !== 'string' && next !== 'hex' && next !== 'bit') return undefined;
  const start = p.start;
  const charset = p.sql.slice(start + 1, p.end).toLowerCase();
  p.next();
  return next === 'string' ? stringLiteral(p, charset, start) : bytesLiteral(p, charset, start);
}

export function param(p: Parser): Param {
  const node: Param = { kind: 'param', start: p.start, end: p.end, index: p.params - 1, slot: p.slot };
  p.next();
  return node;
}

/** The string after DATE, TIME or TIMESTAMP. */
export function temporalLiteral(p: Parser, type: 'date' | 'time' | 'timestamp', start: number): TemporalLiteral {
  const { value } = p.stringValue(false);
  const slot = p.slot;
  p.next();
  return { kind: 'temporal', start, end: p.prevEnd, type, value, slot };
}
