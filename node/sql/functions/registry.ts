import { arithmetic } from './arithmetic.ts';
import { comparisons } from './comparison.ts';
import type { FunctionDefinition } from './definition.ts';
import { like } from './like.ts';

const all: readonly (readonly FunctionDefinition[])[] = [arithmetic, comparisons, [like]];

/** Every scalar function and operator, by its name in upper case. */
export const functions: ReadonlyMap<string, FunctionDefinition> = new Map(all.flat().map((def) => [def.name, def]));

export function findFunction(name: string): FunctionDefinition | undefined {
  return functions.get(name.toUpperCase());
}
