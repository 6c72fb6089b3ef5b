/** How soon others see a commit, and how soon it is final. */
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { setTimeout as sleep } from 'node:timers/promises';
import { distance } from './distance.ts';
import { milliseconds, percentile, type Measurement } from './measurement.ts';
import { measure, sql, type Servers } from './sysbench.ts';

const COMMITS = 500;
const PAUSE_MS = 2;
const WRITERS = 8;
const FINAL_PER_SECOND = 1000;

export function latency(): Measurement[] {
  return [
    visible('idle', '5 ms', '1 ms', undefined),
    visible(`under ${WRITERS} writers`, '40 ms', '10 ms', WRITERS),
    confirmed,
    distance,
  ];
}

function visible(when: string, least: string, aim: string, writers: number | undefined): Measurement {
  return {
    what: `commit on node 1 → visible on node 3, ${when} (p50 / p99)`,
    peer: 'Galera',
    least,
    aim,
    async run({ ours, galera, seconds, warmup }) {
      const theirs = galera ? await visibility(galera, writers, seconds, warmup) : undefined;
      const own = await visibility(ours, writers, seconds, warmup);
      return {
        ours: shown(own),
        ...(theirs && { theirs: shown(theirs), ratio: percentile(theirs, 0.99) / percentile(own, 0.99) }),
      };
    },
  };
}

const shown = (times: readonly number[]): string =>
  `${milliseconds(percentile(times, 0.5))} / ${milliseconds(percentile(times, 0.99))}`;

/**
 * Milliseconds from each OK on the first node until the third shows the row; it is asked in a loop from before the commit on. The first
 * `warmup` seconds do not count.
 */
async function visibility(
  servers: Servers & { settled(): Promise<void> },
  writers: number | undefined,
  seconds: number,
  warmup: number,
): Promise<number[]> {
  await sql(servers, 'drop table if exists sbtest.visible; create table sbtest.visible (id int primary key)');
  await servers.settled();
  const connect = (port: number | undefined): Promise<Connection> =>
    createConnection({ host: '127.0.0.1', port: port as number, user: servers.user, password: servers.password });
  const [writer, reader] = await Promise.all([connect(servers.ports[0]), connect(servers.ports[2])]);
  const isVisible = async (id: number): Promise<boolean> => {
    const [rows] = await reader.query<RowDataPacket[]>(`select id from sbtest.visible where id = ${id}`);
    return rows.length > 0;
  };
  const begin = performance.now() + warmup * 1000;
  const end = begin + seconds * 1000;
  const load =
    writers && measure(servers, { workload: 'oltp_update_index', threads: writers, seconds: warmup + seconds });
  const times: number[] = [];
  for (let id = 1; writers === undefined ? times.length < COMMITS : performance.now() < end; id++) {
    const seen = (async () => {
      while (!(await isVisible(id)));
      return performance.now();
    })();
    await sleep(PAUSE_MS);
    await writer.query(`insert into sbtest.visible values (${id})`);
    const acknowledged = performance.now();
    const waitedMs = Math.max(0, (await seen) - acknowledged);
    if (acknowledged >= begin) times.push(waitedMs);
  }
  await load;
  await Promise.all([writer.end(), reader.end()]);
  await servers.settled();
  return times;
}

const confirmed: Measurement = {
  what: `final, confirmed at ${FINAL_PER_SECOND} writes/s (p50 / p99)`,
  peer: '',
  least: '20 ms',
  aim: '5 ms',
  async run({ ours, seconds, warmup }) {
    await ours.commitAt('final');
    const load = { workload: 'oltp_update_index', threads: 64, seconds, warmup, rate: FINAL_PER_SECOND };
    const { perSecond, p50, p99 } = await measure(ours, load);
    await ours.settled();
    await ours.commitAt('local');
    const kept = perSecond > 0.9 * FINAL_PER_SECOND ? '' : ` (${perSecond.toFixed(0)} writes/s came through)`;
    return { ours: `${milliseconds(p50)} / ${milliseconds(p99)}${kept}` };
  },
};
