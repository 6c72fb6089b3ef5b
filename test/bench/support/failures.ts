/** What cuts and dead nodes cost: how long clients elsewhere wait, how long until all is as it was. */
import { createConnection, type Connection } from 'mysql2/promise';
import { setTimeout as sleep } from 'node:timers/promises';
import { milliseconds, type Measurement } from './measurement.ts';
import type { CommitLevel } from './ours.ts';
import { measure, sql, type Servers } from './sysbench.ts';

const CLIENTS = 8;
const BEFORE_MS = 3000;
/** Galera takes up to ten seconds. */
const AFTER_MS = 15_000;
const STATEMENT_MS = 60_000;

export const failures = (): Measurement[] => [
  heal,
  paused('local', '0', '0'),
  paused('final', '2 s', '0.5 s'),
  back,
  restart,
];

const heal: Measurement = {
  what: 'heal after a cut, to equal digests (divergent txs/s)',
  peer: '',
  least: '20,000',
  aim: '50,000',
  async run({ ours, divergent }) {
    const { cluster } = ours;
    await cluster.cut([0], [1, 2]);
    // Each side by itself; the nodes of a cut write at level local.
    const load = { workload: 'oltp_update_index', threads: 32, events: divergent };
    await Promise.all([0, 1].map((node) => measure({ ...ours, ports: [ours.ports[node] as number] }, load)));
    await cluster.converged([1, 2], 300_000);
    const start = performance.now();
    await cluster.heal();
    await ours.settled();
    const seconds = (performance.now() - start) / 1000;
    return { ours: `${((2 * divergent) / seconds).toFixed(0)} (${divergent} a side in ${seconds.toFixed(1)} s)` };
  },
};

function paused(level: Exclude<CommitLevel, 'replicated'>, least: string, aim: string): Measurement {
  return {
    what: `kill −9 of a node under load: longest pause of ${level} writes on the others`,
    peer: 'Galera',
    least,
    aim,
    async run({ ours, galera }) {
      const theirs = galera && (await longestPause(galera, 2, galera));
      if (galera) await galera.start(2);
      await ours.commitAt(level);
      const leader = await ours.leader();
      const own = await longestPause(ours, leader, ours.cluster);
      await ours.cluster.start(leader);
      await ours.settled();
      await ours.commitAt('local');
      return {
        ours: milliseconds(own),
        ...(theirs !== undefined && { theirs: milliseconds(theirs), ratio: theirs / own }),
      };
    },
  };
}

/** Milliseconds between two OKs of the load on the nodes that live, the longest from the moment that the node dies. */
async function longestPause(
  servers: Servers,
  victim: number,
  killer: { kill(node: number): Promise<unknown> },
): Promise<number> {
  await sql(
    servers,
    'drop table if exists sbtest.pause; create table sbtest.pause (client int primary key, v int not null)',
  );
  await sql(
    servers,
    `insert into sbtest.pause values ${Array.from({ length: CLIENTS }, (_, i) => `(${i}, 0)`).join(',')}`,
  );
  const ports = servers.ports.filter((_, node) => node !== victim);
  let [killed, last, longest, over] = [false, 0, 0, false];
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    const connection = await connect(servers, ports[client % ports.length] as number);
    while (!over) {
      try {
        await connection.query({
          sql: `update sbtest.pause set v = v + 1 where client = ${client}`,
          timeout: STATEMENT_MS,
        });
      } catch (error) {
        // Refused, and asked again at once. A connection that breaks is a fault of the measurement.
        if ((error as { fatal?: boolean }).fatal === true) throw error;
        continue;
      }
      const now = performance.now();
      if (killed) longest = Math.max(longest, now - last);
      last = now;
    }
    connection.destroy();
  });
  await sleep(BEFORE_MS);
  last = performance.now();
  killed = true;
  await killer.kill(victim);
  await sleep(AFTER_MS);
  over = true;
  await Promise.all(clients);
  return longest;
}

const back: Measurement = {
  what: 'a killed node back in sync after its restart, the others under load meanwhile',
  peer: 'Galera',
  least: '5 s',
  aim: '2 s',
  async run({ ours, galera }) {
    const theirs = galera && (await comeback(galera, galera, () => galera.start(2)));
    const own = await comeback(ours, ours.cluster, async () => {
      await ours.cluster.start(2);
      await ours.settled();
    });
    return {
      ours: milliseconds(own),
      ...(theirs !== undefined && { theirs: milliseconds(theirs), ratio: theirs / own }),
    };
  },
};

async function comeback(
  servers: Servers,
  killer: { kill(node: number): Promise<unknown> },
  restarted: () => Promise<void>,
): Promise<number> {
  const load = { workload: 'oltp_update_index', threads: CLIENTS, seconds: 10 };
  const running = measure(servers, load);
  await sleep(BEFORE_MS);
  await killer.kill(2);
  await running;
  const start = performance.now();
  await restarted();
  return performance.now() - start;
}

const restart: Measurement = {
  what: 'all three killed, one never returns: until the two take final writes',
  peer: 'Galera',
  least: '10 s',
  aim: '3 s',
  async run({ ours }) {
    const { cluster } = ours;
    await Promise.all([0, 1, 2].map((node) => cluster.kill(node)));
    const start = performance.now();
    await Promise.all([0, 1].map((node) => cluster.start(node)));
    await ours.commitAt('final', [0, 1]);
    await sql(ours, 'update sbtest.sbtest1 set k = k + 1 where id = 1');
    const own = performance.now() - start;
    await cluster.start(2);
    await ours.settled();
    await ours.commitAt('local');
    return { ours: milliseconds(own), theirs: 'by hand' };
  },
};

async function connect({ user, password }: Servers, port: number): Promise<Connection> {
  const connection = await createConnection({ host: '127.0.0.1', port, user, password });
  connection.on('error', () => undefined);
  return connection;
}
