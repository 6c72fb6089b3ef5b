/**
 * Which nodes host a database: all of them, or those that its comment names. `COMMENT 'p2pdb:replicas=a,b'` gives a database a
 * replication group of its own on the members a and b; `'p2pdb:group=own'` on all that are members now.
 */
import { randomBytes } from 'node:crypto';
import { SqlError, unsupported, type Catalog, type DatabaseDef, type PlacementDef } from '../sql/index.ts';
import type { EngineCore } from './core.ts';
import { refuseEdges } from './moving.ts';

export type PlacedDatabase = DatabaseDef & { readonly placement: PlacementDef };

/** The databases that have a group of their own. */
export const placedDatabases = (catalog: Catalog): readonly PlacedDatabase[] =>
  [...catalog.databases.values()].filter((database): database is PlacedDatabase => database.placement !== undefined);

/** Those, and the ones that are on their way to one. */
export const hostedDatabases = (catalog: Catalog): readonly PlacedDatabase[] =>
  [...catalog.databases.values()].flatMap((database) => {
    const placement = groupOf(database);
    return placement ? [{ ...database, placement }] : [];
  });

/** The group that a database has for itself, or will have. */
export const groupOf = ({ placement, move }: DatabaseDef): PlacementDef | undefined => placement ?? move?.to;

/** Ids of the members that a comment asks for; undefined where it asks for none. Throws SqlError. */
function hostsOf(core: EngineCore, comment: string): readonly string[] | undefined {
  const members = core.group.members();
  const names = /(?:^|[\s;,])p2pdb:replicas=([^\s;]*)/.exec(comment)?.[1];
  if (names === undefined)
    return /(?:^|[\s;,])p2pdb:group=own\b/.test(comment) ? members.map(({ id }) => id) : undefined;
  const hosts = names.split(',').map((name) => {
    const member = members.find((one) => one.name === name);
    if (!member)
      throw new SqlError(1210, 'HY000', `Incorrect arguments to p2pdb:replicas: there is no member '${name}'`);
    return member.id;
  });
  return [...new Set(hosts)];
}

export const newGroupName = (): string => `own-${randomBytes(8).toString('hex')}`;

/** In a group that these members begin. */
export const placementOn = (group: string, founders: PlacementDef['founders']): PlacementDef => ({
  group,
  hosts: founders.map(({ id }) => id),
  founders,
});

/** Of a database that is made. Throws SqlError. */
export function firstPlacement(core: EngineCore, comment: string): PlacementDef | undefined {
  const hosts = hostsOf(core, comment);
  if (!hosts) return undefined;
  const founders = core.group.members().flatMap(({ name, id }) => (hosts.includes(id) ? [{ name, id }] : []));
  return placementOn(newGroupName(), founders);
}

/** Of a database whose comment is changed: where it is, or is to go. Throws SqlError. */
export function nextPlace(
  core: EngineCore,
  old: DatabaseDef,
  comment: string,
): Pick<DatabaseDef, 'placement' | 'move' | 'home'> {
  const { name, placement, move, home } = old;
  if (comment === old.comment) return { ...(placement && { placement }), ...(move && { move }), ...(home && { home }) };
  const hosts = hostsOf(core, comment);
  if (placement) return hosts ? { placement: withHosts(core, placement, hosts) } : homeward(placement, home);
  const to = firstPlacement(core, comment);
  if (!to || core.catalog.relationsOf(name).length === 0) return to ? { placement: to } : {};
  if (move && String(move.to.hosts) === String(to.hosts)) return { move };
  refuseEdges(core.catalog, name);
  return { move: { to: { ...to, moved: true }, awaited: core.group.members().map(({ id }) => id) } };
}

/** Who opens its group from now on waits for its tables: it is not the one who makes them, whatever his disk has lost. */
const homeward = (placement: PlacementDef, home: true | undefined): Pick<DatabaseDef, 'placement' | 'home'> => ({
  placement: home ? placement : { ...placement, moved: true, returns: (placement.returns ?? 0) + 1 },
  home: true,
});

/** How often a database was taken away from a node. Where the node hosts it now, its stay there is the next. */
export const departuresOf = ({ departures = [] }: PlacementDef, id: string): number =>
  departures.find((departure) => departure.id === id)?.count ?? 0;

/**
 * Nodes come to host a database, and others host it no more; one that hosts it stays, for the others to have the data from: none that
 * has come again, and has yet to give up what it had. Throws SqlError.
 */
function withHosts(core: EngineCore, old: PlacementDef, asked: readonly string[]): PlacementDef {
  const members = new Set(core.group.members().map(({ id }) => id));
  const hosting = old.hosts.filter((id) => members.has(id));
  const staying = hosting.filter((id) => asked.includes(id));
  if (staying.every((id) => old.leaving?.includes(id)))
    throw unsupported(
      'taking a database with a replication group of its own away from all members that host it: name one of them, too, and take it away once the others have the data',
    );
  const going = hosting.filter((id) => !asked.includes(id));
  return changed(core, old, [...new Set([...staying, ...asked])], going);
}

/** A database that a member hosts no more; undefined where it hosts none, or nobody else could have the data. */
export function withoutHost(core: EngineCore, database: PlacedDatabase, id: string): PlacedDatabase | undefined {
  const { placement, move } = database;
  const members = new Set(core.group.members().map((member) => member.id));
  const staying = placement.hosts.filter((one) => one !== id && members.has(one));
  if (move || !placement.hosts.includes(id) || staying.every((one) => placement.leaving?.includes(one)))
    return undefined;
  return { ...database, placement: changed(core, placement, staying, [id]) };
}

function changed(
  core: EngineCore,
  old: PlacementDef,
  hosts: readonly string[],
  going: readonly string[],
): PlacementDef {
  const members = new Set(core.group.members().map(({ id }) => id));
  const leaving = [...new Set([...(old.leaving ?? []), ...going])].filter((id) => members.has(id));
  const others = (old.departures ?? []).filter(({ id }) => !going.includes(id));
  const departures = [...others, ...going.map((id) => ({ id, count: departuresOf(old, id) + 1 }))];
  const { group, founders, moved, returns } = old;
  return {
    group,
    hosts,
    founders,
    ...(moved && { moved }),
    ...(returns && { returns }),
    ...(departures.length > 0 && { departures }),
    ...(leaving.length > 0 && { leaving }),
  };
}

/** The node keeps nothing any more of what was taken away from it. */
export function withoutTraces(database: PlacedDatabase, id: string): PlacedDatabase {
  const { leaving = [], ...placement } = database.placement;
  const left = leaving.filter((one) => one !== id);
  return { ...database, placement: { ...placement, ...(left.length > 0 && { leaving: left }) } };
}
