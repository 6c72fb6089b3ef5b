#!/usr/bin/env node
/** The program: its commands, and what each says when it cannot go on. */
import { fileURLToPath } from 'node:url';
import type { CommandLine } from '../operator/local/index.ts';
import { VERSION } from './version.ts';

const HELP = `p2pdb ${VERSION}

  p2pdb up -f FILE         runs a cluster from its manifest, each node a process of this machine
  p2pdb status             shows the nodes of a cluster that runs so
  p2pdb partition GROUP…   cuts its nodes off from each other; p2pdb heal joins them again
  p2pdb node [SETTING…]    runs a node; --help lists the settings, --print-config shows them
  p2pdb start [SETTING…]   the same with a data folder ./data, and says how to connect
  p2pdb operator           runs clusters on Kubernetes
  p2pdb crds               prints the kinds P2PDBCluster, P2PDBDatabase and P2PDBUser for kubectl apply -f -
  p2pdb sql [OPTION…]      a small SQL shell
  p2pdb identity           prints the public key of a data folder, which it makes when there is none
  p2pdb log verify DIR     checks every hash and signature of a node's log
  p2pdb log show DIR       prints its entries
`;

const line = (argv: readonly string[]): CommandLine => ({
  argv,
  env: process.env,
  out: process.stdout,
  err: process.stderr,
});

/** Each command loads what it needs: a node does without the operator, the operator and `up` without the engine. */
async function main(argv: readonly string[]): Promise<number> {
  const [command, ...rest] = argv;
  switch (command) {
    case 'node':
    case 'start':
      return (await import('./serve.ts')).runNode(rest);
    case 'sql':
      return (await import('./cli/index.ts')).runShell(rest, process);
    case 'up': {
      const { runUp } = await import('../operator/local/index.ts');
      const { lockFolder, makeFolder } = await import('./store/index.ts');
      return runUp(line(rest), {
        program: [process.execPath, ...process.execArgv, fileURLToPath(import.meta.url)],
        lockFolder: (dir) => {
          makeFolder(dir);
          return lockFolder(dir);
        },
      });
    }
    case 'status': {
      const { runStatus } = await import('../operator/local/index.ts');
      return runStatus(line(rest));
    }
    case 'partition': {
      const { runPartition } = await import('../operator/local/index.ts');
      return runPartition(line(rest));
    }
    case 'heal': {
      const { runHeal } = await import('../operator/local/index.ts');
      return runHeal(line(rest));
    }
    case 'operator': {
      const { runOperator } = await import('../operator/main.ts');
      const { makeLogger } = await import('./logger.ts');
      return runOperator(rest, {
        version: VERSION,
        env: process.env,
        out: process.stdout,
        err: process.stderr,
        log: makeLogger({ logFormat: 'json', logLevel: 'info' }),
      });
    }
    case 'crds':
      return (await import('../operator/crds.ts')).runCrds(rest, { out: process.stdout, err: process.stderr });
    case 'identity':
      return (await import('./cli/identity.ts')).runIdentityCommand(rest, process.stdout);
    case 'log':
      return (await import('./cli/log.ts')).runLogCommand(rest, process.stdout);
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

/** Errors whose message is for the user; by name, as their classes come with parts that most commands do without. */
const FOR_THE_USER = new Set(['ConfigError', 'DataFolderError', 'LogDamagedError']);

/** What went wrong, in one line, for the causes that a user can mend. */
function explain(error: unknown): string | undefined {
  const { name, code, message, port, address, path } = error as NodeJS.ErrnoException & {
    port?: number;
    address?: string;
  };
  if (FOR_THE_USER.has(name)) return message;
  switch (code) {
    case 'EADDRINUSE':
      return `${address ?? ''}:${port ?? ''} is in use by another program; choose another with --mysql or --http`;
    case 'EADDRNOTAVAIL':
      return `this machine has no address ${address ?? ''}`;
    case 'EACCES':
    case 'EEXIST':
    case 'EISDIR':
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EPERM':
    case 'EROFS':
      return `${path ?? address ?? ''} cannot be used: ${message}`;
    default:
      return undefined;
  }
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
