import { compareJson, isArray, isDecimal, isObject, charLength, decimals } from '../values/index.ts';
import type { Json, JsonObject } from '../values/index.ts';
import { compileRegexp } from './regexp-syntax.ts';

/** JSON Schema, draft 4, as far as JSON_SCHEMA_VALID needs it. References to other documents are not followed. */
interface SchemaFailure {
  readonly keyword: string;
  readonly schemaLocation: string;
  readonly documentLocation: string;
}

const number = (json: Json | undefined): number | undefined =>
  typeof json === 'number'
    ? json
    : typeof json === 'bigint'
      ? Number(json)
      : json !== undefined && isDecimal(json)
        ? decimals.toNumber(json)
        : undefined;

function hasType(document: Json, type: Json): boolean {
  switch (type) {
    case 'null':
      return document === null;
    case 'boolean':
      return typeof document === 'boolean';
    case 'string':
      return typeof document === 'string';
    case 'integer':
      return typeof document === 'bigint' || (typeof document === 'number' && Number.isInteger(document));
    case 'number':
      return number(document) !== undefined;
    case 'array':
      return isArray(document);
    case 'object':
      return isObject(document);
    default:
      return false;
  }
}

const same = (a: Json, b: Json): boolean => compareJson(a, b) === 0;

class Validator {
  readonly root: JsonObject;
  constructor(root: JsonObject) {
    this.root = root;
  }

  check(schema: Json, document: Json, at: string, where: string): SchemaFailure | undefined {
    if (!isObject(schema)) return undefined;
    const reference = schema.get('$ref');
    if (typeof reference === 'string') {
      const target = this.resolve(reference);
      return target === undefined ? undefined : this.check(target, document, reference, where);
    }
    const fail = (keyword: string): SchemaFailure => ({ keyword, schemaLocation: at, documentLocation: where });
    const type = schema.get('type');
    if (type !== undefined) {
      const types = isArray(type) ? type : [type];
      if (!types.some((t) => hasType(document, t))) return fail('type');
    }
    const options = schema.get('enum');
    if (options !== undefined && isArray(options) && !options.some((o) => same(o, document))) return fail('enum');
    return (
      this.combined(schema, document, at, where, fail) ??
      this.scalars(schema, document, fail) ??
      (isArray(document) ? this.array(schema, document, at, where, fail) : undefined) ??
      (isObject(document) ? this.object(schema, document, at, where, fail) : undefined)
    );
  }

  resolve(reference: string): Json | undefined {
    if (!reference.startsWith('#')) return undefined;
    let target: Json | undefined = this.root;
    for (const part of reference.slice(1).split('/').filter(Boolean)) {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
      target = target !== undefined && isObject(target) ? target.get(key) : undefined;
    }
    return target;
  }

  combined(
    schema: JsonObject,
    document: Json,
    at: string,
    where: string,
    fail: (keyword: string) => SchemaFailure,
  ): SchemaFailure | undefined {
    const passes = (s: Json): boolean => this.check(s, document, at, where) === undefined;
    const list = (key: string): readonly Json[] | undefined => {
      const value = schema.get(key);
      return value !== undefined && isArray(value) ? value : undefined;
    };
    const all = list('allOf');
    if (all !== undefined && !all.every(passes)) return fail('allOf');
    const any = list('anyOf');
    if (any !== undefined && !any.some(passes)) return fail('anyOf');
    const one = list('oneOf');
    if (one !== undefined && one.filter(passes).length !== 1) return fail('oneOf');
    const not = schema.get('not');
    return not !== undefined && passes(not) ? fail('not') : undefined;
  }

  scalars(schema: JsonObject, document: Json, fail: (keyword: string) => SchemaFailure): SchemaFailure | undefined {
    const n = number(document);
    if (n !== undefined) {
      const step = number(schema.get('multipleOf'));
      if (step !== undefined && !Number.isInteger(n / step)) return fail('multipleOf');
      const most = number(schema.get('maximum'));
      if (most !== undefined && (schema.get('exclusiveMaximum') === true ? n >= most : n > most))
        return fail('maximum');
      const least = number(schema.get('minimum'));
      if (least !== undefined && (schema.get('exclusiveMinimum') === true ? n <= least : n < least))
        return fail('minimum');
    }
    if (typeof document === 'string') {
      const length = charLength(document);
      const most = number(schema.get('maxLength'));
      if (most !== undefined && length > most) return fail('maxLength');
      const least = number(schema.get('minLength'));
      if (least !== undefined && length < least) return fail('minLength');
      const pattern = schema.get('pattern');
      if (typeof pattern === 'string' && !patternOf(pattern).test(document)) return fail('pattern');
    }
    return undefined;
  }

