/**
 * How a node that was told to wait comes to be a member. Its identity lies with its data: a folder that is empty belongs to nobody yet,
 * and a folder that left its group is set aside, so that a new identity begins without it.
 */
import { createPublicKey } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Logger } from 'pino';
import { startWaiting, type Door, type JoinOrder, type JoinOutcome } from './admin/index.ts';
import { adminOptions, foundGroup, isMember, joinGroup } from './cluster.ts';
import { ConfigError, type Config } from './config/index.ts';
import { loadIdentity, makeFolder, writeFileDurably } from './store/index.ts';

/** Waits where the settings ask for it and the folder has no group. Gives the door that is open then, or undefined when `stop` came first. */
export async function waitToJoin(
  config: Config,
  stop: Promise<unknown>,
  log: Logger,
): Promise<{ readonly door: Door | undefined } | undefined> {
  if (config.join === 'now') return { door: undefined };
  const { name } = config;
  if (name === undefined) throw new ConfigError('name: a node that waits to be let in needs one');
  setAsideLeft(config.data, log);
  if (isMember(config)) return { door: undefined };
  loadIdentity(config.data);
  const self = { name, id: publicIdOf(config.data) };
  const { door, joined } = await startWaiting(
    adminOptions(config),
    { self, join: (order) => join(config, order, log) },
    log,
  );
  const isIn = await Promise.race([joined.then(() => true), stop.then(() => false)]);
  if (isIn) return { door };
  await door.close();
  return undefined;
}

async function join(config: Config, order: JoinOrder, log: Logger): Promise<JoinOutcome> {
  if (order.kind === 'found') {
    foundGroup(config, publicIdOf(config.data));
    log.info('this node is the first of a new group');
    return { kind: 'joined' };
  }
  const outcome = await joinGroup(config, order.token);
  log.info(outcome, 'asked to be let in');
  return outcome;
}

function publicIdOf(dir: string): string {
  const spki = createPublicKey(readFileSync(path.join(dir, 'identity.key'))).export({ format: 'der', type: 'spki' });
  return spki.subarray(spki.length - 32).toString('hex');
}

/** In this file, the public key of a node that left its group. */
const LEFT = 'left';
/** Stays where it is: the file system's own, what holds the lock, and what was set aside. */
const STAYS = /^(?:lost\+found|lock.*|left.*)$/;

/** At its next start the node begins anew. */
export const markLeft = (dir: string, id: string): void => writeFileDurably(path.join(dir, LEFT), `${id}\n`);

/** Whatever a crash cut short is done to its end: the mark goes last. */
function setAsideLeft(dir: string, log: Logger): void {
  makeFolder(dir);
  const mark = path.join(dir, LEFT);
  if (!existsSync(mark)) return;
  const kept = path.join(dir, `left-${readFileSync(mark, 'utf8').trim().slice(0, 16)}`);
  mkdirSync(kept, { recursive: true, mode: 0o700 });
  for (const entry of readdirSync(dir)) {
    if (!STAYS.test(entry)) renameSync(path.join(dir, entry), path.join(kept, entry));
  }
  rmSync(mark);
  log.warn({ kept }, 'the node left its group: its data is set aside, it begins anew');
}
