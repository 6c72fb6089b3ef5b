/** A majority of the voters is lost for good, and the cluster goes on with the data of the member that a person names. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import mysql, { type RowDataPacket } from 'mysql2/promise';
import type { ClusterStatus } from '../../../operator/api/index.ts';
import { until } from '../support/database.ts';
import { missing } from '../support/machine.ts';
import { isRunning, TestKubernetes } from './kubernetes.ts';

const reason = await missing('api');

describe('spec.recovery.survivor', { skip: reason, timeout: 480_000 }, () => {
  let kube: TestKubernetes;
  before(async () => {
    kube = await TestKubernetes.start();
    kube.startOperator();
  });
  after(() => kube.stop());

  async function sql(pod: string, text: string): Promise<unknown[][]> {
    const secret = await kube.kubectl('get', 'secret', 'c-root', '-o', 'jsonpath={.data.password}');
    const password = Buffer.from(secret, 'base64').toString();
    const connection = await mysql.createConnection({ host: kube.kubelet.address(pod), user: 'root', password });
    try {
      const [rows] = await connection.query<RowDataPacket[]>({ sql: text, rowsAsArray: true });
      return rows as unknown as unknown[][];
    } finally {
      connection.destroy();
    }
  }

  /** Resolves once a pod has these rows: what others wrote comes by itself. */
  const has = (pod: string, ids: readonly number[]): Promise<unknown> =>
    until(`${pod} has ${ids.join()}`, 20_000, async () => {
      assert.deepEqual(
        await sql(pod, 'SELECT id FROM d.t ORDER BY id'),
        ids.map((id) => [id]),
      );
      return true;
    });

  const name = (survivor: object): Promise<string> =>
    kube.kubectl('patch', 'p2pdb', 'c', '--type=merge', '-p', JSON.stringify({ spec: { recovery: { survivor } } }));
  const degraded = ({ conditions }: ClusterStatus): string | undefined =>
    conditions?.find(({ type, status }) => type === 'Degraded' && status === 'True')?.reason;
  const idOf = ({ nodes }: ClusterStatus, pod: string): string => nodes?.find((node) => node.name === pod)?.id ?? '';
  const phaseOf = ({ nodes }: ClusterStatus, pod: string): string | undefined =>
    nodes?.find((node) => node.name === pod)?.phase;

  it('goes on with it, and has who comes back later set the old data aside', async () => {
    const metadata = { name: 'c' };
    const spec = { replicas: 3, tls: { enabled: false } };
    await kube.apply({ apiVersion: 'p2pdb.io/v1alpha1', kind: 'P2PDBCluster', metadata, spec });
    await kube.until('c', (status) => isRunning(status, 3) && status.voters === 3);
    const { founder = '', ...formed } = await kube.status('c');
    const survivor = { group: founder, member: idOf(formed, 'c-2') };
    await sql('c-0', 'CREATE DATABASE d');
    await sql('c-0', 'CREATE TABLE d.t (id INT PRIMARY KEY)');
    await sql('c-0', 'INSERT INTO d.t VALUES (1)');
    await has('c-2', [1]);
    await kube.until('c', (status) => isRunning(status, 3));

    // Not as long as it decides.
    await name(survivor);
    await kube.until('c', (status) => degraded(status) === 'RecoveryRefused');
    await assert.rejects(
      kube.kubectl('patch', 'p2pdb', 'c', '--type=merge', '-p', `{"spec":{"recovery":{"abandonGroup":"${founder}"}}}`),
      /nobody has it any more, or a survivor goes on: not both/,
    );
    // The volume of one is lost, and another one is gone, for how long nobody knows.
    const frozen = kube.kubelet.program('c-1');
    frozen.child.kill('SIGSTOP');
    await kube.kubectl('delete', 'pvc', 'data-c-0', '--wait=false');
    await kube.kubectl('delete', 'pod', 'c-0', '--timeout=30s');
    await kube.until('c', (status) => phaseOf(status, 'c-0') === 'Waiting' && status.leader === undefined);
    await sql('c-2', 'INSERT INTO d.t VALUES (2)');

    const after = await kube.until('c', (status) => status.founder !== founder, 180_000);
    assert.ok(after > 40_000, `a majority that only takes its time is not given up after ${after} ms`);
    await kube.until('c', (status) => phaseOf(status, 'c-0') === 'InSync');
    const recovered = await kube.status('c');
    assert.equal(recovered.predecessor, founder);
    assert.equal(recovered.founder, idOf(recovered, 'c-2'));
    await sql('c-0', 'INSERT INTO d.t VALUES (3)');
    assert.deepEqual(await sql('c-0', 'SELECT id FROM d.t ORDER BY id'), [[1], [2], [3]]);

    frozen.child.kill('SIGCONT');
    await kube.until(
      'c',
      (status) => isRunning(status, 3) && status.voters === 3 && degraded(status) === undefined,
      90_000,
    );
    await has('c-1', [1, 2, 3]);
    assert.notEqual(idOf(await kube.status('c'), 'c-1'), idOf(formed, 'c-1'));
    const events = await kube.kubectl('get', 'events', '-o', 'jsonpath={.items[*].reason}');
    for (const told of ['RecoveryOrdered', 'GroupReplaced', 'DataSetAside']) assert.ok(events.includes(told), told);
  });
});
