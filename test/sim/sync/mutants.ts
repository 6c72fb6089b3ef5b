/** Planted faults: what a mistake in each rule of sync would look like. */
import { Intake } from '../../../node/sync/intake.ts';
import { Outlet } from '../../../node/sync/outlet.ts';
import { Sync } from '../../../node/sync/sync.ts';
import { mutant, nothing, type Mutant } from '../kernel/mutant.ts';

export const syncMutants: readonly Mutant[] = [
  mutant('what is missing is not asked for', Intake, 'plan', nothing),
  mutant('a question without an answer is never asked again', Intake, 'expire', nothing),
  mutant('frontiers are compared at no time', Sync, 'hash', () => () => new Uint8Array(32)),
  mutant<[Map<string, number>]>(
    'entries are acknowledged before they are durable',
    Intake,
    'take',
    (original) =>
      function (this: object, ...args) {
        const result = original.apply(this, args);
        const { durable, received } = this as unknown as Record<'durable' | 'received', Map<string, number>>;
        for (const [author, seq] of received) durable.set(author, seq);
        return result;
      },
  ),
  mutant('fresh entries are pushed to nobody', Outlet, 'fresh', nothing),
  mutant('what was refused is not taken again', Intake, 'refused', nothing),
  mutant('a peer that pruned an entry is taken for one that has it', Intake, 'prunedAt', () => () => false),
  mutant(
    'questions wait for nothing',
    Intake,
    'notice',
    (original: (this: object, ...args: [string, number, number]) => unknown) =>
      function (this: object, author: string, seq: number) {
        return original.call(this, author, seq, 0);
      },
  ),
];
