import type { SqlType } from '../types/index.ts';
import { bytesOfLatin1, charLength, latin1Text, maxBytesPerChar } from '../values/index.ts';
import { definePrepared } from './definition.ts';
import type { ArgClass, ArgInfo, Call, CallEnv, FunctionDefinition, JsArg, JsValue, TypeEnv } from './definition.ts';
import { binaryType, charsOf, collationOfResult, textType } from './types-of-results.ts';

/** What functions over text share: they work on texts, or on bytes as texts of as many characters. */

const SURROGATE = /[\ud800-\udfff]/;

/** The characters from `start` to before `end`. */
export function sliceChars(text: string, start: number, end: number): string {
  if (!SURROGATE.test(text)) return text.slice(start, end);
  return Array.from(text).slice(start, end).join('');
}

export { charLength };

/** An argument as bytes: as long as its text can be in them. */
function inBytes(info: ArgInfo): ArgInfo {
  const { type } = info;
  if (type.kind !== 'string') return info;
  return {
    ...info,
    type: { kind: 'binary', family: 'varbinary', length: type.length * maxBytesPerChar(type.collation) },
  };
}

type TextCall = (env: CallEnv, ...args: never[]) => string | null;

interface TextOptions {
  readonly nullPropagates?: boolean;
  readonly nullable?: FunctionDefinition['nullable'];
}

/**
 * A function from texts to text. `strings` tells which arguments are texts, `others` the class of the rest. With a binary
 * argument among them the texts are bytes, and so is the result.
 */
export function defineText(
  name: string,
  arity: number | readonly [number, number],
  strings: (index: number) => boolean,
  others: ArgClass,
  length: (args: readonly ArgInfo[]) => number,
  call: TextCall,
  options: TextOptions = {},
): FunctionDefinition {
  const isBinary = (types: readonly SqlType[]): boolean =>
    types.some((type, i) => strings(i) && (type.kind === 'binary' || type.kind === 'geometry' || type.kind === 'bit'));
  // Asked for each argument: there may be very many.
  const known = new WeakMap<readonly ArgInfo[], boolean>();
  const areBinary = (args: readonly ArgInfo[]): boolean => {
    let answer = known.get(args);
    if (answer === undefined) known.set(args, (answer = isBinary(args.map((a) => a.type))));
    return answer;
  };
  return definePrepared(
    name,
    arity,
    (index, args) => (!strings(index) ? others : areBinary(args) ? 'bytes' : 'text'),
    (args: readonly ArgInfo[], env: TypeEnv) => {
      const texts = args.filter((_, i) => strings(i));
      if (areBinary(args)) return binaryType(length(args.map(inBytes)));
      return textType(length(args), collationOfResult(texts, env, name.toLowerCase()));
    },
    (types): Call => {
      if (!isBinary(types)) return call;
      const onTexts = call as (env: CallEnv, ...args: JsArg[]) => string | null;
      return (env, ...args: JsArg[]): JsValue => {
        const texts = args.map((a) => (a instanceof Uint8Array ? latin1Text(a) : a));
        const result = onTexts(env, ...texts);
        return result === null ? null : bytesOfLatin1(result);
      };
    },
    options,
  );
}

export const all = (): boolean => true;
export const only =
  (...indices: number[]) =>
  (index: number): boolean =>
    indices.includes(index);

export const firstLength = (args: readonly ArgInfo[]): number => charsOf(args[0] as ArgInfo);
export const totalLength = (args: readonly ArgInfo[]): number => args.reduce((sum, a) => sum + charsOf(a), 0);

/** An argument's value as a number, where it is known. */
export function constantNumber(info: ArgInfo | undefined): number | undefined {
  const constant = info?.constant;
  if (typeof constant === 'number') return constant;
  if (typeof constant === 'bigint') return Number(constant);
  return typeof constant === 'string' && constant !== '' ? Number.parseFloat(constant) || 0 : undefined;
}

/** NULL, with the warning, for a text that would be too long for a packet. */
export function tooLarge(env: CallEnv, name: string, length: number): boolean {
  if (length <= env.maxAllowedPacket) return false;
  env.warn(
    'Warning',
    1301,
    `Result of ${name}() was larger than max_allowed_packet (${env.maxAllowedPacket}) - truncated`,
  );
  return true;
}

/** The lower or upper case, character by character: none changes the number of characters. */
export function changeCase(text: string, upper: boolean): string {
  const changed = upper ? text.toUpperCase() : text.toLowerCase();

  if (/^[\x00-\x7f]*$/.test(text)) return changed;
  return Array.from(text, (c) => {
    const other = upper ? c.toUpperCase() : c.toLowerCase();
    return charLength(other) === 1 ? other : c;
  }).join('');
}
