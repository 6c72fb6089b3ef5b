// Real nodes under random faults, with a ledger of what each client was told. Not a run, but what is done to it, follows from a seed.
//   npm run soak -- [--seed N] [--runs N] [--seconds N] [--nodes N] [--clients N] [--faults NAME,…] [--kinds NAME|…]
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { FAULT_NAMES } from './faults.ts';
import { soak } from './soak.ts';
import { KINDS } from './work.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(randomInt(1 << 30)) },
    runs: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '90' },
    nodes: { type: 'string', default: '3' },
    clients: { type: 'string', default: '4' },
    faults: { type: 'string', default: FAULT_NAMES.join() },
    kinds: { type: 'string', default: Object.keys(KINDS).join('|') },
  },
});

for (let seed = Number(values.seed), left = Number(values.runs); left > 0; seed++, left--) {
  console.log(`seed ${seed}`);
  try {
    const { errors, ...figures } = await soak({
      seed,
      milliseconds: Number(values.seconds) * 1000,
      nodes: Number(values.nodes),
      clients: Number(values.clients),
      faults: values.faults.split(','),
      kinds: values.kinds.split('|'),
      report: (line) => console.log(line),
    });
    for (const [text, count] of [...errors].sort(([, a], [, b]) => b - a)) console.log(`${count} × ${text}`);
    console.log(`seed ${seed}: ${JSON.stringify(figures)}`);
  } catch (error) {
    console.log((error as Error).message);
    process.exitCode = 1;
  }
}
