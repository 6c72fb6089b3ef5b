/** What must hold once all is well again, and does so within bounded time. */
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RowDataPacket } from 'mysql2/promise';
import type { NodeStatus } from '../support/cluster.ts';
import { stretched } from '../support/ledger.ts';
import { runProgram } from '../support/process.ts';
import { checkAppends, readLists } from './appends.ts';
import { tagsIn, type Write } from './clients.ts';
import { hasNoRoom } from './small-disk.ts';
import type { Soak } from './soak.ts';
import { BROKEN, DATABASES, never, type Database } from './work.ts';

const SETTLE_MS = 60_000;
/** Examples of what is wrong in the same way. */
const EXAMPLES = 3;

export async function check(soak: Soak): Promise<void> {
  await soak.lookWhoIsMember();
  for (const node of soak.members) await soak.start(node);
  await movesEnd(soak);
  const before = await settled(soak);
  await readyAll(soak);
  for (const node of soak.members) await checkLedger(soak, node);
  await begunAgain(soak, before);
  checkLogs(soak);
}

async function rowsOf(soak: Soak, node: number, sql: string): Promise<unknown[][]> {
  const c = await soak.cluster.connect(node, { rowsAsArray: true });
  try {
    return (await c.query<RowDataPacket[]>(sql))[0] as unknown[][];
  } finally {
    c.destroy();
  }
}

/** Databases that are on their way arrive. */
async function movesEnd(soak: Soak): Promise<void> {
  const deadline = performance.now() + stretched(SETTLE_MS);
  for (;;) {
    const moves = await Promise.all([...soak.members].map((node) => rowsOf(soak, node, 'SELECT * FROM p2pdb.moves')));
    if (moves.flat().length === 0) return;
    if (performance.now() > deadline) return soak.fault(`moves do not end: ${JSON.stringify(moves)}`);
    await sleep(200);
  }
}

/** Digests by group; `main` and those of databases. */
type Digests = ReadonlyMap<string, string>;

/** Resolves when all members have ordered the same in each group, and have the same state of it. */
async function settled(soak: Soak): Promise<Digests> {
  const members = [...soak.members];
  await soak.cluster.linked(members);
  await soak.cluster.converged(members, stretched(SETTLE_MS));
  const all = await soak.cluster.until(
    areGroupsCalm,
    'the groups of single databases did not settle',
    members,
    stretched(SETTLE_MS),
  );
  const digests = new Map<string, string>();
  for (const [i, { digest, databaseGroups }] of all.entries()) {
    for (const one of [{ group: 'main', digest }, ...databaseGroups]) {
      const known = digests.get(one.group) ?? one.digest;
      if (known !== one.digest)
        soak.fault(`${soak.nameOf(members[i] ?? 0)} has the digest ${one.digest} of ${one.group}, others ${known}`);
      digests.set(one.group, known);
    }
  }
  return digests;
}

function areGroupsCalm(all: readonly NodeStatus[]): boolean {
  const heights = new Map<string, number>();
  return all.every(({ databaseGroups }) =>
    databaseGroups.every(({ group, ready, leaving, tentative, lag, final }) => {
      const height = heights.get(group) ?? final.height;
      heights.set(group, height);
      return ready && !leaving && tentative === 0 && lag.entries === 0 && final.height === height;
    }),
  );
}

async function readyAll(soak: Soak): Promise<void> {
  for (const node of soak.members) {
    const status = await soak.cluster.readiness(node);
    if (status !== 200) soak.fault(`${soak.nameOf(node)} answers ${status} to /readyz`);
  }
}

/** What a node has is what clients were told. */
async function checkLedger(soak: Soak, node: number): Promise<void> {
  const name = soak.nameOf(node);
  // Those of a database stay, in part, with the nodes that it came from.
  const listed = new Set<string>();
  for (const member of soak.members) {
    const images = await rowsOf(soak, member, "SELECT image FROM p2pdb.conflicts WHERE kind = 'rejected'");
    for (const [image] of images) for (const tag of tagsIn(String(image))) listed.add(tag);
  }
  for (const database of DATABASES) {
    const tags = new Set((await rowsOf(soak, node, `SELECT id FROM ${database}.tag`)).map(([id]) => id as string));
    const wrong = new Map<string, Write[]>();
    for (const write of soak.clients.writes) {
      if (write.database !== database) continue;
      for (const what of faultsOf(write, tags, listed)) wrong.set(what, [...(wrong.get(what) ?? []), write]);
    }
    for (const [what, writes] of wrong)
      soak.fault(`${name}, ${database}: ${writes.length} were ${what}: ${JSON.stringify(writes.slice(0, EXAMPLES))}`);
    await checkDatabase(soak, node, database);
    await checkOrder(soak, node, database);
  }
}

