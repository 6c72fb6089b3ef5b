// A node killed under 32 writers. CRASH_ROUNDS sets how often; test/bench/crash.ts is the long form.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { crashRounds } from '../../support/crash.ts';

const rounds = Number(process.env['CRASH_ROUNDS'] ?? 12);
const seed = Number(process.env['CRASH_SEED'] ?? Date.now() >>> 0);

it(`loses nothing that it acknowledged in ${rounds} kills (seed ${seed})`, async (t) => {
  const figures = await crashRounds({ rounds, seed });
  assert.equal(figures.rounds, rounds);
  assert.ok(figures.acknowledged > 0);
  t.diagnostic(JSON.stringify(figures));
});
