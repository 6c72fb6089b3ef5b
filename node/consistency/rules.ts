/**
 * How two values of one column that were written without knowledge of each other become one. A rule is chosen by the comment
 * of the column or, for all columns, of the table: `COMMENT 'p2pdb:merge=max'`.
 *
 * A rule sees what the column holds at the transaction's place in the order (`current`), what the transaction's author saw
 * (`base`) and what the author wrote (`value`); where nobody else wrote, `current` is `base`. Transactions meet their rules in the
 * same order everywhere, so a rule need not be commutative; it must be a function of its arguments.
 */
export type RuleValue = null | number | bigint | string | Uint8Array;

export type Merged = { readonly kind: 'value'; readonly value: RuleValue } | { readonly kind: 'reject' };

/** What rules need to know about a column's values. */
export interface ColumnValues {
  /** How a value lies: SET as bits, JSON as normalised text, all else as it is. */
  readonly form: 'set' | 'json' | 'plain';
  /** Orders two values of the column; NULL is below all. */
  compare(a: RuleValue, b: RuleValue): number;
  /** `current` with what the author added to `base` to make `value`, unless it leaves the column's range; undefined for what is no number. */
  shifted(current: RuleValue, base: RuleValue, value: RuleValue): Merged | undefined;
  parseJson(text: string): JsonValue;
  formatJson(value: JsonValue): string;
}

/** JSON with objects as maps, in no particular order of keys; other scalars are opaque and compared by `same`. */
export type JsonValue = unknown;

export interface MergeRule {
  readonly name: string;
  merge(current: RuleValue, base: RuleValue, value: RuleValue, column: ColumnValues): Merged;
}

const value = (v: RuleValue): Merged => ({ kind: 'value', value: v });

export function sameRuleValue(a: RuleValue, b: RuleValue): boolean {
  if (a === b) return true;
  if (typeof a === 'bigint' && typeof b === 'number') return a === BigInt(b);
  if (typeof a === 'number' && typeof b === 'bigint') return BigInt(a) === b;
  if (a instanceof Uint8Array && b instanceof Uint8Array)
    return a.length === b.length && a.every((byte, i) => byte === b[i]);
  return false;
}

const isNumber = (v: RuleValue): v is number | bigint => typeof v === 'number' || typeof v === 'bigint';

const small = (v: bigint): number | bigint => (v >= -9007199254740991n && v <= 9007199254740991n ? Number(v) : v);

const lastWriter: MergeRule = { name: 'last-writer', merge: (_current, _base, v) => value(v) };

const firstWriter: MergeRule = {
  name: 'first-writer',
  merge: (current, base, v) => value(sameRuleValue(current, base) ? v : current),
};

const reject: MergeRule = {
  name: 'reject',
  merge: (current, base, v) => (sameRuleValue(current, base) ? value(v) : { kind: 'reject' }),
};

/** The difference that the author made counts. */
const counter: MergeRule = {
  name: 'counter',
  merge: (current, base, v, column) => column.shifted(current, base, v) ?? value(v),
};

const extreme = (name: string, sign: 1 | -1): MergeRule => ({
  name,
  merge: (current, base, v, column) => {
    if (sameRuleValue(current, base) || current === null) return value(v);
    if (v === null) return value(current);
    return value(sign * column.compare(v, current) > 0 ? v : current);
  },
});

/** What the author added is in, what the author took out is out. */
const union: MergeRule = {
  name: 'union',
  merge: (current, base, v, column) => {
    if (current === null || v === null) return value(sameRuleValue(current, base) ? v : (v ?? current));
    if (column.form === 'set' && isNumber(current) && isNumber(v)) {
      const [was, is, now] = [BigInt(isNumber(base) ? base : 0), BigInt(v), BigInt(current)];
      return value(small((now | (is & ~was)) & ~(was & ~is)));
    }
    if (column.form === 'json' && typeof current === 'string' && typeof v === 'string') {
      const [was, is, now] = [base, v, current].map((text) => (typeof text === 'string' ? column.parseJson(text) : []));
      if (Array.isArray(is) && Array.isArray(now)) {
        const old = Array.isArray(was) ? (was as JsonValue[]) : [];
        return value(column.formatJson(unionOf(old, is as JsonValue[], now as JsonValue[])));
      }
    }
    return value(v);
  },
};

function unionOf(was: readonly JsonValue[], is: readonly JsonValue[], now: readonly JsonValue[]): JsonValue[] {
  const has = (list: readonly JsonValue[], item: JsonValue): boolean => list.some((other) => sameJson(other, item));
  const kept = now.filter((item) => !has(was, item) || has(is, item));
  return [...kept, ...is.filter((item) => !has(was, item) && !has(now, item))];
}

/** Objects merge key by key, deeply; of anything else the later stays. */
const json: MergeRule = {
  name: 'json',
  merge: (current, base, v, column) => {
    if (column.form !== 'json' || typeof current !== 'string' || typeof v !== 'string') return value(v);
    const was = typeof base === 'string' ? column.parseJson(base) : undefined;
    return value(column.formatJson(mergedJson(column.parseJson(current), was, column.parseJson(v))));
  },
};

type JsonObject = ReadonlyMap<string, JsonValue>;
const isObject = (v: JsonValue): v is JsonObject => v instanceof Map;

function mergedJson(current: JsonValue, base: JsonValue, v: JsonValue): JsonValue {
  if (!isObject(current) || !isObject(v)) return v;
  const was: JsonObject = isObject(base) ? base : new Map<string, JsonValue>();
  const out = new Map(current);
  for (const key of was.keys()) if (!v.has(key)) out.delete(key);
  for (const [key, item] of v) {
    if (was.has(key) && sameJson(was.get(key), item)) continue;
    out.set(key, out.has(key) ? mergedJson(out.get(key), was.get(key), item) : item);
  }
  return out;
}

export function sameJson(a: JsonValue, b: JsonValue): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameJson(item, b[i]));
  if (isObject(a))
    return isObject(b) && a.size === b.size && [...a].every(([key, item]) => b.has(key) && sameJson(item, b.get(key)));
  if (typeof a === 'object' && a !== null && typeof b === 'object' && b !== null) {
    const [left, right] = [Object.entries(a), b as Record<string, JsonValue>];
    return left.length === Object.keys(right).length && left.every(([key, item]) => sameJson(item, right[key]));
  }
  return false;
}

const rules = new Map<string, MergeRule>();

/** Adds a rule; plugins do so before the first transaction is merged, on every node alike. */
export function registerRule(rule: MergeRule): void {
  if (rules.has(rule.name)) throw new Error(`a merge rule ${rule.name} exists`);
  rules.set(rule.name, rule);
}

for (const rule of [lastWriter, firstWriter, reject, counter, extreme('max', 1), extreme('min', -1), union, json]) {
  registerRule(rule);
}

export const ruleNamed = (name: string): MergeRule | undefined => rules.get(name);
export const ruleNames = (): string[] => [...rules.keys()];

/** The rule that a comment names, or undefined. */
export function ruleNameIn(comment: string): string | undefined {
  return /(?:^|[\s;,])p2pdb:merge=([a-z-]+)/.exec(comment)?.[1];
}