async function checkOrder(soak: Soak, node: number, database: Database): Promise<void> {
  const { writes, listReads } = soak.clients;
  const c = await soak.cluster.connect(node);
  try {
    const lists = await readLists({ database, query: async (sql) => (await c.query<RowDataPacket[]>(sql))[0] });
    checkAppends(database, writes, listReads, lists);
    soak.note(`${soak.nameOf(node)}, ${database}: an order explains ${[...lists.values()].flat().length} appends`);
  } catch (error) {
    soak.fault(`${soak.nameOf(node)}, ${database}: ${(error as Error).message}`);
  } finally {
    c.destroy();
  }
}

function faultsOf(write: Write, tags: ReadonlySet<string>, listed: ReadonlySet<string>): string[] {
  const { tag, outcome, level, fate, unseen, resolved = false } = write;
  const [isThere, isListed] = [tags.has(tag), listed.has(tag)];
  const faults: Readonly<Record<string, boolean>> = {
    'both there and in p2pdb.conflicts': !resolved && isThere && isListed,
    'acknowledged, and lost': outcome === 'acknowledged' && !isThere && !isListed && !resolved,
    'acknowledged as final, and undone': outcome === 'acknowledged' && level === 'final' && !isThere,
    'refused, and there': outcome === 'refused' && isThere,
    'refused, and in p2pdb.conflicts': outcome === 'refused' && isListed,
    'final by p2pdb_wait_final, and not there': fate === 'final' && !isThere,
    'a conflict by p2pdb_wait_final, and there': fate === 'conflict' && isThere && !resolved,
    'not seen by their own session': unseen === true && isThere,
    'taken back to a savepoint, and there': tags.has(never(tag)),
  };
  return Object.entries(faults).flatMap(([what, isSo]) => (isSo ? [what] : []));
}

async function checkDatabase(soak: Soak, node: number, database: Database): Promise<void> {
  const fault = (text: string): void => soak.fault(`${soak.nameOf(node)}, ${database}: ${text}`);
  for (const [what, sql] of Object.entries(BROKEN(database))) {
    const rows = await rowsOf(soak, node, sql);
    if (rows.length > 0) fault(`${what}: ${JSON.stringify(rows.slice(0, EXAMPLES))}`);
  }
  const tables = new Set((await rowsOf(soak, node, `SHOW TABLES IN ${database}`)).map(([table]) => table as string));
  for (const text of soak.clients.named.faults(database, tables)) fault(text);
}

/** All end when they are told to, their logs are whole, and a state that is made anew from one is what it was. */
async function begunAgain(soak: Soak, before: Digests): Promise<void> {
  const members = [...soak.members];
  await Promise.all(members.map((node) => soak.kill(node, 'SIGTERM')));
  for (const node of members) {
    const { code, out, err } = await runProgram('log', 'verify', soak.cluster.folder(node));
    if (code !== 0) soak.fault(`log verify of ${soak.nameOf(node)}: ${out}${err}`);
  }
  const anew = members[soak.seed % members.length] ?? 0;
  const groups = path.join(soak.cluster.folder(anew), 'groups');
  for (const group of readdirSync(groups))
    for (const suffix of ['', '-wal', '-shm'])
      rmSync(path.join(groups, group, `state.sqlite${suffix}`), { force: true });
  await Promise.all(members.map((node) => soak.start(node)));
  const after = await settled(soak);
  for (const [group, digest] of before)
    if (after.get(group) !== digest)
      soak.fault(`${group} had the digest ${digest}, and has ${after.get(group)} after a start`);
  await checkLedger(soak, anew);
}

/** What the nodes said of themselves. */
function checkLogs(soak: Soak): void {
  for (const [name, said] of soak.cluster.said()) {
    if (hasNoRoom(said)) continue;
    const lines = said
      .split('\n')
      .filter((line) => /^\s+at |\b(ERROR|FATAL|error|fatal)\b|disk image|damaged/.test(line));
    if (lines.length > 0) soak.fault(`${name} said: ${lines.slice(0, 10).join('\n')}`);
  }
}
