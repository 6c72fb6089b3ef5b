// An acceptor that does not know how it voted must not vote: told so it abstains, and it may find out by itself.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  Consensus,
  DEFAULT_TIMING,
  height,
  nodeId,
  type Certificate,
  type ConsensusRecord,
  type Effect,
  type Message,
  type NodeId,
} from '../../../node/consensus/index.ts';
import { voteBytes } from '../../../node/consensus/certificate.ts';
import { fakeCrypto, fakeHash } from '../../support/consensus.ts';

const [a, b, c] = [nodeId('a'), nodeId('b'), nodeId('c')];
const self = c;
const value = Uint8Array.of(7);
const ballot = { round: 3, node: a };

function node(abstain: boolean, records: readonly ConsensusRecord[] = []): Consensus {
  const consensus = new Consensus(
    {
      self,
      group: 'g',
      crypto: fakeCrypto(self),
      random: () => 0,
      timing: DEFAULT_TIMING,
      window: 8,
      historyHeights: 16,
    },
    { applied: height(0), spans: [{ from: height(1), voters: [a, b, c] }], records, abstain },
  );
  consensus.step({ kind: 'start', nowMs: 0 });
  return consensus;
}

const certificate = (by: readonly NodeId[]): Certificate => ({
  ballot,
  votes: by.map((voter) => ({
    node: voter,
    signature: fakeCrypto(voter).sign(voteBytes('g', height(1), ballot, fakeHash(value))),
  })),
});
const hear = (consensus: Consensus, from: NodeId, message: Message): Effect[] =>
  consensus.step({ kind: 'message', from, message });
const kinds = (effects: readonly Effect[]): string[] =>
  effects.map((effect) => (effect.kind === 'send' ? effect.message.kind : effect.kind));
const decisions = (by: readonly NodeId[]): Message => ({
  kind: 'decisions',
  chosen: height(1),
  decisions: [{ height: height(1), value, certificate: certificate(by) }],
});

it('a node that abstains learns what is chosen, and neither promises, accepts nor campaigns', () => {
  const consensus = node(true);
  assert.deepEqual(kinds(hear(consensus, a, { kind: 'prepare', ballot, chosen: height(0) })), []);
  assert.deepEqual(kinds(hear(consensus, a, { kind: 'accept', ballot, height: height(1), value })), ['leader']);
  assert.deepEqual(kinds(hear(consensus, a, decisions([a, b]))), ['persist', 'chosen']);
  const later: Effect[] = [];
  for (let nowMs = 20; nowMs < 2000; nowMs += 20) later.push(...consensus.step({ kind: 'tick', nowMs }));
  assert.ok(
    later.every(
      (effect) => effect.kind === 'leader' || (effect.kind === 'send' && effect.message.kind === 'ask-chosen'),
    ),
  );
});

it('a certificate with a vote that the disk knows nothing of ends its voting', () => {
  const consensus = node(false);
  assert.ok(kinds(hear(consensus, a, decisions([a, self]))).includes('amnesia'));
  assert.deepEqual(
    kinds(hear(consensus, a, { kind: 'prepare', ballot: { round: 9, node: a }, chosen: height(1) })),
    [],
  );
});

it('a certificate of others does not', () => {
  const consensus = node(false);
  assert.ok(!kinds(hear(consensus, a, decisions([a, b]))).includes('amnesia'));
  const answer = hear(consensus, a, { kind: 'prepare', ballot: { round: 9, node: a }, chosen: height(1) });
  assert.deepEqual(kinds(answer), ['persist', 'promise']);
});

it('who gave its data away votes again once it knows what was decided before, and by what it promised then', () => {
  const promised = { round: 5, node: b };
  const consensus = node(true, [{ kind: 'promise', ballot: promised }]);
  // Also with a vote of its own that it knows nothing of: it was counted before.
  assert.deepEqual(kinds(hear(consensus, a, decisions([a, self]))), ['persist', 'chosen']);
  const ask = (round: number): string[] =>
    kinds(hear(consensus, a, { kind: 'prepare', ballot: { round, node: a }, chosen: height(1) }));
  assert.deepEqual(ask(9), []);
  consensus.step({ kind: 'vote' });
  // The proposer of round 5 may count on it still.
  assert.deepEqual(ask(4), ['nack']);
  const late: Message = { kind: 'accept', ballot: { round: 4, node: a }, height: height(2), value };
  assert.deepEqual(kinds(hear(consensus, a, late)), ['nack']);
  assert.deepEqual(ask(9), ['persist', 'promise']);
});
