import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { hex, type Cut } from '../../../node/log/index.ts';
import { Forks } from '../../../node/replica/forks.ts';
import { asideItem, LogStore } from '../../../node/store/index.ts';
import { makeIdentity, makeTail, type MadeEntry } from '../../support/log.ts';

describe('of authors that signed two entries with one number', () => {
  const identity = makeIdentity();
  const author = hex(identity.author);
  const [, two] = makeTail(identity, 2) as [MadeEntry, MadeEntry];
  const [, other, third] = makeTail(identity, 3, 2) as [MadeEntry, MadeEntry, MadeEntry];
  const named = ({ entry: { seq }, cid }: MadeEntry): Cut => ({ author, seq, cid });
  const needed = (): boolean => false;
  let dir = '';
  let log: LogStore;
  let forks: Forks;

  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'p2pdb-forks-'));
    log = LogStore.open(dir, 'main', makeIdentity());
    forks = new Forks(log);
  });

  afterEach(() => {
    log.close();
    rmSync(dir, { recursive: true });
  });

  it('nothing is asked for while none is suspected: what is not here may be on its way', () => {
    assert.equal(forks.holds(named(two), undefined), false);
    assert.equal(forks.holds(named(two), two.cid), false);
    assert.equal(forks.holdsOrdered(named(two), undefined), false);
    assert.deepEqual([forks.isEmpty, forks.missing(needed)], [true, []]);
  });

  it('an entry that is named in the place of another one is asked for until it is durable', () => {
    assert.equal(forks.holds(named(other), two.cid), false);
    assert.deepEqual([...forks.suspects], [[author, 2]]);
    assert.deepEqual(forks.missing(needed), [named(other)]);
    log.append([asideItem(other.entry, other)]);
    assert.deepEqual(forks.missing(needed), []);
    assert.equal(forks.holds(named(other), two.cid), true);
    assert.equal(forks.holds(named(third), undefined), false);
    assert.deepEqual(forks.missing(needed), [named(third)], 'of a suspect all that is not here');
  });

  it('what nobody needs any more is not asked for again', () => {
    forks.holds(named(other), two.cid);
    forks.holds(named(third), undefined);
    assert.deepEqual(
      forks.missing(({ seq }) => seq <= 2),
      [named(third)],
    );
    assert.deepEqual(forks.missing(needed), [named(third)]);
  });

  it('what a block names of an author whose entry had no good signature is asked for, and of nobody else', () => {
    forks.noteUnproven(author);
    assert.equal(forks.isEmpty, false);
    assert.equal(forks.holds(named(two), undefined), false);
    assert.deepEqual(forks.missing(needed), []);
    assert.equal(forks.holdsOrdered(named(two), undefined), false);
    assert.deepEqual(forks.missing(needed), [named(two)]);
    assert.equal(forks.suspects.size, 0, 'somebody else may have changed it');
  });

  it('a start suspects those of whom the log holds entries that do not count', () => {
    log.append([asideItem(other.entry, other)]);
    forks.begin();
    assert.deepEqual([...forks.suspects.keys()], [author]);
  });

  it('no more is asked for at a time than peers bear', () => {
    forks.suspect(author, 1);
    for (let n = 0; n < 100; n++) forks.holds({ author, seq: n, cid: Uint8Array.of(n) }, undefined);
    assert.equal(forks.missing(needed).length, 64);
  });
});
