/** Which transaction another one lost against, from what blocks left. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { finish } from '../../../node/consistency/index.ts';
import { Winners } from '../../../node/engine/merge/winners.ts';
import { APPLIED, GroupTransaction, type Met, type Outcome } from '../../../node/replica/index.ts';
import type { TableDef } from '../../../node/sql/index.ts';
import { ChangeList, NO_DIGEST, State } from '../../../node/store/index.ts';
import { NOTHING } from '../../support/log.ts';

const TABLE = { id: 1 } as TableDef;

let seq = 0;
function transaction(author: string, basis: number, rows: readonly number[], outcome: Outcome): GroupTransaction {
  const position = { lamport: ++seq, author: author.repeat(64), seq, index: 0 };
  const made = GroupTransaction.ofEntry(position, { time: 0, height: basis }, NOTHING, false);
  const changes = ChangeList.of(
    rows.map((rowid) => ({
      table: TABLE,
      rowid,
      newRowid: undefined,
      before: undefined,
      after: [],
      adds: undefined,
      intent: undefined,
      derived: undefined,
    })),
  );
  made.run = { changes, outcome, epoch: 0, digest: NO_DIGEST };
  return made;
}

const winning = (author: string, ...rows: readonly number[]): GroupTransaction => transaction(author, 0, rows, APPLIED);
const refused = (author: string, basis: number, met: Met): GroupTransaction =>
  transaction(author, basis, [], {
    kind: 'rejected',
    reason: 'duplicate-key',
    errno: 1062,
    sqlState: '23000',
    message: '',
    met,
  });
const losing = (author: string, basis: number, ...rows: readonly number[]): GroupTransaction =>
  refused(author, basis, { keys: rows.map((row) => `row ${row}`), otherwise: ['the table'] });

describe('winners', () => {
  let folder: string;
  let state: State;
  let winners: Winners;
  let height: number;
  let found: Map<string, string>;

  const open = (): void => {
    state = new State(path.join(folder, 'state.sqlite'));
    winners = new Winners(
      state,
      { ofEffect: ({ rowid }, left) => void left.push(`row ${rowid}`) },
      { lostAgainst: (tx, n, other) => void found.set(`${tx} ${n}`, other) },
    );
  };
  const block = (...transactions: readonly GroupTransaction[]): number => {
    for (const one of transactions) winners.settle(one, []);
    finish(winners.settled(++height));
    return height;
  };
  const winnerOf = (loser: GroupTransaction, n = 0): string | undefined => found.get(`${loser.id} ${n}`);

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'p2pdb-winners-'));
    height = 0;
    found = new Map();
    open();
  });
  afterEach(() => {
    state.close();
    rmSync(folder, { recursive: true });
  });

  it('is the latest one before it, in its own block or an earlier one', () => {
    const [early, late, behind] = [winning('a', 1, 2), winning('b', 1), winning('a', 1)];
    block(early, late);
    const [one, two, three] = [losing('c', 0, 1), losing('c', 0, 2), losing('c', 0, 3)];
    const own = winning('b', 3);
    block(one, own, two, three, behind);
    assert.equal(winnerOf(one), late.id);
    assert.equal(winnerOf(two), early.id);
    assert.equal(winnerOf(three), own.id);
  });

  it('is none that its author knew of', () => {
    const seen = block(winning('a', 1));
    block(winning('c', 1));
    const loser = losing('c', seen, 1);
    block(loser);
    assert.equal(winnerOf(loser), undefined);
  });

  it('is the second best where nobody left what it met', () => {
    const [alters, writes] = [winning('a'), winning('b', 1)];
    block(writes);
    winners.settle(alters, ['the table']);
    const [one, two] = [losing('c', 0, 1), losing('c', 0, 2)];
    block(one, two);
    assert.equal(winnerOf(one), writes.id);
    assert.equal(winnerOf(two), alters.id);
  });

  it('is told of each change that met no row', () => {
    const [a, b] = [winning('a', 1), winning('b', 2)];
    block(a, b);
    const dropped = [1, 3, 2].map((row) => {
      const met = { keys: [`row ${row}`], otherwise: [] };
      return { table: '', key: '', image: '', met };
    });
    const loser = transaction('c', 0, [], { kind: 'applied', dropped });
    block(loser);
    assert.deepEqual(
      [0, 1, 2].map((n) => winnerOf(loser, n)),
      [a.id, undefined, b.id],
    );
  });

  it('is known as long as no more than so many keys were left since', () => {
    const winner = winning('a', -1);
    block(winner);
    const rows = Array.from({ length: 10_000 }, (_, i) => i);
    for (let blocks = 0; blocks < 19; blocks++) block(winning('a', ...rows));
    block(winning('a', ...rows.slice(1)));
    const [before, after] = [losing('b', 0, -1), losing('b', 0, -1)];
    block(before);
    assert.equal(winnerOf(before), winner.id);
    block(winning('a', 0), after);
    assert.equal(winnerOf(after), undefined);
    assert.equal(state.db.prepare('SELECT count(*) AS n FROM written').get()?.['n'], 21);
  });

  it('is none that left very much', () => {
    const loser = losing('b', 0, 0);
    block(winning('a', ...Array.from({ length: 10_001 }, (_, i) => i)), loser);
    assert.equal(winnerOf(loser), undefined);
  });

  it('is found in a state file that was closed, and one of an earlier build gets room for it', () => {
    const winner = winning('a', 1);
    state.db.exec('DROP TABLE written');
    state.close();
    open();
    block(winner);
    state.publish({ height, block: '', final: {}, schema: 0 });
    state.close();
    open();
    const loser = losing('b', 0, 1);
    block(loser);
    assert.equal(winnerOf(loser), winner.id);
  });
});
