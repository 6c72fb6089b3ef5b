/** What must hold once a cluster has healed, judged by what clients were told and by what any client can read. */
import { hex } from '../../../node/log/index.ts';
import { ensure } from '../kernel/scenario.ts';
import type { Client, Deed } from './client.ts';
import type { Cluster } from './cluster.ts';
import { checkHistory } from './history.ts';
import type { SimulatedNode } from './node.ts';
import { ROWS_WITH_TAGS, tagsFrom } from './predicate-work.ts';
import { checkPredicates } from './predicates.ts';
import type { Workload } from './workload.ts';

/** Everything in a node's state that must be the same on all. */
interface View {
  readonly tables: ReadonlyMap<string, string>;
  readonly tags: ReadonlySet<string>;
  readonly rejected: ReadonlySet<string>;
  readonly counters: ReadonlyMap<number, number>;
  readonly broken: readonly string[];
  readonly lists: ReadonlyMap<number, readonly string[]>;
  /** Rows that are read by predicate. */
  readonly tagged: ReadonlyMap<string, readonly string[]>;
}

/** Each finds rows that break a constraint. */
const FOREIGN_KEYS: readonly string[] = [
  'SELECT c.id FROM d.child c LEFT JOIN d.parent p ON p.id = c.p WHERE c.p IS NOT NULL AND p.id IS NULL',
  'SELECT c.id FROM d.held c LEFT JOIN d.parent p ON p.id = c.p WHERE c.p IS NOT NULL AND p.id IS NULL',
];
const CONSTRAINTS: readonly string[] = [
  'SELECT id FROM d.item WHERE n >= 100',
  'SELECT u FROM d.item WHERE u IS NOT NULL GROUP BY u HAVING COUNT(*) > 1',
  'SELECT id FROM d.item GROUP BY id HAVING COUNT(*) > 1',
];

export async function check(cluster: Cluster, workload: Workload): Promise<void> {
  const alive = cluster.nodes.filter((node) => !node.isAway);
  const views = new Map<SimulatedNode, View>();
  for (const node of alive) views.set(node, await viewOf(cluster, workload, node));
  const [first, ...others] = views;
  if (!first) return;
  const [, view] = first;
  for (const [node, other] of others) checkSame(first[0].name, view, node.name, other);
  ensure(view.broken.length === 0, () => `constraints do not hold: ${view.broken.join(' · ')}`);
  checkBlocks(alive);
  if (cluster.liar) checkForks(alive, cluster.liar.unsigned);
  checkDeeds(cluster, workload.deeds, view);
  checkCounters(workload.deeds, view);
  const censored = workload.deeds.filter((deed) => mayBeCensored(cluster, deed) && !view.tags.has(deed.tag));
  checkHistory(workload.deeds, view.lists, workload.sights, new Set(censored.map(({ tag }) => tag)));
  checkPredicates(workload.deeds, view.tags, view.tagged, workload.predicates.sights);
  await checkRebuilt(cluster, workload, first[0], view);
}

/** Reads all there is through a session. */
async function viewOf(cluster: Cluster, workload: Workload, node: SimulatedNode): Promise<View> {
  let view: View | undefined;
  await cluster.turn(node, () => {
    const read = async (): Promise<void> => {
      view = await readAll(workload.client(node), node, cluster.liar?.isUnchecked === true);
    };
    read().catch((error: unknown) => cluster.fail(`${node.name} cannot be read: ${String(error)}`));
  });
  await cluster.runUntil(cluster.now + 5000, () => view !== undefined);
  ensure(view !== undefined, () => `${node.name} does not answer`);
  return view;
}

async function readAll(client: Client, node: SimulatedNode, isUnchecked: boolean): Promise<View> {
  const text = async (sql: string): Promise<string[]> =>
    (await client.sql(sql)).rows.map((row) =>
      JSON.stringify(row, (_, v: unknown) => (typeof v === 'bigint' ? `${v}` : v)),
    );
  const tables = new Map<string, string>();
  const names = (await client.sql(`SELECT table_name FROM information_schema.tables WHERE table_schema = 'd'`)).rows;
  for (const [name] of names) {
    // Which number comes next is each node's own matter.
    const create = (await text(`SHOW CREATE TABLE d.${String(name)}`)).map((t) => t.replace(/ AUTO_INCREMENT=\d+/, ''));
    tables.set(String(name), [...create, ...(await text(`SELECT * FROM d.${String(name)} ORDER BY 1`))].join('\n'));
  }
  tables.set('equivocations', (await text('SELECT * FROM p2pdb.equivocations')).sort().join('\n'));
  tables.set('conflicts', (await text('SELECT * FROM p2pdb.conflicts')).sort().join('\n'));
  const core = node.life?.engine.core;
  tables.set('digest', core ? hex(core.machine.finalDigest()) : '');
  const broken: string[] = [];
  for (const sql of isUnchecked ? CONSTRAINTS : [...CONSTRAINTS, ...FOREIGN_KEYS])
    for (const row of await text(sql)) broken.push(`${sql}: ${row}`);
  const rejected = core?.state.db.prepare(`SELECT tx FROM conflict WHERE kind = 'rejected'`).all() ?? [];
  const rows = async (sql: string) => (await client.sql(sql)).rows;
  return {
    tables,
    broken,
    tags: new Set((await rows('SELECT tag FROM d.ledger')).map(([tag]) => String(tag))),
    rejected: new Set(rejected.map((row) => String(row['tx']))),
    counters: new Map((await rows('SELECT id, n FROM d.counter')).map(([id, n]) => [Number(id), Number(n)])),
    lists: new Map(
      (await rows('SELECT id, tags FROM d.list')).map(([id, tags]) => [Number(id), String(tags).split(' ').slice(1)]),
    ),
    tagged: new Map((await rows(ROWS_WITH_TAGS)).map(([id, tags]) => [String(id), tagsFrom(tags)])),
  };
}

