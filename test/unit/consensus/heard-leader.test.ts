// That a node heard of a leader, perhaps of a round that nobody proposed, binds it to nothing: only its promise does.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  Consensus,
  DEFAULT_TIMING,
  height,
  nodeId,
  type Effect,
  type Message,
  type NodeId,
} from '../../../node/consensus/index.ts';
import { fakeCrypto } from '../../support/consensus.ts';

const [a, b, c] = [nodeId('a'), nodeId('b'), nodeId('c')];
const chosen = height(0);
const value = Uint8Array.of(7);
const [low, high] = [
  { round: 2, node: a },
  { round: 8, node: b },
];

/** One that heard of `high`. */
function voter(): Consensus {
  const consensus = new Consensus(
    {
      self: c,
      group: 'g',
      crypto: fakeCrypto(c),
      random: () => 0,
      timing: DEFAULT_TIMING,
      window: 8,
      historyHeights: 16,
    },
    { applied: height(0), spans: [{ from: height(1), voters: [a, b, c] }], records: [], abstain: false },
  );
  consensus.step({ kind: 'start', nowMs: 0 });
  hear(consensus, b, { kind: 'heartbeat', ballot: high, chosen, ack: true });
  return consensus;
}
const hear = (consensus: Consensus, from: NodeId, message: Message): Effect[] =>
  consensus.step({ kind: 'message', from, message });
const kinds = (effects: readonly Effect[]): string[] =>
  effects.map((effect) => (effect.kind === 'send' ? effect.message.kind : effect.kind));

it('it promises and votes below what it heard of, and goes on following that', () => {
  const consensus = voter();
  assert.deepEqual(kinds(hear(consensus, a, { kind: 'prepare', ballot: low, chosen })), ['persist', 'promise']);
  assert.deepEqual(kinds(hear(consensus, a, { kind: 'heartbeat', ballot: low, chosen, ack: true })), ['heartbeat-ack']);
  assert.deepEqual(kinds(hear(consensus, a, { kind: 'accept', ballot: low, height: height(1), value })), ['validate']);
});

it('it follows a leader that comes down from a round that was heard of it', () => {
  const ballot = { round: 2, node: b };
  assert.deepEqual(kinds(hear(voter(), b, { kind: 'heartbeat', ballot, chosen, ack: true })), [
    'leader',
    'heartbeat-ack',
  ]);
});

it('it refuses what is below its promise, and tells of nothing else', () => {
  const consensus = voter();
  const promised = { round: 3, node: a };
  hear(consensus, a, { kind: 'prepare', ballot: promised, chosen });
  for (const message of [
    { kind: 'prepare', ballot: low, chosen },
    { kind: 'heartbeat', ballot: low, chosen, ack: true },
    { kind: 'accept', ballot: low, height: height(1), value },
  ] as const) {
    assert.deepEqual(hear(consensus, a, message), [
      { kind: 'send', to: a, message: { kind: 'nack', ballot: low, promised } },
    ]);
  }
});
