/** What it takes to let a fresh node in. */
import { TestCluster } from '../../support/cluster.ts';
import { bulkLoad } from './bulk.ts';
import { milliseconds, type Measurement } from './measurement.ts';

const ROWS = 1_000_000;

/** A cluster of its own, of two nodes, and the third is new. */
export const join = (): Measurement[] => [
  {
    what: `a fresh node joins a group of ${ROWS.toLocaleString('en')} rows, to equal digests`,
    peer: '',
    least: '30 s',
    aim: '10 s',
    async run() {
      const cluster = await TestCluster.start({ nodes: 3, newcomers: 1 });
      try {
        const c = await cluster.connect(0);
        await c.query('CREATE DATABASE sbtest');
        const { port, user, password } = cluster.login(0);
        await bulkLoad({ ports: [port], user, password }, ROWS);
        await cluster.converged([0, 1], 300_000);
        const start = performance.now();
        await cluster.join(2, 0);
        await cluster.converged(undefined, 300_000);
        return { ours: milliseconds(performance.now() - start) };
      } finally {
        await cluster.stop();
      }
    },
  },
];
