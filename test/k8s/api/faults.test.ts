/**
 * The operator dies after every single step of everything that it does, and another one goes on: all states that a death can leave
 * behind are met. Nodes are real processes, objects are those of a real API server.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import mysql from 'mysql2/promise';
import { until } from '../support/database.ts';
import { missing } from '../support/machine.ts';
import { isRunning, TestKubernetes } from './kubernetes.ts';
import { dieAfterEach, type Deaths } from './lives.ts';

const reason = await missing('api');
const LIMIT_MS = 150_000;

describe('an operator that dies after each step', { skip: reason, timeout: 12 * 60_000 }, () => {
  let kube: TestKubernetes;
  const { KUBECONFIG } = process.env;
  before(async () => {
    kube = await TestKubernetes.start();
    process.env['KUBECONFIG'] = kube.kubeconfig;
  });
  after(async () => {
    if (KUBECONFIG === undefined) delete process.env['KUBECONFIG'];
    else process.env['KUBECONFIG'] = KUBECONFIG;
    await kube.stop();
  });

  let broken: string | undefined;
  /** Each begins with what those before it left. */
  const step = (name: string, test: (t: TestContext) => Promise<void>): void => {
    it(name, async (t) => {
      if (broken !== undefined) return t.skip(`after the failure of: ${broken}`);
      broken = name;
      await test(t);
      broken = undefined;
    });
  };

  const CLUSTER = { apiVersion: 'p2pdb.io/v1alpha1', kind: 'P2PDBCluster', metadata: { name: 'c' } };
  const apply = (spec: object): Promise<void> =>
    kube.apply({ ...CLUSTER, spec: { commitLevel: 'replicated', ...spec } });

  async function sql(pod: string, text: string): Promise<unknown> {
    const secret = await kube.kubectl('get', 'secret', 'c-root', '-o', 'jsonpath={.data.password}');
    const connection = await mysql.createConnection({
      host: kube.kubelet.address(pod),
      user: 'root',
      password: Buffer.from(secret, 'base64').toString(),
      ssl: { rejectUnauthorized: false },
    });
    try {
      return (await connection.query(text))[0];
    } finally {
      connection.destroy();
    }
  }

  /** Resolves once a pod has these rows: what others wrote comes by itself. */
  const has = (pod: string, ids: readonly number[]): Promise<unknown> =>
    until(`${pod} has ${ids.join()}`, 20_000, async () => {
      assert.deepEqual(
        await sql(pod, 'SELECT id FROM d.t ORDER BY id'),
        ids.map((id) => ({ id })),
      );
      return true;
    });

  /** What must stay whatever happens. */
  async function lasting(): Promise<object> {
    const secret = (name: string): Promise<string> =>
      kube.kubectl('get', 'secret', name, '-o', 'jsonpath={.metadata.uid} {.data}');
    const [keys, root, authority] = await Promise.all([secret('c-keys'), secret('c-root'), secret('c-ca')]);
    return { keys, root, authority, founder: (await kube.status('c')).founder };
  }

  const generation = async (): Promise<number> =>
    Number(await kube.kubectl('get', 'p2pdb', 'c', '-o', 'jsonpath={.metadata.generation}'));

  /** All is as the manifest says, and that was said of this manifest. */
  async function isAsAsked(members: number): Promise<boolean> {
    const status = await kube.status('c');
    return (
      isRunning(status, members) &&
      status.replicas === members &&
      status.voters === members &&
      status.observedGeneration === (await generation())
    );
  }

  const told = (t: TestContext, { lives, steps }: Deaths): void =>
    t.diagnostic(`${lives} operators for ${steps.length} steps`);

  const counted = (steps: readonly string[], step: RegExp): number => steps.filter((one) => step.test(one)).length;

  const pods = async (): Promise<string[]> =>
    (await kube.kubectl('get', 'pods', '-o', 'jsonpath={.items[*].metadata.uid}')).split(' ');

  let kept: object;

  step('forms one group', async (t) => {
    await apply({ replicas: 3 });
    const deaths = await dieAfterEach(() => isAsAsked(3), LIMIT_MS);
    told(t, deaths);
    assert.ok(deaths.lives >= 15, `${deaths.lives} lives`);
    assert.equal(counted(deaths.steps, /statefulsets/), 1);
    kept = await lasting();
    await sql('c-0', 'CREATE DATABASE d');
    await sql('c-0', 'CREATE TABLE d.t (id INT PRIMARY KEY)');
    await sql('c-0', 'INSERT INTO d.t VALUES (1)');
    // One group: what one wrote, the others have.
    for (const pod of ['c-1', 'c-2']) await has(pod, [1]);
  });

  step('lets two more in', async (t) => {
    await apply({ replicas: 5 });
    told(t, await dieAfterEach(() => isAsAsked(5), LIMIT_MS));
    assert.deepEqual(await lasting(), kept);
    await sql('c-4', 'INSERT INTO d.t VALUES (2)');
  });

  step('sends two away, who take nothing with them', async (t) => {
    await apply({ replicas: 3 });
    const deaths = await dieAfterEach(() => isAsAsked(3), LIMIT_MS);
    told(t, deaths);
    assert.deepEqual(await lasting(), kept);
    assert.equal(counted(deaths.steps, /persistentvolumeclaims/), 0, 'no volume is touched');
    assert.equal(counted(deaths.steps, /DELETE/), 0, 'no pod is deleted by hand');
    for (const pod of ['c-0', 'c-1', 'c-2']) await has(pod, [1, 2]);
  });

  step('changes a setting of nodes that run, and restarts none', async (t) => {
    const uids = await pods();
    await apply({ replicas: 3, commitLevel: 'local' });
    const isSet = async (): Promise<boolean> => {
      if (!(await isAsAsked(3))) return false;
      const levels = await Promise.all(
        ['c-0', 'c-1', 'c-2'].map((pod) => sql(pod, 'SELECT @@GLOBAL.p2pdb_commit AS v')),
      );
      return levels.every((rows) => (rows as { v: string }[])[0]?.v === 'local');
    };
    told(t, await dieAfterEach(isSet, LIMIT_MS));
    assert.deepEqual(await pods(), uids);
  });

  step('restarts each pod once for a new template', async (t) => {
    const uids = await pods();
    await apply({ replicas: 3, commitLevel: 'local', config: { connect_timeout: 11 } });
    const deaths = await dieAfterEach(() => isAsAsked(3), LIMIT_MS);
    told(t, deaths);
    assert.equal(counted(deaths.steps, /DELETE .*\/pods\//), 3);
    const now = await pods();
    assert.deepEqual([now.length, now.filter((uid) => uids.includes(uid))], [3, []]);
    assert.deepEqual(await lasting(), kept);
    await has('c-1', [1, 2]);
  });

  step('leaves nothing behind of a cluster that is deleted', async (t) => {
    await kube.kubectl('delete', 'p2pdb', 'c', '--cascade=foreground', '--wait=false');
    const isGone = async (): Promise<boolean> =>
      (await kube.kubectl('get', 'sts,svc,cm,secret,sa,pdb,netpol,pod', '-l', 'p2pdb.io/cluster=c', '-o', 'name')) ===
      '';
    told(t, await dieAfterEach(isGone, LIMIT_MS));
    assert.match(await kube.kubectl('get', 'pvc', '-o', 'name'), /data-c-0/);
  });
});
