/** A database with a replication group of its own, written through all nodes while its hosts are killed. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { TestCluster } from '../../support/cluster.ts';

const NODES = [0, 1, 2] as const;
const HOSTS = [0, 1] as const;
const CALM_MS = 1_500;
/** What a client is told where nothing can be done now, or nobody knows what was done. */
const REFUSALS = [1053, 1429, 3101];

it('loses no row that was acknowledged, on any node, while its hosts are killed', async (t) => {
  const cluster = await TestCluster.start();
  t.after(() => cluster.stop());
  const c = await cluster.connect(2);
  await c.query("CREATE DATABASE own COMMENT 'p2pdb:replicas=n0,n1'");
  await c.query('CREATE TABLE own.t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)');
  const acknowledged: number[] = [];
  const stopping = new AbortController();

  const connected = async (node: number): Promise<Connection> => {
    for (;;) {
      try {
        return await cluster.connect(node);
      } catch {
        await sleep(50);
      }
    }
  };
  const write = async (node: number): Promise<void> => {
    let own = await connected(node);
    for (let v = node; !stopping.signal.aborted; v += NODES.length) {
      try {
        await own.query('INSERT INTO own.t (v) VALUES (?)', [v]);
        acknowledged.push(v);
      } catch (error) {
        const { errno = 0, message } = error as { errno?: number; message: string };
        if (/clos|lost|ECONN|EPIPE/.test(message)) own = await connected(node);
        else assert.ok(REFUSALS.includes(errno), `${errno} ${message}`);
      }
      await sleep(5);
    }
  };
  const writing = NODES.map((node) => write(node));
  for (const host of [...HOSTS, HOSTS[0]]) {
    await sleep(CALM_MS);
    await cluster.kill(host, 'SIGKILL');
    await sleep(CALM_MS);
    await cluster.start(host);
  }
  await sleep(CALM_MS);
  stopping.abort();
  await Promise.all(writing);

  await cluster.until((all) => {
    const groups = HOSTS.map((host) => all[host]?.databaseGroups[0]);
    const [first, second] = groups.map((group) => `${group?.final.height} ${group?.digest}`);
    return first === second && groups.every((group) => group?.ready && group.tentative === 0);
  }, 'the hosts hold the same');
  const [rows] = await (await connected(2)).query<RowDataPacket[]>('SELECT v FROM own.t');
  const there = new Set(rows.map((row) => row['v'] as number));
  assert.deepEqual(
    acknowledged.filter((v) => !there.has(v)),
    [],
  );
  assert.equal(there.size, rows.length);
  t.diagnostic(`${acknowledged.length} rows acknowledged, ${rows.length} there`);
  assert.ok(acknowledged.length > 100);
});
