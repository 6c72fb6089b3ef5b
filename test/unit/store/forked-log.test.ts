import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { decodeEntry, hex } from '../../../node/log/index.ts';
import { againItem, asideItem, LogStore, verifyLog, type LogItem } from '../../../node/store/index.ts';
import { entryItem } from '../../../node/store/log-items.ts';
import { makeIdentity, makeTail, type MadeEntry } from '../../support/log.ts';

const item = (made: MadeEntry): LogItem => entryItem(made.entry, made);

/** An author's entries 1 to 3 lie in the log; it signed other ones from number 2 on. */
describe('of an author that signed two entries with one number a log', () => {
  const identity = makeIdentity();
  const forker = makeIdentity();
  const author = hex(forker.author);
  const [one, two, three] = makeTail(forker, 3) as [MadeEntry, MadeEntry, MadeEntry];
  const [, two2, three2, four2] = makeTail(forker, 4, 2) as [MadeEntry, MadeEntry, MadeEntry, MadeEntry];
  let dir = '';
  let log: LogStore;

  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'p2pdb-forked-'));
    log = LogStore.open(dir, 'main', identity);
    for (const { entry, ...signed } of [one, two, three]) assert.equal(log.chains.next(signed, entry), undefined);
    log.append([one, two, three].map(item));
  });

  afterEach(() => {
    log.close();
    rmSync(dir, { recursive: true });
  });

  /** Gives what the records of the log are to the reader: of each entry its CID, and whether it is there again. */
  function reload(): (readonly [cid: string, isAgain: boolean])[] {
    log.close();
    const read: [string, boolean][] = [];
    log = LogStore.open(dir, 'main', identity, {
      onRecord: (record, isAgain) => record.kind === 'entry' && read.push([hex(record.signed.cid), isAgain]),
    });
    return read;
  }

  const setAside = (...made: readonly MadeEntry[]): void => log.append(made.map((one) => asideItem(one.entry, one)));

  const chain = (): string[] => log.read(author, 1, 9, 1 << 20).map(({ cid }) => hex(cid));
  const cids = (...made: readonly MadeEntry[]): string[] => made.map(({ cid }) => hex(cid));
  const head = (): [number, string] => [log.chains.seqOf(author), hex(log.chains.byAuthor.get(author)?.cid as never)];

  it('holds both tails, one of them in no order', () => {
    setAside(two2, three2);
    const check = (): void => {
      assert.deepEqual(chain(), cids(one, two, three));
      assert.deepEqual(log.forked, [author]);
      for (const { cid, entry } of [two, three, two2, three2]) assert.ok(log.holds(author, entry.seq, cid));
      assert.equal(log.holds(author, 4, four2.cid), false);
      assert.deepEqual(log.readEntry(author, 2, hex(two2.cid))?.body, two2.body);
      assert.deepEqual(cids(...(log.readAside(author) as MadeEntry[])), cids(three2), 'the last of the tail');
    };
    check();
    assert.deepEqual(
      reload(),
      cids(one, two, three).map((cid) => [cid, false]),
    );
    check();
  });

  it('goes on behind the tail that is followed, and a start finds that', () => {
    setAside(two2, three2);
    assert.ok(log.follow(author, 3, three2.cid));
    const followed = (): void => {
      assert.deepEqual(chain(), cids(one, two2, three2));
      assert.deepEqual(head(), [3, hex(three2.cid)]);
      assert.ok(log.holds(author, 3, three.cid), 'what it followed before stands aside');
      assert.deepEqual(cids(...(log.readAside(author) as MadeEntry[])), cids(three));
    };
    followed();
    log.append([againItem(three2)]);
    assert.equal(log.chains.next(four2, four2.entry), undefined);
    log.append([item(four2)]);
    assert.deepEqual(reload(), [
      ...cids(one, two, three).map((cid) => [cid, false]),
      [hex(three2.cid), true],
      [hex(four2.cid), false],
    ]);
    assert.deepEqual(chain(), cids(one, two2, three2, four2));
    assert.deepEqual(verifyLog(dir).fault, undefined);
    // And back again: a later block may name what was followed first.
    assert.ok(log.follow(author, 3, three.cid));
    log.append([againItem(three)]);
    assert.deepEqual(reload().at(-1), [hex(three.cid), true]);
    assert.deepEqual(chain(), cids(one, two, three));
    assert.deepEqual(cids(...(log.readAside(author) as MadeEntry[])), cids(four2));
  });

  it('follows no tail of which something is missing, and stays as it was', () => {
    setAside(three2);
    assert.equal(log.follow(author, 3, three2.cid), false);
    assert.deepEqual(chain(), cids(one, two, three));
    assert.deepEqual(head(), [3, hex(three.cid)]);
  });

  it('follows one tail that is shorter than another', () => {
    setAside(two2);
    assert.ok(log.follow(author, 2, two2.cid));
    assert.deepEqual(chain(), cids(one, two2));
    log.append([againItem(two2)]);
    assert.deepEqual(reload().at(-1), [hex(two2.cid), true]);
    assert.deepEqual(chain(), cids(one, two2));
    assert.ok(log.holds(author, 3, three.cid));
  });

  it('ends where it is cut, and keeps what stood behind', () => {
    log.cutBehind(author, 1);
    assert.deepEqual(chain(), cids(one));
    assert.deepEqual(head(), [1, hex(one.cid)]);
    assert.deepEqual(log.frontier().get(author), 1);
    for (const { cid, entry } of [two, three]) {
      assert.ok(log.holds(author, entry.seq, cid));
      assert.deepEqual(decodeEntry(log.readEntry(author, entry.seq, hex(cid))?.body as Uint8Array).seq, entry.seq);
    }
    assert.equal(log.chains.next(two2, two2.entry), undefined, 'another tail may follow');
  });
});
