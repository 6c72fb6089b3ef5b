/** From the text of a manifest to a P2PDBCluster, or to everything that is wrong with it. */
import { Ajv, type ErrorObject, type SchemaObject } from 'ajv';
import { isNode, LineCounter, parseAllDocuments, type Document } from 'yaml';
import { CLUSTER_RULES, CLUSTER_SCHEMA, type Cluster } from './cluster.ts';
import { nearest } from './nearest.ts';
import { QUANTITY } from './quantity.ts';
import type { Schema } from './schema.ts';

export interface Fault {
  /** Such as `spec.replicas`; empty for the document as a whole. */
  readonly path: string;
  /** Completes the path to a sentence: `must be at least 1`. */
  readonly reason: string;
  /** Line in the text, from 1. */
  readonly line?: number;
}

export type Reading =
  | {
      readonly kind: 'cluster';
      readonly cluster: Cluster;
      /** Paths of the fields that the document itself gives, such as `spec` and `spec.replicas`. */
      readonly given: ReadonlySet<string>;
    }
  | { readonly kind: 'refused'; readonly faults: readonly Fault[] };

/** Reads YAML or JSON with one P2PDBCluster. */
export function readCluster(text: string): Reading {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  const broken = documents.flatMap(({ errors }) => errors);
  if (broken.length > 0) {
    return refused(
      broken.map(({ message, pos }) => ({
        path: '',
        reason: `is not YAML: ${message}`,
        line: lines.linePos(pos[0]).line,
      })),
    );
  }
  const [document, ...more] = documents.filter((one) => one.contents !== null);
  if (document === undefined) return refused([{ path: '', reason: 'is empty: a P2PDBCluster is expected' }]);
  if (more.length > 0) return refused([{ path: '', reason: `has ${more.length + 1} documents: one is expected` }]);

  const value: unknown = document.toJS();
  const given = new Set(pathsOf(value));
  const faults = check(value);
  if (faults.length > 0) {
    const placed = faults.map((fault) => place(fault, document as Document, lines));
    return refused(placed.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)));
  }
  return { kind: 'cluster', cluster: value as Cluster, given };
}

const refused = (faults: readonly Fault[]): Reading => ({ kind: 'refused', faults });

type Segments = readonly (string | number)[];
type RawFault = { readonly segments: Segments; readonly reason: string };

/** Fills in defaults, as the API server would. */
function check(value: unknown): RawFault[] {
  if (!validate(value)) return (validate.errors ?? []).flatMap((error) => explain(error, value));
  return CLUSTER_RULES.flatMap(({ path, fault }) => {
    const reason = fault((value as Cluster).spec);
    return reason === undefined ? [] : [{ segments: path.split('.'), reason }];
  });
}

const validate = new Ajv({ allErrors: true, useDefaults: true, strict: true, verbose: true })
  .addFormat('quantity', QUANTITY)
  .addFormat('date-time', true)
  .addVocabulary(['x-kubernetes-validations', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys'])
  .compile(closed(CLUSTER_SCHEMA));

/** The schema in the words of JSON Schema: objects take no field that they do not name. */
function closed(schema: Schema): SchemaObject {
  const kept = (keys: Readonly<Record<string, Schema>>): Record<string, SchemaObject> =>
    Object.fromEntries(Object.entries(keys).map(([key, inner]) => [key, closed(inner)]));
  if ('x-kubernetes-int-or-string' in schema) {
    return { anyOf: [{ type: 'number' }, { type: 'string', format: schema.format }], description: schema.description };
  }
  if ('x-kubernetes-preserve-unknown-fields' in schema) {
    const { 'x-kubernetes-preserve-unknown-fields': _, ...rest } = schema;
    return rest;
  }
  if ('properties' in schema) {
    return { ...schema, properties: kept(schema.properties), additionalProperties: false };
  }
  if ('additionalProperties' in schema) {
    return { ...schema, additionalProperties: closed(schema.additionalProperties) };
  }
  if ('items' in schema) return { ...schema, items: closed(schema.items) };
  return { ...schema };
}

/** What the validator found, in the words of the person who wrote the manifest. */
function explain(error: ErrorObject, root: unknown): RawFault[] {
  const segments = segmentsOf(error.instancePath);
  const { params, data } = error as { params: Record<string, unknown>; data: unknown };
  const at = (reason: string, more: Segments = []): RawFault[] => [{ segments: [...segments, ...more], reason }];
  switch (error.keyword) {
    case 'required':
      return at('is missing', [params['missingProperty'] as string]);
    case 'additionalProperties': {
      const unknown = params['additionalProperty'] as string;
      const known = Object.keys((error.parentSchema as { properties: object }).properties);
      const near = nearest(unknown, known);
      return at(
        `is not a field of ${segments.join('.') || 'a P2PDBCluster'}${near === undefined ? '' : `: did you mean ${near}?`}`,
        [unknown],
      );
    }
    case 'type':
      if (segments.length === 0) return at(`must be an object, is ${shown(root)}`);
      // A branch of an amount: said once, by its anyOf.
      if (error.schemaPath.includes('/anyOf/')) return [];
      return at(`must be ${ARTICLES[params['type'] as string] ?? String(params['type'])}, is ${shown(data)}`);
    case 'enum': {
      const allowed = params['allowedValues'] as readonly unknown[];
      return at(
        `must be ${allowed.length === 1 ? String(allowed[0]) : `one of ${allowed.join(', ')}`}, is ${shown(data)}`,
      );
    }
    case 'minimum':
      return at(`must be at least ${String(params['limit'])}, is ${shown(data)}`);
    case 'maximum':
      return at(`must be at most ${String(params['limit'])}, is ${shown(data)}`);
    case 'minLength':
      return at('must not be empty');
    case 'maxLength':
      return at(`must have at most ${String(params['limit'])} characters`);
    case 'maxItems':
      return at(`must have at most ${String(params['limit'])} items`);
    case 'format':
      if (error.schemaPath.includes('/anyOf/')) return [];
      return at(`must be an amount such as 500m or 10Gi, is ${shown(data)}`);
    case 'anyOf':
      return at(`must be an amount such as 500m or 10Gi, is ${shown(data)}`);
    case 'pattern':
      return at(`must be ${patternInWords(segments)}, is ${shown(data)}`);
    default:
      return at(error.message ?? `is wrong (${error.keyword})`);
  }
}

const ARTICLES: Readonly<Record<string, string>> = {
  integer: 'a whole number',
  boolean: 'true or false',
  string: 'a text',
  object: 'an object',
  array: 'a list',
};

const patternInWords = (segments: Segments): string =>
  segments.includes('bootstrapPeers') ? 'HOST:PORT' : 'small letters, digits and inner hyphens';

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

/** A JSON pointer's parts. */
const segmentsOf = (pointer: string): (string | number)[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));

const pathText = (segments: Segments): string =>
  segments.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');

/** Finds the line: that of the value, or of the nearest thing around it that is written down. */
function place({ segments, reason }: RawFault, document: Document, lines: LineCounter): Fault {
  for (let length = segments.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(segments.slice(0, length), true);
    if (isNode(node) && node.range) {
      return { path: pathText(segments), reason, line: lines.linePos(node.range[0]).line };
    }
  }
  return { path: pathText(segments), reason };
}

function pathsOf(value: unknown, prefix = ''): string[] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    return [path, ...pathsOf(inner, path)];
  });
}
