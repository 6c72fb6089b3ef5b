// One node's exchange with its peers, message by message.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { nodeId, type NodeId } from '../../../node/consensus/index.ts';
import {
  authorId,
  DEFAULT_SYNC_TIMING,
  Sync,
  type AuthorId,
  type SyncEffect,
  type SyncEntry,
  type SyncMessage,
} from '../../../node/sync/index.ts';
import { fakeHash } from '../../support/consensus.ts';

const [a, b, c] = ['a', 'b', 'c'].map(nodeId) as [NodeId, NodeId, NodeId];
const x = authorId('11'.repeat(32));
const y = authorId('22'.repeat(32));

const node = (frontier: [AuthorId, number][] = []): Sync =>
  new Sync({ sha256: fakeHash, timing: DEFAULT_SYNC_TIMING }, new Map(frontier));
const entry = (author: AuthorId, seq: number, size = 10): SyncEntry => ({
  author,
  seq,
  bytes: new Uint8Array(size).fill(seq),
});
const runs = (...entries: SyncEntry[]) =>
  entries.map(({ author, seq, bytes }) => ({ author, from: seq, entries: [bytes] }));
const receive = (sync: Sync, from: NodeId, message: SyncMessage): SyncEffect[] =>
  sync.step({ kind: 'message', from, message });
const sent = (effects: readonly SyncEffect[], to?: NodeId): SyncMessage[] =>
  effects.flatMap((effect) =>
    effect.kind === 'send' && (to === undefined || effect.to === to) ? [effect.message] : [],
  );
const kinds = (effects: readonly SyncEffect[]): string[] =>
  effects.map((effect) => (effect.kind === 'send' ? `${effect.to}:${effect.message.kind}` : effect.kind));
const live = (sync: Sync, ms: number): SyncEffect[] => {
  const effects: SyncEffect[] = [];
  for (let at = 0; at <= ms; at += 20) effects.push(...sync.step({ kind: 'tick', nowMs: clock + at }));
  clock += ms;
  return effects;
};
let clock = 1000;

it('peers with equal frontiers exchange a hash and nothing else', () => {
  const sync = node([[x, 5]]);
  const [hello] = sent(sync.step({ kind: 'peer-up', peer: b }));
  assert.equal(hello?.kind, 'hash');
  const effects = receive(sync, b, hello);
  assert.deepEqual(effects, [{ kind: 'peer-frontier', peer: b, frontier: new Map([[x, 5]]) }]);
});

it('peers that differ tell each other everything, and who lacks something asks for it', () => {
  const sync = node([[x, 5]]);
  sync.step({ kind: 'peer-up', peer: b });
  assert.deepEqual(kinds(receive(sync, b, { kind: 'hash', hash: new Uint8Array(32) })), ['b:frontier']);
  const effects = receive(sync, b, {
    kind: 'frontier',
    frontier: new Map([
      [x, 9],
      [y, 2],
    ]),
    ask: false,
  });
  assert.deepEqual(sent(effects), [
    {
      kind: 'ask',
      id: 1,
      ranges: [
        { author: x, from: 6, to: 9 },
        { author: y, from: 1, to: 2 },
      ],
      bytesMax: 4 << 20,
    },
  ]);
});

it('fresh entries go to everybody at once; durable is told at once to who sent what somebody waits for, to everybody with a tick', () => {
  const author = node();
  for (const peer of [b, c]) author.step({ kind: 'peer-up', peer });
  assert.deepEqual(kinds(author.step({ kind: 'local', entries: [entry(x, 1)] })), ['b:push', 'c:push']);

  const other = node();
  for (const peer of [a, c]) other.step({ kind: 'peer-up', peer });
  live(other, 20);
  assert.deepEqual(kinds(receive(other, a, { kind: 'push', runs: runs(entry(x, 1)) })), ['deliver']);
  assert.deepEqual(kinds(other.step({ kind: 'durable', frontier: new Map([[x, 1]]), isAwaited: true })), ['a:ack']);
  assert.deepEqual(kinds(live(other, 20)), ['a:ack', 'c:ack']);
});

it('duplicates are ignored, and a gap is asked for', () => {
  const sync = node();
  sync.step({ kind: 'peer-up', peer: b });
  receive(sync, b, { kind: 'push', runs: runs(entry(x, 1)) });
  assert.deepEqual(receive(sync, b, { kind: 'push', runs: runs(entry(x, 1)) }), []);
  const [ask] = sent(receive(sync, b, { kind: 'push', runs: runs(entry(x, 4)) }));
  assert.deepEqual(ask?.kind === 'ask' && ask.ranges, [{ author: x, from: 2, to: 4 }]);
});

