#!/usr/bin/env node
/** The program: its commands, and what each says when it cannot go on. */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { CommandLine } from '../operator/local/index.ts';
import { runIdentityCommand } from './cli/identity.ts';
import { runLogCommand } from './cli/log.ts';
import { ConfigError, formatConfig, loadConfig, settingsHelp } from './config/index.ts';
import { DataFolderError } from './engine/index.ts';
import { makeLogger, startNode, VERSION } from './node.ts';
import { lockFolder, LogDamagedError } from './store/index.ts';

const HELP = `p2pdb ${VERSION}

  p2pdb up -f FILE         runs a cluster from its manifest, each node a process of this machine
  p2pdb status             shows the nodes of a cluster that runs so
  p2pdb partition GROUP…   cuts its nodes off from each other; p2pdb heal joins them again
  p2pdb node [SETTING…]    runs a node; --help lists the settings, --print-config shows them
  p2pdb start [SETTING…]   the same with a data folder ./data, and says how to connect
  p2pdb sql [OPTION…]      a small SQL shell
  p2pdb identity           prints the public key of a data folder, which it makes when there is none
  p2pdb log verify DIR     checks every hash and signature of a node's log
  p2pdb log show DIR       prints its entries
`;

async function runNode(argv: readonly string[]): Promise<number> {
  const loaded = loadConfig(argv, process.env);
  if (loaded.help) {
    process.stdout.write(settingsHelp());
    return 0;
  }
  if (loaded.printConfig) {
    process.stdout.write(formatConfig(loaded));
    return 0;
  }
  const { config } = loaded;
  const log = makeLogger(config);
  const password =
    config.rootPasswordFile === undefined
      ? config.rootPassword
      : readFileSync(config.rootPasswordFile, 'utf8').replace(/\r?\n$/, '');
  const stop = new Promise<string>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(signal));
    // Whoever started the node with a channel wants it to end with him, however he ends.
    if (process.channel !== undefined) {
      if (process.connected) process.once('disconnect', () => resolve('disconnect'));
      else resolve('disconnect');
    }
  });
  const node = await startNode(config, password, log);
  const { port, address } = node.server.address;
  const host = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address;
  const generated = node.engine.generatedPassword;
  if (generated !== undefined) process.stdout.write(`The password of root is ${generated}   (shown this once)\n`);
  process.stdout.write(`Connect with   mysql --host=${host} --port=${port} --user=root --password\n`);
  process.stdout.write(`or by URL      mysql://root@${host}:${port}/\n`);
  process.stdout.write(`ready: MySQL protocol on ${host}:${port}, admin HTTP on ${at(node.admin.address)}\n`);
  const end = await Promise.race([stop, node.failed]);
  if (end instanceof Error) {
    log.fatal({ err: end }, 'the node cannot go on; start it again and it catches up from its log');
    return 1;
  }
  log.info({ signal: end }, 'stopping');
  await node.stop();
  if (process.connected) process.disconnect?.();
  return 0;
}

const at = ({ address, port }: AddressInfo): string => `${address}:${port}`;

/** The operator's part of the program; a node does without it. */
const local = () => import('../operator/local/index.ts');
const line = (argv: readonly string[]): CommandLine => ({
  argv,
  env: process.env,
  out: process.stdout,
  err: process.stderr,
});

async function main(argv: readonly string[]): Promise<number> {
  const [command, ...rest] = argv;
  switch (command) {
    case 'node':
    case 'start':
      return runNode(rest);
    case 'sql':
      // Loaded when asked for: a node that serves does without the client library.
      return (await import('./cli/index.ts')).runShell(rest, process);
    case 'up':
      return (await local()).runUp(line(rest), {
        program: [process.execPath, ...process.execArgv, fileURLToPath(import.meta.url)],
        lockFolder,
      });
    case 'status':
      return (await local()).runStatus(line(rest));
    case 'partition':
      return (await local()).runPartition(line(rest));
    case 'heal':
      return (await local()).runHeal(line(rest));
    case 'identity':
      return runIdentityCommand(rest, process.stdout);
    case 'log':
      return runLogCommand(rest, process.stdout);
    case undefined:
    case 'help':
    case '--help':
    case '-h':
      process.stdout.write(HELP);
      return 0;
    case '--version':
      process.stdout.write(`${VERSION}\n`);
      return 0;
    default:
      process.stderr.write(`p2pdb: there is no command '${command}'; p2pdb help lists them\n`);
      return 2;
  }
}

/** What went wrong, in one line, for the causes that a user can mend. */
function explain(error: unknown): string | undefined {
  if (error instanceof ConfigError || error instanceof DataFolderError || error instanceof LogDamagedError)
    return error.message;
  const { code, message, port, address, path } = error as NodeJS.ErrnoException & { port?: number; address?: string };
  if (code === 'EADDRINUSE')
    return `${address ?? ''}:${port ?? ''} is in use by another program; choose another with --mysql or --http`;
  if (code === 'EADDRNOTAVAIL') return `this machine has no address ${address ?? ''}`;
  if (code === 'EACCES' || code === 'EPERM' || code === 'ENOTDIR' || code === 'EROFS' || code === 'EEXIST')
    return `${path ?? address ?? ''} cannot be used: ${message}`;
  return undefined;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const line = explain(error);
  process.stderr.write(line === undefined ? `p2pdb: ${(error as Error).stack ?? String(error)}\n` : `p2pdb: ${line}\n`);
  process.exitCode = 1;
}
// Handles that a failed start may have left open must not keep the process.
if (process.exitCode !== 0) process.exit();
