import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { hex, type Cut, type Parent } from '../../../node/log/index.ts';
import { Forks } from '../../../node/replica/forks.ts';
import { Intake } from '../../../node/replica/intake.ts';
import { LogStore } from '../../../node/store/index.ts';
import { entryItem } from '../../../node/store/log-items.ts';
import { makeChain, makeIdentity, makeTail, type MadeEntry } from '../../support/log.ts';

/**
 * B signed two tails; the one that blocks ordered ends before entry 3. A had seen the other one, so its first entry names that one's
 * entry 3, which nobody gives to a node that was away: B was ended meanwhile, by a block behind the one that orders A's entry.
 */
describe('an entry of A, whose parent is of a tail of B that lost,', () => {
  const [a, b] = [makeIdentity(), makeIdentity()];
  const won = makeTail(b, 2);
  const lost = makeTail(b, 3, 2).at(-1) as MadeEntry;
  const parentOf = ({ entry: { author, seq }, cid }: MadeEntry): Parent => ({ author, seq, cid });
  const cutOf = ({ entry: { author, seq }, cid }: MadeEntry): Cut => ({ author: hex(author), seq, cid });
  const [first, second, third] = makeChain(a, 3, 0, (entry) => ({
    ...entry,
    lamport: 10 + entry.seq,
    transactions: [],
    parents: entry.seq === 2 ? [] : [parentOf(lost)],
  })) as [MadeEntry, MadeEntry, MadeEntry];
  let dir = '';
  let log: LogStore;
  let intake: Intake;

  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'p2pdb-intake-'));
    log = LogStore.open(dir, 'main', makeIdentity());
    const forks = new Forks(log);
    intake = new Intake({
      group: 'main',
      log,
      mayWrite: () => true,
      endOf: () => Infinity,
      hasEnded: () => false,
      holdsAside: (parent) => forks.holds({ ...parent, author: hex(parent.author) }, undefined),
      onForked: () => assert.fail('nobody else forks'),
      onUnproven: () => assert.fail('all is signed'),
      onDropped: () => assert.fail('nothing is dropped'),
      slices: () => assert.fail('nothing is large'),
      onReady: () => undefined,
    });
    for (const { entry, ...signed } of won) assert.equal(log.chains.next(signed, entry), undefined);
    log.append(won.map((one) => entryItem(one.entry, one)));
    assert.equal(intake.receive([first, second, third], hex(a.author), 1, 'peer'), undefined);
  });

  afterEach(() => {
    log.close();
    rmSync(dir, { recursive: true });
  });

  const taken = (): number[] => intake.take().map(({ entry }) => entry.seq);

  it('waits, and goes on once a decided block orders it and not its parent', () => {
    assert.deepEqual([intake.isEmpty, intake.waiting.parents], [true, 3]);
    intake.adopt();
    assert.deepEqual(taken(), []);
    intake.release([...won.slice(-1).map(cutOf), cutOf(first)]);
    assert.deepEqual(taken(), [1, 2], 'what has no such parent follows');
    assert.equal(intake.waiting.parents, 1, 'what no block has ordered waits');
    intake.release([cutOf(third)]);
    assert.deepEqual(taken(), [3]);
  });

  it('goes with those of its author that the block orders with it', () => {
    intake.release([cutOf(third)]);
    assert.deepEqual(taken(), [1, 2, 3]);
  });

  it('waits where the block orders its parent, too: that comes', () => {
    intake.release([cutOf(lost), cutOf(first)]);
    assert.deepEqual([taken(), intake.waiting.parents], [[], 3]);
  });

  it('waits where the block orders another entry of its author', () => {
    intake.release([{ ...cutOf(first), cid: second.cid }]);
    intake.release(won.map(cutOf));
    assert.deepEqual([taken(), intake.waiting.parents], [[], 3]);
  });
});
