import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { nodeId, type NodeId } from '../../../node/consensus/index.ts';
import { CborWriter } from '../../../node/log/index.ts';
import { framed } from '../../../node/replica/kinds.ts';
import { SnapshotExchange } from '../../../node/replica/snapshot-exchange.ts';
import { Snapshots, type Snapshot } from '../../../node/store/index.ts';

const [a, b, c] = [nodeId('a'), nodeId('b'), nodeId('c')];
const ASK = 0;
const OFFER = 1;
const GET = 2;
const PART = 3;

const content = Buffer.from('the state');
const manifest = {
  format: 1,
  group: 'main',
  height: 5,
  block: '',
  bytes: content.length,
  sha256: createHash('sha256').update(content).digest('hex'),
  lamport: 1,
  chains: [],
};
const offerOf = (text: string): Uint8Array =>
  framed(OFFER, new CborWriter(text.length + 8).data(Buffer.from(text)).take());
const OFFERED = offerOf(JSON.stringify(manifest));
const NOTHING = offerOf('');
const partOf = (bytes: Uint8Array): Uint8Array => framed(PART, new CborWriter(64).int(5).int(0).data(bytes).take());

describe('who needs a snapshot', () => {
  let begun = 0;
  let dir = '';
  let snapshots: Snapshots;
  let exchange: SnapshotExchange;
  /** Whom it sent what, what it took, and what it refused. */
  let sent: (readonly [NodeId, number])[];
  let taken: number[];
  let refused: NodeId[];

  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'p2pdb-snapshots-'));
    snapshots = new Snapshots(dir, 'main');
    [sent, taken, refused] = [[], [], []];
    exchange = new SnapshotExchange({
      group: 'main',
      port: {
        offer: () => assert.fail('it gives none'),
        readOffered: () => assert.fail('it gives none'),
        take: (offered) => snapshots.take(offered),
      },
      height: () => 3,
      isNew: false,
      send: (to, message) => {
        sent.push([to, message[0] as number]);
        return 'queued';
      },
      onReleased: () => assert.fail('nothing was held'),
      onTaken: (height) => taken.push(height),
      onRefused: (from) => refused.push(from),
    });
    for (const peer of [a, b, c]) exchange.peerUp(peer);
    exchange.need(a);
    begun = performance.now();
  });

  afterEach(() => rmSync(dir, { recursive: true }));

  /** What the next start goes on from. */
  const base = (): Snapshot | undefined => new Snapshots(dir, 'main').base;
  const tick = (seconds: number): void => exchange.tick(begun + seconds * 1000);
  const asked = (): NodeId[] => {
    assert.ok(sent.every(([, kind]) => kind === ASK));
    return [...new Set(sent.splice(0).map(([to]) => to))];
  };

  it('asks the same peer again while it may yet answer', () => {
    assert.deepEqual(asked(), [a]);
    tick(2);
    assert.deepEqual(asked(), []);
    tick(4);
    assert.deepEqual(asked(), [a]);
    tick(8);
    assert.deepEqual(asked(), [a]);
  });

  it('asks one more after ten seconds without an offer, and the first offer counts', () => {
    tick(9);
    assert.deepEqual(asked(), [a]);
    tick(13);
    assert.deepEqual(asked().sort(), [a, b]);
    exchange.message(b, OFFERED);
    exchange.message(a, OFFERED);
    assert.deepEqual(sent, [[b, GET]]);
    exchange.message(a, partOf(content));
    assert.deepEqual(taken, []);
    exchange.message(b, partOf(content));
    assert.deepEqual([taken, base()?.manifest], [[5], manifest]);
  });

  it('asks the next one at once where a peer offers nothing, or nothing newer', () => {
    exchange.message(a, NOTHING);
    assert.deepEqual(asked(), [a, b]);
    exchange.message(b, offerOf(JSON.stringify({ ...manifest, height: 3 })));
    assert.deepEqual(asked(), [c]);
    exchange.message(c, NOTHING);
    exchange.need(b);
    assert.deepEqual(asked(), [b], 'where all were asked, whoever has pruned next is asked anew');
  });

  it('takes nothing that is not what its manifest says', () => {
    exchange.message(a, offerOf('{'));
    assert.deepEqual(refused, [a]);
    exchange.message(b, OFFERED);
    exchange.message(b, partOf(Buffer.from('the stale')));
    assert.deepEqual([refused, taken, base()], [[a, b], [], undefined]);
  });
});
