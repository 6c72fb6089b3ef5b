// A cluster of three nodes under load, scraped by a real Prometheus: every query that the project ships is answered, with data.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { METRICS } from '../../../node/admin/index.ts';
import { ALERTS, RECORDING_RULES } from '../../../operator/specs/index.ts';
import { TestCluster } from '../../support/cluster.ts';
import { findPrometheus, MONITORING, Prometheus } from './prometheus.ts';

const found = await findPrometheus();
const skip = 'missing' in found ? found.missing : false;

interface Dashboard {
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] };
  readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[];
}

const dashboard = JSON.parse(readFileSync(path.join(MONITORING, 'dashboard.json'), 'utf8')) as Dashboard;

/** As Grafana fills its variables in. */
function filled(expression: string): string {
  const nodes = dashboard.templating.list.find(({ name }) => name === 'nodes')?.query ?? '';
  return expression.replaceAll('${nodes:raw}', nodes).replaceAll('$__rate_interval', '10s').replaceAll('$chosen', '.+');
}

/** Where a node's admin HTTP is, as it says when it is ready. */
const adminOf = (cluster: TestCluster, node: number): string =>
  /admin HTTP on (\S+)/.exec(cluster.program(node).out)?.[1] ?? assert.fail(`n${node} does not say where its HTTP is`);

/** Values of a metric by one of its labels. */
async function scrape(address: string, metric: string, label: string): Promise<Map<string, number>> {
  const text = await (await fetch(`http://${address}/metrics`)).text();
  const lines = text.matchAll(new RegExp(`^${metric}\\{.*?${label}="([^"]*)".*?\\} (\\S+)$`, 'gm'));
  return new Map([...lines].map(([, value = '', number]) => [value, Number(number)]));
}

const orDeadlock = (error: unknown): void => {
  if ((error as { errno?: number }).errno !== 1213) throw error;
};

