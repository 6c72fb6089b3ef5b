/** Three node processes that are killed, frozen, restarted and set back under load; a ledger of every acknowledged write. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPoolCluster, type RowDataPacket } from 'mysql2/promise';
import { TestCluster } from '../../support/cluster.ts';
import { isConnectionEnd, Ledger, LEVELS, stretched, type LedgerOptions } from '../../support/ledger.ts';
import { clockShiftedBy } from '../../support/process.ts';

const NODES = [0, 1, 2] as const;
const others = (node: number): number[] => NODES.filter((other) => other !== node);

const LOCAL_PAUSE_MS = 2_000;
const FINAL_PAUSE_MS = 6_000;
const SERVE_MS = 20_000;
const HOUR_MS = 3_600_000;

/** Stops the writers, and compares. */
async function settle(t: TestContext, ledger: Ledger, nodes?: readonly number[]): Promise<void> {
  await ledger.stop();
  const { acknowledged, refused, unknown } = await ledger.check(nodes);
  t.diagnostic(`${acknowledged} writes acknowledged, ${refused} refused, ${unknown} without an answer`);
}

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
      const started = performance.now();
      await cluster.start(node);
      const serving = performance.now() - started;
      const synced = await inSync(node, started);
      const local = ledger.pauseMs(others(node), 'local');
      const final = ledger.pauseMs(others(node), 'final');
      t.diagnostic(
        `n${node}: local writes of the others paused ${local.toFixed()} ms, final ones ${final.toFixed()} ms; it served after ${serving.toFixed()} ms, and was in sync after ${synced.toFixed()} ms`,
      );
      assert.ok(local < stretched(LOCAL_PAUSE_MS), `local writes paused ${local} ms`);
      assert.ok(final < stretched(FINAL_PAUSE_MS), `final writes paused ${final} ms`);
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
    const running = performance.now();
    await ledger.goesOn([1, 2], 'final');
    const served = performance.now();
    t.diagnostic(
      `final writes were served ${(served - started).toFixed()} ms after the start, ${(served - running).toFixed()} ms after both ran`,
    );
    assert.ok(
      served - running < stretched(SERVE_MS),
      `final writes were served ${served - running} ms after both nodes ran`,
    );
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
    assert.ok(local < stretched(LOCAL_PAUSE_MS), `local writes paused ${local} ms`);
    await Promise.all(LEVELS.map((level) => ledger.goesOn(NODES, level)));
    await settle(t, ledger);
  });

  it('a rolling restart fails no statement of a client that tries again once', async (t) => {
    const c = await cluster.connect(0);
    await c.query('CREATE DATABASE rolling');
    await c.query('CREATE TABLE rolling.tag (client INT, n INT, PRIMARY KEY (client, n))');
    await cluster.converged();
    const pools = createPoolCluster({ removeNodeErrorCount: 1, restoreNodeTimeout: 200 });
    for (const node of NODES) pools.add(`n${node}`, { ...cluster.login(node), database: 'rolling' });
    const rolled = new AbortController();
    let retries = 0;
    const client = async (id: number): Promise<string[]> => {
      const acknowledged: string[] = [];
      const insert = async (n: number): Promise<void> => {
        const one = await pools.getConnection('*', 'RR');
        try {
          await one.query(`INSERT INTO tag VALUES (${id}, ${n})`);
          acknowledged.push(`${id}:${n}`);
          one.release();
        } catch (error) {
          one.destroy();
          throw error;
        }
      };
      for (let n = 1; !rolled.signal.aborted; n++) {
        try {
          await insert(n);
        } catch (error) {
          if (!isConnectionEnd(error)) throw error;
          retries++;
          // Whether the first was done is not known: the second is another one.
          await insert(++n);
        }
        await sleep(2);
      }
      return acknowledged;
    };
    const clients = Promise.all([1, 2, 3, 4].map(client));
    const roll = async (): Promise<void> => {
      for (const node of NODES) {
        await cluster.restart(node, 'SIGTERM');
        await cluster.linked();
      }
      rolled.abort();
    };
    const [acknowledged] = await Promise.all([clients, roll()]).finally(() => {
      rolled.abort();
      return pools.end();
    });
    await cluster.converged();
    for (const node of NODES) {
      const reader = await cluster.connect(node);
      const [rows] = await reader.query<RowDataPacket[]>("SELECT concat(client, ':', n) AS tag FROM rolling.tag");
      const there = new Set(rows.map(({ tag }) => tag as string));
      assert.deepEqual(
        acknowledged.flat().filter((tag) => !there.has(tag)),
        [],
        `n${node} lost acknowledged writes`,
      );
    }
    t.diagnostic(`${acknowledged.flat().length} writes acknowledged, ${retries} tried again`);
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
    // It has caught up: from its next start its vote counts, so two of three decide with it.
    await cluster.kill(2, 'SIGTERM');
    await cluster.start(2);
    await cluster.converged();
    const last = await openLedger({ nodes: [1, 2] });
    await cluster.kill(0);
    await last.goesOn([1, 2], 'final');
    await cluster.start(0);
    await settle(t, last);
  });

  it('additions of many clients to one row are neither refused nor lost', async (t) => {
    const ledger = await openLedger({ levels: ['local'], kinds: ['add'], writers: 3, paceMs: 0 });
    await sleep(2_000);
    await ledger.stop();
    const { acknowledged, refused, unknown } = await ledger.check();
    t.diagnostic(`${acknowledged} additions`);
    assert.deepEqual({ refused, unknown }, { refused: 0, unknown: 0 });
  });
});

