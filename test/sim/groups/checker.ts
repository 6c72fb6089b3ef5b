/** What must hold of databases with groups of their own once a cluster has healed. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { firstVoters, groupFolder, groupOf, stayIn } from '../../../node/engine/index.ts';
import type { EngineCore } from '../../../node/engine/index.ts';
import type { HostedGroup } from '../../../node/groups/index.ts';
import { hex } from '../../../node/log/index.ts';
import type { DatabaseDef } from '../../../node/sql/index.ts';
import { ensure } from '../kernel/scenario.ts';
import type { Cluster } from '../replica/cluster.ts';
import type { SimulatedNode } from '../replica/node.ts';
import type { Known } from './operator.ts';
import type { PlacedDeed, Workload } from './workload.ts';

const coreOf = ({ life }: SimulatedNode): EngineCore | undefined => life?.engine.core;

const hostedOn = ({ life }: SimulatedNode, group: string): HostedGroup | undefined =>
  [...(life?.groups.hosted ?? [])].find(({ name }) => name === group);

const membersOf = ({ nodes }: Cluster): SimulatedNode[] => nodes.filter(({ isAway }) => !isAway);

/** Why the cluster has not come to rest; undefined where all are where they shall be, and equal. */
export function unsettled(cluster: Cluster): string | undefined {
  const nodes = membersOf(cluster);
  const cores = nodes.flatMap((node) => coreOf(node) ?? []);
  const [first] = cores;
  if (!first || cores.length < nodes.length) return 'a node is down';
  if (cores.some(({ replica }) => replica.tentative > 0 || replica.height !== first.replica.height))
    return `main is at ${cores.map(({ replica }) => `${replica.height}+${replica.tentative}`).join()}`;
  for (const database of first.catalog.databases.values()) {
    const reason = (database.move ?? database.home) ? 'it moves' : restless(nodes, database);
    if (reason !== undefined) return `${database.name}: ${reason}`;
  }
  const groups = new Set([...first.catalog.databases.values()].flatMap((database) => groupOf(database)?.group ?? []));
  for (const node of nodes)
    for (const { name, database } of node.life?.groups.hosted ?? [])
      if (!groups.has(name)) return `${node.name} hosts ${database}, which is not there any more`;
  return undefined;
}

function restless(nodes: readonly SimulatedNode[], { placement }: DatabaseDef): string | undefined {
  if (!placement) return undefined;
  const { group, leaving = [] } = placement;
  const leavers = nodes.filter(({ id }) => leaving.includes(id));
  if (leavers.length > 0) return `${leavers.map(({ name }) => name).join()} have not left`;
  const hosts: readonly string[] = nodes.flatMap(({ id }) => (placement.hosts.includes(id) ? id : []));
  const positions = new Set<string>();
  for (const node of nodes) {
    const hosted = hostedOn(node, group);
    if (hosts.includes(node.id) !== (hosted !== undefined))
      return `${node.name} hosts it ${hosted ? 'yet' : 'not yet'}`;
    if (!hosted) continue;
    const { engine, isReady, stage } = hosted;
    if (!isReady || stage !== 'hosted') return `${node.name} is ${isReady ? stage : 'not ready'}`;
    const { replica } = engine.core;
    if (replica.tentative > 0) return `${node.name} has tentative transactions`;
    const members = engine.membership.current();
    if (members.length !== hosts.length || !members.every(({ id }) => hosts.includes(id)))
      return `its members are ${members.map(({ name }) => name).join()}`;
    if (engine.membership.voters().length !== firstVoters(members).length) return 'it has other voters';
    positions.add(`${replica.height} ${hex(engine.core.machine.finalDigest())}`);
  }
  return positions.size > 1 ? `its hosts are at ${[...positions].join(' and ')}` : undefined;
}

export async function check(cluster: Cluster, workload: Workload, known: readonly Known[]): Promise<void> {
  const nodes = membersOf(cluster);
  const lost = lostAuthors(cluster);
  const digests = nodes.map((node) => hex((coreOf(node) as EngineCore).machine.finalDigest()));
  ensure(new Set(digests).size === 1, () => `main differs: ${digests.join(' ')}`);
  const { databases } = (coreOf(nodes[0] as SimulatedNode) as EngineCore).catalog;
  for (const { name, isMade, isDropAsked, isDropped } of known) {
    if (isDropped) ensure(!databases.has(name), () => `${name} was dropped, and is there`);
    if (isMade && !isDropAsked) ensure(databases.has(name), () => `${name} was made, and is not there`);
  }
  checkFolders(nodes, [...databases.values()]);
  for (const { name } of known) {
    const database = databases.get(name);
    if (!database || !known.some((one) => one.name === name && one.isMade)) continue;
    const views: { readonly node: SimulatedNode; readonly view: View }[] = [];
    for (const node of nodes) views.push({ node, view: await viewOf(cluster, workload, node, database) });
    const [first] = views;
    if (!first) continue;
    for (const { node, view } of views)
      ensure(
        view.text === first.view.text,
        () => `${name} differs. ${first.node.name}:\n${first.view.text}\n${node.name}:\n${view.text}`,
      );
    const deeds = workload.deeds.filter((deed) => deed.database === name);
    checkDeeds(deeds, first.view, rejectedIn(nodes, database), lost);
  }
}

