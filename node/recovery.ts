/**
 * A member whose group lost its majority for good goes on alone, as the first member of a new group, once a person orders it.
 *
 * The order lies in the data folder. At the next start, before anything is opened for service: the new member's data is made in
 * `successor/`; what the old one had goes to `left-KEY/`, where it stays; the new data takes its place. The order says how far that is,
 * so a start after a crash goes on there: until the new data is whole nothing of the old one is touched, and from then on all of it is
 * set aside before the first of the new takes its place.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Logger } from 'pino';
import type { Config } from './config/index.ts';
import {
  DataFolderError,
  genesisFile,
  groupFolder,
  makeSuccessor,
  openEngine,
  openOwnGroup,
  placedDatabases,
  settle,
  type OpenedEngine,
  type OpenedGroup,
  type OwnGroupOptions,
  type PlacedDatabase,
  type Remainder,
} from './engine/index.ts';
import { lockFolder, makeFolder, StateCorruptError, syncFolder, writeFileDurably } from './store/index.ts';
import { VERSION } from './version.ts';

interface Order {
  readonly step: 'ordered' | 'made' | 'set-aside';
  /** The member that it was. */
  readonly id: string;
}

const ORDER = 'recovery.json';
const SUCCESSOR = 'successor';
/** Belongs to the identity, or to the group. All else in a data folder is the machine's, and stays. */
const OF_THE_MEMBER = ['groups', 'identity.key', 'incarnation', 'peers.json'];
/** Ids of transactions that are named in one line. */
const NAMED = 100;

const orderFile = (dir: string): string => path.join(dir, ORDER);
const keepOrder = (dir: string, order: Order): void => writeFileDurably(orderFile(dir), `${JSON.stringify(order)}\n`);

/** At its next start the node begins a new group. */
export const orderRecovery = (dir: string, id: string): void => keepOrder(dir, { step: 'ordered', id });

/**
 * Does what was ordered, from where a crash cut it short. Gives why nothing came of it, when the old member goes on as it was.
 * `onStep` is told after each thing that lasts.
 */
export async function carryOutRecovery(
  config: Pick<Config, 'data'>,
  log: Logger,
  onStep: () => void = () => undefined,
): Promise<string | undefined> {
  const dir = config.data;
  if (!existsSync(orderFile(dir))) return undefined;
  let order = JSON.parse(readFileSync(orderFile(dir), 'utf8')) as Order;
  const next = (step: Order['step']): void => {
    order = { ...order, step };
    keepOrder(dir, order);
    onStep();
  };
  if (order.step === 'ordered') {
    const fault = await prepare(dir, log);
    if (fault !== undefined) {
      rmSync(path.join(dir, SUCCESSOR), { recursive: true, force: true });
      rmSync(orderFile(dir));
      return fault;
    }
    onStep();
    next('made');
  }
  const kept = path.join(dir, `left-${order.id.slice(0, 16)}`);
  locked(dir, () => {
    if (order.step === 'made') {
      mkdirSync(kept, { recursive: true, mode: 0o700 });
      copyFileSync(path.join(dir, 'format'), path.join(kept, 'format'));
      move(dir, kept, onStep);
      next('set-aside');
    }
    move(path.join(dir, SUCCESSOR), dir, onStep);
    rmSync(path.join(dir, SUCCESSOR), { recursive: true, force: true });
    onStep();
    rmSync(orderFile(dir));
    syncFolder(dir);
  });
  log.warn({ kept }, 'this node is the first member of a new group; the data of the old one is set aside');
  return undefined;
}

/** What is there of the member's data goes; what went before a crash is not there any more. */
function move(from: string, to: string, onStep: () => void): void {
  if (!existsSync(from)) return;
  const there = readdirSync(from);
  for (const name of OF_THE_MEMBER.filter((each) => there.includes(each))) {
    renameSync(path.join(from, name), path.join(to, name));
    onStep();
  }
  syncFolder(to);
  syncFolder(from);
}

function locked<T>(dir: string, work: () => T): T {
  const lock = lockFolder(dir);
  if ('takenBy' in lock) throw new DataFolderError(`${dir} is in use by process ${lock.takenBy}`);
  try {
    return work();
  } finally {
    lock.unlock();
  }
}

/** Makes the new member's data. What fails before it is whole leaves the old member as it was: gives why. */
async function prepare(dir: string, log: Logger): Promise<string | undefined> {
  const states: OpenedGroup[] = [];
  try {
    const engine = openOld(dir, log);
    states.push(engine);
    const own = new Map<string, Remainder>();
    let main;
    try {
      main = await settle(engine);
      for (const { name, collation, placement } of databasesAt(dir, engine)) {
        const options = { ...unheard(dir, log), name: placement.group, database: { name, collation } };
        const group = openOwnGroup(options, engine);
        states.push(group);
        const remainder = await settle(group).finally(() => group.close());
        // Where the data was only on its way here, the database was given up by name.
        if (group.membership.isMember(group.self) && group.core.catalog.databases.has(name))
          own.set(placement.group, remainder);
      }
    } finally {
      await engine.close();
    }
    const successor = path.join(dir, SUCCESSOR);
    const predecessor = locked(dir, () => {
      rmSync(successor, { recursive: true, force: true });
      makeFolder(successor);
      return makeSuccessor(dir, successor, { main, own });
    });
    log.warn(
      { predecessor, kept: main.kept, databases: own.size },
      'a new group begins with the state of this node, and with all in it that no block had ordered',
    );
    for (const [group, { missing, blocks }] of [['main', main] as const, ...own])
      if (missing.length > 0 || blocks > 0)
        log.warn(
          { group, transactions: missing.length, ids: missing.slice(0, NAMED), blocks },
          'what the log has and the state has not is in the old data only',
        );
    return undefined;
  } catch (error) {
    if (error instanceof DataFolderError) throw error;
    // The next start makes the states anew from the logs.
    if (error instanceof StateCorruptError) for (const state of states) state.damaged(state.core.replica.height);
    log.error({ err: error }, 'no new group was made: the node goes on as the member that it was');
    return (error as Error).message;
  }
}

/** Databases with a group of their own of which the node has the data. */
const databasesAt = (dir: string, { core, self }: OpenedEngine): readonly PlacedDatabase[] =>
  placedDatabases(core.catalog).filter(
    ({ placement: { group, hosts } }) => hosts.includes(self) && existsSync(genesisFile(groupFolder(dir, group))),
  );

/** The old member's engine, to catch up with its own log. */
const openOld = (dir: string, log: Logger): OpenedEngine =>
  openEngine({
    ...unheard(dir, log),
    version: VERSION,
    rootPassword: undefined,
    variables: new Map(),
    makeToken: () => undefined,
  });

/** Nobody hears what is opened so, and it hears nobody. */
const unheard = (dir: string, log: Logger): Omit<OwnGroupOptions, 'name' | 'database'> => ({
  dir,
  retention: undefined,
  lanes: 0,
  fatal: (error) => log.error({ err: error }, 'the old state'),
  notice: (message, facts) => log.warn(facts, message),
  genesis: () => {
    throw new DataFolderError(`${dir} has no group`);
  },
  onMembers: () => undefined,
  onDiffers: () => undefined,
  onBehind: () => undefined,
  onMade: () => undefined,
  onDurable: () => undefined,
  onCutBack: () => undefined,
  send: () => undefined,
  describeMember: () => ({ isUp: false, lag: 0 }),
});