function checkSame(a: string, one: View, b: string, other: View): void {
  for (const name of new Set([...one.tables.keys(), ...other.tables.keys()])) {
    const [left, right] = [one.tables.get(name), other.tables.get(name)];
    ensure(left === right, () => `${name} differs. ${a}:\n${left}\n${b}:\n${right}`);
  }
}

/** Of each author all hold one chain, and one of which two lie in some log was ended, if that can be proven. */
function checkForks(nodes: readonly SimulatedNode[], unsigned: ReadonlySet<string>): void {
  const frontiers = nodes.map(({ life }) => [...(life?.log.frontier() ?? [])].sort());
  const [first] = frontiers;
  for (const [i, frontier] of frontiers.entries())
    ensure(JSON.stringify(frontier) === JSON.stringify(first), () => {
      const differ = frontier.filter(([author, seq]) => new Map(first).get(author) !== seq);
      return `${nodes[i]?.name} holds ${JSON.stringify(differ)} otherwise than ${nodes[0]?.name}`;
    });
  for (const { name, life } of nodes) {
    const ended = life?.engine.core.catalog.endedAuthors;
    for (const author of life?.log.forked.filter((a) => !unsigned.has(a)) ?? [])
      ensure(ended?.has(author) === true, () => `${name} holds two tails of ${author}, who was not ended`);
  }
}

function checkBlocks(nodes: readonly SimulatedNode[]): void {
  const all = nodes.map(({ life }) => life?.log.height ?? 0);
  ensure(new Set(all).size === 1, () => `the logs end at blocks ${all.join(', ')}`);
}

/** Written at a member that was removed before blocks had ordered all that it had written. */
function mayBeCensored(cluster: Cluster, { node: name, level }: Deed): boolean {
  const node = cluster.node(name);
  return level === 'local' && node?.isAway === true && !node.isDrained;
}

function checkDeeds(cluster: Cluster, deeds: readonly Deed[], view: View): void {
  for (const deed of deeds) {
    const told = (): string => JSON.stringify(deed);
    const isPresent = view.tags.has(deed.tag);
    const isRejected = view.rejected.has(deed.txid);
    if (deed.outcome === 'refused') ensure(!isPresent, () => `refused, and there all the same: ${told()}`);
    if (deed.outcome !== 'acknowledged' || deed.what === 'look') continue;
    if (deed.level === 'final') ensure(isPresent && !isRejected, () => `final, and not there: ${told()}`);
    ensure(!(isPresent && isRejected), () => `there, and among the conflicts: ${told()}`);
    if (mayBeCensored(cluster, deed)) continue;
    ensure(isPresent || isRejected, () => `acknowledged, and neither there nor among the conflicts: ${told()}`);
  }
}

function checkCounters(deeds: readonly Deed[], view: View): void {
  const sums = new Map<number, number>();
  for (const { added, tag } of deeds)
    if (added && view.tags.has(tag)) sums.set(added.counter, (sums.get(added.counter) ?? 0) + added.by);
  for (const [counter, n] of view.counters)
    ensure(n === (sums.get(counter) ?? 0), () => `counter ${counter} is ${n}, its additions make ${sums.get(counter)}`);
}

/** A state that is made anew from a node's log is the one it had. */
async function checkRebuilt(cluster: Cluster, workload: Workload, node: SimulatedNode, view: View): Promise<void> {
  const { height } = (node.life as NonNullable<typeof node.life>).engine.core.replica;
  node.onStarted = undefined;
  node.crash();
  node.dropState();
  await cluster.turn(node, () => node.start(cluster.genesis));
  // Blocks are not synced by themselves: the others have those that the crash took.
  const caughtUp = (): boolean => {
    const replica = node.life?.engine.core.replica;
    return replica?.height === height && replica.tentative === 0;
  };
  ensure(await cluster.runUntil(cluster.now + 20_000, caughtUp), () => `${node.name} does not catch up`);
  checkSame('before', view, 'made anew', await viewOf(cluster, workload, node));
}
