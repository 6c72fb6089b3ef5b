import assert from 'node:assert/strict';
import { it } from 'node:test';
import { nodeId } from '../../../node/consensus/index.ts';
import { decodeEntry, hex } from '../../../node/log/index.ts';
import { Peering, type PeeringOptions } from '../../../node/replica/peering.ts';
import { authorId, encodeSyncMessage } from '../../../node/sync/index.ts';
import { makeChain, makeIdentity } from '../../support/log.ts';

it('an entry that another disk has sooner than this one counts for a majority once this one has it', () => {
  const identity = makeIdentity();
  const [self, peer, gone] = [nodeId('self'), nodeId('peer'), nodeId('gone')];
  const author = hex(identity.author);
  const [made] = makeChain(identity, 1);
  assert(made);
  let seq = 0;
  const replicated: number[] = [];
  const peering = new Peering({
    self,
    log: { author, seqOf: () => seq, frontier: () => new Map() },
    replica: { replicated: (upTo: number) => replicated.push(upTo), appliedSeq: () => 0 },
    decider: { link: () => undefined },
    members: () => [self, peer, gone],
    voters: () => [self, peer, gone],
    onDamaged: () => assert.fail('nothing is damaged'),
    onRefused: (_from: unknown, reason: string) => assert.fail(reason),
  } as unknown as PeeringOptions);
  peering.peerUp(peer);
  const ack = encodeSyncMessage({ kind: 'ack', frontier: new Map([[authorId(author), 1]]) });
  peering.message(peer, Uint8Array.of(0, ...ack));
  assert.deepEqual(replicated, [0]);
  seq = 1;
  const signed = { cid: made.cid, body: made.body, signature: new Uint8Array(64) };
  peering.durable([{ signed, entry: decodeEntry(made.body) }], false);
  assert.deepEqual(replicated, [0, 1]);
});

it('what a peer had in an earlier stay in the group it has no more', () => {
  const identity = makeIdentity();
  const [self, peer] = [nodeId('self'), nodeId('peer')];
  const author = hex(identity.author);
  const peering = new Peering({
    self,
    log: { author, seqOf: () => 3, frontier: () => new Map([[author, 3]]) },
    replica: { replicated: () => undefined, appliedSeq: () => 3, endOf: () => Infinity },
    decider: { link: () => undefined },
    members: () => [self, peer],
    voters: () => [self],
    onDamaged: () => assert.fail('nothing is damaged'),
    onRefused: (_from: unknown, reason: string) => assert.fail(reason),
  } as unknown as PeeringOptions);
  const lag = (): number | undefined => peering.progress()[0]?.lag;
  peering.peerUp(peer);
  peering.message(
    peer,
    Uint8Array.of(0, ...encodeSyncMessage({ kind: 'ack', frontier: new Map([[authorId(author), 3]]) })),
  );
  assert.deepEqual([lag(), peering.stayOf(peer)], [0, 1]);
  const second = Uint8Array.of(8, 2);
  peering.message(peer, second);
  assert.deepEqual([lag(), peering.stayOf(peer)], [3, 2]);
  // It says so again and again.
  peering.message(
    peer,
    Uint8Array.of(0, ...encodeSyncMessage({ kind: 'ack', frontier: new Map([[authorId(author), 2]]) })),
  );
  peering.message(peer, second);
  assert.equal(lag(), 1);
});
