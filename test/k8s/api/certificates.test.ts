/** Certificates of cert-manager: not there, there, issued, late, renewed, and not wanted any more. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import type { ClusterStatus } from '../../../operator/api/index.ts';
import { until } from '../support/database.ts';
import { missing } from '../support/machine.ts';
import { CertManager } from './cert-manager.ts';
import { isRunning, TestKubernetes } from './kubernetes.ts';
import { shownSerial } from './shown.ts';

const reason = await missing('cert-manager');

describe('spec.tls.issuerRef', { skip: reason, timeout: 300_000 }, () => {
  let kube: TestKubernetes;
  let manager: CertManager;
  /** Serial number of the operator's own certificate. */
  let own = '';
  before(async () => {
    kube = await TestKubernetes.start();
    manager = new CertManager(kube);
    kube.startOperator();
  });
  after(() => kube.stop());

  const apply = (name: string, tls: object): Promise<void> =>
    kube.apply({
      apiVersion: 'p2pdb.io/v1alpha1',
      kind: 'P2PDBCluster',
      metadata: { name },
      spec: { replicas: 1, tls },
    });
  const ISSUER = { name: 'ca', kind: 'ClusterIssuer', group: 'cert-manager.io' };
  const patch = (tls: object): Promise<string> =>
    kube.kubectl('patch', 'p2pdb', 'c', '--type=merge', '-p', JSON.stringify({ spec: { tls } }));
  const condition = ({ conditions }: ClusterStatus, type: string): string | undefined => {
    const found = conditions?.find((one) => one.type === type);
    return found && `${found.status} ${found.reason}`;
  };
  const names = (kind: string): Promise<string> => kube.kubectl('get', kind, '-o', 'name');
  const podUid = (): Promise<string> =>
    kube.kubectl('get', 'pod', 'c-0', '-o', 'jsonpath={.metadata.uid}', '--ignore-not-found');
  const shown = (): Promise<string> => shownSerial(kube.kubelet.address('c-0'));
  /** Resolves once the pod, which may have to start yet, shows the certificate. */
  const shows = (serial: string): Promise<true> =>
    until(`c-0 shows ${serial}`, 45_000, async () => (await shown()) === serial || undefined);

  it('changes nothing where cert-manager is not installed, and says so', async () => {
    await apply('c', {});
    await kube.until('c', (status) => isRunning(status, 1));
    const uid = await podUid();
    own = await shown();
    await patch({ issuerRef: ISSUER });
    await kube.until('c', (status) => condition(status, 'Degraded') === 'True CertManagerMissing');
    const status = await kube.status('c');
    assert.deepEqual(
      ['Ready', 'Progressing'].map((type) => condition(status, type)),
      ['True Serving', 'True WaitingForCertificate'],
    );
    assert.match(
      status.conditions?.find(({ type }) => type === 'Degraded')?.message ?? '',
      /^spec\.tls\.issuerRef asks for a certificate of cert-manager, whose kinds are not installed here/,
    );
    assert.equal(await podUid(), uid);
    assert.equal(await shown(), own);
    // A cluster that begins so has no pods that would hang.
    await apply('d', { issuerRef: { name: 'ca' } });
    await kube.until('d', (d) => condition(d, 'Degraded') === 'True CertManagerMissing');
    assert.doesNotMatch(await names('statefulsets'), /\/d$/m);
  });

  it('asks for one as soon as cert-manager is there, and waits for it', async () => {
    const uid = await podUid();
    await manager.install();
    const answered = (status: ClusterStatus): boolean =>
      condition(status, 'Degraded') === 'False Healthy' &&
      condition(status, 'Progressing') === 'True WaitingForCertificate';
    await kube.until('c', answered, 60_000);
    await kube.until('d', answered);
    const { spec } = (await manager.certificate('c-issued-tls')) ?? assert.fail('no Certificate');
    assert.deepEqual(spec.issuerRef, ISSUER);
    assert.equal(spec.renewBefore, '720h');
    assert.deepEqual(
      spec.dnsNames.filter((name) => name.endsWith('.svc')),
      ['c.default.svc', '*.c-peers.default.svc'],
    );
    assert.equal(await podUid(), uid);
  });

  it('is Degraded while the issuer does not make it', async () => {
    await manager.age('d-issued-tls', 'Ready', 6 * 60_000);
    await kube.until('d', (status) => condition(status, 'Degraded') === 'True CertificateNotIssued');
    assert.match(
      (await kube.status('d')).conditions?.find(({ type }) => type === 'Degraded')?.message ?? '',
      /: Issuing certificate as Secret does not exist$/,
    );
    await manager.addIssuer('Issuer', 'ca');
    await kube.until('d', (status) => isRunning(status, 1) && condition(status, 'Degraded') === 'False Healthy');
  });

  it('restarts pods for it once it is there, and for no renewal', async () => {
    const before = await podUid();
    await manager.addIssuer('ClusterIssuer', 'ca');
    const first = await manager.issued('c-issued-tls');
    while ([before, ''].includes(await podUid())) await sleep(50);
    await shows(first.serial);
    await kube.until(
      'c',
      ({ certificateExpires = '', ...status }) =>
        isRunning(status, 1) && Date.parse(certificateExpires) > Date.now() + 80 * 86_400_000,
    );

    const uid = await podUid();
    const password = await kube.kubectl('get', 'secret', 'c-root', '-o', 'jsonpath={.data.password}');
    const open = await mysql.createConnection({
      host: kube.kubelet.address('c-0'),
      user: 'root',
      password: Buffer.from(password, 'base64').toString(),
      ssl: { ca: first.ca, verifyIdentity: false },
    });
    await manager.renew('c-issued-tls');
    const renewed = await manager.issued('c-issued-tls', first.serial);
    await shows(renewed.serial);
    assert.deepEqual((await open.query('SELECT 1 AS one'))[0], [{ one: 1 }], 'the old connection goes on');
    open.destroy();
    assert.equal(await podUid(), uid, 'no pod was restarted');
  });

  it("goes back to the operator's own authority", async () => {
    const before = await podUid();
    await patch({ issuerRef: null });
    while ([before, ''].includes(await podUid())) await sleep(50);
    await shows(own);
    await kube.until('c', (status) => isRunning(status, 1));
    assert.equal(await manager.certificate('c-issued-tls'), undefined);
  });
});