  array(
    schema: JsonObject,
    document: readonly Json[],
    at: string,
    where: string,
    fail: (keyword: string) => SchemaFailure,
  ): SchemaFailure | undefined {
    const most = number(schema.get('maxItems'));
    if (most !== undefined && document.length > most) return fail('maxItems');
    const least = number(schema.get('minItems'));
    if (least !== undefined && document.length < least) return fail('minItems');
    if (schema.get('uniqueItems') === true && document.some((a, i) => document.slice(0, i).some((b) => same(a, b)))) {
      return fail('uniqueItems');
    }
    const items = schema.get('items');
    if (items === undefined) return undefined;
    for (const [i, item] of document.entries()) {
      const rule = isArray(items) ? items[i] : items;
      if (rule === undefined) {
        const additional = schema.get('additionalItems');
        if (additional === false) return fail('additionalItems');
        const failure =
          additional === undefined ? undefined : this.check(additional, item, `${at}/additionalItems`, `${where}/${i}`);
        if (failure !== undefined) return failure;
        continue;
      }
      const failure = this.check(rule, item, isArray(items) ? `${at}/items/${i}` : `${at}/items`, `${where}/${i}`);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  object(
    schema: JsonObject,
    document: JsonObject,
    at: string,
    where: string,
    fail: (keyword: string) => SchemaFailure,
  ): SchemaFailure | undefined {
    const most = number(schema.get('maxProperties'));
    if (most !== undefined && document.size > most) return fail('maxProperties');
    const least = number(schema.get('minProperties'));
    if (least !== undefined && document.size < least) return fail('minProperties');
    const required = schema.get('required');
    if (
      required !== undefined &&
      isArray(required) &&
      required.some((key) => typeof key === 'string' && !document.has(key))
    ) {
      return fail('required');
    }
    const properties = schema.get('properties');
    const patterns = schema.get('patternProperties');
    const additional = schema.get('additionalProperties');
    for (const [key, value] of document) {
      let known = false;
      const rule = properties !== undefined && isObject(properties) ? properties.get(key) : undefined;
      if (rule !== undefined) {
        known = true;
        const failure = this.check(rule, value, `${at}/properties/${key}`, `${where}/${key}`);
        if (failure !== undefined) return failure;
      }
      if (patterns !== undefined && isObject(patterns)) {
        for (const [pattern, patternRule] of patterns) {
          if (!patternOf(pattern).test(key)) continue;
          known = true;
          const failure = this.check(patternRule, value, `${at}/patternProperties/${pattern}`, `${where}/${key}`);
          if (failure !== undefined) return failure;
        }
      }
      if (known || additional === undefined) continue;
      if (additional === false) return fail('additionalProperties');
      const failure = this.check(additional, value, `${at}/additionalProperties`, `${where}/${key}`);
      if (failure !== undefined) return failure;
    }
    return this.dependencies(schema, document, at, where, fail);
  }

  dependencies(
    schema: JsonObject,
    document: JsonObject,
    at: string,
    where: string,
    fail: (keyword: string) => SchemaFailure,
  ): SchemaFailure | undefined {
    const dependencies = schema.get('dependencies');
    if (dependencies === undefined || !isObject(dependencies)) return undefined;
    for (const [key, needs] of dependencies) {
      if (!document.has(key)) continue;
      if (isArray(needs)) {
        if (needs.some((name) => typeof name === 'string' && !document.has(name))) return fail('dependencies');
      } else {
        const failure = this.check(needs, document, `${at}/dependencies/${key}`, where);
        if (failure !== undefined) return failure;
      }
    }
    return undefined;
  }
}

function patternOf(pattern: string): RegExp {
  const regexp = compileRegexp(pattern, { ignoreCase: false, multiline: false, dotAll: false });
  return new RegExp(regexp.source, 'v');
}

/** The first rule of a schema that a document breaks. */
export function validateSchema(schema: Json, document: Json): SchemaFailure | undefined {
  return isObject(schema) ? new Validator(schema).check(schema, document, '#', '#') : undefined;
}
