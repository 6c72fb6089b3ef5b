import type { SqlType } from '../types/index.ts';
import {
  depthOf,
  editAt,
  findAll,
  insertInArray,
  invalidJsonArgument,
  isArray,
  isBinaryText,
  isObject,
  isPlainPath,
  jsonOf,
  jsonType,
  mergePatch,
  mergePreserve,
  objectOf,
  parseJson,
  parsePath,
  prettyJson,
  printJson,
  readJson,
  sqlError,
  textAt,
  textReader,
  tooDeep,
} from '../values/index.ts';
import type { Json, JsonPath } from '../values/index.ts';
import { definePrepared, MANY } from './definition.ts';
import type { ArgInfo, Call, CallEnv, Classes, FunctionDefinition } from './definition.ts';
import { validateSchema } from './json-schema.ts';
import { contains, located, member, overlaps, search, storageSize } from './json-operations.ts';
import { likeMatcher } from './like.ts';
import { BIGINT, BOOLEAN, charsOf, JSON_TYPE, textType } from './types-of-results.ts';

/** MySQL's JSON functions. Arguments come as they lie in SQLite, since a text means a document in one place and a string in another. */

const LONGTEXT: SqlType = { kind: 'string', family: 'longtext', length: 4294967295, collation: 'utf8mb4_bin' };

type Reader = (value: never, env: CallEnv) => Json;

/** Reads an argument that is a document: JSON, or text that must be JSON. */
function documentReader(type: SqlType, index: number, name: string): Reader {
  if (type.kind === 'json') return readJson;
  if (type.kind === 'null') return () => null;
  if (type.kind !== 'string' && type.kind !== 'enum' && type.kind !== 'set') {
    if (isBinaryText(type) && type.kind !== 'bit') {
      return () => {
        throw sqlError(3144, "Cannot create a JSON value from a string with CHARACTER SET 'binary'.");
      };
    }
    return () => {
      throw sqlError(
        3146,
        `Invalid data type for JSON data in argument ${index} to function ${name}; a JSON string or JSON type is required.`,
      );
    };
  }
  const text = textReader(type);
  return (value, env) => {
    const parsed = parseJson(text(value, env));
    if ('error' in parsed) throw invalidJsonArgument(parsed.error, index, name);
    return parsed.value;
  };
}

/** Reads an argument that is a value: a text is a JSON string. */
export function valueReader(type: SqlType): Reader {
  if (type.kind === 'json') return readJson;
  if (type.kind === 'int' && type.width === 1 && type.bits !== 8) {
    return (value: number | bigint) => value !== 0 && value !== 0n;
  }
  return jsonOf(type);
}

/** A value that may be NULL, which is JSON's null too. */
const orNull =
  (read: Reader): ((value: unknown, env: CallEnv) => Json) =>
  (value, env) =>
    value === null ? null : read(value as never, env);

interface Options {
  readonly nullPropagates?: boolean;
  readonly nullable?: FunctionDefinition['nullable'];
  readonly classes?: Classes;
}

function json(
  name: string,
  arity: number | readonly [number, number],
  result: SqlType | FunctionDefinition['result'],
  prepare: (types: readonly SqlType[], name: string) => Call,
  options: Options = {},
): FunctionDefinition {
  const { classes = 'any', ...rest } = options;
  return definePrepared(name, arity, classes, result, (types) => prepare(types, name.toLowerCase()), {
    nullable: 'always',
    ...rest,
  });
}

/** Most paths, and documents to look for, are the same for all rows: the last one is kept. */
function keepingLast<T>(read: (value: never, env: CallEnv) => T): (value: unknown, env: CallEnv) => T {
  let last: { readonly value: unknown; readonly read: T } | undefined;
  return (value, env) => {
    if (last?.value !== value) last = { value, read: read(value as never, env) };
    return (last as { readonly read: T }).read;
  };
}

const pathReader = (type: SqlType | undefined): ((value: unknown, env: CallEnv) => JsonPath) => {
  const text = textReader(type ?? LONGTEXT);
  return keepingLast((value, env) => parsePath(text(value, env)));
};

