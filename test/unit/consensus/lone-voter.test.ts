// A single voter decides at once: no message, no clock.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  Consensus,
  DEFAULT_TIMING,
  height,
  nodeId,
  type ConsensusRecord,
  type Effect,
} from '../../../node/consensus/index.ts';
import { fakeCrypto } from '../../support/consensus.ts';

const self = nodeId('a');
const start = (records: readonly ConsensusRecord[]): Consensus =>
  new Consensus(
    {
      self,
      group: 'g',
      crypto: fakeCrypto(self),
      random: () => 0.5,
      timing: DEFAULT_TIMING,
      window: 8,
      historyHeights: 16,
    },
    { applied: height(0), spans: [{ from: height(1), voters: [self] }], records, abstain: false },
  );
const kinds = (effects: readonly Effect[]): string[] => effects.map((effect) => effect.kind);

it('leads from the start and decides in the step that proposes', () => {
  const node = start([]);
  assert.deepEqual(kinds(node.step({ kind: 'start', nowMs: 0 })), ['persist', 'leader', 'want-value']);
  const decided = node.step({ kind: 'propose', height: height(1), value: Uint8Array.of(1), held: true });
  assert.deepEqual(kinds(decided), ['persist', 'persist', 'chosen', 'want-value']);
});

it('goes on after a restart from its records, with what it had chosen', () => {
  const before = start([]);
  const records = [
    ...before.step({ kind: 'start', nowMs: 0 }),
    ...before.step({ kind: 'propose', height: height(1), value: Uint8Array.of(1), held: true }),
  ].flatMap((effect) => (effect.kind === 'persist' ? [effect.record] : []));
  const after = start(records);
  const effects = after.step({ kind: 'start', nowMs: 0 });
  assert.deepEqual(kinds(effects), ['chosen', 'persist', 'leader', 'want-value']);
  assert.deepEqual(
    effects.flatMap((effect) => (effect.kind === 'want-value' ? [effect.height] : [])),
    [2],
  );
});