it('a peer that stalls is pushed no more than a window, and again when it has caught up', () => {
  const sync = node();
  sync.step({ kind: 'peer-up', peer: b });
  let pushed = 0;
  for (let seq = 1; seq <= 12; seq++) {
    sync.step({ kind: 'durable', frontier: new Map([[x, seq]]), isAwaited: false });
    pushed += sent(sync.step({ kind: 'local', entries: [entry(x, seq, 1 << 20)] })).length;
  }
  assert.equal(pushed, 4);
  // It asks for the rest; what it is sent then counts as its position.
  const effects = receive(sync, b, { kind: 'ask', id: 1, ranges: [{ author: x, from: 5, to: 12 }], bytesMax: 4 << 20 });
  const [read] = effects;
  assert.ok(read?.kind === 'read');
  assert.deepEqual([read.author, read.fromSeq, read.toSeq], [x, 5, 12]);
  const entries = Array.from({ length: 8 }, (_, i) => entry(x, 5 + i, 100).bytes);
  const [answer] = sent(sync.step({ kind: 'read', request: read.request, entries, oldest: undefined }));
  assert.ok(answer?.kind === 'entries' && answer.last);
  receive(sync, b, { kind: 'ack', frontier: new Map([[x, 12]]) });
  assert.deepEqual(kinds(sync.step({ kind: 'local', entries: [entry(x, 13)] })), ['b:push']);
});

it('nothing is read for a peer whose queue is full, until it is drained', () => {
  const sync = node([[x, 3]]);
  sync.step({ kind: 'peer-up', peer: b });
  sync.step({ kind: 'full', peer: b });
  assert.deepEqual(kinds(sync.step({ kind: 'local', entries: [entry(x, 4)] })), []);
  assert.deepEqual(
    kinds(receive(sync, b, { kind: 'ask', id: 1, ranges: [{ author: x, from: 1, to: 3 }], bytesMax: 100 })),
    [],
  );
  assert.deepEqual(kinds(sync.step({ kind: 'drained', peer: b })), ['read']);
});

it('an answer stops at the bytes that were asked for, in pieces', () => {
  const sync = node([[x, 1000]]);
  sync.step({ kind: 'peer-up', peer: b });
  let effects = receive(sync, b, { kind: 'ask', id: 9, ranges: [{ author: x, from: 1, to: 1000 }], bytesMax: 3 << 20 });
  const pieces: SyncMessage[] = [];
  for (let read = effects.find((e) => e.kind === 'read'); read; read = effects.find((e) => e.kind === 'read')) {
    const entries: Uint8Array[] = [];
    for (let bytes = 0; bytes + 100_000 <= read.bytesMax; bytes += 100_000) entries.push(new Uint8Array(100_000));
    if (entries.length === 0) entries.push(new Uint8Array(100_000));
    effects = sync.step({ kind: 'read', request: read.request, entries, oldest: undefined });
    pieces.push(...sent(effects));
  }
  assert.ok(pieces.length >= 3);
  const sizes = pieces.map((piece) => (piece.kind === 'entries' ? piece.runs.flatMap((run) => run.entries).length : 0));
  const total = sizes.reduce((sum, size) => sum + size, 0) * 100_000;
  assert.ok(total >= 3 << 20 && total <= (3 << 20) + 100_000, `${total} bytes`);
  assert.deepEqual(
    pieces.map((piece) => piece.kind === 'entries' && piece.last),
    pieces.map((_piece, i) => i === pieces.length - 1),
  );
});

it('a question without an answer is asked of another peer', () => {
  const sync = node();
  for (const peer of [b, c]) sync.step({ kind: 'peer-up', peer });
  live(sync, 20);
  const frontier = new Map([[x, 2]]);
  const first = receive(sync, b, { kind: 'frontier', frontier, ask: false });
  assert.deepEqual(kinds(first), ['peer-frontier', 'b:ask']);
  assert.deepEqual(kinds(receive(sync, c, { kind: 'frontier', frontier, ask: false })), ['peer-frontier']);
  assert.deepEqual(kinds(live(sync, DEFAULT_SYNC_TIMING.askMs + 200)), ['c:ask']);
});

it('what all connected peers have pruned comes as a snapshot', () => {
  const sync = node();
  sync.step({ kind: 'peer-up', peer: b });
  live(sync, 3000);
  const [, ask] = receive(sync, b, { kind: 'frontier', frontier: new Map([[x, 9]]), ask: false });
  assert.ok(ask?.kind === 'send' && ask.message.kind === 'ask');
  receive(sync, b, { kind: 'pruned', author: x, oldest: 5 });
  const effects = receive(sync, b, { kind: 'entries', id: ask.message.id, runs: [], last: true });
  assert.deepEqual(effects, [{ kind: 'need-snapshot', peer: b }]);
  // The snapshot stands at 7: the rest is asked for.
  const [next] = sent(sync.step({ kind: 'durable', frontier: new Map([[x, 7]]), isAwaited: true }));
  assert.deepEqual(next?.kind === 'ask' && next.ranges, [{ author: x, from: 8, to: 9 }]);
});

it('what was refused is asked of others', () => {
  const sync = node();
  for (const peer of [b, c]) sync.step({ kind: 'peer-up', peer });
  receive(sync, b, { kind: 'push', runs: runs(entry(x, 1)) });
  receive(sync, c, { kind: 'frontier', frontier: new Map([[x, 1]]), ask: false });
  assert.deepEqual(kinds(sync.step({ kind: 'refused', author: x, from: b })), ['c:ask']);
  assert.deepEqual(kinds(receive(sync, b, { kind: 'push', runs: runs(entry(x, 1)) })), []);
});

it('gossip of an entry is followed when the entry does not come by itself', () => {
  const sync = node();
  sync.step({ kind: 'peer-up', peer: b });
  live(sync, 20);
  assert.deepEqual(kinds(sync.step({ kind: 'announced', author: x, seq: 1, from: b })), []);
  assert.deepEqual(kinds(live(sync, 100)), ['b:ask']);
});