describe('three nodes whose clocks are an hour apart', () => {
  it('order, decide and merge as others do', async (t) => {
    const offsets = [0, HOUR_MS, -HOUR_MS];
    const cluster = await TestCluster.start({
      envOf: (node) => ({ NODE_OPTIONS: clockShiftedBy(offsets[node] ?? 0) }),
    });
    t.after(() => cluster.stop());
    for (const node of NODES) {
      const c = await cluster.connect(node);
      const [[row]] = await c.query<RowDataPacket[]>('SELECT unix_timestamp() AS seconds');
      const ahead = Number(row?.['seconds']) * 1000 - Date.now();
      assert.ok(Math.abs(ahead - (offsets[node] ?? 0)) < 60_000, `n${node} is ${ahead} ms ahead`);
    }
    const ledger = await Ledger.open(cluster, 'ledger');
    await cluster.cut([0], [1, 2]);
    await Promise.all([ledger.goesOn([1, 2], 'final'), ledger.goesOn(NODES, 'local')]);
    await cluster.heal();
    await Promise.all(LEVELS.map((level) => ledger.goesOn(NODES, level)));
    await settle(t, ledger);
  });
});

describe('a node that does not hear its leader, and hears a majority', () => {
  it('changes schemas and commits at level final', async (t) => {
    const cluster = await TestCluster.start();
    t.after(() => cluster.stop());
    const [{ leader } = {}] = await cluster.until(([n0]) => n0?.leader !== undefined, 'there is no leader', [0]);
    const leading = NODES.find((node) => leader === `n${node}`) ?? assert.fail('nobody leads');
    const [deaf = 0] = others(leading);
    const c = await cluster.connect(deaf);
    await c.query('CREATE DATABASE d');
    await cluster.cut([leading], [deaf]);
    // Longer than a node without a leader waits for another.
    const started = performance.now();
    let tables = 0;
    for (; performance.now() - started < 3_000; tables++) {
      await c.query(`CREATE TABLE d.t${tables} (id INT PRIMARY KEY)`);
      await c.query(`INSERT /*+ P2PDB_COMMIT(final) */ INTO d.t${tables} VALUES (1)`);
    }
    await cluster.heal();
    await cluster.converged();
    const there = await cluster.connect(leading);
    assert.equal((await there.query<RowDataPacket[]>('SHOW TABLES IN d'))[0].length, tables);
  });
});
