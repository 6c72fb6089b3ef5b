/** The merge rule of each column, and how its values lie for it. */
import {
  ruleNamed,
  ruleNameIn,
  type ColumnValues,
  type JsonValue,
  type MergeRule,
  type RuleValue,
} from '../../consistency/index.ts';
import { difference, storedSum, sumOf } from './addition.ts';
import {
  isArray,
  isObject,
  objectOf,
  printJson,
  readJson,
  sortKey,
  type Json,
  type SqlType,
  type TableDef,
} from '../../sql/index.ts';

export interface ColumnRule {
  readonly rule: MergeRule;
  readonly values: ColumnValues;
}

/** What a counter that is NULL counts from. */
const ZERO = 0;

const made = new WeakMap<TableDef, readonly (ColumnRule | undefined)[]>();

/** By place in the row; undefined where the later value stays and additions add up, as without any rule. */
export function columnRules(table: TableDef): readonly (ColumnRule | undefined)[] {
  let rules = made.get(table);
  if (!rules) {
    const ofTable = ruleNameIn(table.options.comment);
    rules = table.columns.map((column) => {
      const name = ruleNameIn(column.comment) ?? ofTable;
      const rule = name === undefined || name === 'last-writer' ? undefined : ruleNamed(name);
      return rule && !column.generated ? { rule, values: valuesOf(column.type) } : undefined;
    });
    made.set(table, rules);
  }
  return rules;
}

function valuesOf(type: SqlType): ColumnValues {
  const key = type.kind === 'string' ? sortKey(type.collation) : undefined;
  return {
    form: type.kind === 'set' || type.kind === 'json' ? type.kind : 'plain',
    compare: (a, b) =>
      compareStored(key && typeof a === 'string' ? key(a) : a, key && typeof b === 'string' ? key(b) : b),
    shifted: (current, base, value) => {
      const added = difference(type, value, base ?? ZERO);
      const sum = added === undefined ? undefined : sumOf(type, current, type, added);
      if (!sum) return undefined;
      const stored = storedSum(type, sum);
      return stored === undefined ? { kind: 'reject' } : { kind: 'value', value: stored };
    },
    parseJson: (text) => readJson(text),
    formatJson: (json: JsonValue) => printJson(ordered(json as Json)),
  };
}

/** With the members of objects in MySQL's order. */
function ordered(json: Json): Json {
  if (isArray(json)) return json.map(ordered);
  return isObject(json) ? objectOf([...json].map(([key, item]) => [key, ordered(item)] as const)) : json;
}

/** SQLite's order: NULL, numbers, texts, blobs. */
function compareStored(a: RuleValue, b: RuleValue): number {
  const rank = (v: RuleValue): number =>
    v === null ? 0 : typeof v === 'number' || typeof v === 'bigint' ? 1 : typeof v === 'string' ? 2 : 3;
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  if (a === null || b === null) return 0;
  return a < b ? -1 : a > b ? 1 : 0;
}
