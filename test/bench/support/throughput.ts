/** Writes on three nodes, on one of them and spread, at each commit level; single inserts that a majority decides; a hot row. */
import { createConnection } from 'mysql2/promise';
import { mean, milliseconds, type Bench, type Measured, type Measurement } from './measurement.ts';
import type { CommitLevel } from './ours.ts';
import { measure, sql, type Load, type Rate, type Servers } from './sysbench.ts';

const WRITES = ['oltp_update_index', 'oltp_insert', 'oltp_write_only'] as const;

export function throughput(): Measurement[] {
  const local = [...WRITES, 'oltp_read_write'].flatMap((workload) =>
    [8, 64].flatMap((threads) => [
      againstGalera('local', { workload, threads, spread: false }),
      againstGalera('local', { workload, threads, spread: true }),
    ]),
  );
  const stronger = (['replicated', 'final'] as const).flatMap((level) =>
    WRITES.map((workload) => againstGalera(level, { workload, threads: 8, spread: false })),
  );
  const readWrite = [
    readWriteAtFinal('REPEATABLE-READ', true),
    readWriteAtFinal('READ-COMMITTED', true),
    readWriteAtFinal('READ-COMMITTED', false),
  ];
  return [...local, ...stronger, ...readWrite, ...[8, 64].map(againstRqlite), hotRow];
}

function againstGalera(level: CommitLevel, load: Pick<Load, 'workload' | 'threads' | 'spread'>): Measurement {
  const { workload, threads, spread } = load;
  const isWrite = workload !== 'oltp_read_write' && level === 'local';
  return {
    what: `${workload}, ${level}, ${threads} threads, ${spread === true ? 'spread' : 'one node'} (tx/s)`,
    peer: 'Galera',
    least: isWrite ? '1.5' : '1.0',
    aim: isWrite ? '3' : '2',
    async run({ ours, galera, seconds, warmup, rounds }) {
      const rates: [number[], number[]] = [[], []];
      await ours.commitAt(level);
      // In turns, so that what else the machine does meets both.
      for (let round = 0; round < rounds; round++) {
        for (const [servers, found] of [
          [galera, rates[0]],
          [ours, rates[1]],
        ] as const) {
          if (!servers) continue;
          found.push((await measure(servers, { ...load, seconds, warmup })).perSecond);
          await servers.settled();
        }
      }
      await ours.commitAt('local');
      return compared(rates[0].length > 0 ? mean(rates[0]) : undefined, mean(rates[1]));
    },
  };
}

function compared(theirs: number | undefined, ours: number): Measured {
  return {
    ours: ours.toFixed(0),
    ...(theirs !== undefined && { theirs: theirs.toFixed(0), ratio: ours / theirs }),
  };
}

/**
 * Galera certifies what a transaction wrote. At level final it answers for what it read, too, as SERIALIZABLE would, but at READ COMMITTED.
 */
function readWriteAtFinal(isolation: 'REPEATABLE-READ' | 'READ-COMMITTED', uniform: boolean): Measurement {
  return {
    what: `oltp_read_write${uniform ? ' of uniform rows' : ''}, final, ${isolation}, 8 threads, spread (tx/s; refused)`,
    peer: 'Galera',
    least: '',
    aim: '',
    async run({ ours, galera, seconds, warmup }) {
      const load = { workload: 'oltp_read_write', threads: 8, spread: true, uniform, seconds, warmup };
      const said = ({ perSecond, refused }: Rate): string =>
        `${perSecond.toFixed(0)}; ${((100 * refused) / (perSecond + refused)).toFixed(0)} % refused`;
      const theirs = galera ? said(await measure(galera, load)) : undefined;
      await galera?.settled();
      await ours.commitAt('final');
      await ours.setGlobal('transaction_isolation', isolation);
      const own = said(await measure(ours, load));
      await ours.settled();
      await ours.setGlobal('transaction_isolation', 'REPEATABLE-READ');
      await ours.commitAt('local');
      return { ours: own, ...(theirs !== undefined && { theirs }) };
    },
  };
}

function againstRqlite(connections: number): Measurement {
  return {
    what: `single inserts, final, ${connections} connections (/s, p50 / p99)`,
    peer: 'rqlite',
    least: '1.5',
    aim: '4',
    async run({ ours, rqlite, seconds, warmup, rounds }) {
      const found: { theirs: Rate[]; ours: Rate[] } = { theirs: [], ours: [] };
      await ours.commitAt('final');
      for (let round = 0; round < rounds; round++) {
        if (rqlite && warmup > 0) await rqlite.insert(connections, warmup);
        if (rqlite) found.theirs.push(await rqlite.insert(connections, seconds));
        found.ours.push(await measure(ours, { workload: 'oltp_insert', threads: connections, seconds, warmup }));
        await ours.settled();
      }
      await ours.commitAt('local');
      const [theirs, own] = [found.theirs, found.ours].map((rates) => ({
        perSecond: mean(rates.map((rate) => rate.perSecond)),
        p50: mean(rates.map((rate) => rate.p50)),
        p99: mean(rates.map((rate) => rate.p99)),
      })) as [Shown, Shown];
      if (found.theirs.length === 0) return { ours: shown(own) };
      return { ours: shown(own), theirs: shown(theirs), ratio: own.perSecond / theirs.perSecond };
    },
  };
}

type Shown = Pick<Rate, 'perSecond' | 'p50' | 'p99'>;

const shown = ({ perSecond, p50, p99 }: Shown): string =>
  `${perSecond.toFixed(0)}, ${milliseconds(p50)} / ${milliseconds(p99)}`;

const hotRow: Measurement = {
  what: 'one hot row, v = v + 1, 8 clients over three nodes (/s; refused; lost)',
  peer: 'Galera',
  least: '0 refused, 0 lost',
  aim: '',
  async run({ ours, galera, seconds }) {
    const theirs = galera ? await increments(galera, seconds) : undefined;
    return { ours: await increments(ours, seconds), ...(theirs !== undefined && { theirs }) };
  },
};

async function increments(servers: Servers & Pick<Bench['ours'], 'settled'>, seconds: number): Promise<string> {
  await sql(
    servers,
    'drop table if exists sbtest.hot; create table sbtest.hot (id int primary key, v bigint not null)',
  );
  await sql(servers, 'insert into sbtest.hot values (1, 0)');
  await servers.settled();
  const end = performance.now() + seconds * 1000;
  let done = 0;
  let refused = 0;
  await Promise.all(
    Array.from({ length: 8 }, async (_, client) => {
      const { user, password, ports } = servers;
      const connection = await createConnection({
        host: '127.0.0.1',
        port: ports[client % 3] as number,
        user,
        password,
      });
      while (performance.now() < end) {
        try {
          await connection.query('update sbtest.hot set v = v + 1 where id = 1');
          done++;
        } catch {
          refused++;
        }
      }
      await connection.end();
    }),
  );
  await servers.settled();
  const seen = await Promise.all(servers.ports.map((port) => sql(servers, 'select v from sbtest.hot', port)));
  const lost = done - Math.min(...seen.map(Number));
  const part = ((100 * refused) / (done + refused)).toFixed(0);
  return `${(done / seconds).toFixed(0)}; ${part} % refused; ${lost} lost`;
}
