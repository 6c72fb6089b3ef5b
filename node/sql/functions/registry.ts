import { arithmetic } from './arithmetic.ts';
import { comparisons } from './comparison.ts';
import { dateArithmetic } from './date-arithmetic.ts';
import { dateFormat } from './date-format.ts';
import { dates } from './dates.ts';
import type { FunctionDefinition } from './definition.ts';
import { encodings } from './encodings.ts';
import { encryption } from './encryption.ts';
import { hashes } from './hashes.ts';
import { jsonFunctions } from './json-functions.ts';
import { like } from './like.ts';
import { miscellaneous } from './miscellaneous.ts';
import { numeric } from './numeric.ts';
import { regexps } from './regexp.ts';
import { strings } from './strings.ts';
import { times } from './times.ts';
import { xmlFunctions } from './xml-functions.ts';

const all: readonly (readonly FunctionDefinition[])[] = [
  arithmetic,
  comparisons,
  [like],
  strings,
  encodings,
  numeric,
  dates,
  times,
  dateArithmetic,
  dateFormat,
  regexps,
  jsonFunctions,
  hashes,
  encryption,
  miscellaneous,
  xmlFunctions,
];

/** Every scalar function and operator, by its name in upper case. */
export const functions: ReadonlyMap<string, FunctionDefinition> = new Map(all.flat().map((def) => [def.name, def]));

export function findFunction(name: string): FunctionDefinition | undefined {
  return functions.get(name.toUpperCase());
}
