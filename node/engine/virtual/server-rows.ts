/** What the server is: character sets, engines, plugins, words, variables, sessions. */
import { characterSets, collations, isReserved, NON_RESERVED, RESERVED } from '../../sql/index.ts';
import type { EngineCore } from '../core.ts';
import type { EngineSession } from '../session.ts';
import { allVariables, displayValue, type VariableDefinition } from '../variables.ts';
import type { RowSource, VirtualRow } from './rows.ts';
import { statusValues } from './status.ts';

/** By name, without case. */
const byName = <T extends { readonly name: string }>(list: Iterable<T>): T[] =>
  [...list].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));

export const characterSetRows: RowSource = () =>
  byName(characterSets.values()).map((c) => [c.name, c.defaultCollation, c.description, c.maxLength]);

/** SORTLEN: what MySQL says of its algorithms. */
function sortLength(name: string): number {
  if (name === 'utf8mb4_ja_0900_as_cs_ks') return 24;
  if (name.includes('_0900_')) return name.endsWith('_bin') ? 1 : 0;
  if (/^(utf8mb3|utf8mb4|ucs2|utf16|utf32)_/.test(name))
    return /_(bin|general_ci|general_mysql500_ci|tolower_ci)$/.test(name) ? 1 : 8;
  return OTHER_SORT_LENGTHS[name] ?? 1;
}

const OTHER_SORT_LENGTHS: Readonly<Record<string, number>> = {
  cp1250_czech_cs: 2,
  gb18030_chinese_ci: 2,
  latin1_german2_ci: 2,
  latin2_czech_cs: 4,
  tis620_thai_ci: 4,
  gb18030_unicode_520_ci: 8,
};

export const collationRows: RowSource = () =>
  byName(collations.values()).map((c) => [
    c.name,
    c.charset,
    c.id,
    c.isDefault ? 'Yes' : '',
    'Yes',
    sortLength(c.name),
    c.padSpace ? 'PAD SPACE' : 'NO PAD',
  ]);

export const collationCharsetRows: RowSource = () => byName(collations.values()).map((c) => [c.name, c.charset]);

/** Tables of the other engines' names are kept, and lie in the same place. */
export const engineRows: RowSource = () => [
  ['InnoDB', 'DEFAULT', 'Supports transactions, row-level locking, and foreign keys', 'YES', 'YES', 'YES'],
  ['MEMORY', 'YES', 'Hash based, stored in memory, useful for temporary tables', 'NO', 'NO', 'NO'],
  ['MyISAM', 'YES', 'MyISAM storage engine', 'NO', 'NO', 'NO'],
];

export const pluginRows: RowSource = (core) => {
  const plugin = (name: string, type: string, description: string): VirtualRow => [
    ...[name, '1.0', 'ACTIVE', type, '1.0', null, null, 'P2PDB', description, 'Apache-2.0', 'FORCE'],
  ];
  void core;
  return [
    plugin('caching_sha2_password', 'AUTHENTICATION', 'Caching sha2 authentication'),
    plugin('mysql_native_password', 'AUTHENTICATION', 'Native MySQL authentication'),
    plugin('InnoDB', 'STORAGE ENGINE', 'Supports transactions, row-level locking, and foreign keys'),
  ];
};

export const keywordRows: RowSource = () =>
  [...RESERVED, ...NON_RESERVED]
    .map((w) => w.toUpperCase())
    .sort()
    .map((word) => [word, isReserved(word) ? 1 : 0]);

// Variables and status.

export function variableRows(core: EngineCore, session: EngineSession | undefined): [string, string][] {
  const value = (d: VariableDefinition): string | number => {
    const ofGroup = core.groupVariable(d.name);
    if (ofGroup !== undefined) return ofGroup;
    if (session === undefined || d.scope === 'global') return core.globals.get(d.name);
    const own = session.systemVariable(d.name, 'session');
    return d.kind === 'int' && (typeof own === 'number' || typeof own === 'bigint') && d.scope === 'session'
      ? Number(own)
      : session.state.variables.get(d.name);
  };
  return allVariables()
    .filter((d) => session !== undefined || d.scope !== 'session')
    .map((d): [string, string] => {
      const given = value(d);
      return [d.name, given === '\u0000null' ? '' : displayValue(d, given)];
    })
    .sort((a, b) => (a[0] < b[0] ? -1 : 1));
}

export const globalVariables: RowSource = (core) => variableRows(core, undefined);
export const sessionVariables: RowSource = (core, session) => variableRows(core, session);
export const globalStatus: RowSource = (core, session) => statusValues(core, session);
export const persistedVariables: RowSource = (core) => [...core.catalog.globals].map(([name, value]) => [name, value]);

// Sessions

export interface ProcessFacts {
  readonly id: number;
  readonly user: string;
  readonly host: string;
  readonly database: string | null;
  readonly command: string;
  readonly time: number;
  readonly state: string;
  readonly info: string | null;
}

/** Sessions that the account may see: its own, or all with PROCESS. */
export function processes(core: EngineCore, session: EngineSession): ProcessFacts[] {
  return [...core.sessions.values()]
    .filter((s) => s.account.user === session.account.user || core.accounts.canSeeProcesses(session))
    .sort((a, b) => a.id - b.id)
    .map((s) => ({
      id: s.id,
      user: s.account.user,
      host: s.client.port > 0 ? `${s.client.address}:${s.client.port}` : s.client.address,
      database: s.database === '' ? null : s.database,
      command: s.state.command,
      time: Math.max(0, Math.floor((Date.now() - s.state.since) / 1000)),
      state: s.state.command === 'Sleep' ? '' : s === session ? 'executing' : 'starting',
      info: s.state.info ?? null,
    }));
}

export const processRows: RowSource = (core, session) =>
  processes(core, session).map((p) => [p.id, p.user, p.host, p.database, p.command, p.time, p.state, p.info]);

export const processlistTable: RowSource = (core, session) =>
  processes(core, session).map((p) => [
    p.id,
    p.user,
    p.host,
    p.database,
    p.command,
    p.time,
    p.state,
    p.info,
    'PRIMARY',
  ]);

export const threadRows: RowSource = (core, session) =>
  processes(core, session).map((p) => [
    p.id,
    'thread/sql/one_connection',
    'FOREGROUND',
    ...[p.id, p.user, p.host, p.database, p.command, p.time, p.state, p.info],
    ...[null, null, 'YES', 'YES', 'SSL/TLS', null, 'USR_default', 'PRIMARY', 0, 0, 0, 0, null, 'NO'],
  ]);

export const attributeRows: RowSource = (core, session) =>
  [...core.sessions.values()]
    .filter((s) => s.account.user === session.account.user)
    .flatMap((s) => [...s.client.attributes].map(([name, value], i): VirtualRow => [s.id, name, value, i]));

export const versionRows: RowSource = (core) => [['2.1.3', core.version]];
