/** Settings from their four places, each later one before the earlier: defaults, the file, the environment, flags. */
import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { Unexpected } from './kinds.ts';
import {
  type AnySetting,
  type Config,
  environmentKey,
  fileKey,
  flagKey,
  SETTING_NAMES,
  type SettingName,
  SETTINGS,
} from './settings.ts';

/** A setting that cannot be used. The message is one line for the person who made it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'P2PDB_CONFIG';
}

export interface LoadedConfig {
  readonly config: Config;
  /** Where each value came from: `default`, `file X`, `environment P2PDB_X`, `flag --x`. */
  readonly sources: Readonly<Record<SettingName, string>>;
  /** --print-config was given: show the settings and do nothing else. */
  readonly printConfig: boolean;
  /** --help was given. */
  readonly help: boolean;
}

/** `argv`: what follows `p2pdb node`. Throws ConfigError. */
export function loadConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  readFile: (path: string) => string = (path) => readFileSync(path, 'utf8'),
): LoadedConfig {
  const values: Partial<Record<SettingName, unknown>> = {};
  const sources: Partial<Record<SettingName, string>> = {};
  for (const name of SETTING_NAMES) {
    values[name] = SETTINGS[name].initial;
    sources[name] = 'default';
  }
  const set = (name: SettingName, text: string, source: string): void => {
    values[name] = parse(name, text, source);
    sources[name] = source;
  };

  const flags = readFlags(argv);
  const file = flags.config ?? env['P2PDB_CONFIG'];
  if (file !== undefined) {
    for (const [key, text] of readSettingsFile(file, readFile)) {
      const name = findName(key, fileKey);
      if (name === undefined) throw unknownKey(`file ${file}`, key, SETTING_NAMES.map(fileKey));
      set(name, text, `file ${file}`);
    }
  }
  for (const [key, text] of Object.entries(env)) {
    if (!key.startsWith('P2PDB_') || NO_SETTINGS.has(key) || text === undefined || isServiceLink(key)) continue;
    const name = findName(key, environmentKey);
    if (name === undefined) throw unknownKey('environment', key, SETTING_NAMES.map(environmentKey));
    set(name, text, `environment ${key}`);
  }
  for (const [name, text] of flags.settings) set(name, text, `flag ${flagKey(name)}`);

  const config = values as unknown as Config;
  check(config);
  return {
    config,
    sources: sources as Record<SettingName, string>,
    printConfig: flags.printConfig,
    help: flags.help,
  };
}

/** Variables of ours that are no settings of a node: the settings file, and the shell's history. */
const NO_SETTINGS = new Set(['P2PDB_CONFIG', 'P2PDB_HISTFILE']);

/** Kubernetes sets such variables for a Service that is named p2pdb: they are not ours. */
const isServiceLink = (key: string): boolean =>
  /^P2PDB_(?:[A-Z0-9_]+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_[A-Z]+)?)?)$/.test(
    key,
  );

const findName = (key: string, form: (name: string) => string): SettingName | undefined =>
  SETTING_NAMES.find((name) => form(name) === key);

function parse(name: SettingName, text: string, source: string): unknown {
  const entry: AnySetting = SETTINGS[name];
  try {
    return entry.kind.parse(text);
  } catch (error) {
    if (!(error instanceof Unexpected)) throw error;
    const got = entry.secret === true ? '' : `, got ${JSON.stringify(text)}`;
    throw new ConfigError(`setting ${fileKey(name)}: expected ${error.message}${got} (from ${source})`);
  }
}

interface Flags {
  config: string | undefined;
  printConfig: boolean;
  help: boolean;
  readonly settings: [SettingName, string][];
}

