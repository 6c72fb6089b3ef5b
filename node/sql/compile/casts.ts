/** CAST and CONVERT, and WEIGHT_STRING. */
import { coerce, defaultCollation, sortKey } from '../values/index.ts';
import { SqlError, type SqlType } from '../types/index.ts';
import type { CastType } from '../parser/index.ts';
import type { Bound } from './bound.ts';
import { COERCIBILITY, DOUBLE } from './bound.ts';
import { callInternal, callNamed, hexNumber, typeKey } from './call.ts';
import { unsupported, type Compiler } from './compiler.ts';
import { castFunction } from './conversions.ts';
import { BLOB, text } from './literals.ts';
import { asText } from './operators.ts';

export function cast(c: Compiler, operand: Bound, type: CastType): Bound {
  const b = operand;
  switch (type.name) {
    case 'signed':
    case 'unsigned': {
      const to: SqlType = { kind: 'int', bits: 64, unsigned: type.name === 'unsigned' };
      if (b.type.kind === 'int' && (b.type.unsigned === to.unsigned || (to.unsigned === false && b.bits < 63)))
        return b.with({ type: to, bits: b.bits });
      return callNamed(c, to.unsigned ? 'CAST_UNSIGNED' : 'CAST_SIGNED', [b.hex ? hexNumber(c, b) : b]);
    }
    case 'decimal': {
      const precision = type.length ?? 10;
      const scale = type.scale ?? 0;
      if (precision > 65)
        throw new SqlError(1426, '42000', `Too-big precision ${precision} specified for 'x'. Maximum is 65.`);
      return callCast(c, 'CAST_DECIMAL', b.hex ? hexNumber(c, b) : b, {
        kind: 'decimal',
        precision: precision || 10,
        scale,
        unsigned: false,
      });
    }
    case 'float':
      return callCast(
        c,
        'CAST_REAL',
        b,
        type.length !== undefined && type.length > 24 ? DOUBLE : { kind: 'float', unsigned: false },
      );
    case 'double':
      return callCast(c, 'CAST_REAL', b, DOUBLE);
    case 'date':
      return callCast(c, 'CAST_DATE', b, { kind: 'date' });
    case 'time':
      return callCast(c, 'CAST_TIME', b, { kind: 'time', fsp: type.length ?? 0 });
    case 'datetime':
      return callCast(c, 'CAST_DATETIME', b, { kind: 'datetime', fsp: type.length ?? 0 });
    case 'year':
      return callCast(c, 'CAST_YEAR', b, { kind: 'year' });
    case 'json':
      return callNamed(c, 'CAST_JSON', [b]);
    case 'binary':
      return callCast(c, 'CAST_BINARY', b, {
        kind: 'binary',
        family: type.length === undefined ? 'varbinary' : 'binary',
        length: type.length ?? 65535,
      });
    case 'char': {
      const charset = type.charset?.toLowerCase();
      if (charset === 'binary')
        return callCast(c, 'CAST_BINARY', b, { ...BLOB, length: type.length ?? 65535 } as SqlType);
      const collation = charset ? (type.binary ? `${charset}_bin` : defaultCollation(charset)) : c.settings.collation;
      if (collation === undefined) throw new SqlError(1115, '42000', `Unknown character set: '${charset ?? ''}'`);
      return callCast(c, 'CAST_CHAR', b, text(type.length ?? 65535, collation), type.length);
    }
    default:
      throw unsupported(`CAST to ${type.name.toUpperCase()}`);
  }
}

function callCast(c: Compiler, name: string, b: Bound, to: SqlType, length?: number): Bound {
  const dated = to.kind === 'date' || to.kind === 'datetime';
  const same = coerce(b.type, to) === undefined && b.type.kind === to.kind;
  if (length === undefined && same && !dated && to.kind !== 'binary')
    return b.with({ type: to, coercibility: COERCIBILITY.implicit });
  return callInternal(
    c,
    `${name}(${typeKey(b.type)})${typeKey(to)}:${length ?? ''}`,
    [b],
    { type: to, nullable: true, coercibility: COERCIBILITY.implicit },
    (x) => castFunction(b.type, to, length)(x),
  );
}

export function weightString(c: Compiler, b: Bound): Bound {
  const operand = asText(c, b);
  const collation = operand.type.kind === 'string' ? operand.type.collation : 'binary';
  return callInternal(c, `weight(${collation})`, [operand], { type: BLOB, nullable: b.nullable }, () => {
    const key = collation === 'binary' ? undefined : sortKey(collation);
    return (value) => {
      if (typeof value !== 'string' || !key) return value;
      const weights = key(value);
      const bytes = new Uint8Array(weights.length * 2);
      for (let i = 0; i < weights.length; i++) {
        bytes[2 * i] = weights.charCodeAt(i) >> 8;
        bytes[2 * i + 1] = weights.charCodeAt(i) & 255;
      }
      return bytes;
    };
  });
}