function single(path: JsonPath): JsonPath {
  if (path.many) {
    throw sqlError(3149, 'In this situation, path expressions may not contain the * and ** tokens or an array range.');
  }
  return path;
}

const depthChecked = (value: Json): string => {
  if (depthOf(value) > 100) throw tooDeep();
  return printJson(value);
};

/** The value at a path, wrapped in an array where the path may name several. */
function extract(document: Json, paths: readonly JsonPath[]): Json | undefined {
  const found = paths.flatMap((path) => findAll(document, path));
  if (paths.length === 1 && !paths[0]?.many) return found[0];
  return found.length === 0 ? undefined : found;
}

/** JSON_SET, JSON_INSERT and JSON_REPLACE. */
function editing(name: string, replaces: boolean, inserts: boolean): FunctionDefinition {
  return json(
    name,
    [3, MANY],
    JSON_TYPE,
    (types, called): Call => {
      const document = documentReader(types[0] as SqlType, 1, called);
      const path = pathReader(types[1]);
      const values = types.map((type) => orNull(valueReader(type)));
      return (env, doc: never, ...rest: unknown[]) => {
        if (doc === null || rest.some((r, i) => i % 2 === 0 && r === null)) return null;
        let result = document(doc, env);
        for (let i = 0; i < rest.length; i += 2) {
          const value = (values[i + 2] as (typeof values)[0])(rest[i + 1], env);
          result = editAt(result, single(path(rest[i], env)), {
            existing: (old) => (replaces ? value : old),
            ...(inserts ? { missing: value } : {}),
          });
        }
        return depthChecked(result);
      };
    },
    { nullPropagates: false },
  );
}

function oneOrAll(word: string, name: string): boolean {
  const lower = word.toLowerCase();
  if (lower !== 'one' && lower !== 'all') {
    throw sqlError(3154, `The oneOrAll argument to ${name} may take these values: 'one' or 'all'.`);
  }
  return lower === 'one';
}

function unquote(text: string): string {
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return text;
  const parsed = parseJson(text);
  if ('error' in parsed) throw invalidJsonArgument(parsed.error, 1, 'json_unquote');
  return typeof parsed.value === 'string' ? parsed.value : text;
}

const scalarText = (value: Json): string => (typeof value === 'string' ? value : printJson(value));

