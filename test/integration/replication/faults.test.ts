/** Three node processes that are killed, frozen, restarted and set back under load; a ledger of every acknowledged write. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestCluster } from '../../support/cluster.ts';
import { Ledger, LEVELS, type LedgerOptions } from '../../support/ledger.ts';

const NODES = [0, 1, 2] as const;
const others = (node: number): number[] => NODES.filter((other) => other !== node);

const LOCAL_PAUSE_MS = 1_000;
const FINAL_PAUSE_MS = 4_000;
const SERVE_MS = 10_000;

describe('three nodes under load', () => {
  let cluster: TestCluster;
  const ledgers: Ledger[] = [];

  before(async () => {
    cluster = await TestCluster.start();
  });
  after(() => cluster.stop());
  // A case that failed leaves its writers and nodes as they were.
  beforeEach(async () => {
    await Promise.allSettled(ledgers.map((ledger) => ledger.stop()));
    await Promise.all(NODES.filter((node) => !cluster.program(node).running).map((node) => cluster.start(node)));
  });

  async function openLedger(options?: LedgerOptions): Promise<Ledger> {
    const ledger = await Ledger.open(cluster, `ledger${ledgers.length}`, options);
    ledgers.push(ledger);
    return ledger;
  }

  /** Stops the writers, and compares. */
  async function settle(t: TestContext, ledger: Ledger, nodes?: readonly number[]): Promise<void> {
    await ledger.stop();
    const { acknowledged, refused, unknown } = await ledger.check(nodes);
    t.diagnostic(`${acknowledged} writes acknowledged, ${refused} refused, ${unknown} without an answer`);
  }

  /** The node has ordered what the others had ordered when it began to serve. Milliseconds since `started`. */
  async function inSync(node: number, started: number): Promise<number> {
    const heights = (await Promise.all(others(node).map((other) => cluster.status(other)))).map((s) => s.final.height);
    await cluster.until(([s]) => (s?.final.height ?? 0) >= Math.max(...heights), `n${node} lags behind`, [node]);
    return performance.now() - started;
  }

  it('each is killed in turn: the others go on, and it comes back', async (t) => {
    const ledger = await openLedger();
    for (const node of NODES) {
      ledger.mark();
      await cluster.kill(node);
      await ledger.goesOn(others(node), 'final');
      const local = ledger.pauseMs(others(node), 'local');
      const final = ledger.pauseMs(others(node), 'final');
      const started = performance.now();
      await cluster.start(node);
      const serving = performance.now() - started;
      const synced = await inSync(node, started);
      t.diagnostic(
        `n${node}: local writes of the others paused ${local.toFixed()} ms, final ones ${final.toFixed()} ms; it served after ${serving.toFixed()} ms, and was in sync after ${synced.toFixed()} ms`,
      );
      assert.ok(local < LOCAL_PAUSE_MS, `local writes paused ${local} ms`);
      assert.ok(final < FINAL_PAUSE_MS, `final writes paused ${final} ms`);
      await ledger.goesOn(NODES, 'final');
    }
    await settle(t, ledger);
  });

  it('all are killed at once, and come back unattended', async (t) => {
    const ledger = await openLedger();
    await Promise.all(NODES.map((node) => cluster.kill(node)));
    const started = performance.now();
    await Promise.all(NODES.map((node) => cluster.start(node)));
    await Promise.all(LEVELS.map((level) => ledger.goesOn(NODES, level)));
    t.diagnostic(`all levels were served again after ${(performance.now() - started).toFixed()} ms`);
    await settle(t, ledger);
  });

  it('all are killed, and one never returns: the other two serve', async (t) => {
    const ledger = await openLedger();
    await Promise.all(NODES.map((node) => cluster.kill(node)));
    const started = performance.now();
    await Promise.all([1, 2].map((node) => cluster.start(node)));
    await ledger.goesOn([1, 2], 'final');
    const served = performance.now() - started;
    t.diagnostic(`final writes were served after ${served.toFixed()} ms`);
    assert.ok(served < SERVE_MS, `final writes were served after ${served} ms`);
    await ledger.stop();
    await cluster.start(0);
    await settle(t, ledger);
  });

  it('one is frozen for three seconds: the others go on, and it catches up', async (t) => {
    const ledger = await openLedger();
    ledger.mark();
    cluster.program(0).child.kill('SIGSTOP');
    await sleep(3_000);
    const local = ledger.pauseMs([1, 2], 'local');
    const final = ledger.pauseMs([1, 2], 'final');
    cluster.program(0).child.kill('SIGCONT');
    t.diagnostic(`local writes of the others paused ${local.toFixed()} ms, final ones ${final.toFixed()} ms`);
    assert.ok(local < LOCAL_PAUSE_MS, `local writes paused ${local} ms`);
    await Promise.all(LEVELS.map((level) => ledger.goesOn(NODES, level)));
    await settle(t, ledger);
  });

  it('a node whose folder is an old copy comes back, and takes nothing from the others', async (t) => {
    const ledger = await openLedger();
    const copy = mkdtempSync(path.join(tmpdir(), 'p2pdb-copy-'));
    t.after(() => rmSync(copy, { recursive: true, force: true }));
    await cluster.kill(2, 'SIGTERM');
    cpSync(cluster.folder(2), copy, { recursive: true });
    await cluster.start(2);
    await ledger.goesOn(NODES, 'final');
    await ledger.goesOn(NODES, 'local');
    // What only its disk holds is lost with it: the others have all that it wrote when it is set back.
    await ledger.stop();
    await cluster.converged();
    await cluster.kill(2, 'SIGTERM');
    rmSync(cluster.folder(2), { recursive: true });
    cpSync(copy, cluster.folder(2), { recursive: true });
    const later = await openLedger({ nodes: [0, 1] });
    await cluster.start(2);
    await later.goesOn([0, 1], 'final');
    await settle(t, later);
    await settle(t, ledger);
    await settle(t, await openLedger());
  });
});