/** Of what is not hosted any more nothing is left but how a stay ended. */
function checkFolders(nodes: readonly SimulatedNode[], databases: readonly DatabaseDef[]): void {
  const placed = databases.flatMap(({ placement }) => placement ?? []);
  for (const { dir, id, name } of nodes) {
    for (const group of readdirSync(path.dirname(groupFolder(dir, 'main')))) {
      if (group === 'main') continue;
      const placement = placed.find((one) => one.group === group);
      const left = readdirSync(groupFolder(dir, group)).filter((file) => file !== 'left.json');
      ensure(placement !== undefined, () => `${name} keeps ${group}, which was dropped: ${left.join()}`);
      ensure(placement.hosts.includes(id) || left.length === 0, () => `${name} keeps of ${group}: ${left.join()}`);
    }
  }
}

/** What a client of any node reads. */
interface View {
  readonly text: string;
  readonly tags: ReadonlySet<string>;
  readonly counters: ReadonlyMap<number, number>;
  readonly lists: ReadonlyMap<number, readonly string[]>;
}

async function viewOf(cluster: Cluster, workload: Workload, node: SimulatedNode, { name }: DatabaseDef): Promise<View> {
  let view: View | undefined;
  const read = async (): Promise<void> => {
    const client = workload.client(node);
    const rows = async (table: string) => (await client.sql(`SELECT * FROM ${name}.${table} ORDER BY 1`)).rows;
    const [ledger, counters, lists, items] = [
      await rows('ledger'),
      await rows('counter'),
      await rows('list'),
      await rows('item'),
    ];
    view = {
      text: [ledger, counters, lists, items]
        .map((table) => table.map((row) => row.map(String).join(' ')).join('\n'))
        .join('\n\n'),
      tags: new Set(ledger.map(([tag]) => String(tag))),
      counters: new Map(counters.map(([id, n]) => [Number(id), Number(n)])),
      lists: new Map(lists.map(([id, tags]) => [Number(id), String(tags).split(' ').slice(1)])),
    };
    client.close();
  };
  await cluster.turn(node, () => {
    read().catch((error: unknown) => cluster.fail(`${name} cannot be read at ${node.name}: ${String(error)}`));
  });
  await cluster.runUntil(cluster.now + 5000, () => view !== undefined);
  ensure(view !== undefined, () => `${node.name} does not answer`);
  return view;
}

/** Transactions that became conflicts: in the database's group, or in main before it went there. */
function rejectedIn(nodes: readonly SimulatedNode[], { placement }: DatabaseDef): ReadonlySet<string> {
  const cores = nodes.flatMap((node) => [
    coreOf(node) as EngineCore,
    ...(placement ? [hostedOn(node, placement.group)?.engine.core ?? []].flat() : []),
  ]);
  const rows = cores.flatMap(({ state }) =>
    state.db.prepare(`SELECT tx, reason FROM conflict WHERE kind = 'rejected'`).all(),
  );
  // No disk went back in time.
  const late = rows.find(({ reason }) => reason === 'moved');
  ensure(!late, () => `${String(late?.['tx'])} was written after its node had said that it writes nothing more`);
  return new Set(rows.map(({ tx }) => String(tx)));
}

/** Those whose entries were with nobody but a node that was removed: main's, and those of the groups that it hosted to the end. */
function lostAuthors({ nodes }: Cluster): ReadonlySet<string> {
  const lost = new Set<string>();
  for (const { isAway, authors, dir } of nodes) {
    if (!isAway) continue;
    for (const [group, ids] of authors)
      if (group === 'main' || stayIn(groupFolder(dir, group)) !== undefined) for (const id of ids) lost.add(id);
  }
  return lost;
}

function checkDeeds(
  deeds: readonly PlacedDeed[],
  view: View,
  rejected: ReadonlySet<string>,
  lost: ReadonlySet<string>,
): void {
  const sums = new Map<number, number>();
  for (const deed of deeds) {
    const told = (): string => JSON.stringify(deed);
    const isPresent = view.tags.has(deed.tag);
    const isRejected = rejected.has(deed.txid);
    if (deed.added && isPresent) sums.set(deed.added.counter, (sums.get(deed.added.counter) ?? 0) + deed.added.by);
    if (deed.outcome === 'refused') ensure(!isPresent, () => `refused, and there all the same: ${told()}`);
    checkList(deed, view, isPresent);
    if (deed.outcome !== 'acknowledged') continue;
    if (deed.level === 'final') ensure(isPresent && !isRejected, () => `final, and not there: ${told()}`);
    ensure(!(isPresent && isRejected), () => `there, and among the conflicts: ${told()}`);
    // Its client went before it could ask for the transaction's name.
    if (deed.txid === '') continue;
    if (deed.level === 'local' && lost.has(deed.txid.split(':')[0] ?? '')) continue;
    ensure(isPresent || isRejected, () => `acknowledged, and neither there nor among the conflicts: ${told()}`);
  }
  for (const [counter, n] of view.counters)
    ensure(n === (sums.get(counter) ?? 0), () => `counter ${counter} is ${n}, its additions make ${sums.get(counter)}`);
}

/** Lists are appended to at level final only: what is read stands in front of what is appended, for ever. */
function checkList({ lists, tag }: PlacedDeed, view: View, isPresent: boolean): void {
  for (const [id, before] of lists ?? []) {
    const list = view.lists.get(id) ?? [];
    if (isPresent)
      ensure(
        [...before, tag].every((one, i) => list[i] === one),
        () => `${tag} was appended to ${before.join(' ')}, and list ${id} is ${list.join(' ')}`,
      );
    else ensure(!list.includes(tag), () => `${tag} is not there, but in list ${id}`);
  }
}
