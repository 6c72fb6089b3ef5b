/** Calls of EXTRACTVALUE and UPDATEXML: their XPath is one for all rows, and the user variables that it names are arguments too. */
import { SqlError } from '../types/index.ts';
import { sqlError } from '../values/index.ts';
import { parseXPath } from '../xml/index.ts';
import type { Bound } from './bound.ts';
import { callNamed } from './call.ts';
import type { Compiler } from './compiler.ts';
import { userVariable } from './variables.ts';

export function xmlCall(c: Compiler, name: string, args: readonly Bound[], written: string): Bound {
  if (args.length !== (name === 'EXTRACTVALUE' ? 2 : 3)) {
    throw new SqlError(1582, '42000', `Incorrect parameter count in the call to native function '${written}'`);
  }
  const xpath = args[1] as Bound;
  if (xpath.bind === undefined) throw sqlError(1105, 'Only constant XPATH queries are supported');
  const text = xpath.known?.();
  const variables = typeof text === 'string' ? parseXPath(text).variables : [];
  return callNamed(c, name, [...args, ...variables.map((v) => userVariable(c, v))], written);
}
