/** p2pdb node: a node from its settings to its end. */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { formatConfig, loadConfig, settingsHelp } from './config/index.ts';
import type { RunningNode } from './node.ts';

/** Serves until a signal or a fault ends it. Gives the exit code. */
export async function runNode(argv: readonly string[]): Promise<number> {
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
  // Loaded when it shall serve: what only asks for the settings is answered at once.
  const { makeLogger } = await import('./logger.ts');
  const { startNode, RenewedError } = await import('./node.ts');
  const { waitToJoin } = await import('./joining.ts');
  const { carryOutRecovery } = await import('./recovery.ts');
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
  let recoveryFault = await carryOutRecovery(config, log);
  const waited = await waitToJoin(config, stop, log);
  if (waited === undefined) return 0;
  const start = async (door: typeof waited.door): Promise<RunningNode> => {
    for (;;) {
      try {
        return await startNode(config, password, log, { door, recoveryFault });
      } catch (error) {
        if (!(error instanceof RenewedError)) throw error;
      }
    }
  };
  for (let { door } = waited; ; door = undefined) {
    const node = await Promise.race([start(door), stop.then(() => undefined)]);
    // What is half begun has no end of its own; all that was promised is on the disk.
    if (node === undefined) process.exit(0);
    giveMemoryBack();
    announce(node);
    const end = await Promise.race([
      stop,
      node.failed,
      node.left.then(() => 'leave'),
      node.renewed.then(() => RENEWED),
      node.recovering.then(() => RECOVERING),
    ]);
    if (end instanceof Error) {
      log.fatal({ err: end }, 'the node cannot go on; start it again and it catches up from its log');
      return 1;
    }
    log.info({ signal: end }, 'stopping');
    await node.stop();
    if (end === RECOVERING) recoveryFault = await carryOutRecovery(config, log);
    if (end === RENEWED || end === RECOVERING) continue;
    if (process.connected) process.disconnect?.();
    return 0;
  }
}

/** Why a node stops that begins again at once, from a snapshot. */
const RENEWED = 'snapshot';
/** Why a node stops that begins again as the first member of a new group. */
const RECOVERING = 'recovery';

/**
 * What loading and starting left behind goes back to the system, about a fifth of the process: V8 keeps it for as long as little happens.
 * It has no call for that but the one that its flag shows to new contexts.
 */
function giveMemoryBack(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { type: 'major'; flavor: 'last-resort' }) => void;
  setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', flavor: 'last-resort' });
}

/** How to connect, and the line by which whoever started the node knows that it serves. */
function announce(node: RunningNode): void {
  const { port, address } = node.server.address;
  const host = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address;
  const generated = node.generatedPassword;
  if (generated !== undefined) process.stdout.write(`The password of root is ${generated}   (shown this once)\n`);
  process.stdout.write(`Connect with   mysql --host=${host} --port=${port} --user=root --password\n`);
  process.stdout.write(`or by URL      mysql://root@${host}:${port}/\n`);
  process.stdout.write(`ready: MySQL protocol on ${host}:${port}, admin HTTP on ${at(node.admin.address)}\n`);
}

const at = ({ address, port }: AddressInfo): string => `${address}:${port}`;
