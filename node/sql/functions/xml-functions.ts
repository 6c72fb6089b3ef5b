import type { SqlType } from '../types/index.ts';
import {
  bytesOfLatin1,
  characterSetNamed,
  charLength,
  charsetOf,
  latin1Text,
  sortKey,
  sqlError,
} from '../values/index.ts';
import { parseXml, parseXPath, textOf, type Context, type TextRules } from '../xml/index.ts';
import { definePrepared, MANY } from './definition.ts';
import type { ArgInfo, Call, CallEnv, FunctionDefinition, JsArg, JsValue, TypeEnv } from './definition.ts';
import { locator, substring } from './strings.ts';
import { collationOfResult, textType } from './types-of-results.ts';

/**
 * ExtractValue and UpdateXML. Behind their own arguments stand the values of the user variables that the XPath names; the
 * compiler puts them there.
 */

const LONGTEXT = 4294967295;
const NUMBERS: ReadonlySet<SqlType['kind']> = new Set(['int', 'decimal', 'float', 'double', 'bit', 'year']);

function rulesOfTexts(type: SqlType): TextRules {
  const collation = type.kind === 'string' ? type.collation : 'utf8mb4_bin';
  const key = sortKey(collation);
  const text: SqlType = { kind: 'string', family: 'longtext', length: LONGTEXT, collation };
  const find = locator([text, text]);
  return {
    compare: (a, b) => {
      const [x, y] = [key(a), key(b)];
      return x < y ? -1 : x > y ? 1 : 0;
    },
    locate: (a, b) => find(a, b, 0) + 1,
    substring,
    length: charLength,
  };
}

/** A function that answers the same as last time for the same argument: an XPath is one for all rows. */
function remembering<T>(make: (source: string) => T): (source: string) => T {
  let last: { readonly source: string; readonly made: T } | undefined;
  return (source) => {
    if (last?.source !== source) last = { source, made: make(source) };
    return last.made;
  };
}

type Answer = (
  xml: string,
  xpath: ReturnType<typeof parseXPath>,
  x: Context,
  texts: readonly string[],
) => string | null;

const read = (value: JsArg): string => (value instanceof Uint8Array ? latin1Text(value) : (value as string));

function xmlFunction(name: string, own: number, answer: Answer): FunctionDefinition {
  return definePrepared(
    name,
    [own, MANY],
    (index, args) => {
      if (index >= own) return NUMBERS.has((args[index] as ArgInfo).type.kind) ? 'real' : 'text';
      return args.slice(0, own).some((a) => a.type.kind === 'binary') ? 'bytes' : 'text';
    },
    (args: readonly ArgInfo[], env: TypeEnv) => {
      const collation = collationOfResult(args.slice(0, own), env, name.toLowerCase());
      const charset = charsetOf(collation);
      if (/^(ucs2|utf16|utf16le|utf32)$/.test(charset)) {
        throw sqlError(1105, `Character set '${characterSetNamed(charset)?.name}' is not supported by XPATH`);
      }
      return textType(LONGTEXT, collation);
    },
    (types, result): Call => {
      const rules = rulesOfTexts(result);
      const parsed = remembering((source) => parseXPath(source, (i) => NUMBERS.has(types[own + i]?.kind ?? 'null')));
      return (env: CallEnv, ...args: JsArg[]): JsValue => {
        const texts = args.slice(0, own);
        // What is wrong with an XPath is said whatever the XML.
        const xpath = typeof args[1] === 'string' || args[1] instanceof Uint8Array ? parsed(read(args[1])) : undefined;
        if (xpath === undefined || texts.includes(null)) return null;
        const [xml, , ...others] = texts.map(read) as [string, string, ...string[]];
        const document = parseXml(xml);
        if ('error' in document) {
          env.warn('Warning', 1525, `Incorrect XML value: '${document.error}'`);
          return null;
        }
        const variables = args.slice(own) as (number | string | null)[];
        const found = answer(xml, xpath, { nodes: document.nodes, variables, rules }, others);
        return found !== null && result.kind === 'binary' ? bytesOfLatin1(found) : found;
      };
    },
    { nullable: 'always', nullPropagates: false },
  );
}

export const xmlFunctions: readonly FunctionDefinition[] = [
  xmlFunction('EXTRACTVALUE', 2, (_xml, { expr }, x) => textOf(expr, x)),
  xmlFunction('UPDATEXML', 3, (xml, { expr }, x, [replacement]) => {
    if (expr.kind !== 'nodes') return null;
    const hits = expr.value(x);
    const node = hits.length === 1 ? hits[0]?.node : undefined;
    if (node === undefined) return xml;
    if (node === 0) return replacement as string;
    const { from, to } = x.nodes[node] as (typeof x.nodes)[number];
    return xml.slice(0, from) + (replacement as string) + xml.slice(to);
  }),
];
