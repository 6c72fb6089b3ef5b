/**
 * One P2PDB cluster in two Kubernetes clusters: the second is a manifest of another name on the same API server, which shares with the
 * first what two Kubernetes clusters share: addresses that reach each other's peers, and a join token. The pods are real nodes.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type RowDataPacket } from 'mysql2/promise';
import type { ClusterStatus } from '../../../operator/api/index.ts';
import { until } from '../support/database.ts';
import { missing } from '../support/machine.ts';
import { isRunning, TestKubernetes } from './kubernetes.ts';

const reason = await missing('api');

describe('spec.bootstrapPeers and spec.joinTokenSecret', { skip: reason, timeout: 300_000 }, () => {
  let kube: TestKubernetes;
  let password = '';
  before(async () => {
    kube = await TestKubernetes.start();
    kube.startOperator();
  });
  after(() => kube.stop());

  const apply = (name: string, spec: object): Promise<void> =>
    kube.apply({
      apiVersion: 'p2pdb.io/v1alpha1',
      kind: 'P2PDBCluster',
      metadata: { name },
      spec: { tls: { enabled: false }, ...spec },
    });
  const patch = (name: string, spec: object): Promise<string> =>
    kube.kubectl('patch', 'p2pdb', name, '--type=merge', '-p', JSON.stringify({ spec }));
  const peer = (pod: string): string => `${kube.kubelet.address(pod)}:4001`;

  async function sql(pod: string, text: string): Promise<unknown[][]> {
    const connection = await mysql.createConnection({ host: kube.kubelet.address(pod), user: 'root', password });
    try {
      const [rows] = await connection.query<RowDataPacket[]>({ sql: text, rowsAsArray: true });
      return rows as unknown as unknown[][];
    } finally {
      connection.destroy();
    }
  }
  /** Resolves once a pod reads this: it comes by itself, without an order. */
  const reads = (pod: string, text: string, values: readonly unknown[]): Promise<unknown> =>
    until(`${pod} has ${values.join()}`, 20_000, async () => {
      assert.deepEqual((await sql(pod, text)).flat(), values);
      return true;
    });
  const knows = (pod: string, members: readonly string[]): Promise<unknown> =>
    reads(pod, 'SELECT name FROM p2pdb.members ORDER BY name', members);
  const has = (pod: string, ids: readonly number[]): Promise<unknown> =>
    reads(pod, 'SELECT id FROM d.t ORDER BY id', ids);
  const secret = (token: string): Promise<void> =>
    kube.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'way-in' }, stringData: { token } });
  const withReason = ({ conditions }: ClusterStatus, why: string): boolean =>
    conditions?.some(({ status, reason: said }) => status === 'True' && said === why) ?? false;

  it('joins the cluster elsewhere, without a vote, and founds none', async () => {
    await apply('east', { replicas: 1 });
    await kube.until('east', (status) => isRunning(status, 1));
    const encoded = await kube.kubectl('get', 'secret', 'east-root', '-o', 'jsonpath={.data.password}');
    password = Buffer.from(encoded, 'base64').toString();
    await sql('east-0', 'CREATE DATABASE d');
    await sql('east-0', 'CREATE TABLE d.t (id INT PRIMARY KEY)');
    await sql('east-0', 'INSERT INTO d.t VALUES (1)');

    const joinTokenSecret = { name: 'way-in' };
    await apply('west', { replicas: 2, bootstrapPeers: [peer('east-0')], joinTokenSecret });
    // Until there is a token, it waits, and tells what for.
    const events = (): Promise<string> => kube.kubectl('get', 'events', '-o', 'jsonpath={.items[*].message}');
    while (!(await events()).includes('the Secret way-in with the key token is not there')) await sleep(100);
    await secret(String((await sql('east-0', 'SELECT p2pdb_join_token(10, 1)'))[0]?.[0]));
    await kube.until('west', (status) => isRunning(status, 2), 90_000);
    const [east, west] = await Promise.all([kube.status('east'), kube.status('west')]);
    assert.equal(west.founder, east.founder);
    assert.deepEqual([west.voters, west.leader, east.members], [0, 'east-0', '1/1']);
    assert.ok(withReason(west, 'Serving'));
    await knows('west-1', ['east-0', 'west-0', 'west-1']);
  });

  it('reads and writes on both sides', async () => {
    await has('west-1', [1]);
    await sql('west-0', 'INSERT INTO d.t VALUES (2)');
    await sql('east-0', 'INSERT INTO d.t VALUES (3)');
    for (const pod of ['east-0', 'west-0', 'west-1']) await has(pod, [1, 2, 3]);
  });

  it('takes the key that keeps strangers out of the token, also after a restart', async () => {
    for (const name of ['west-0', 'west-1']) await kube.kubectl('delete', 'pod', name, '--timeout=60s');
    await kube.until('west', (status) => isRunning(status, 2), 60_000);
    await has('west-1', [1, 2, 3]);
    await sql('west-1', 'INSERT INTO d.t VALUES (4)');
    await has('east-0', [1, 2, 3, 4]);
  });

  it('counts only what is its own: votes, members, those that leave', async () => {
    await patch('west', { voters: 1 });
    await kube.until('west', (status) => status.voters === 1 && isRunning(status, 2));
    await patch('west', { voters: null, replicas: 1 });
    await kube.until('west', (status) => status.voters === 0 && isRunning(status, 1), 60_000);
    await patch('east', { replicas: 3 });
    await kube.until('east', (status) => status.voters === 3 && isRunning(status, 3), 60_000);
    await knows('east-2', ['east-0', 'east-1', 'east-2', 'west-0']);
    await kube.until('west', (status) => isRunning(status, 1));
    assert.equal((await kube.status('west')).voters, 0);
  });

  it('is not Ready when those that decide are gone, and is again when they are back', async () => {
    const frozen = ['east-0', 'east-1', 'east-2'].map((name) => kube.kubelet.program(name).child);
    for (const child of frozen) child.kill('SIGSTOP');
    await kube.until('west', (status) => withReason(status, 'NoMajority') || status.phase === 'Degraded');
    await sql('west-0', 'INSERT INTO d.t VALUES (5)');
    for (const child of frozen) child.kill('SIGCONT');
    await kube.until('west', (status) => isRunning(status, 1), 60_000);
    await has('east-2', [1, 2, 3, 4, 5]);
  });

  it('comes back when all of its volumes were lost, by a new token', async () => {
    await kube.kubectl('delete', 'pvc', 'data-west-0', '--wait=false');
    await kube.kubectl('delete', 'pod', 'west-0', '--timeout=60s');
    await kube.until('west', (status) => withReason(status, 'DataLost'));
    await sql('east-0', "SELECT p2pdb_remove_member('west-0')");
    await secret(String((await sql('east-0', 'SELECT p2pdb_join_token(10, 1)'))[0]?.[0]));
    await kube.until('west', (status) => isRunning(status, 1), 90_000);
    await has('west-0', [1, 2, 3, 4, 5]);
  });

  it('stays what it is', async () => {
    const part = /one that joined another stays a part of it/;
    await assert.rejects(patch('west', { joinTokenSecret: null }), part);
    await assert.rejects(patch('east', { joinTokenSecret: { name: 'way-in' } }), part);
    await assert.rejects(
      patch('west', { recovery: { abandonGroup: 'a'.repeat(64) } }),
      /a part of another cluster cannot give up their group/,
    );
  });
});