export const jsonFunctions: readonly FunctionDefinition[] = [
  json('CAST_JSON', 1, JSON_TYPE, (types): Call => {
    const type = types[0] as SqlType;
    const read = type.kind === 'string' ? documentReader(type, 1, 'cast_as_json') : valueReader(type);
    return (env, value: never) => printJson(read(value, env));
  }),
  json(
    'JSON_ARRAY',
    [0, MANY],
    JSON_TYPE,
    (types): Call => {
      const readers = types.map((type) => orNull(valueReader(type)));
      return (env, ...values: unknown[]) =>
        depthChecked(values.map((v, i) => (readers[i] as (typeof readers)[0])(v, env)));
    },
    { nullPropagates: false, nullable: 'never' },
  ),
  json(
    'JSON_OBJECT',
    [0, MANY],
    JSON_TYPE,
    (types): Call => {
      if (types.length % 2 === 1) {
        throw sqlError(1582, "Incorrect parameter count in the call to native function 'json_object'");
      }
      const readers = types.map((type, i) => (i % 2 === 0 ? textReader(type) : orNull(valueReader(type))));
      return (env, ...values: unknown[]) => {
        const members: [string, Json][] = [];
        for (let i = 0; i < values.length; i += 2) {
          if (values[i] === null) throw sqlError(3158, 'JSON documents may not contain NULL member names.');
          const key = (readers[i] as (v: unknown, e: CallEnv) => string)(values[i], env);
          members.push([key, (readers[i + 1] as (v: unknown, e: CallEnv) => Json)(values[i + 1], env)]);
        }
        return depthChecked(objectOf(members));
      };
    },
    { nullPropagates: false, nullable: 'never' },
  ),
  json('JSON_QUOTE', 1, LONGTEXT, (): Call => (_env, text: string) => JSON.stringify(text), {
    classes: 'text',
    nullable: 'args',
  }),
  json(
    'JSON_UNQUOTE',
    1,
    (args) => textType(charsOf(args[0] as ArgInfo), 'utf8mb4_bin'),
    (types): Call => {
      const type = types[0] as SqlType;
      if (type.kind === 'json')
        return (_env, value: string) => (value.startsWith('"') ? (JSON.parse(value) as string) : value);
      const text = textReader(type);
      return (env, value: never) => unquote(text(value, env));
    },
  ),
  json('JSON_EXTRACT', [2, MANY], JSON_TYPE, (types, name): Call => {
    const document = documentReader(types[0] as SqlType, 1, name);
    const path = pathReader(types[1]);
    const isText = types[0]?.kind === 'json' && types.length === 2;
    return (env, doc: never, ...paths: unknown[]) => {
      if (isText) {
        const one = path(paths[0], env);
        if (isPlainPath(one)) return textAt(doc, one) ?? null;
      }
      const value = extract(
        document(doc, env),
        paths.map((p) => path(p, env)),
      );
      return value === undefined ? null : printJson(value);
    };
  }),
  json(
    'JSON_VALUE',
    2,
    { kind: 'string', family: 'varchar', length: 512, collation: 'utf8mb4_0900_ai_ci' },
    (types, name): Call => {
      const document = documentReader(types[0] as SqlType, 1, name);
      const path = pathReader(types[1]);
      return (env, doc: never, at: unknown) => {
        // What is no JSON has no value there, as NULL ON ERROR has it.
        if (types[0]?.kind === 'string' && 'error' in parseJson(doc)) return null;
        const found = findAll(document(doc, env), path(at, env));
        const value = found[0];
        return found.length !== 1 || value === undefined || value === null ? null : scalarText(value);
      };
    },
  ),
  json('JSON_CONTAINS', [2, 3], BOOLEAN, (types, name): Call => {
    const document = documentReader(types[0] as SqlType, 1, name);
    const candidate = keepingLast(documentReader(types[1] as SqlType, 2, name));
    const path = pathReader(types[2]);
    return (env, doc: never, wanted: never, at?: unknown) => {
      let target: Json | undefined = document(doc, env);
      if (at !== undefined) target = findAll(target, single(path(at, env)))[0];
      return target === undefined ? null : contains(target, candidate(wanted, env));
    };
  }),
  json('JSON_CONTAINS_PATH', [3, MANY], BOOLEAN, (types, name): Call => {
    const document = documentReader(types[0] as SqlType, 1, name);
    const word = textReader(types[1] as SqlType);
    const path = pathReader(types[2]);
    return (env, doc: never, which: never, ...paths: unknown[]) => {
      const target = document(doc, env);
      const one = oneOrAll(word(which, env), name);
      const found = (p: unknown): boolean => findAll(target, path(p, env)).length > 0;
      return one ? paths.some(found) : paths.every(found);
    };
  }),
  json('JSON_KEYS', [1, 2], JSON_TYPE, (types, name): Call => {
    const document = documentReader(types[0] as SqlType, 1, name);
    const path = pathReader(types[1]);
    return (env, doc: never, at?: unknown) => {
      let target: Json | undefined = document(doc, env);
      if (at !== undefined) target = findAll(target, single(path(at, env)), false)[0];
      return target !== undefined && isObject(target) ? printJson([...target.keys()]) : null;
    };
  }),
  json('JSON_LENGTH', [1, 2], BIGINT, (types, name): Call => {
    const document = documentReader(types[0] as SqlType, 1, name);
    const path = pathReader(types[1]);
    return (env, doc: never, at?: unknown) => {
      let target: Json | undefined = document(doc, env);
      if (at !== undefined) target = extract(target, [path(at, env)]);
      if (target === undefined) return null;
      return isArray(target) ? target.length : isObject(target) ? target.size : 1;
    };
  }),
  json('JSON_DEPTH', 1, BIGINT, (types, name): Call => {
    const document = documentReader(types[0] as SqlType, 1, name);
    return (env, doc: never) => depthOf(document(doc, env));
  }),
  json(
    'JSON_TYPE',
    1,
    { kind: 'string', family: 'varchar', length: 17, collation: 'utf8mb4_bin' },
    (types, name): Call => {
      const document = documentReader(types[0] as SqlType, 1, name);
      return (env, doc: never) => jsonType(document(doc, env));
    },
  ),
  json('JSON_VALID', 1, BOOLEAN, (types): Call => {
    const type = types[0] as SqlType;
    if (type.kind === 'json') return () => true;
    if (type.kind !== 'string') return () => false;
    return (_env, text: string) => 'value' in parseJson(text);
  }),
  json(
    'JSON_SEARCH',
    [3, MANY],
    JSON_TYPE,
    (types, name): Call => {
      const document = documentReader(types[0] as SqlType, 1, name);
      const texts = types.map(textReader);
      const path = pathReader(types[4]);
      const read = (i: number, value: unknown, env: CallEnv): string =>
        (texts[i] as (typeof texts)[0])(value as never, env);
      return (env, doc: unknown, which: unknown, wanted: unknown, escape?: unknown, ...paths: unknown[]) => {
        if (doc === null || which === null || wanted === null || paths.includes(null)) return null;
        const target = document(doc as never, env);
        const one = oneOrAll(read(1, which, env), name);
        const sign = escape === undefined || escape === null ? '\\' : read(3, escape, env);
        if (Array.from(sign).length > 1) throw sqlError(1210, 'Incorrect arguments to ESCAPE');
        const matches = likeMatcher(read(2, wanted, env), sign, 'utf8mb4_bin');
        const found = new Set<string>();
        const starts =
          paths.length === 0 ? [['$', target] as [string, Json]] : paths.flatMap((p) => located(target, path(p, env)));
        for (const [at, value] of starts) search(value, at, matches, found);
        const list = [...found];
        if (list.length === 0) return null;
        return printJson(one || list.length === 1 ? (list[0] as string) : list);
      };
    },
    { nullPropagates: false },
  ),
  editing('JSON_SET', true, true),
  editing('JSON_INSERT', false, true),
  editing('JSON_REPLACE', true, false),
  json('JSON_REMOVE', [2, MANY], JSON_TYPE, (types, name): Call => {
    const document = documentReader(types[0] as SqlType, 1, name);
    const path = pathReader(types[1]);
    return (env, doc: never, ...paths: unknown[]) => {
      let result = document(doc, env);
      for (const p of paths) {
        const at = single(path(p, env));
        if (at.legs.length === 0) throw sqlError(3153, "The path expression '$' is not allowed in this context.");
        result = editAt(result, at, { existing: () => undefined });
      }
      return printJson(result);
    };
  }),
  json(
    'JSON_ARRAY_APPEND',
    [3, MANY],
    JSON_TYPE,
    (types, name): Call => {
      const document = documentReader(types[0] as SqlType, 1, name);
      const path = pathReader(types[1]);
      const values = types.map((type) => orNull(valueReader(type)));
      return (env, doc: never, ...rest: unknown[]) => {
        if (doc === null || rest.some((r, i) => i % 2 === 0 && r === null)) return null;
        let result = document(doc, env);
        for (let i = 0; i < rest.length; i += 2) {
          const value = (values[i + 2] as (typeof values)[0])(rest[i + 1], env);
          result = editAt(result, single(path(rest[i], env)), {
            existing: (old) => (isArray(old) ? [...old, value] : [old, value]),
          });
        }
        return depthChecked(result);
      };
    },
    { nullPropagates: false },
  ),
  json(
    'JSON_ARRAY_INSERT',
    [3, MANY],
    JSON_TYPE,
    (types, name): Call => {
      const document = documentReader(types[0] as SqlType, 1, name);
      const path = pathReader(types[1]);
      const values = types.map((type) => orNull(valueReader(type)));
      return (env, doc: never, ...rest: unknown[]) => {
        if (doc === null || rest.some((r, i) => i % 2 === 0 && r === null)) return null;
        let result = document(doc, env);
        for (let i = 0; i < rest.length; i += 2) {
          const at = single(path(rest[i], env));
          if (at.legs.at(-1)?.kind !== 'item')
            throw sqlError(3165, 'A path expression is not a path to a cell in an array.');
          result = insertInArray(result, at, (values[i + 2] as (typeof values)[0])(rest[i + 1], env));
        }
        return depthChecked(result);
      };
    },
    { nullPropagates: false },
  ),
  ...['JSON_MERGE', 'JSON_MERGE_PRESERVE'].map((name) =>
    json(name, [2, MANY], JSON_TYPE, (types, called): Call => {
      const readers = types.map((type, i) => documentReader(type, i + 1, called));
      return (env, ...docs: never[]) =>
        depthChecked(docs.map((doc, i) => (readers[i] as Reader)(doc, env)).reduce((a, b) => mergePreserve(a, b)));
    }),
  ),
  json(
    'JSON_MERGE_PATCH',
    [2, MANY],
    JSON_TYPE,
    (types, name): Call => {
      const readers = types.map((type, i) => documentReader(type, i + 1, name));
      return (env, ...docs: unknown[]) => {
        // NULL spoils what it is merged into or with, until a patch that is no object takes its place.
        let result: Json | undefined;
        docs.forEach((doc, i) => {
          if (doc === null) result = undefined;
          else {
            const patch = (readers[i] as Reader)(doc as never, env);
            if (i === 0 || !isObject(patch)) result = patch;
            else if (result !== undefined) result = mergePatch(result, patch);
          }
        });
        return result === undefined ? null : depthChecked(result);
      };
    },
    { nullPropagates: false },
  ),
  json('JSON_PRETTY', 1, LONGTEXT, (types, name): Call => {
    const document = documentReader(types[0] as SqlType, 1, name);
    return (env, doc: never) => prettyJson(document(doc, env));
  }),
  json('JSON_STORAGE_SIZE', 1, BIGINT, (types, name): Call => {
    const document = documentReader(types[0] as SqlType, 1, name);
    return (env, doc: never) => storageSize(document(doc, env));
  }),
  json('JSON_STORAGE_FREE', 1, BIGINT, () => () => 0),
  json('JSON_OVERLAPS', 2, BOOLEAN, (types, name): Call => {
    const [a, b] = types.map((type, i) => documentReader(type, i + 1, name)) as [Reader, Reader];
    return (env, x: never, y: never) => overlaps(a(x, env), b(y, env));
  }),
  json('MEMBER_OF', 2, BOOLEAN, (types): Call => {
    const value = valueReader(types[0] as SqlType);
    const list = documentReader(types[1] as SqlType, 2, 'member of');
    return (env, x: never, y: never) => member(value(x, env), list(y, env));
  }),
  json('JSON_SCHEMA_VALID', 2, BOOLEAN, (types, name): Call => {
    const [schema, document] = types.map((type, i) => documentReader(type, i + 1, name)) as [Reader, Reader];
    return (env, s: never, d: never) => validateSchema(schemaObject(schema(s, env)), document(d, env)) === undefined;
  }),
  json('JSON_SCHEMA_VALIDATION_REPORT', 2, JSON_TYPE, (types, name): Call => {
    const [schema, document] = types.map((type, i) => documentReader(type, i + 1, name)) as [Reader, Reader];
    return (env, s: never, d: never) => {
      const failure = validateSchema(schemaObject(schema(s, env)), document(d, env));
      if (failure === undefined) return printJson(objectOf([['valid', true]]));
      const { keyword, schemaLocation, documentLocation } = failure;
      return printJson(
        objectOf([
          ['valid', false],
          [
            'reason',
            `The JSON document location '${documentLocation}' failed requirement '${keyword}' at JSON Schema location '${schemaLocation}'`,
          ],
          ['schema-location', schemaLocation],
          ['document-location', documentLocation],
          ['schema-failed-keyword', keyword],
        ]),
      );
    };
  }),
];

function schemaObject(schema: Json): Json {
  if (!isObject(schema))
    throw sqlError(3853, 'Invalid JSON type in argument 1 to function json_schema_valid; an object is required.');
  return schema;
}
