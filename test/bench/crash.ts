// Kills a node under its writers, as often as asked: node test/bench/crash.ts [--rounds 200] [--seed N] [--writers 32]
import { parseArgs } from 'node:util';
import { crashRounds } from '../support/crash.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string' },
    writers: { type: 'string', default: '32' },
  },
});
const seed = values.seed === undefined ? Date.now() >>> 0 : Number(values.seed);
const begin = performance.now();
const figures = await crashRounds({
  rounds: Number(values.rounds),
  seed,
  writers: Number(values.writers),
  report: (line) => console.log(line),
});
console.log(JSON.stringify({ seed, seconds: Math.round((performance.now() - begin) / 1000), ...figures }));
