/** Rows of the database p2pdb. */
import type { EngineCore } from '../core.ts';
import { movingDatabases } from '../moving.ts';
import { placedDatabases } from '../placement.ts';
import { closedFor, returningDatabases, returnsOf } from '../returning.ts';
import type { RowSource, VirtualRow } from './rows.ts';

const timestamp = (ms: number): string => new Date(ms).toISOString().slice(0, 23).replace('T', ' ');
const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/** What became of transactions that their place in the order refused, and of changes that met no row. */
export const conflictRows: RowSource = (core) => core.hosted.flatMap(conflictsOf);

const conflictsOf = ({ state }: EngineCore): VirtualRow[] =>
  state.db
    .prepare(
      'SELECT tx, n, kind, reason, message, relation, row_key, image, other, user, sql, time FROM conflict ORDER BY time, tx, n',
    )
    .all()
    .map((row) => [
      String(row['tx']),
      Number(row['n']),
      String(row['kind']),
      String(row['reason']),
      ...['message', 'relation', 'row_key', 'image', 'other', 'user', 'sql'].map((name) => text(row[name])),
      timestamp(Number(row['time'])),
    ]);

/** Authors whose later entries are refused, because they signed two with one number; with what proves it. */
export const equivocationRows: RowSource = (core) =>
  core.hosted.flatMap(({ catalog, group }) =>
    [...catalog.endedAuthors.values()].map(({ author, member, time, tails }) => [
      author,
      group.nameOf(member) ?? '',
      member,
      timestamp(time),
      JSON.stringify(tails),
    ]),
  );

/** Which members host the databases that not all of them do. */
export const hostRows: RowSource = ({ main }) => {
  const members = main.group.members();
  return placedDatabases(main.catalog).flatMap(({ name, placement }) =>
    members
      .filter(({ id }) => placement.hosts.includes(id))
      .map((host) => [name, host.name, host.isSelf ? 'YES' : 'NO']),
  );
};

/**
 * Which databases are on their way to a group of their own, or back, and for which members that waits: for a way back only its hosts
 * know.
 */
export const moveRows: RowSource = ({ main }) => {
  const members = main.group.members();
  const back = returningDatabases(main.catalog).map(({ name, placement }) => {
    const there = main.tenants.get(name)?.catalog.databases.get(name);
    return { name, awaits: there && closedFor(there) === returnsOf(placement) ? there.move?.awaited : undefined };
  });
  const out = movingDatabases(main.catalog).map(({ name, move }) => ({ name, awaits: move.awaited }));
  return [...out, ...back].flatMap(({ name, awaits = [] }): VirtualRow[] => {
    const awaited = members.filter(({ id }) => awaits.includes(id));
    return awaited.length === 0 ? [[name, null]] : awaited.map((member) => [name, member.name]);
  });
};

export const memberRows: RowSource = (core) =>
  core.group
    .members()
    .map(({ name, id, isVoter, isSelf, isUp, lag }) => [
      name,
      id,
      isVoter ? 'YES' : 'NO',
      isSelf ? 'YES' : 'NO',
      isUp ? 'YES' : 'NO',
      lag,
    ]);
