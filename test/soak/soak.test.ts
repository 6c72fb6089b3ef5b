/** A short run of random faults on real nodes; `npm run soak` does longer ones. */
import { randomInt } from 'node:crypto';
import { it } from 'node:test';
import { soak } from './soak.ts';

it('keeps what it acknowledged, whatever befalls the nodes', { timeout: 600_000 }, async (t) => {
  const seed = Number(process.env['TEST_SEED'] ?? randomInt(1 << 30));
  t.diagnostic(`TEST_SEED=${seed}`);
  const { acknowledged, refused, unknown } = await soak({ seed, milliseconds: 15_000, clients: 3 });
  t.diagnostic(`${acknowledged} transactions acknowledged, ${refused} refused, ${unknown} without an answer`);
});
