// Makes what is derived from crds/ and charts/: the kinds' chart, the schema of the cluster's chart, and all in one file for kubectl.
//   node bin/run.mjs image/manifests.ts [FOLDER]       into FOLDER, charts/ unless told; needs helm in PATH or HELM
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';

const run = promisify(execFile);
const REPOSITORY = path.join(import.meta.dirname, '..');
const CHARTS = path.join(REPOSITORY, 'charts');
const NAMESPACE = 'p2pdb-system';

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

/** The derived files by their paths below charts/. */
export async function derivedFiles(helm: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const kinds = new Map<string, JsonObject>();
  const folder = path.join(REPOSITORY, 'crds');
  const texts: string[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const text = await readFile(path.join(folder, name), 'utf8');
    files.set(`p2pdb-crds/files/${name}`, text);
    texts.push(text);
    kinds.set(name.split('.')[0] ?? '', parse(text) as JsonObject);
  }
  files.set('p2pdb-cluster/values.schema.json', `${JSON.stringify(clusterValues(kinds), null, 2)}\n`);

  const namespace = `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${NAMESPACE}\n`;
  const { stdout } = await run(helm, [
    ...['template', 'p2pdb-operator', path.join(CHARTS, 'p2pdb-operator'), '--namespace', NAMESPACE, '--skip-tests'],
  ]);
  // What Helm alone would look at.
  const plain = stdout.replaceAll(/^\s*(?:app\.kubernetes\.io\/managed-by: Helm|helm\.sh\/chart: .*)\n/gm, '');
  files.set(
    'install.yaml',
    [
      '# The kinds and the operator: kubectl apply --server-side -f install.yaml\n# Made from the charts.\n',
      ...texts.map((text) => `---\n${text}`),
      `---\n${namespace}`,
      plain,
    ].join(''),
  );
  return files;
}

/** Values are checked as the API server will check them. */
function clusterValues(kinds: ReadonlyMap<string, JsonObject>): JsonObject {
  const spec = (plural: string): JsonObject => {
    const [version] = at(kinds.get(plural) as JsonObject, 'spec', 'versions') as JsonObject[];
    return at(version as JsonObject, 'schema', 'openAPIV3Schema', 'properties', 'spec') as JsonObject;
  };
  const items = (plural: string, given: readonly string[]): JsonObject => {
    const schema = closed(spec(plural));
    const { cluster: _, ...properties } = schema['properties'] as JsonObject;
    const required = (schema['required'] as string[]).filter((field) => !given.includes(field));
    return { type: 'array', items: { ...schema, properties, required: [...required, 'name'] } };
  };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    additionalProperties: false,
    properties: {
      global: { type: 'object' },
      name: { type: 'string', maxLength: 52, pattern: '^([a-z0-9]([a-z0-9-]*[a-z0-9])?)?$' },
      cluster: closed(spec('p2pdbclusters')),
      databases: items('p2pdbdatabases', ['cluster']),
      users: items('p2pdbusers', ['cluster', 'passwordSecret']),
    },
  };
}

const at = (value: Json, ...path: readonly string[]): Json =>
  path.reduce((inner, key) => (inner as JsonObject)[key] as Json, value);

/** A kind's schema in the words of JSON Schema: unknown fields are refused rather than dropped. */
function closed(schema: JsonObject): JsonObject {
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const kept = Object.entries(schema).filter(([key]) => !key.startsWith('x-kubernetes-') && key !== 'default');
  const result = Object.fromEntries(kept);
  for (const key of ['items', 'additionalProperties']) {
    if (typeof result[key] === 'object') result[key] = closed(result[key] as JsonObject);
  }
  if (result['properties'] !== undefined) {
    const inner = Object.entries(result['properties'] as { [key: string]: JsonObject });
    result['properties'] = Object.fromEntries(inner.map(([name, value]) => [name, closed(value)]));
    if (!open) result['additionalProperties'] = false;
  }
  return result;
}

async function write(folder: string): Promise<void> {
  const files = await derivedFiles(process.env['HELM'] ?? 'helm');
  // A kind that is gone leaves no file behind.
  await rm(path.join(folder, 'p2pdb-crds/files'), { recursive: true, force: true });
  for (const [name, text] of files) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}

if (import.meta.main) await write(process.argv[2] ?? CHARTS);
