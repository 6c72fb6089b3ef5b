/** Many clusters at once: all are made, and then nothing is written any more. test/bench/operator.ts does it with a thousand. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RESOURCES } from '../../../operator/kube/resources.ts';
import { Fleet, namespaceOf } from '../support/fleet.ts';
import { missing } from '../support/machine.ts';
import { OperatorProcess } from '../support/operator.ts';

const CLUSTERS = 50;
const reason = await missing('api');

describe('fifty clusters', { skip: reason, timeout: 180_000 }, () => {
  it('are all made; then only what somebody changes is written', async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'p2pdb-scale-'));
    const fleet = await Fleet.start(folder, false);
    let operator: OperatorProcess | undefined;
    try {
      await fleet.declare(CLUSTERS);
      operator = await OperatorProcess.start(fleet.kubeconfig);
      const start = performance.now();
      while ((await fleet.reconciled()) < CLUSTERS) await sleep(200);
      t.diagnostic(`all are made after ${((performance.now() - start) / 1000).toFixed(1)} s`);
      const writes = await operator.settledWrites();
      assert.ok(writes >= CLUSTERS * 10, `${writes} writes`);

      const rounds = (): Promise<number> =>
        operator?.figure('controller_runtime_reconcile_total') ?? Promise.resolve(0);
      const before = await rounds();
      const touch = { metadata: { annotations: { touched: 'yes' } } };
      for (let i = 0; i < CLUSTERS; i++)
        await fleet.client.mergePatch(RESOURCES.P2PDBCluster, namespaceOf(i), `c${i}`, touch);
      while ((await rounds()) < before + CLUSTERS) await sleep(100);
      assert.equal(await operator.writes(), writes, 'a second look finds nothing to do');

      const service = { spec: { ports: [{ name: 'mysql', port: 1 }] } };
      await fleet.client.mergePatch(RESOURCES.Service, namespaceOf(7), 'c7', service);
      while ((await operator.writes()) === writes) await sleep(50);
      assert.ok((await operator.settledWrites()) - writes <= 2, 'one cluster was mended, the others were left alone');
    } finally {
      await operator?.stop();
      await fleet.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
