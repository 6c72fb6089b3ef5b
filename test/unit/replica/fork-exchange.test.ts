import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { nodeId, type NodeId } from '../../../node/consensus/index.ts';
import { CborWriter, decodeBlockValue, encodeTransaction, hex } from '../../../node/log/index.ts';
import { ForkExchange, type Equivocation } from '../../../node/replica/fork-exchange.ts';
import { framed } from '../../../node/replica/kinds.ts';
import { makeChain, makeIdentity, makeTail, NOTHING, type MadeEntry } from '../../support/log.ts';
import { TestReplica } from './support.ts';

const TELL_MS = 300;
const ASK = 0;
const ENTRIES = 1;
const TAILS = 2;

/** A node of a group whose links lose nothing. */
class Node extends TestReplica {
  readonly id: NodeId;
  readonly exchange: ForkExchange;
  readonly found: Equivocation[] = [];
  readonly refused: string[] = [];
  readonly pruned: NodeId[] = [];
  isLeader = false;
  /** What becomes of the end of an author, and what was told of that. */
  end: () => Promise<void> = () => assert.fail('only the leader has an author ended');
  readonly failures: unknown[] = [];

  constructor(id: string, links: Links) {
    super();
    this.id = nodeId(id);
    this.exchange = new ForkExchange({
      log: this.log,
      replica: this.replica,
      peers: () => [...links.nodes.keys()].filter((other) => other !== this.id),
      send: (to, message) => links.send(this.id, to, message),
      isLeader: () => this.isLeader,
      end: () => this.end(),
      onEndFailed: (_equivocation, error) => this.failures.push(error),
      onFound: (equivocation) => this.found.push(equivocation),
      onPruned: (peer) => this.pruned.push(peer),
      onRefused: (_from, reason) => this.refused.push(reason),
    });
    links.nodes.set(this.id, this);
  }
}

class Links {
  readonly nodes = new Map<NodeId, Node>();
  private readonly queue: (() => void)[] = [];
  private now = performance.now();
  /** Who said something of what kind to whom. */
  readonly said: string[] = [];

  send(from: NodeId, to: NodeId, message: Uint8Array): void {
    this.said.push(`${from}>${to} ${message[0]}`);
    this.queue.push(() => this.nodes.get(to)?.exchange.message(from, message));
  }

  /** Each node has so many turns to see and to tell what there is. */
  run(rounds = 8): void {
    for (; rounds > 0; rounds--) {
      this.now += TELL_MS + 1;
      for (const node of this.nodes.values()) {
        node.turn();
        node.exchange.tick(this.now);
      }
      while (this.queue.length > 0) {
        this.queue.shift()?.();
        for (const node of this.nodes.values()) node.turn();
      }
    }
  }
}

