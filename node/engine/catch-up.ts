/**
 * A schema change is acknowledged once a majority has it: the next statement may come to a node that has yet to hear of it. So a
 * statement that fails for what this node's catalog has, or has not, is no last word before the node has caught up.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SqlError } from '../sql/index.ts';
import type { EngineCore } from './core.ts';
import { interrupted } from './locks.ts';
import { placedDatabases } from './placement.ts';
import type { EngineSession } from './session.ts';

/** What MySQL says of databases, tables, columns, keys, accounts and privileges that are not there, or are there already. */
const OF_CATALOG: ReadonlySet<number> = new Set([
  1007, 1008, 1044, 1049, 1050, 1051, 1054, 1060, 1061, 1091, 1141, 1142, 1143, 1146, 1147, 1176, 1396, 1410, 3162,
  3523,
]);
/** A session that asks for the same in vain, again and again, costs the cluster one question in so long. */
const VAIN_MS = 1000;
/** Logins in vain, of whomever, cost it one in so long. */
const LOGINS_MS = 100;
/** Nobody waits longer to hear that something is not there. */
const WAIT_SECONDS = 2;

/** What a node has heard of: nothing new, or another catalog than that of the failed statement, or of databases in other groups, too. */
export type News = 'none' | 'here' | 'elsewhere';

/**
 * Resolves once all is applied here that was decided before the call: with news, a second try is worth it. Undefined where the error is
 * the last word at once. Rejects with 1317 where the statement was killed, or its client has gone.
 */
export function catchUp(session: EngineSession, error: unknown): Promise<News> | undefined {
  if (!(error instanceof SqlError) || !OF_CATALOG.has(error.errno)) return undefined;
  const { lastWord } = session.state;
  const isVain = error.message === lastWord?.message && performance.now() - lastWord.ms < VAIN_MS;
  return isVain || session.core.main.isAlone() ? undefined : ask(session, error.message);
}

/** What it throws is the last word: where the node had yet to hear of a schema change, `work` is done a second time. */
export function onceCaughtUp<T>(session: EngineSession, work: () => T): T | Promise<T> {
  try {
    return work();
  } catch (error) {
    const caughtUp = catchUp(session, error);
    if (!caughtUp) throw error;
    return caughtUp.then((news) => {
      if (news === 'none') throw error;
      return work();
    });
  }
}

async function ask(session: EngineSession, message: string): Promise<News> {
  const { core, state } = session;
  // Accounts and privileges are in the group of all nodes.
  const cores = new Set([core.main, core]);
  const versions = new Map([...cores].map((one) => [one, one.catalog.version]));
  const placed = placesOf(session);
  try {
    for (const { group } of cores) await group.linearize(session, WAIT_SECONDS);
  } catch (error) {
    // Nobody answers.
    if (!(error instanceof SqlError)) throw error;
  }
  if (state.killed) throw interrupted();
  const isNews = [...versions].some(([one, version]) => one.catalog.version !== version);
  state.lastWord = isNews ? undefined : { message, ms: performance.now() };
  if (placesOf(session) !== placed) return 'elsewhere';
  return isNews ? 'here' : 'none';
}

/** Which databases have a group of their own. */
const placesOf = ({ core }: EngineSession): string =>
  JSON.stringify(placedDatabases(core.main.catalog).map(({ name, placement }) => [name, placement.group]));

/**
 * What a login that fails asks the cluster before it is refused. Those that come in short order share a question, so whoever tries
 * many passwords costs the others little; he waits no longer than one who says nothing at all.
 */
export class LoginEnquiry {
  private readonly core: EngineCore;
  private next: Promise<void> | undefined;
  private lastMs = -Infinity;

  constructor(core: EngineCore) {
    this.core = core;
  }

  /** Resolves once all is applied here that was decided before the call, or nobody answers. */
  ask(): Promise<void> {
    return (this.next ??= this.askSoon());
  }

  private async askSoon(): Promise<void> {
    await sleep(Math.max(0, this.lastMs + LOGINS_MS - performance.now()), undefined, { ref: false });
    this.next = undefined;
    this.lastMs = performance.now();
    try {
      await this.core.group.linearize(undefined, WAIT_SECONDS);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
    }
  }
}
