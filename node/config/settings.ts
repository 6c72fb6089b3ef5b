/**
 * Every setting of a node. A name here gives the key in the file (`max_connections`), the environment variable
 * (`P2PDB_MAX_CONNECTIONS`) and the flag (`--max-connections`).
 */
import {
  bytes,
  choice,
  flag,
  type HostPort,
  hostPort,
  integer,
  type Kind,
  list,
  members,
  nodeName,
  optional,
  path,
  text,
} from './kinds.ts';

export interface Setting<T> {
  readonly kind: Kind<T>;
  readonly initial: T;
  readonly help: string;
  /** Not shown by --print-config, and not taken as a flag, which other users of the machine could read. */
  readonly secret?: true;
}

/** A setting whose type of value does not matter. */
export type AnySetting = Setting<unknown>;

const setting = <T>(kind: Kind<T>, initial: T, help: string): Setting<T> => ({ kind, initial, help });
const secret = <T>(kind: Kind<T>, initial: T, help: string): Setting<T> => ({ kind, initial, help, secret: true });
const at = (host: string, port: number): HostPort => ({ host, port });

export const SETTINGS = {
  data: setting(path, 'data', 'Folder of the node: identity, log, state, keys.'),
  mysql: setting(hostPort, at('127.0.0.1', 3306), 'Where the MySQL protocol is served.'),
  http: setting(hostPort, at('127.0.0.1', 8080), 'Where health, metrics and the admin HTTP are served.'),
  peers: setting(hostPort, at('0.0.0.0', 4001), 'Where other nodes connect to.'),
  name: setting(optional(nodeName), undefined, 'Name of the node in its cluster.'),
  cluster: setting(optional(nodeName), undefined, 'Name of the cluster.'),
  members: setting(members, [], 'Nodes of the cluster, each with its public key as hex; p2pdb identity prints it.'),
  voters: setting(list, [], 'Names of the members that decide what is final.'),
  bootstrap: setting(list, [], 'Addresses of nodes to join by.'),
  mdns: setting(flag, false, 'Finds other nodes of the swarm in the local network by itself (multicast DNS).'),
  swarmKey: setting(optional(path), undefined, 'File with the key that keeps strangers out of the swarm.'),
  joinToken: secret(
    optional(text),
    undefined,
    'Token by which the node joins a cluster at its first start: SELECT p2pdb_join_token(…) of a member.',
  ),
  join: setting(
    choice('now', 'wait'),
    'now',
    'What a node without data does: founds or joins its group, or waits until POST /v1/join says which.',
  ),
  readyLagEntries: setting(
    integer(1, 1_000_000_000),
    5_000,
    'Entries that the node may be behind and still be ready for clients.',
  ),
  logRetention: setting(
    optional(bytes(1024 ** 2, 1024 ** 5)),
    undefined,
    'Log that is kept, at least, once a snapshot stands for what is older; without it, all is kept.',
  ),
  logFormat: setting(choice('text', 'json'), 'text', 'Form of the log lines.'),
  logLevel: setting(choice('trace', 'debug', 'info', 'warn', 'error'), 'info', 'Least important log lines to write.'),
  tls: setting(
    choice('auto', 'off'),
    'auto',
    'TLS of the MySQL protocol: with the certificate given, else with one made in the data folder; or off.',
  ),
  tlsCert: setting(optional(path), undefined, 'Certificate chain (PEM).'),
  tlsKey: setting(optional(path), undefined, 'Private key of the certificate (PEM).'),
  httpTls: setting(flag, false, 'Serves the admin HTTP with TLS, with the same certificate.'),
  adminTokenFile: setting(
    optional(path),
    undefined,
    'File with the token that opens the admin HTTP; without it, one is made in the data folder.',
  ),
  rootPassword: secret(optional(text), undefined, 'Password that root gets when the data folder is made.'),
  rootPasswordFile: setting(optional(path), undefined, 'File with the password that root gets.'),
  maxConnections: setting(integer(1, 100_000), 1000, 'Clients at most at a time.'),
  maxAllowedPacket: setting(bytes(1024, 1024 ** 3), 64 * 1024 ** 2, 'Longest statement or row.'),
  connectTimeout: setting(integer(2, 31_536_000), 10, 'Seconds that a client may take to log in.'),
  localInfile: setting(flag, false, 'Allows LOAD DATA LOCAL INFILE.'),
  commitLevel: setting(
    choice('local', 'replicated', 'final'),
    'local',
    'What OK means for a session that does not say it (p2pdb_commit).',
  ),
  readLevel: setting(
    choice('local', 'linearizable'),
    'local',
    'What a session reads that does not say it (p2pdb_read).',
  ),
  allowTestFaults: setting(flag, false, 'Lets an administrator cut the node off from others, for tests and for shows.'),
} satisfies Record<string, AnySetting>;

type Settings = typeof SETTINGS;
export type SettingName = keyof Settings;
type ValueOf<S> = S extends Setting<infer T> ? T : never;

/** The values of all settings. */
export type Config = { readonly [N in SettingName]: ValueOf<Settings[N]> };

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

export const fileKey = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
export const environmentKey = (name: string): string => `P2PDB_${fileKey(name).toUpperCase()}`;
export const flagKey = (name: string): string => `--${fileKey(name).replaceAll('_', '-')}`;

/** The settings as a Markdown table, for the documentation. */
export function settingsTable(): string {
  const rows = SETTING_NAMES.map((name) => {
    const entry: AnySetting = SETTINGS[name];
    const initial = entry.initial === undefined ? '' : `\`${entry.kind.format(entry.initial)}\``;
    const flagCell = entry.secret === true ? '' : `\`${flagKey(name)}\``;
    const form = entry.kind.form.replaceAll('|', '\\|');
    return `| \`${fileKey(name)}\` | \`${environmentKey(name)}\` | ${flagCell} | ${form} | ${initial} | ${entry.help} |`;
  });
  return ['| key | environment | flag | value | default | |', '| --- | --- | --- | --- | --- | --- |', ...rows].join(
    '\n',
  );
}

/** What `p2pdb node --help` prints. */
export function settingsHelp(): string {
  const lines: [string, string][] = [
    ['--config FILE', 'Settings as YAML.'],
    ['--print-config', 'Shows each setting and where it came from, and ends.'],
  ];
  for (const name of SETTING_NAMES) {
    const entry: AnySetting = SETTINGS[name];
    const initial = entry.initial === undefined ? '' : entry.kind.format(entry.initial);
    const option = entry.secret === true ? environmentKey(name) : `${flagKey(name)} ${entry.kind.form}`;
    lines.push([option, `${entry.help}${initial === '' ? '' : ` (${initial})`}`]);
  }
  const width = Math.max(...lines.map(([option]) => option.length));
  const options = lines.map(([option, help]) => `  ${option.padEnd(width)}  ${help}`).join('\n');
  return `p2pdb node [OPTION…]\n\n${options}\n\nEach is also a key of the file (max_connections) and a variable (P2PDB_MAX_CONNECTIONS); flags win, then variables.\n`;
}