describe('nodes of which some hold another entry than others', () => {
  const forker = makeIdentity();
  const author = hex(forker.author);
  const [one, two, three, four] = makeTail(forker, 4) as [MadeEntry, MadeEntry, MadeEntry, MadeEntry];
  const [, two2, three2, four2] = makeTail(forker, 4, 2) as [MadeEntry, MadeEntry, MadeEntry, MadeEntry];
  const cids = (...made: readonly MadeEntry[]): string[] => made.map(({ cid }) => hex(cid));
  let links: Links;
  let [a, b, c]: Node[] = [];

  beforeEach(() => {
    links = new Links();
    [a, b, c] = ['a', 'b', 'c'].map((id) => new Node(id, links)) as [Node, Node, Node];
  });
  afterEach(() => {
    for (const name of ['a', 'b', 'c'] as const) of(name).close();
  });
  const of = (name: 'a' | 'b' | 'c'): Node => ({ a, b, c })[name] as Node;

  /** The author and the tails of what a node has found. */
  const proofs = (node: Node): unknown =>
    node.found.map(({ author: found, member, tails }) => {
      assert.deepEqual([found, member], [author, hex(forker.publicKey)]);
      return tails.map((tail) => hex(tail[0]?.signed.cid as Uint8Array)).sort();
    });

  it('say nothing while nobody is suspected', () => {
    of('a').receive(one, two);
    of('b').receive(one, two2);
    links.run();
    assert.deepEqual(links.said, []);
  });

  it('all come to have the proof, who found it and who only heard of it', () => {
    of('a').receive(one, two);
    of('b').receive(one, two2);
    of('c').receive(one);
    assert.equal(of('a').receive(three2), 'its author signed another entry in its place');
    links.run(1);
    assert.deepEqual(proofs(of('a')), [cids(two, three2).sort()]);
    assert.deepEqual(proofs(of('c')), [cids(two, three2).sort()], 'it holds none of the two');
    assert.deepEqual(proofs(of('b')), [cids(two, three2).sort()]);
    links.run();
    for (const { found, refused } of links.nodes.values()) assert.deepEqual([found.length, refused], [1, []]);
  });

  it('find it by telling each other what they have, where each has one', () => {
    of('a').receive(one, two);
    of('b').receive(one, two2);
    of('a').replica.forks.suspect(author, 2);
    links.run();
    for (const name of ['a', 'b'] as const) assert.deepEqual(proofs(of(name)), [cids(two, two2).sort()]);
  });

  it('believe no proof that is none', () => {
    const stranger = makeTail(makeIdentity(), 2);
    const forged = { ...two2, signature: new Uint8Array(64).fill(1) };
    const proofOf = (...tails: readonly (readonly MadeEntry[])[]): Uint8Array => {
      const writer = new CborWriter(1 << 12).array(tails.length);
      for (const tail of tails) {
        writer.array(tail.length);
        for (const { signature, body } of tail) writer.data(signature).data(body);
      }
      return framed(TAILS, writer.take());
    };
    const hear = (...tails: readonly (readonly MadeEntry[])[]): Equivocation[] => {
      of('a').exchange.message(nodeId('b'), proofOf(...tails));
      return of('a').found;
    };
    of('a').receive(one, two);
    assert.deepEqual(hear([two], [forged]), [], 'nobody signed that');
    assert.deepEqual(hear([forged]), []);
    assert.deepEqual(hear([two], [three]), [], 'they are of one chain');
    assert.deepEqual(hear([two, three], [three, four]), []);
    assert.deepEqual(hear([two], [stranger[1] as MadeEntry]), [], 'they are of two authors');
    assert.deepEqual(hear([two2, four2]), [], 'they do not follow each other');
    assert.deepEqual(hear([], []), []);
    assert.deepEqual(hear(stranger), [], 'whose key is not known');
    assert.equal(of('a').replica.forks.suspects.size, 0);
    assert.equal(hear([two], [two2]).length, 1);
  });

  it('ask by its hash for what a block names, and for what is before it, down to what they have', () => {
    of('a').receive(one, two, three);
    of('c').receive(one, two2, three2, four2);
    of('a').decide(1, four);
    of('a').turn();
    assert.deepEqual([links.said.length, of('a').heights], [0, []]);
    of('a').receive(four);
    assert.deepEqual(of('a').heights, [[1]]);
    links.run();
    assert.equal(links.said.length, 0);

    of('b').receive(one, two, three);
    of('b').decide(1, three2);
    of('b').turn();
    assert.deepEqual(of('b').replica.missing(), [{ author, seq: 3, cid: three2.cid }]);
    links.run();
    assert.deepEqual(of('b').heights, [[1]]);
    assert.deepEqual(of('b').chain(author), cids(one, two2, three2));
    assert.ok(of('b').log.holds(author, 3, three.cid), 'a later block may yet name it');
    assert.deepEqual(of('b').replica.missing(), []);
    assert.deepEqual(
      new Set(links.said.filter((said) => said.endsWith(` ${ASK}`))),
      new Set([`b>a ${ASK}`, `b>c ${ASK}`]),
    );
  });

  for (const [from, answers] of [
    [3, 2],
    [10, 1],
  ] as const)
    it(`ask for entries ${from} to 12, of which an answer holds six, as often as it takes`, async () => {
      const text = encodeTransaction({ ...NOTHING, sql: 'x'.repeat(200_000) });
      const long = (forkedAt: number): MadeEntry[] =>
        makeChain(forker, 12, 0, (entry) => ({ ...entry, time: entry.seq < forkedAt ? 1 : 2, transactions: [text] }));
      const [here, there] = [long(13), long(from)];
      of('b').receive(...here);
      of('c').receive(...there);
      for (const name of ['b', 'c'] as const) await of(name).written();
      of('b').decide(1, there.at(-1) as MadeEntry);
      // The first of its peers has none of them.
      links.run(2);
      await of('b').written();
      assert.deepEqual(of('b').heights, [[1]]);
      assert.deepEqual(of('b').chain(author), cids(...there));
      assert.equal(links.said.filter((said) => said === `c>b ${ENTRIES}`).length, answers);
    });

  it('apply what rests on a tail that lost, though they were away until its author was ended', () => {
    const [seen] = makeChain(makeIdentity(), 1, 0, (entry) => ({
      ...entry,
      lamport: 9,
      transactions: [],
      parents: [{ author: forker.author, seq: 3, cid: three2.cid }],
    })) as [MadeEntry];
    const away = of('c');
    links.nodes.delete(away.id);
    of('a').receive(one, two2, three2);
    of('a').receive(seen);
    of('b').receive(one, two);
    of('b').receive(seen);
    of('b').replica.forks.suspect(author, 2);
    links.run();
    const value = of('b').replica.proposal(1)?.value ?? assert.fail('there is something to order');
    const { cut } = decodeBlockValue(value);
    assert.deepEqual(new Set(cut.map(({ cid }) => hex(cid))), new Set(cids(two, seen)));
    of('a').replica.mayVoteFor(value);
    links.run();
    assert.deepEqual([of('a').replica.mayVoteFor(value), of('b').replica.mayVoteFor(value)], ['yes', 'yes']);

    away.receive(one, two);
    away.receive(seen);
    assert.deepEqual(away.replica.waiting, { heads: 1, disk: 0, parents: 1, block: 0 });
    away.replica.decided(1, value, new Uint8Array());
    away.turn();
    assert.deepEqual([away.heights, away.replica.forks.isEmpty], [[[1]], true]);
  });

  it('have the author ended by the leader, again and again until that is decided', async () => {
    const leader = of('b');
    leader.isLeader = true;
    let ends = 0;
    const failure = new Error('no majority is in reach');
    leader.end = async () => {
      if (++ends < 3) throw failure;
      leader.ended.add(author);
    };
    of('a').receive(one, two);
    leader.receive(one, two2);
    of('a').replica.forks.suspect(author, 2);
    for (let rounds = 1; rounds <= 6; rounds++) {
      links.run(1);
      await new Promise(setImmediate);
    }
    assert.deepEqual([ends, leader.failures], [3, [failure, failure]]);
  });
});
