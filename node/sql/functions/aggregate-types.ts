import type { SqlType } from '../types/index.ts';
import { aggregateCollations, charsetOf, Coercibility, isBinaryText, maxBytesPerChar } from '../values/index.ts';
import type { Collated } from '../values/index.ts';
import { BIGINT, binaryType, charsOf, decimalType, digitsOf, doubleOf, scaleOf, UNSIGNED } from './types-of-results.ts';

/**
 * The type that CASE, IF, COALESCE, GREATEST, UNION and the like make of several types. With coercibilities given, the
 * collation is found as MySQL finds it; without, as if every text were a column's.
 */
export function aggregateTypes(types: readonly SqlType[], coercibilities?: readonly number[]): SqlType {
  const strengths = coercibilities ?? types.map(() => Coercibility.implicit);
  const known = types
    .map((type, i) => ({ type, strength: strengths[i] as number }))
    .filter((t) => t.type.kind !== 'null');
  const first = known[0]?.type;
  if (first === undefined) return { kind: 'null' };
  const list = known.map((k) => k.type);
  if (list.every((t) => t === first) && first.kind !== 'enum' && first.kind !== 'set') return merged(first);
  const kinds = new Set(list.map((t) => t.kind));
  if (kinds.size === 1) {
    switch (first.kind) {
      case 'year':
      case 'date':
      case 'json':
      case 'geometry':
        return first;
      case 'time':
      case 'datetime':
      case 'timestamp':
        return { kind: first.kind, fsp: Math.max(...list.map(scaleOf)) };
      case 'bit':
        return { kind: 'bit', length: Math.max(...list.map((t) => (t.kind === 'bit' ? t.length : 1))) };
      default:
        break;
    }
  }
  if (list.every(isTemporal)) return { kind: 'datetime', fsp: Math.max(...list.map(scaleOf)) };
  if (list.every(isNumber)) return numbers(list);
  return text(known);
}

function merged(type: SqlType): SqlType {
  return type.kind === 'string' && type.family === 'char' ? { ...type, family: 'varchar' } : type;
}

const isTemporal = (t: SqlType): boolean =>
  t.kind === 'date' || t.kind === 'time' || t.kind === 'datetime' || t.kind === 'timestamp';

const isNumber = (t: SqlType): boolean =>
  t.kind === 'int' ||
  t.kind === 'year' ||
  t.kind === 'bit' ||
  t.kind === 'decimal' ||
  t.kind === 'float' ||
  t.kind === 'double';

function numbers(list: readonly SqlType[]): SqlType {
  if (list.some((t) => t.kind === 'double')) return doubleOf(list);
  if (list.some((t) => t.kind === 'float')) {
    // MySQL keeps FLOAT beside small and 64-bit integers only.
    const keeps = list.every((t) => t.kind === 'float' || t.kind === 'year' || (t.kind === 'int' && t.bits !== 32));
    return keeps ? { ...doubleOf(list), kind: 'float' } : doubleOf(list);
  }
  if (list.some((t) => t.kind === 'decimal'))
    return decimal(
      list,
      list.every((t) => t.kind === 'decimal' && t.unsigned),
    );
  const unsigned = list.map((t) => t.kind !== 'int' || t.unsigned);
  if (unsigned.every((u) => u)) {
    const bits = Math.max(...list.map((t) => (t.kind === 'int' ? t.bits : t.kind === 'bit' ? 64 : 16)));
    return bits === 64 ? UNSIGNED : { kind: 'int', bits: bits as 32, unsigned: true };
  }
  const wide = list.some((t) => t.kind === 'bit' || (t.kind === 'int' && t.unsigned && t.bits === 64));
  if (unsigned.some((u) => u) && wide) return decimal(list, false);
  const bits = Math.max(...list.map((t) => (t.kind === 'int' ? (t.unsigned ? Math.min(64, t.bits * 2) : t.bits) : 32)));
  return bits >= 64 ? BIGINT : { kind: 'int', bits: bits === 48 ? 32 : (bits as 32), unsigned: false };
}

function decimal(list: readonly SqlType[], unsigned: boolean): SqlType {
  const scale = Math.max(...list.map(scaleOf));
  const whole = Math.max(...list.map((type) => digitsOf({ type }) - scaleOf(type)));
  return decimalType(whole + scale, scale, unsigned);
}

function collated(type: SqlType, strength: number): Collated {
  if ('collation' in type) return { collation: type.collation, coercibility: strength };
  if (type.kind === 'json') return { collation: 'utf8mb4_bin', coercibility: strength };
  return { collation: 'utf8mb4_0900_ai_ci', coercibility: Math.max(strength, Coercibility.numeric), ascii: true };
}

function text(known: readonly { readonly type: SqlType; readonly strength: number }[]): SqlType {
  const list = known.map((k) => k.type);
  const long = list.some(
    (t) =>
      t.kind === 'json' ||
      t.kind === 'geometry' ||
      ((t.kind === 'string' || t.kind === 'binary') && (t.family.endsWith('text') || t.family.endsWith('blob'))),
  );
  if (list.some((t) => isBinaryText(t))) {
    if (long) return { kind: 'binary', family: 'longblob', length: 4294967295 };
    const bytes = (t: SqlType): number =>
      t.kind === 'bit' ? t.length : charsOf({ type: t }) * ('collation' in t ? maxBytesPerChar(t.collation) : 1);
    return binaryType(Math.max(...list.map(bytes)));
  }
  const json = list.some((t) => t.kind === 'json');
  const texts = known.filter((k) => 'collation' in k.type || k.type.kind === 'json');
  const met = aggregateCollations(
    (texts.length > 0 ? texts : known).map((k) => collated(k.type, k.strength)),
    true,
  );
  const collation = json
    ? 'utf8mb4_bin'
    : (met?.collation ?? `${charsetOf((texts[0]?.type as { collation: string }).collation)}_bin`);
  if (long) return { kind: 'string', family: 'longtext', length: 4294967295, collation };
  return { kind: 'string', family: 'varchar', length: Math.max(...list.map((type) => charsOf({ type }))), collation };
}
