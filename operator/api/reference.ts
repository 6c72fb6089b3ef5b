/** The kinds' fields as a page of the documentation. */
import { CLUSTER_SCHEMA } from './cluster.ts';
import { DATABASE_SCHEMA, USER_SCHEMA } from './database.ts';
import type { ObjectSchema, Schema } from './schema.ts';

const KINDS: Readonly<Record<string, ObjectSchema>> = {
  P2PDBCluster: CLUSTER_SCHEMA,
  P2PDBDatabase: DATABASE_SCHEMA,
  P2PDBUser: USER_SCHEMA,
};

/** Markdown. */
export function fieldsPage(): string {
  const sections = Object.entries(KINDS).map(([kind, { description, properties }]) => {
    const rows = ['spec', 'status'].flatMap((part) => rowsOf(part, properties[part], false));
    const table = ['| field | type | default | |', '| --- | --- | --- | --- |', ...rows];
    return `## ${kind}\n\n${description}\n\n${table.join('\n')}\n`;
  });
  return `# Fields of the custom resources\n\nMade by \`npm run crds\`. A \`*\` marks fields that must be given.\n\n${sections.join('\n')}`;
}

function rowsOf(path: string, schema: Schema | undefined, isRequired: boolean): string[] {
  if (!schema) return [];
  const rules = schema['x-kubernetes-validations']?.map(({ message }) => message).join('; ');
  const text = [schema.description, rules === undefined ? undefined : `Rules: ${rules}.`]
    .filter((part) => part)
    .join(' ');
  const initial = 'default' in schema && isPlain(schema.default) ? `\`${JSON.stringify(schema.default)}\`` : '';
  const row = `| \`${path}\`${isRequired ? ' *' : ''} | ${typeOf(schema)} | ${initial} | ${text.replaceAll('|', '\\|')} |`;
  const inner = 'items' in schema ? schema.items : schema;
  const prefix = 'items' in schema ? `${path}[]` : path;
  if (!('properties' in inner)) return [row];
  const fields = Object.entries(inner.properties);
  return [
    row,
    ...fields.flatMap(([name, field]) => rowsOf(`${prefix}.${name}`, field, inner.required?.includes(name) ?? false)),
  ];
}

const isPlain = (value: unknown): boolean => value !== undefined && JSON.stringify(value) !== '{}';

function typeOf(schema: Schema): string {
  if ('x-kubernetes-int-or-string' in schema) return 'amount';
  if ('enum' in schema && schema.enum) return schema.enum.map((value) => `\`${value}\``).join(' ');
  if ('format' in schema && schema.format === 'quantity') return 'amount';
  if ('items' in schema) return `list of ${typeOf(schema.items)}`;
  if ('additionalProperties' in schema) return `map of ${typeOf(schema.additionalProperties)}`;
  return schema.type;
}
