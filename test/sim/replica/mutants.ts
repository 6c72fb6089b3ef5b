/** Planted faults of whole nodes: the checkers are worth something if they find every one of them. */

import { Linearizer } from '../../../node/consistency/index.ts';
import { Commits } from '../../../node/engine/commits.ts';
import type { SeenRow } from '../../../node/engine/merge/index.ts';
import { Chains } from '../../../node/log/index.ts';
import { Roster } from '../../../node/engine/roster.ts';
import { EarlyEntries } from '../../../node/replica/early.ts';
import { Forks } from '../../../node/replica/forks.ts';
import { Intake } from '../../../node/replica/intake.ts';
import { Order } from '../../../node/replica/order.ts';
import { Publisher } from '../../../node/replica/publisher.ts';
import { Replica } from '../../../node/replica/replica.ts';
import { LogWriter } from '../../../node/replica/log-writer.ts';
import { Sequencer } from '../../../node/replica/sequencer.ts';
import { LogStore } from '../../../node/store/index.ts';
import { mutant, nothing, type Mutant } from '../kernel/mutant.ts';

interface Batch {
  readonly own: { resolve: () => void; reject: (error: Error) => void }[];
}

const isRow = ({ rowid, key }: SeenRow): boolean => rowid !== undefined || key !== undefined;

/** Where clients read by predicate. */
export const briefMutants: readonly Mutant[] = [
  mutant<[unknown, unknown, readonly SeenRow[], string]>(
    'only rows that were asked for by key are certified',
    Commits,
    'commitFinal',
    (original) =>
      function (session, changes, seen, sql) {
        return original.call(this, session, changes, seen.filter(isRow), sql);
      },
  ),
];

/** On disks that fill up. */
export const fullMutants: readonly Mutant[] = [
  mutant<[Batch]>(
    'a commit that found no room is acknowledged',
    LogWriter,
    'noRoomFor',
    (original) =>
      function (batch) {
        for (const own of batch.own) own.reject = own.resolve;
        original.call(this, batch);
      },
  ),
  mutant('what came from others and found no room is forgotten', Intake, 'putBack', nothing),
  mutant('a number that found no room is not given again', LogStore, 'unseal', nothing),
  mutant('a state that met the end of the disk is not put back', Publisher, 'restore', nothing),
];

/** Where long work goes on in slices. */
export const slicedMutants: readonly Mutant[] = [
  mutant('blocks overtake what came meanwhile and is not in order yet', Sequencer, 'catchUp', nothing),
  mutant('what blocks overtook is not done again', Linearizer, 'resume', () => function* () {}),
];

/** Where a member lies. */
export const byzantineMutants: readonly Mutant[] = [
  mutant<[readonly unknown[]]>('what others signed is believed', Chains, 'proven', () => (run) => run.length),
  mutant('an entry does not wait for the one before it', EarlyEntries, 'waitsBefore', () => () => false),
  mutant<[]>(
    'every Lamport time sets the clock',
    Chains,
    'next',
    (original) =>
      function (this: object, ...args: readonly unknown[]) {
        const fault = original.call(this, ...(args as []));
        const entry = args[1] as { readonly lamport: number };
        const chains = this as { lamport: number };
        if (!fault) chains.lamport = Math.max(chains.lamport, entry.lamport);
        return fault;
      },
  ),
];

/** Where a member signs two entries with one number. */
export const forkMutants: readonly Mutant[] = [
  mutant('what a block names is not asked for by its hash', Forks, 'missing', () => () => []),
  mutant('who forks may go on', Roster, 'endAuthor', () => () => Promise.resolve()),
  mutant('the log does not say behind which entry a chain goes on', LogWriter, 'addAgain', nothing),
  mutant('what stood in a tail that lost stays in the order', Order, 'withdraw', () => () => [].values()),
];

/** Where nodes join and leave. */
export const movingMutants: readonly Mutant[] = [
  mutant('what a removed member wrote is waited for', Replica, 'endOf', () => () => Infinity),
  mutant('what a removed member wrote stays in the order', Order, 'expel', nothing),
  mutant('what was acknowledged to a removed member goes', Roster, 'rescue', () => () => Promise.resolve()),
];