function readFlags(argv: readonly string[]): Flags {
  const flags: Flags = { config: undefined, printConfig: false, help: false, settings: [] };
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] as string;
    if (!argument.startsWith('--')) throw new ConfigError(`unexpected argument ${JSON.stringify(argument)}`);
    const equals = argument.indexOf('=');
    const key = equals < 0 ? argument : argument.slice(0, equals);
    const value = (): string => {
      if (equals >= 0) return argument.slice(equals + 1);
      const next = argv[++i];
      if (next === undefined) throw new ConfigError(`flag ${key} needs a value`);
      return next;
    };
    if (key === '--print-config') flags.printConfig = true;
    else if (key === '--help') flags.help = true;
    else if (key === '--config') flags.config = value();
    else {
      const name = findName(key, flagKey);
      if (name === undefined) {
        const known = ['--config', '--print-config', '--help', ...SETTING_NAMES.filter(takesFlag).map(flagKey)];
        throw unknownKey('command line', key, known);
      }
      if (!takesFlag(name)) {
        throw new ConfigError(`${key} is not a flag, as others could read it: use ${environmentKey(name)} or the file`);
      }
      flags.settings.push([name, value()]);
    }
  }
  return flags;
}

const takesFlag = (name: SettingName): boolean => (SETTINGS[name] as AnySetting).secret !== true;

/** The settings of a YAML file; `log: { format: json }` is `log_format: json`. */
function readSettingsFile(file: string, readFile: (path: string) => string): [string, string][] {
  let source: string;
  try {
    source = readFile(file);
  } catch (error) {
    throw new ConfigError(`cannot read the settings file ${file}: ${(error as Error).message}`, { cause: error });
  }
  const document = parseDocument(source, { prettyErrors: true });
  const [problem] = document.errors;
  if (problem !== undefined) {
    throw new ConfigError(`file ${file} is not YAML: ${problem.message.split('\n')[0] ?? ''}`, { cause: problem });
  }
  const settings: [string, string][] = [];
  const walk = (value: unknown, key: string): void => {
    if (Array.isArray(value)) settings.push([key, value.map(String).join(',')]);
    else if (value !== null && typeof value === 'object') {
      for (const [part, inner] of Object.entries(value)) walk(inner, key === '' ? part : `${key}_${part}`);
    } else if (value !== null && value !== undefined) {
      settings.push([key, typeof value === 'string' ? value : JSON.stringify(value)]);
    }
  };
  const root: unknown = document.toJS();
  if (root !== null && (typeof root !== 'object' || Array.isArray(root))) {
    throw new ConfigError(`file ${file}: expected keys and values`);
  }
  walk(root, '');
  return settings;
}

/** What no setting can say alone. */
function check(config: Config): void {
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined)) {
    const missing = config.tlsCert === undefined ? 'tls_cert' : 'tls_key';
    throw new ConfigError(`setting ${missing}: tls_cert and tls_key belong together`);
  }
  if (config.rootPassword !== undefined && config.rootPasswordFile !== undefined) {
    throw new ConfigError('setting root_password_file: give root_password or root_password_file, not both');
  }
  const names = new Set(config.members.map(({ name }) => name));
  if (names.size > 0 && config.name !== undefined && !names.has(config.name)) {
    throw new ConfigError(`setting name: ${config.name} is not among the members`);
  }
  const stranger = config.voters.find((voter) => !names.has(voter));
  if (stranger !== undefined) throw new ConfigError(`setting voters: ${stranger} is not among the members`);
}

function unknownKey(where: string, key: string, known: readonly string[]): ConfigError {
  const near = nearest(key, known);
  return new ConfigError(
    `unknown setting ${JSON.stringify(key)} (from ${where})${near === undefined ? '' : `: did you mean ${near}?`}`,
  );
}

/** The known key that takes the fewest changes, when those are few. */
function nearest(key: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(key.length / 3)) + 1;
  for (const candidate of known) {
    const changes = distance(key.toLowerCase(), candidate.toLowerCase());
    if (changes < least) [best, least] = [candidate, changes];
  }
  return best;
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

/** The outcome, a setting a line, with where it came from. */
export function formatConfig({ config, sources }: LoadedConfig): string {
  const lines = SETTING_NAMES.map((name) => {
    const entry: AnySetting = SETTINGS[name];
    const value = config[name];
    const shown = value === undefined ? '' : entry.secret === true ? '***' : entry.kind.format(value);
    return [`${fileKey(name)}: ${shown}`, `# ${sources[name]}`] as const;
  });
  const width = Math.max(...lines.map(([line]) => line.length));
  return lines.map(([line, source]) => `${line.padEnd(width)}  ${source}`).join('\n');
}