describe('monitoring', { skip, timeout: 240_000 }, () => {
  let cluster: TestCluster;
  let prometheus: Prometheus;
  const load = new AbortController();
  const writers: Promise<void>[] = [];

  /** A client of each level, with a statement that fails now and then. */
  const write = async (node: number, level: string): Promise<void> => {
    const db = await cluster.connect(node, { database: 'd' });
    await db.query(`set p2pdb_commit = '${level}'`);
    for (let i = 0; !load.signal.aborted; i++) {
      await db.query('insert into t (v) values (?)', [node]);
      await db.execute('select count(*) from t where v = ?', [i]);
      // At level final, what others write meanwhile to the rows that it looks at refuses it.
      await db.query('update t set b = ? where id = last_insert_id()', [String(i)]).catch(orDeadlock);
      if (i % 10 === 0) await assert.rejects(db.query('select * from nothing'));
      // Enough for every figure, and not so much that Prometheus has no time of the machine.
      await sleep(20);
    }
    await db.end();
  };

  before(async () => {
    if ('missing' in found) return;
    cluster = await TestCluster.start();
    const db = await cluster.connect(0);
    await db.query('create database d');
    await db.query('create table d.t (id int primary key auto_increment, v int, b longblob)');
    await cluster.converged();
    prometheus = await Prometheus.start(
      found.folder,
      [0, 1, 2].map((node) => adminOf(cluster, node)),
    );
    writers.push(write(0, 'local'), write(1, 'replicated'), write(2, 'final'));
  });
  after(async () => {
    load.abort();
    await Promise.allSettled(writers);
    await prometheus.stop();
    await cluster.stop();
  });

  it('scrapes all nodes, which have every metric that is described', async () => {
    await prometheus.until('all up', async () => (await prometheus.query('up == 1')).length === 3);
    for (const [name, { type }] of Object.entries(METRICS)) {
      const series = type === 'histogram' ? `${name}_count` : name;
      await prometheus.until(name, async () => (await prometheus.query(series)).length > 0);
    }
  });

  it('describes every metric that a node has', async () => {
    const text = await (await fetch(`http://${adminOf(cluster, 0)}/metrics`)).text();
    const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name);
    const own = names.filter((name) => !/^p2pdb_(process|nodejs)_/.test(name));
    assert.deepEqual(own.sort(), Object.keys(METRICS).sort());
  });

  it('loads every rule, and can evaluate it', async () => {
    const names = [...RECORDING_RULES.map(({ record }) => record), ...ALERTS.map(({ alert }) => alert)];
    await prometheus.until('evaluated', async () =>
      (await prometheus.rules()).every(({ health, lastError, name }) => {
        if (health === 'err') assert.fail(`${name}: ${lastError}`);
        return health === 'ok';
      }),
    );
    const rules = await prometheus.rules();
    assert.deepEqual(rules.map(({ name }) => name).sort(), names.sort());
    for (const { query } of rules) await prometheus.query(query);
  });

  for (const { record } of RECORDING_RULES) {
    it(`${record} has data`, () => prometheus.until('there', () => hasData(record)));
  }

  for (const { title, targets = [] } of dashboard.panels) {
    for (const { expr } of targets)
      it(`the panel ${title} has data: ${expr}`, () => prometheus.until('there', () => hasData(filled(expr))));
  }

  const hasData = async (expression: string): Promise<boolean> =>
    (await prometheus.query(expression)).some(({ value: [, number] }) => Number.isFinite(Number(number)));

  it('is quiet while all is well', async () => {
    const loud = (await prometheus.rules()).filter(({ state }) => state === 'firing');
    assert.deepEqual(
      loud.map(({ name }) => name),
      [],
    );
  });

  it('without writes there is no lag, however long it lasts', async () => {
    load.abort();
    await Promise.all(writers);
    await cluster.converged();
    // The last acknowledgements are still on their way.
    const metrics = ['p2pdb_replication_lag_seconds', 'p2pdb_replication_lag_entries', 'p2pdb_peer_lag_entries'];
    await prometheus.until('in sync', async () => {
      const scraped = [0, 1, 2].flatMap((node) =>
        metrics.map((metric) => scrape(adminOf(cluster, node), metric, 'peer')),
      );
      return (await Promise.all(scraped)).every((byPeer) => [...byPeer.values()].every((lag) => lag === 0));
    });
  });

  it('a member that is cut off is silent, not in sync', async () => {
    await cluster.cut([0, 1], [2]);
    const silent = 'p2pdb_peer_last_contact_seconds{peer="n2"} > 3 and p2pdb_peer_up{peer="n2"} == 0';
    await prometheus.until('silent', async () => (await prometheus.query(silent)).length === 2);
    await prometheus.until(
      'without a leader',
      async () => (await prometheus.query('p2pdb_leader_known == 0')).length === 1,
    );
    const firing = async (): Promise<boolean> =>
      (await prometheus.rules()).some(({ name, state }) => name === 'P2PDBNoMajority' && state === 'pending');
    await prometheus.until('pending', firing);
  });

  it('lag grows while a peer that is ahead gives nothing, and ends when it does', async () => {
    // While n2 is cut off: more than it can get in a moment.
    const db = await cluster.connect(0, { database: 'd' });
    for (let i = 0; i < 40; i++) await db.query('insert into t (b) values (repeat(?, 1000000))', ['x']);
    await cluster.settled([0, 1]);
    const address = adminOf(cluster, 2);
    const lag = (): Promise<Map<string, number>> => scrape(address, 'p2pdb_replication_lag_entries', 'peer');
    const age = async (): Promise<number> =>
      Math.max(...(await scrape(address, 'p2pdb_replication_lag_seconds', 'peer')).values());
    /** What n2 says of its lag, and between which moments it did. */
    const look = async () => {
      const from = performance.now();
      const entries = Math.max(...(await lag()).values());
      const seconds = await age();
      return { from, entries, seconds, to: performance.now() };
    };
    await cluster.heal();
    for (const since = performance.now(); Math.max(...(await lag()).values()) === 0;)
      assert.ok(performance.now() - since < 20_000, 'n2 never knew that it is behind');
    for (const node of [0, 1]) cluster.program(node).child.kill('SIGSTOP');
    try {
      let first = await look();
      let last = first;
      await prometheus.until('growing', async () => {
        last = await look();
        // What was on its way when the others stopped is applied yet, and makes the rest younger.
        if (last.entries !== first.entries || last.seconds < first.seconds) first = last;
        return last.from - first.to > 1500;
      });
      assert.ok(first.entries > 0 && first.seconds > 0, JSON.stringify(first));
      const grown = (last.seconds - first.seconds) * 1000;
      assert.ok(grown >= last.from - first.to && grown <= last.to - first.from, `it grew by ${grown} ms`);
    } finally {
      for (const node of [0, 1]) cluster.program(node).child.kill('SIGCONT');
    }
    await cluster.converged();
    assert.equal(await age(), 0);
    assert.deepEqual(new Set((await lag()).values()), new Set([0]));
  });
});
