// Certificates: signed by a majority of the voters, for this group, height, ballot and value, and by nobody else.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  height,
  nodeId,
  verifyCertificate,
  VoterSet,
  type Ballot,
  type Certificate,
} from '../../../node/consensus/index.ts';
import { voteBytes } from '../../../node/consensus/certificate.ts';
import { fakeCrypto, fakeHash } from '../../support/consensus.ts';

const voters = new VoterSet(['a', 'b', 'c'].map(nodeId));
const value = Uint8Array.of(1, 2, 3);
const ballot: Ballot = { round: 4, node: nodeId('a') };

const vote = (node: string, over: Partial<{ group: string; at: number; ballot: Ballot; value: Uint8Array }> = {}) => ({
  node: nodeId(node),
  signature: fakeCrypto(nodeId(node)).sign(
    voteBytes(over.group ?? 'g', height(over.at ?? 9), over.ballot ?? ballot, fakeHash(over.value ?? value)),
  ),
});
const holds = (certificate: Certificate): boolean =>
  verifyCertificate('g', height(9), value, certificate, voters, fakeCrypto(nodeId('anybody')));

it('a majority of the voters is enough', () => {
  assert.equal(holds({ ballot, votes: [vote('a'), vote('c')] }), true);
  assert.equal(holds({ ballot, votes: [vote('a'), vote('b'), vote('c')] }), true);
});

it('anything less is not', () => {
  assert.equal(holds({ ballot, votes: [] }), false);
  assert.equal(holds({ ballot, votes: [vote('b')] }), false);
  assert.equal(holds({ ballot, votes: [vote('b'), vote('b')] }), false);
  assert.equal(holds({ ballot, votes: [vote('b'), vote('x')] }), false);
  assert.equal(holds({ ballot, votes: [vote('c'), vote('a')] }), false, 'votes are in order');
});

it('votes for anything else are not', () => {
  const other: Ballot = { round: 5, node: nodeId('a') };
  for (const over of [{ group: 'h' }, { at: 8 }, { ballot: other }, { value: Uint8Array.of(1, 2) }]) {
    assert.equal(holds({ ballot, votes: [vote('a'), vote('c', over)] }), false);
  }
});
