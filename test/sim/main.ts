// The deterministic simulator. A run is a function of its seed alone.
//   npm run sim -- [--scenario NAME] [--seeds N] [--from N] [--jobs N]   runs seeds, prints seeds/s, exits 1 on a failure
//   npm run sim -- [--scenario NAME] --seed N --trace                    replays one seed with its transcript
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Scenario } from './kernel/scenario.ts';
import { scenarios } from './scenarios.ts';

const FAILURES_MAX = 10;

/** Every `stride`th seed. */
interface Share {
  readonly scenario: string;
  readonly first: number;
  readonly end: number;
  readonly stride: number;
}

interface Outcome {
  done: number;
  failed: number;
}

async function run(scenario: Scenario, share: Share, trace?: (line: string) => void): Promise<Outcome> {
  const outcome = { done: 0, failed: 0 };
  for (let seed = share.first; seed < share.end && outcome.failed < FAILURES_MAX; seed += share.stride) {
    outcome.done++;
    try {
      await scenario.run(seed, trace);
    } catch (error) {
      outcome.failed++;
      console.log(`seed ${seed} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      console.log(`  replay: npm run sim -- --scenario ${scenario.name} --seed ${seed} --trace`);
    }
  }
  return outcome;
}

async function runShare(share: Share): Promise<Outcome> {
  const worker = new Worker(new URL(import.meta.url), { workerData: share });
  const [outcome] = (await once(worker, 'message')) as [Outcome];
  return outcome;
}

const scenarioOf = (name: string): Scenario | undefined => scenarios.find((scenario) => scenario.name === name);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      scenario: { type: 'string', default: 'consensus' },
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      jobs: { type: 'string', default: String(availableParallelism()) },
      seed: { type: 'string' },
      trace: { type: 'boolean', default: false },
    },
  });
  const scenario = scenarioOf(values.scenario);
  if (!scenario) {
    console.error(`no scenario ${values.scenario}; there are: ${scenarios.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  const from = Number(values.seed ?? values.from);
  const count = values.seed === undefined ? Number(values.seeds) : 1;
  const jobs = Math.min(Number(values.jobs), count);
  if (![from, count, jobs].every((value) => Number.isSafeInteger(value)) || jobs < 1) {
    console.error('--seed, --from, --seeds and --jobs are whole numbers');
    return 2;
  }
  const start = performance.now();
  const share = { scenario: scenario.name, end: from + count, stride: jobs };
  const outcomes =
    jobs === 1
      ? [await run(scenario, { ...share, first: from }, values.trace ? (line) => console.log(line) : undefined)]
      : await Promise.all(Array.from({ length: jobs }, (_, i) => runShare({ ...share, first: from + i })));
  const seconds = (performance.now() - start) / 1000;
  const done = outcomes.reduce((sum, outcome) => sum + outcome.done, 0);
  const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed, 0);
  const rate = done / seconds;
  console.log(`${scenario.name}: ${done} seeds, ${failed} failed, ${rate.toFixed(rate < 10 ? 2 : 0)} seeds/s`);
  return failed > 0 ? 1 : 0;
}

if (isMainThread) process.exitCode = await main();
else {
  const share = workerData as Share;
  const scenario = scenarioOf(share.scenario);
  if (!scenario) throw new Error(`no scenario ${share.scenario}`);
  parentPort?.postMessage(await run(scenario, share));
}
