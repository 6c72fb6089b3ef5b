/**
 * Names and columns of the relations that the engine makes, read from the text in data/. A column stands there as
 * `NAME type[^][!][=default][~extra]`: `^` is the collation utf8mb3_bin (others are written out, utf8mb3_general_ci is
 * the one that goes without saying), `!` is NOT NULL.
 */
import { sqlTypeOf, parseStatement, type SqlType, type VirtualTable } from '../../sql/index.ts';
import { INFORMATION_SCHEMA } from './data/information-schema.ts';
import { MYSQL } from './data/mysql.ts';
import { P2PDB } from './data/p2pdb.ts';
import { PERFORMANCE_SCHEMA } from './data/performance-schema.ts';
import { SYS } from './data/sys.ts';

export interface VirtualColumn {
  readonly name: string;
  readonly type: SqlType;
  readonly nullable: boolean;
  readonly default: string | undefined;
  readonly extra: string;
  readonly joinType?: SqlType;
}

export interface VirtualDefinition extends VirtualTable {
  readonly database: string;
  readonly columns: readonly VirtualColumn[];
}

const SOURCES: Readonly<Record<string, string>> = {
  information_schema: INFORMATION_SCHEMA,
  performance_schema: PERFORMANCE_SCHEMA,
  mysql: MYSQL,
  sys: SYS,
  p2pdb: P2PDB,
};

const IMPLIED_COLLATION = 'utf8mb3_general_ci';

/** Texts of a database's relations by their names; names as they are written there. */
const texts = new Map(
  Object.entries(SOURCES).map(([database, source]) => {
    const lines = source.trim().split('\n');
    return [
      database,
      new Map(
        lines.map((line) => {
          const at = line.indexOf(': ');
          return [line.slice(0, at), line.slice(at + 2)] as const;
        }),
      ),
    ] as const;
  }),
);

const made = new Map<string, VirtualDefinition>();

function makeColumn(text: string): VirtualColumn {
  const [, quoted, plain, rest = ''] = /^(?:`([^`]+)`|(\S+)) (.*)$/s.exec(text) ?? [];
  const name = quoted ?? plain ?? '';
  const [, typeText = '', marks = '', more = ''] = /^((?:[^'!^=~]|'(?:[^']|'')*')*)([\^!]*)(.*)$/s.exec(rest) ?? [];
  const [, value, extra = ''] = /^(?:=([^~]*))?(?:~(.*))?$/s.exec(more) ?? [];
  // Joins on constraints' names, which every mapper sends, compare them byte by byte: that can be indexed.
  const joinType = name === 'CONSTRAINT_NAME' ? { joinType: typeOf(name, 'varchar(64) collate utf8mb3_bin') } : {};
  return {
    name,
    ...joinType,
    type: typeOf(name, typeText + (marks.includes('^') ? ' collate utf8mb3_bin' : '')),
    nullable: !marks.includes('!'),
    default: value,
    extra,
  };
}

const types = new Map<string, SqlType>();

function typeOf(name: string, written: string): SqlType {
  // MySQL's own words for what no CREATE TABLE can say.
  const text = written
    .replace('utf8mb3_tolower_ci', IMPLIED_COLLATION)
    .replace('decimal(905,0)', 'decimal(65,0)')
    .replace(/varchar\(\d{5}\)/, 'varchar(16383)');
  let type = types.get(text);
  if (!type) {
    const { statement } = parseStatement(`CREATE TABLE t (c ${text})`);
    const column = statement.kind === 'createTable' ? statement.columns[0] : undefined;
    if (!column) throw new Error(`the column ${name} has no type: ${text}`);
    const collate = column.attributes.find((a) => a.kind === 'collate');
    const declared = collate?.kind === 'collate' ? { ...column.type, collation: collate.collation } : column.type;
    type = sqlTypeOf(declared, name, IMPLIED_COLLATION);
    types.set(text, type);
  }
  return type;
}

export const makeColumns = (text: string): VirtualColumn[] => text.split('; ').map(makeColumn);

/** The relation of that name. The names of information_schema and performance_schema and of what is in the former have no case. */
export function findVirtual(database: string, name: string): VirtualDefinition | undefined {
  const schema = database.toLowerCase();
  if (schema === 'mysql' && database !== 'mysql') return undefined;
  const relations = texts.get(schema);
  if (!relations) return undefined;
  const known =
    schema === 'information_schema' ? name.toUpperCase() : schema === 'performance_schema' ? name.toLowerCase() : name;
  const key = `${schema}.${known}`;
  let definition = made.get(key);
  if (!definition) {
    const text = relations.get(known);
    if (text === undefined) return undefined;
    definition = { database: schema, name: known, columns: makeColumns(text) };
    made.set(key, definition);
  }
  return definition;
}

/** Names of the relations of a system database, or undefined when it is none. */
export function virtualNames(database: string): readonly string[] | undefined {
  const relations = texts.get(database.toLowerCase());
  return relations && [...relations.keys()];
}

export const SYSTEM_DATABASES = ['information_schema', 'mysql', 'p2pdb', 'performance_schema', 'sys'] as const;
