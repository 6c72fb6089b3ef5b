/**
 * Planted faults: what a mistake in each rule of the protocol would look like. The checkers are worth something if they
 * find every one of them.
 */
import { Acceptor } from '../../../node/consensus/acceptor.ts';
import { CatchUp } from '../../../node/consensus/catch-up.ts';
import { Decisions } from '../../../node/consensus/decisions.ts';
import type { Ballot } from '../../../node/consensus/ids.ts';
import { Leadership } from '../../../node/consensus/leadership.ts';
import type { ConsensusRecord } from '../../../node/consensus/messages.ts';
import { Outbox } from '../../../node/consensus/outbox.ts';
import { Proposer } from '../../../node/consensus/proposer.ts';
import { VoterSchedule, VoterSet } from '../../../node/consensus/voters.ts';
import { mutant, nothing, type Mutant } from '../kernel/mutant.ts';

export const consensusMutants: readonly Mutant[] = [
  mutant<[ConsensusRecord, boolean]>(
    'promises are not written down',
    Outbox,
    'persist',
    (original) =>
      function (record, sync) {
        if (record.kind !== 'promise') original.call(this, record, sync);
      },
  ),
  mutant<[ConsensusRecord, boolean]>(
    'accepted values are not written down',
    Outbox,
    'persist',
    (original) =>
      function (record, sync) {
        if (record.kind !== 'accepted') original.call(this, record, sync);
      },
  ),
  mutant<[ConsensusRecord, boolean]>(
    'records are written and not synced',
    Outbox,
    'persist',
    (original) =>
      function (record) {
        original.call(this, record, false);
      },
  ),
  mutant<[ConsensusRecord]>(
    'promises are forgotten at a restart',
    Acceptor,
    'restore',
    (original) =>
      function (record) {
        if (record.kind !== 'promise') original.call(this, record);
      },
  ),
  mutant<[ConsensusRecord]>(
    'accepted values are forgotten at a restart',
    Acceptor,
    'restore',
    (original) =>
      function (record) {
        if (record.kind !== 'accepted') original.call(this, record);
      },
  ),
  mutant('a ballot below the promise is followed', Acceptor, 'mayFollow', () => () => true),
  mutant('promises report nothing', Acceptor, 'report', () => () => []),
  mutant<[unknown, unknown, unknown, boolean]>(
    'values are accepted before what they name is held',
    Acceptor,
    'accept',
    (original) =>
      function (ballot, height, value) {
        return original.call(this, ballot, height, value, true);
      },
  ),
  mutant(
    'half of the voters is a majority',
    VoterSet,
    'majority',
    () =>
      function (this: object) {
        return Math.max(1, Math.floor((this as VoterSet).nodes.length / 2));
      },
  ),
  mutant('nothing that was accepted is proposed again', Proposer, 'adopt', nothing),
  mutant<[number]>('a height is open before its voters promised', Proposer, 'isOpen', () => () => true),
  mutant('votes are believed without their signature', Proposer, 'verifies', () => () => true),
  mutant('certificates are believed unseen', Decisions, 'verifies', () => () => true),
  mutant('lost proposals are not sent again', Proposer, 'resend', nothing),
  mutant('lost decisions are not asked for', CatchUp, 'ask', nothing),
  mutant('a node without a leader asks nobody', Leadership, 'probe', nothing),
  mutant('a live leader is no reason to refuse', Leadership, 'hasLiveLeader', () => () => false),
  mutant<[]>(
    'a round is used again',
    Leadership,
    'nextBallot',
    (original) =>
      function () {
        const { round, node } = original.call(this) as Ballot;
        return { round: Math.max(1, round - 1), node };
      },
  ),
  mutant<[unknown, unknown]>(
    'changes of voters do not count',
    VoterSchedule,
    'apply',
    (original) =>
      function (applied) {
        const known = (this as VoterSchedule).at((this as VoterSchedule).known);
        return original.call(this, applied, known?.nodes);
      },
  ),
];
