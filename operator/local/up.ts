/** p2pdb up: the nodes of a P2PDBCluster as processes of this machine. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { stringify } from 'yaml';
import { nodeNames, readCluster, type Cluster } from '../api/index.ts';
import { Cockpit } from './cockpit.ts';
import { meaningless, nodeEnvironment, type LocalNode, type Shared } from './environment.ts';
import { removeRecord, replaceFile, rootPassword, swarmKeyFile } from './folder.ts';
import { choosePlaces } from './places.ts';
import { Screen, type Output } from './screen.ts';
import { Signals } from './signals.ts';

export const UP_HELP = `p2pdb up -f FILE [OPTION…]

  -f, --file FILE    manifest of a P2PDBCluster
      --data DIR     keeps everything there (data/NAME, by the name of the cluster)
      --free-ports   takes any free ports, also where 3306, 4001 and 8080 are free
      --partition    lets p2pdb partition and p2pdb heal cut the nodes off from each other

P2PDB_ROOT_PASSWORD is the password that root gets when the data is made; without it, one is made and shown.
`;

/** What the command line gives to a command. */
export interface CommandLine {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly out: Output;
  readonly err: { write(text: string): unknown };
}

/** What `up` has from the rest of the program. */
export interface UpPorts {
  /** Runs this program: the file, and what stands before its arguments. */
  readonly program: readonly string[];
  /** Takes a folder for this process alone, and makes it when it is not there. */
  lockFolder(dir: string): { readonly unlock: () => void } | { readonly takenBy: string };
}

/** Where a cluster's folder is when nobody says it. */
export const DEFAULT_PARENT = 'data';

/** Gives the exit code: 0 after a stop that was asked for, 1 when it cannot start, 2 for a bad manifest or wrong use. */
export async function runUp(command: CommandLine, ports: UpPorts): Promise<number> {
  const refuse = (text: string, code = 2): number => {
    command.err.write(`p2pdb up: ${text}\n`);
    return code;
  };
  let options: ReturnType<typeof readOptions>;
  try {
    options = readOptions(command.argv);
  } catch (error) {
    return refuse((error as Error).message);
  }
  if (options.help === true) {
    command.out.write(UP_HELP);
    return 0;
  }
  const { file } = options;
  if (file === undefined) return refuse('a manifest is needed: p2pdb up -f FILE');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return refuse(`cannot read ${file}: ${(error as Error).message}`);
  }
  const reading = readCluster(text);
  if (reading.kind === 'refused') {
    const places = reading.faults.map(({ path, reason, line }) => {
      const where = line === undefined ? file : `${file}:${line}`;
      return `  ${where}: ${path === '' ? 'the document' : path}: ${reason}`;
    });
    return refuse(`the manifest is refused\n${places.join('\n')}`);
  }
  const { cluster, given } = reading;
  const dir = path.resolve(options.data ?? path.join(DEFAULT_PARENT, cluster.metadata.name));
  const lock = ports.lockFolder(dir);
  if ('takenBy' in lock) return refuse(`${dir} is in use by process ${lock.takenBy}`, 1);
  try {
    return await serve({ command, ports, cluster, dir, unused: meaningless(given), options });
  } finally {
    removeRecord(dir);
    lock.unlock();
  }
}

