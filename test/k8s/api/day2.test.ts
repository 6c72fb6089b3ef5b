/** What comes after a cluster was made: certificates that end, volumes that grow, hands off, and restarts at their time only. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { missing } from '../support/machine.ts';
import { isRunning, TestKubernetes } from './kubernetes.ts';
import { shownSerial } from './shown.ts';

const reason = await missing('api');

describe('day two', { skip: reason, timeout: 300_000 }, () => {
  let kube: TestKubernetes;
  before(async () => {
    kube = await TestKubernetes.start();
    kube.startOperator();
    await kube.apply(STORAGE_CLASS);
    await apply({});
    await kube.until('c', (status) => isRunning(status, 1));
  });
  after(() => kube.stop());

  const STORAGE_CLASS = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'growing' },
    provisioner: 'example.com/none',
    allowVolumeExpansion: true,
  };
  const apply = (spec: object): Promise<void> =>
    kube.apply({
      apiVersion: 'p2pdb.io/v1alpha1',
      kind: 'P2PDBCluster',
      metadata: { name: 'c' },
      spec: { replicas: 1, storage: { class: 'growing', size: '1Gi' }, ...spec },
    });
  const patch = (spec: object): Promise<string> =>
    kube.kubectl('patch', 'p2pdb', 'c', '--type=merge', '-p', JSON.stringify({ spec }));
  const get = (...args: string[]): Promise<string> => kube.kubectl('get', ...args);
  const podUid = (): Promise<string> => get('pod', 'c-0', '-o', 'jsonpath={.metadata.uid}', '--ignore-not-found');
  const condition = async (type: string): Promise<string | undefined> =>
    (await kube.status('c')).conditions?.find((one) => one.type === type)?.reason;
  const secretData = async (name: string, key: string): Promise<string> => {
    const encoded = await get('secret', name, '-o', `jsonpath={.data.${key.replace('.', '\\.')}}`);
    return Buffer.from(encoded, 'base64').toString();
  };

  async function session(ca: string): Promise<mysql.Connection> {
    return mysql.createConnection({
      host: kube.kubelet.address('c-0'),
      user: 'root',
      password: await secretData('c-root', 'password'),
      ssl: { ca, verifyIdentity: false },
    });
  }

  const shown = (): Promise<string> => shownSerial(kube.kubelet.address('c-0'));

  it('makes a new certificate before the old one ends, and no connection is cut for it', async () => {
    const ca = await secretData('c-tls', 'ca.crt');
    const open = await session(ca);
    const uid = await podUid();
    const before = await shown();
    const soon = new Date(Date.now() + 86_400_000).toISOString();
    await kube.kubectl('annotate', 'secret', 'c-tls', `p2pdb.io/expires=${soon}`, '--overwrite');
    await kube.until(
      'c',
      ({ certificateExpires }) => Date.parse(certificateExpires ?? '') > Date.now() + 80 * 86_400_000,
    );
    const made = new X509Certificate(await secretData('c-tls', 'tls.crt')).serialNumber;
    assert.notEqual(made, before);
    while ((await shown()) !== made) await sleep(200);
    assert.deepEqual((await open.query('SELECT 1 AS one'))[0], [{ one: 1 }], 'the old connection goes on');
    open.destroy();
    const anew = await session(ca);
    assert.deepEqual((await anew.query('SELECT 2 AS two'))[0], [{ two: 2 }], 'the authority is still the same');
    anew.destroy();
    assert.equal(await podUid(), uid, 'no pod was restarted');
  });

  it('grows volumes, and is not held up where they cannot grow', async () => {
    const size = (): Promise<string> => get('pvc', 'data-c-0', '-o', 'jsonpath={.spec.resources.requests.storage}');
    // Nobody here makes volumes, and none that is not bound may grow.
    await patch({ storage: { size: '2Gi' }, commitLevel: 'final' });
    const level = async (): Promise<unknown> => {
      const connection = await session(await secretData('c-tls', 'ca.crt'));
      const [rows] = await connection.query('SELECT @@GLOBAL.p2pdb_commit AS level');
      connection.destroy();
      return (rows as { level: string }[])[0]?.level;
    };
    while ((await level()) !== 'final') await sleep(100);
    assert.equal(await size(), '1Gi');
    const failed = async (): Promise<string> => get('events', '--field-selector=reason=ActionFailed', '-o', 'name');
    while ((await failed()) === '') await sleep(100);
    const bound = { status: { phase: 'Bound', capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] } };
    await kube.kubectl('patch', 'pvc', 'data-c-0', '--type=merge', '-p', '{"spec":{"volumeName":"v"}}');
    await kube.kubectl('patch', 'pvc', 'data-c-0', '--subresource=status', '--type=merge', '-p', JSON.stringify(bound));
    while ((await size()) !== '2Gi') await sleep(100);
    await kube.until('c', (status) => isRunning(status, 1));
  });

  it('changes nothing while it is paused', async () => {
    await patch({ paused: true });
    await kube.until('c', (status) => status.phase === 'Paused');
    const uid = await podUid();
    await patch({ config: { connect_timeout: 12 }, service: { annotations: { 'test/paused': 'yes' } } });
    await kube.kubectl('delete', 'pdb', 'c');
    const generation = Number(await get('p2pdb', 'c', '-o', 'jsonpath={.metadata.generation}'));
    await kube.until('c', ({ observedGeneration }) => observedGeneration === generation);
    assert.equal(await get('pdb', '-o', 'name'), '');
    assert.doesNotMatch(await get('service', 'c', '-o', 'jsonpath={.metadata.annotations}'), /paused/);
    assert.equal(await podUid(), uid);
    await patch({ paused: false });
    await kube.until('c', (status) => isRunning(status, 1));
    while ([uid, ''].includes(await podUid())) await sleep(50);
    await kube.until('c', (status) => isRunning(status, 1));
    assert.match(await get('pdb', '-o', 'name'), /\/c$/m);
    assert.match(await get('service', 'c', '-o', 'jsonpath={.metadata.annotations}'), /paused/);
  });

  it('restarts pods in the maintenance window only', async () => {
    const at = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString().slice(11, 16);
    const uid = await podUid();
    await patch({ maintenanceWindow: { start: at(2), minutes: 30 }, config: { connect_timeout: 13 } });
    while ((await condition('Progressing')) !== 'WaitingForWindow') await sleep(100);
    assert.match(await get('cm', 'c-config', '-o', 'jsonpath={.data}'), /connect_timeout: 13/);
    assert.equal(await podUid(), uid);
    // It opened an hour ago.
    await patch({ maintenanceWindow: { start: at(-1), minutes: 120 } });
    while ([uid, ''].includes(await podUid())) await sleep(50);
    await kube.until(
      'c',
      (status) =>
        isRunning(status, 1) && status.conditions?.find(({ type }) => type === 'Progressing')?.reason === 'AsAsked',
    );
  });
});
