/**
 * npm run bench:cluster: three nodes of this program against three of Galera and three of rqlite, in turns, on one machine.
 *
 *   npm run bench:cluster -- [--seconds 10] [--warmup 10] [--rounds 2] [--run-in 60] [--divergent 100000] [--only WORD] [--write]
 *
 * `--write` puts the table into test/bench/RESULTS.md. All of them commit durably. Where a peer cannot be had (test/bench/setup.sh
 * installs them), its column says so. Beside each line stands the load average: where other programs keep the machine busy, only
 * the ratio says something. Traffic stays on loopback.
 */
import { parseArgs } from 'node:util';
import { failures } from './support/failures.ts';
import { Galera, galeraMissing } from './support/galera.ts';
import { join } from './support/join.ts';
import { latency } from './support/latency.ts';
import { TABLE_HEAD, tableLine, type Measurement } from './support/measurement.ts';
import { Ours } from './support/ours.ts';
import { machine, quietDisk, writeSection } from './support/results.ts';
import { Rqlite, rqliteMissing } from './support/rqlite.ts';
import { prepare, runIn, sysbenchMissing } from './support/sysbench.ts';
import { throughput } from './support/throughput.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    warmup: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '2' },
    'run-in': { type: 'string', default: '60' },
    divergent: { type: 'string', default: '100000' },
    only: { type: 'string', default: '' },
    write: { type: 'boolean', default: false },
  },
});

interface Stopped {
  stop(): Promise<void>;
}

async function main(): Promise<number> {
  const missing = sysbenchMissing();
  if (missing !== undefined) {
    console.log(`skipped: ${missing}; see test/bench/setup.sh`);
    return 2;
  }
  const chosen = [...throughput(), ...latency(), ...failures(), ...join()].filter(({ what }) =>
    what.includes(values.only),
  );
  const started: Stopped[] = [];
  const begun = async <T extends Stopped>(server: Promise<T>): Promise<T> => {
    started.push(await server);
    return server;
  };
  try {
    const isPeer = (peer: Measurement['peer'], reason: string | undefined): boolean => {
      const needed = chosen.some((one) => one.peer === peer);
      if (needed && reason !== undefined) console.log(`${peer} is skipped: ${reason}; see test/bench/setup.sh`);
      return needed && reason === undefined;
    };
    const galera = isPeer('Galera', galeraMissing()) ? await begun(Galera.start()) : undefined;
    const rqlite = isPeer('rqlite', rqliteMissing()) ? await begun(Rqlite.start()) : undefined;
    const ours = await begun(Ours.start());
    const runInSeconds = Number(values['run-in']);
    if (galera) {
      await prepare(galera);
      await runIn(galera, runInSeconds);
    }
    await prepare(ours);
    for (const level of ['local', 'replicated', 'final'] as const) {
      await ours.commitAt(level);
      await runIn(ours, Math.ceil(runInSeconds / 3));
      await ours.settled();
    }
    await ours.commitAt('local');
    const [seconds, warmup, rounds, divergent] = [values.seconds, values.warmup, values.rounds, values.divergent].map(
      Number,
    ) as [number, number, number, number];
    const lines = [...TABLE_HEAD];
    console.log(lines.join('\n'));
    for (const one of chosen) {
      quietDisk();
      const line = tableLine(one, await one.run({ ours, galera, rqlite, seconds, warmup, rounds, divergent }));
      console.log(line);
      lines.push(line);
    }
    if (values.write) {
      const how = `${rounds} rounds of ${seconds} s each after ${warmup} s of the same load, and at the beginning ${runInSeconds} s of oltp_read_write, that do not count, in turns; 100,000 rows; clients and all servers share the machine.`;
      writeSection('npm run bench:cluster -- --write', `Machine: ${machine()}. ${how}\n\n${lines.join('\n')}`);
    }
  } finally {
    for (const server of started.reverse()) await server.stop();
  }
  return 0;
}

process.exitCode = await main();
