/** The operator on a real API server: forms, scales, restarts and heals a cluster whose pods are real nodes. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import type { ClusterStatus } from '../../../operator/api/index.ts';
import { Reflector } from '../../../operator/kube/reflector.ts';
import { RESOURCES } from '../../../operator/kube/resources.ts';
import { until } from '../support/database.ts';
import { missing } from '../support/machine.ts';
import { isRunning, TestKubernetes } from './kubernetes.ts';

const reason = await missing('api');

describe('the operator', { skip: reason, timeout: 480_000 }, () => {
  let kube: TestKubernetes;
  before(async () => {
    kube = await TestKubernetes.start();
    kube.startOperator();
  });
  after(() => kube.stop());

  const CLUSTER = { apiVersion: 'p2pdb.io/v1alpha1', kind: 'P2PDBCluster', metadata: { name: 'c' } };
  const spec = { replicas: 3, storage: { retain: true }, tls: { enabled: true } };

  /** A statement of root on a pod's MySQL port. */
  async function sql(pod: string, text: string): Promise<unknown> {
    const secret = await kube.kubectl('get', 'secret', 'c-root', '-o', 'jsonpath={.data.password}');
    const connection = await mysql.createConnection({
      host: kube.kubelet.address(pod),
      user: 'root',
      password: Buffer.from(secret, 'base64').toString(),
      ssl: { rejectUnauthorized: false },
      multipleStatements: true,
    });
    try {
      return (await connection.query(text))[0];
    } finally {
      connection.destroy();
    }
  }

  /** Resolves once a pod answers so: what others wrote comes by itself. */
  const counts = (pod: string, what: string, n: number): Promise<unknown> =>
    until(`${pod} counts ${n} of ${what}`, 20_000, async () => {
      assert.deepEqual(await sql(pod, `SELECT COUNT(*) AS n FROM ${what}`), [{ n }]);
      return true;
    });

  /** Resolves once a pod has all that was decided before: schema changes and accounts are. */
  const catchesUp = (pod: string): Promise<unknown> =>
    sql(pod, "SET p2pdb_read = 'linearizable'; SELECT COUNT(*) FROM d.t");

  /** Writes through one pod after the other until the signal comes; a pod that is restarted is left for another. Gives how often. */
  async function write(worker: number, signal: AbortSignal): Promise<number> {
    const secret = await kube.kubectl('get', 'secret', 'c-root', '-o', 'jsonpath={.data.password}');
    const password = Buffer.from(secret, 'base64').toString();
    let count = 0;
    for (let turn = worker; !signal.aborted; turn++) {
      const connection = await mysql
        .createConnection({ host: kube.kubelet.address(`c-${turn % 3}`), user: 'root', password })
        .catch(() => undefined);
      if (!connection) await sleep(50);
      connection?.on('error', () => undefined);
      try {
        for (; connection && !signal.aborted; count++)
          await connection.query('INSERT INTO d.load (text) VALUES (REPEAT("x", 200))');
      } catch {
        // It ends; the next one takes over.
      }
      connection?.destroy();
    }
    return count;
  }

  /** Every status of the condition Ready until the signal comes. */
  async function readiness(signal: AbortSignal): Promise<string[]> {
    const seen = new Set<string>();
    const reflector = new Reflector({
      client: kube.client,
      resource: RESOURCES.P2PDBCluster,
      kind: 'P2PDBCluster',
      namespace: 'default',
      onChange: ({ status }) => {
        const { conditions = [] } = (status ?? {}) as ClusterStatus;
        for (const { type, status: holds } of conditions) if (type === 'Ready') seen.add(holds);
      },
      onError: () => undefined,
    });
    await reflector.run(signal);
    return [...seen];
  }

  const isDone = (conditions: ClusterStatus['conditions']): boolean =>
    conditions?.some(({ type, status }) => type === 'Progressing' && status === 'False') ?? false;

  const voters = async (): Promise<number | undefined> => (await kube.status('c')).voters;

  it('refuses what cannot be at admission, in words', async () => {
    const refused = (change: object, message: RegExp): Promise<void> =>
      assert.rejects(kube.apply({ ...CLUSTER, metadata: { name: 'refused' }, spec: change }), message);
    await refused({ replicas: 1, voters: 3 }, /voters must be at most replicas/);
    await refused({ voters: 2 }, /Unsupported value: 2: supported values: "1", "3", "5", "7"/);
    await refused({ storage: { size: 'much' } }, /storage.size/);
    await refused({ maintenanceWindow: { start: '25:00' } }, /maintenanceWindow.start/);
    await refused(
      { tls: { secretName: 'a', issuerRef: { name: 'b' } } },
      /from secretName or from issuerRef, not from both/,
    );
  });

  it('forms a cluster of three from its manifest', async () => {
    await kube.apply({ ...CLUSTER, spec });
    await kube.until('c', (status) => isRunning(status, 3));
    assert.equal(await voters(), 3);
    await sql('c-0', 'CREATE DATABASE d');
    await counts('c-1', "information_schema.schemata WHERE schema_name = 'd'", 1);
    await sql('c-1', 'CREATE TABLE d.t (id INT PRIMARY KEY)');
    await sql('c-1', 'CREATE TABLE d.load (id INT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(200))');
    await counts('c-2', "information_schema.tables WHERE table_schema = 'd'", 2);
    await sql('c-2', 'INSERT INTO d.t VALUES (1), (2), (3)');
    assert.match(await kube.kubectl('get', 'p2pdb', 'c'), /^c +True +Running +3\/3 +0 +\d+ +\d+\.\d+\.\d+ /m);
    await assert.rejects(
      kube.apply({ ...CLUSTER, spec: { ...spec, storage: { size: '1Gi' } } }),
      /storage may only grow/,
    );
  });

  it('writes nothing once all is as asked', async () => {
    const versions = (): Promise<string> =>
      kube.kubectl(
        'get',
        'p2pdb,sts,svc,cm,secret,sa,pdb,netpol',
        '-o',
        'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{"\\n"}{end}',
      );
    // Figures follow what happened for a while; a node that is busy with that may lag for a moment.
    const deadline = performance.now() + 90_000;
    for (let before = await versions(); ;) {
      await sleep(12_000);
      const now = await versions();
      if (now === before) break;
      assert.ok(performance.now() < deadline, `still changes:\n${before}\n${now}`);
      before = now;
    }
  });

  it('mends what others change', async () => {
    await kube.kubectl(
      'patch',
      'service',
      'c',
      '--type=merge',
      '-p',
      '{"spec":{"selector":{"app":"other"},"ports":[{"port":1,"name":"mysql"}]}}',
    );
    await kube.kubectl('delete', 'pdb', 'c');
    await kube.until('c', (status) => status.phase === 'Running');
    const port = async (): Promise<string> =>
      kube.kubectl('get', 'service', 'c', '-o', 'jsonpath={.spec.ports[*].port}');
    while (!(await port()).includes('3306')) await sleep(100);
    assert.match(await kube.kubectl('get', 'pdb', '-o', 'name'), /poddisruptionbudget.policy\/c/);
  });

  it('grows to five and shrinks to three, and what was written stays', async () => {
    await kube.kubectl('scale', 'p2pdb', 'c', '--replicas=5');
    await kube.until('c', (status) => isRunning(status, 5) && status.voters === 5);
    await sql('c-4', 'INSERT INTO d.t VALUES (4)');
    await kube.kubectl('scale', 'p2pdb', 'c', '--replicas=3');
    await kube.until('c', (status) => isRunning(status, 3) && status.replicas === 3);
    assert.equal(await voters(), 3);
    await counts('c-0', 'd.t', 4);
    assert.match(await kube.kubectl('get', 'pvc', '-o', 'name'), /data-c-4/, 'volumes are retained');
  });

  it('lets a pod begin anew on the volume of a member that left', async () => {
    await kube.kubectl('scale', 'p2pdb', 'c', '--replicas=4');
    await kube.until('c', (status) => isRunning(status, 4));
    await counts('c-3', 'd.t', 4);
    await kube.kubectl('scale', 'p2pdb', 'c', '--replicas=3');
    await kube.until('c', (status) => isRunning(status, 3) && status.replicas === 3);
  });

  it('gets a pod back that was deleted, and one whose volume was lost', async () => {
    const uid = (): Promise<string> =>
      kube.kubectl('get', 'pod', 'c-0', '-o', 'jsonpath={.metadata.uid}', '--ignore-not-found');
    for (const [what, most] of [
      ['pod', 10_000],
      ['volume', 30_000],
    ] as const) {
      const old = await uid();
      const start = performance.now();
      if (what === 'volume') await kube.kubectl('delete', 'pvc', 'data-c-0', '--wait=false');
      await kube.kubectl('delete', 'pod', 'c-0', '--wait=false');
      while ([old, ''].includes(await uid())) await sleep(50);
      await kube.until('c', ({ nodes }) => nodes?.find(({ name }) => name === 'c-0')?.phase !== 'InSync');
      await kube.until('c', (status) => isRunning(status, 3) && status.voters === 3);
      const milliseconds = performance.now() - start;
      assert.ok(milliseconds < most, `${what}: ${milliseconds} ms`);
    }
    await counts('c-0', 'd.t', 4);
  });

  it('restarts pods for a setting that needs it, one by one; takes others without', async () => {
    const uids = (): Promise<string> => kube.kubectl('get', 'pods', '-o', 'jsonpath={.items[*].metadata.uid}');
    const before = await uids();
    await kube.apply({ ...CLUSTER, spec: { ...spec, commitLevel: 'replicated' } });
    while (JSON.stringify(await sql('c-1', 'SELECT @@GLOBAL.p2pdb_commit AS level')) !== '[{"level":"replicated"}]')
      await sleep(100);
    assert.equal(await uids(), before, 'no pod was restarted');
    const stop = new AbortController();
    const [ready, writers] = [readiness(stop.signal), [0, 1, 2].map((n) => write(n, stop.signal))];
    await kube.apply({ ...CLUSTER, spec: { ...spec, commitLevel: 'replicated', config: { connect_timeout: 11 } } });
    await kube.until('c', (status) => status.phase === 'Updating');
    await kube.until('c', ({ phase, conditions }) => phase !== 'Updating' && isDone(conditions), 90_000);
    stop.abort();
    const written = await Promise.all(writers);
    assert.ok(
      written.every((count) => count > 100),
      String(written),
    );
    assert.deepEqual(await ready, ['True'], 'clients were served all the time');
    await kube.until('c', (status) => isRunning(status, 3));
    const now = await uids();
    for (const uid of before.split(' ')) assert.ok(!now.includes(uid), 'every pod was restarted');
    await counts('c-2', 'd.t', 4);
  });

  it('makes databases and users, and takes them away', async () => {
    await kube.kubectl('create', 'secret', 'generic', 'p', "--from-literal=password=it's \\ good");
    const head = (kind: string) => ({ apiVersion: 'p2pdb.io/v1alpha1', kind, metadata: { name: 'shop' } });
    await kube.apply({
      ...head('P2PDBDatabase'),
      spec: { cluster: 'c', comment: 'of the shop', deletionPolicy: 'Delete' },
    });
    const user = { cluster: 'c', passwordSecret: { name: 'p' }, deletionPolicy: 'Delete' };
    const grants = [{ database: 'shop', privileges: ['SELECT', 'INSERT', 'CREATE'] }];
    await kube.apply({ ...head('P2PDBUser'), spec: { ...user, grants } });
    await kube.kubectl('wait', 'p2pdbdb/shop', 'p2pdbuser/shop', '--for=condition=Ready', '--timeout=20s');
    await catchesUp('c-1');
    const connection = await mysql.createConnection({
      host: kube.kubelet.address('c-1'),
      user: 'shop',
      password: "it's \\ good",
      database: 'shop',
      ssl: { rejectUnauthorized: false },
    });
    await connection.query('CREATE TABLE t (id INT PRIMARY KEY)');
    await assert.rejects(connection.query('DELETE FROM t'), /denied/);
    connection.destroy();
    await kube.kubectl('patch', 'p2pdbdb', 'shop', '--type=merge', '-p', '{"spec":{"comment":"it\'s ours"}}');
    await kube.kubectl('wait', 'p2pdbdb/shop', "--for=jsonpath={.status.comment}=it's ours", '--timeout=20s');
    await kube.kubectl('delete', 'p2pdbuser,p2pdbdb', 'shop', '--timeout=20s');
    await catchesUp('c-0');
    assert.deepEqual(await sql('c-0', "SELECT COUNT(*) AS n FROM mysql.user WHERE user = 'shop'"), [{ n: 0 }]);
    assert.deepEqual(await sql('c-0', "SHOW DATABASES LIKE 'shop'"), []);
  });

  it('says so when every volume was lost, and begins with an empty group only when it is told', async () => {
    await kube.killOperator();
    const { founder } = await kube.status('c');
    // While a pod is there, its claim is not taken away.
    await kube.kubectl('scale', 'statefulset', 'c', '--replicas=0');
    await kube.kubectl('wait', 'pod', '--all', '--for=delete', '--timeout=20s');
    await kube.kubectl('delete', 'pvc', '--all', '--timeout=20s');
    kube.startOperator();
    const isLost = (reason: string | undefined): boolean => reason === 'DataLost';
    await kube.until('c', ({ conditions }) => isLost(conditions?.find(({ type }) => type === 'Degraded')?.reason));
    const recovery = { abandonGroup: founder };
    await kube.apply({ ...CLUSTER, spec: { ...spec, recovery } });
    await kube.until('c', (status) => isRunning(status, 3) && status.founder !== founder);
    assert.deepEqual(await sql('c-0', "SHOW DATABASES LIKE 'd'"), []);
  });

  it('is deleted with all that belongs to it, its volumes kept', async () => {
    await kube.kubectl('delete', 'p2pdb', 'c', '--timeout=20s');
    const left = (): Promise<string> =>
      kube.kubectl('get', 'sts,svc,cm,secret,pdb,netpol,pod', '-l', 'p2pdb.io/cluster=c', '-o', 'name');
    while ((await left()) !== '') await sleep(100);
    assert.match(await kube.kubectl('get', 'pvc', '-o', 'name'), /data-c-0/);
  });
});
