/** Planted faults of databases that have groups of their own. */
import type { MovingDatabase, OwnGroup, PlacedDatabase } from '../../../node/engine/index.ts';
import { Roster, type WantedMembers } from '../../../node/engine/roster.ts';
import { HostedGroups } from '../../../node/groups/hosted.ts';
import { Moves } from '../../../node/groups/moves.ts';
import { SnapshotExchange } from '../../../node/replica/snapshot-exchange.ts';
import { mutant, nothing, type Mutant } from '../kernel/mutant.ts';

export const groupsMutants: readonly Mutant[] = [
  mutant<[WantedMembers]>(
    'the leader sends away who is to leave by itself',
    Roster,
    'nextMembers',
    (original) =>
      function (wanted) {
        const left = wanted.left.filter(({ id }) => !wanted.hosts.some((host) => host.id === id));
        return original.call(this, { ...wanted, gone: new Set([...wanted.gone, ...left.map(({ id }) => id)]) });
      },
  ),
  mutant<[MovingDatabase]>(
    'tables are copied before all have closed them',
    Moves,
    'nextStep',
    (original) =>
      function (database) {
        return original.call(this, { ...database, move: { ...database.move, awaited: [] } });
      },
  ),
  mutant<[PlacedDatabase, OwnGroup]>(
    'tables are brought back while they are written',
    Moves,
    'nextStepBack',
    () =>
      function (this: object, database, own) {
        const moves = this as { bring: (database: PlacedDatabase, own: OwnGroup) => Promise<boolean> };
        const isDue = database.home && own.decider.leader === own.self && own.core.catalog.databases.has(database.name);
        return isDue ? () => moves.bring(database, own) : undefined;
      },
  ),
  mutant('what was dropped stays on the disk', HostedGroups, 'sweep', nothing),
  mutant('who is removed from the cluster hands over nothing', Roster, 'databaseOn', () => () => undefined),
  mutant('who cannot go on by what others keep of the log asks for no snapshot', SnapshotExchange, 'need', nothing),
];
