import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Company, type Open } from '../../../node/replica/company.ts';
import { GroupTransaction } from '../../../node/replica/transaction.ts';

const of = (level: 'final' | 'replicated' | 'local') => ({
  transaction: GroupTransaction.own(level, false, 0, () => assert.fail('nobody reads it')),
});
const final = (count: number) => Array.from({ length: count }, () => of('final'));

/** Time by hand. */
function start(open?: () => Open): { company: Company; pass: (ms: number) => void; woken: () => number } {
  let now = 0;
  let woken = 0;
  let timer: { atMs: number; work: () => void } | undefined;
  const company = new Company(
    {
      now: () => now,
      elapsed: () => now,
      defer: (work) => work(),
      after: (ms, work) => {
        timer = { atMs: now + ms, work };
        return () => (timer = undefined);
      },
    },
    () => woken++,
    open,
  );
  const pass = (ms: number): void => {
    now += ms;
    if (timer && timer.atMs <= now) timer.work();
  };
  return { company, pass, woken: () => woken };
}

describe('own transactions that wait for other nodes', () => {
  it('do not wait where none is under way and nobody was just answered', () => {
    assert.equal(start().company.expects(final(1), 0), false);
  });

  it('wait for those under way, but not for long', () => {
    const { company, pass, woken } = start();
    assert.equal(company.expects(final(1), 2), true);
    pass(5);
    assert.equal(company.expects(final(2), 2), true);
    assert.equal(woken(), 0);
    pass(5);
    assert.equal(woken(), 1);
    assert.equal(company.expects(final(2), 2), false);
  });

  it('then wait for the clients that were answered, until as many have come or a moment has passed', () => {
    const { company, pass, woken } = start();
    for (let i = 0; i < 3; i++) company.left();
    assert.equal(company.expects(final(2), 0), true);
    assert.equal(company.expects(final(3), 0), false);
    for (let i = 0; i < 3; i++) company.left();
    assert.equal(company.expects(final(1), 0), true);
    pass(1);
    assert.equal(woken(), 1);
    assert.equal(company.expects(final(1), 0), false);
  });

  it('wait for open transactions whose clients are at work, a moment for each statement, and not for long', () => {
    const open = { count: 2, statements: 7 };
    const { company, pass, woken } = start(() => open);
    assert.equal(company.expects(final(1), 0), true);
    pass(1);
    assert.equal(woken(), 1);
    assert.equal(company.expects(final(1), 0), false);
    for (let i = 0; i < 5; i++) {
      open.statements++;
      assert.equal(company.expects(final(1), 0), true);
      pass(1);
    }
    open.statements++;
    assert.equal(company.expects(final(1), 0), false);
  });

  it('do not wait for open transactions once there are none, however many statements there were', () => {
    const open = { count: 0, statements: 7 };
    const { company } = start(() => open);
    assert.equal(company.expects(final(1), 0), false);
    open.statements++;
    assert.equal(company.expects(final(1), 0), false);
  });

  it('do so at level replicated, too', () => {
    assert.equal(start().company.expects([of('replicated')], 1), true);
    assert.equal(start().company.expects([of('replicated'), ...final(1)], 1), true);
  });

  it('go at once when they are many, or when one is there that waits for nobody', () => {
    const { company } = start();
    assert.equal(company.expects(final(16), 2), false);
    assert.equal(company.expects([...final(1), of('local')], 2), false);
  });
});