const readOptions = (argv: readonly string[]) =>
  parseArgs({
    args: [...argv],
    options: {
      file: { type: 'string', short: 'f' },
      data: { type: 'string' },
      'free-ports': { type: 'boolean' },
      partition: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  }).values;

interface Up {
  readonly command: CommandLine;
  readonly ports: UpPorts;
  readonly cluster: Cluster;
  readonly dir: string;
  /** Fields of the manifest that have no meaning here. */
  readonly unused: readonly string[];
  readonly options: { readonly 'free-ports'?: boolean | undefined; readonly partition?: boolean | undefined };
}

async function serve(up: Up): Promise<number> {
  const { command, ports, cluster, dir } = up;
  // Before anything that takes time: a signal must not end this process without its nodes.
  const signals = new Signals();
  const screen = new Screen(command.out);
  const { name } = cluster.metadata;
  screen.line(
    `cluster ${name}: ${cluster.spec.replicas} node${cluster.spec.replicas === 1 ? '' : 's'}, data in ${dir}`,
  );
  if (up.unused.length > 0) screen.line(`without meaning on one machine: ${up.unused.join(', ')}`);

  const names = nodeNames(cluster);
  const places = await choosePlaces(names.length, up.options['free-ports'] === true);
  const nodes = places.map((place, i): LocalNode => {
    const node = names[i] as string;
    const folder = path.join(dir, node);
    return { ...place, name: node, folder, logFile: `${folder}.log`, tokenFile: path.join(folder, 'admin.token') };
  });
  const password = rootPassword(dir, nodes, command.env['P2PDB_ROOT_PASSWORD']);
  const configFile = path.join(dir, 'config.yaml');
  replaceFile(configFile, stringify(cluster.spec.config));
  const draft: Shared = {
    cluster,
    nodes,
    ids: new Map(),
    swarmKeyFile: swarmKeyFile(dir),
    configFile,
    rootPassword: password.value,
    testFaults: up.options.partition === true,
  };
  const program = programEnvironment(dir, command.env);
  const environment = (node: LocalNode, shared: Shared): NodeJS.ProcessEnv => ({
    ...program,
    ...nodeEnvironment(node, shared),
  });
  const prepare = async (): Promise<Prepared> => {
    const reason = await settingsFault(ports.program, environment(nodes[0] as LocalNode, draft));
    if (reason !== undefined) return { kind: 'refused', reason };
    return { kind: 'ready', ids: await identities(ports.program, program, nodes) };
  };
  const stopped = signals.first.then((): Prepared => ({ kind: 'stopped' }));
  const prepared = await Promise.race([prepare(), stopped]);
  if (prepared.kind === 'stopped') return 0;
  if (prepared.kind === 'refused') {
    command.err.write(`p2pdb up: the manifest is refused\n  spec.config: ${prepared.reason}\n`);
    return 2;
  }
  const shared: Shared = { ...draft, ids: prepared.ids };
  if (password.origin === 'generated') {
    screen.line(`The password of root is ${password.value}   (kept in ${password.file})`);
  }
  const cockpit = new Cockpit({
    dir,
    cluster: name,
    nodes,
    program: ports.program,
    environment: (node) => environment(node, shared),
    password,
    screen,
  });
  return await cockpit.run(signals);
}

type Prepared =
  | { readonly kind: 'ready'; readonly ids: ReadonlyMap<string, string> }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'stopped' };

/** The settings of the nodes come from the manifest, not from the shell of whoever starts them. */
const programEnvironment = (dir: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  // Compiled code is kept: a node then comes back in about a third of the time.
  NODE_COMPILE_CACHE: path.join(dir, 'compiled'),
  ...Object.fromEntries(Object.entries(env).filter(([key]) => !key.startsWith('P2PDB_'))),
});

const run = promisify(execFile);

/** What a node says against its settings; undefined when it takes them. */
async function settingsFault(
  [file = '', ...before]: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  try {
    await run(file, [...before, 'node', '--print-config'], { env });
    return undefined;
  } catch (error) {
    const { stderr = '', message } = error as { stderr?: string; message: string };
    const line = stderr
      .split('\n')
      .find((one) => one.startsWith('p2pdb: setting') || one.startsWith('p2pdb: unknown setting'));
    if (line === undefined) throw new Error(`the nodes' settings could not be checked: ${message}`, { cause: error });
    return line.replace(/^p2pdb: /, '').replace(/ \(from file [^)]*\)/, '');
  }
}

/** The public key of each node, which it makes when it has none. */
async function identities(
  [file = '', ...before]: readonly string[],
  env: NodeJS.ProcessEnv,
  nodes: readonly LocalNode[],
): Promise<Map<string, string>> {
  const pairs = await Promise.all(
    nodes.map(async ({ name, folder }) => {
      const { stdout } = await run(file, [...before, 'identity', '--data', folder], { env });
      return [name, (JSON.parse(stdout) as { id: string }).id] as const;
    }),
  );
  return new Map(pairs);
}
