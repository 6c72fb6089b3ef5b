// The deterministic simulator. A run is a function of its seed alone.
//   npm run sim -- [--scenario NAME] [--seeds N] [--from N]    runs seeds, prints seeds/s, exits 1 on a failure
//   npm run sim -- [--scenario NAME] --seed N --trace          replays one seed with its transcript
import { parseArgs } from 'node:util';
import { scenarios } from './scenarios.ts';

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'consensus' },
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
});

const scenario = scenarios.find(({ name }) => name === values.scenario);
if (!scenario) {
  console.error(`no scenario ${values.scenario}; there are: ${scenarios.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const from = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(count)) {
  console.error('--seed, --from and --seeds are whole numbers');
  process.exit(2);
}
const trace = values.trace ? (line: string): void => console.log(line) : undefined;

const FAILURES_MAX = 10;
const start = performance.now();
let failed = 0;
let done = 0;
for (let seed = from; seed < from + count && failed < FAILURES_MAX; seed++, done++) {
  try {
    scenario.run(seed, trace);
  } catch (error) {
    failed++;
    console.log(`seed ${seed} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    console.log(`  replay: npm run sim -- --scenario ${scenario.name} --seed ${seed} --trace`);
  }
}
const seconds = (performance.now() - start) / 1000;
console.log(`${scenario.name}: ${done} seeds, ${failed} failed, ${(done / seconds).toFixed(0)} seeds/s`);
process.exitCode = failed > 0 ? 1 : 0;
