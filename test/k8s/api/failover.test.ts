/** Several operators on one API server: one works; what becomes of the others' work when it dies, freezes or cannot be heard. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { ApiClient } from '../../../operator/kube/client.ts';
import { WORKERS } from '../../../operator/kube/operator.ts';
import { Reflector } from '../../../operator/kube/reflector.ts';
import { RESOURCES } from '../../../operator/kube/resources.ts';
import { startApiServer, type ApiServer } from '../support/api-server.ts';
import { installKinds } from '../support/kinds.ts';
import { missing } from '../support/machine.ts';
import { OperatorProcess } from '../support/operator.ts';

const reason = await missing('api');

interface AuditLine {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly resource: string; readonly name?: string };
  readonly requestReceivedTimestamp: string;
}

describe('operators that stand in for each other', { skip: reason, timeout: 240_000 }, () => {
  let folder: string;
  let api: ApiServer;
  let client: ApiClient;
  const running: OperatorProcess[] = [];

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'p2pdb-failover-'));
    const file = (name: string): string => path.join(folder, name);
    writeFileSync(file('tokens.csv'), ['a', 'b'].map((name) => `${name},${name},${name},system:masters\n`).join(''));
    const omitStages = ['RequestReceived'];
    const policy = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages, rules: [{ level: 'Metadata' }] };
    writeFileSync(file('audit.json'), JSON.stringify(policy));
    api = await startApiServer([
      `--token-auth-file=${file('tokens.csv')}`,
      `--audit-policy-file=${file('audit.json')}`,
      `--audit-log-path=${file('audit.log')}`,
    ]);
    await installKinds(api.kubeconfig);
    const config = new KubeConfig();
    config.loadFromFile(api.kubeconfig);
    client = new ApiClient(config);
  });

  after(async () => {
    await Promise.all(running.map(({ program }) => program.kill('SIGKILL')));
    client.close();
    await api.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** An operator with a name of its own, by which the API server knows it. */
  async function start(name: 'a' | 'b'): Promise<OperatorProcess> {
    const config = new KubeConfig();
    config.loadFromFile(api.kubeconfig);
    config.users = config.users.map((user) => ({ name: user.name, token: name }));
    const kubeconfig = path.join(folder, `${name}.json`);
    writeFileSync(kubeconfig, config.exportConfig());
    const operator = await OperatorProcess.start(kubeconfig, { env: { POD_NAME: name } });
    running.push(operator);
    return operator;
  }

  const leads = async (name: string): Promise<void> => {
    const holder = async (): Promise<unknown> =>
      (
        (await client.get(RESOURCES.Lease, 'default', 'p2pdb-operator'))?.spec as
          { holderIdentity?: string } | undefined
      )?.holderIdentity;
    while ((await holder()) !== name) await sleep(50);
  };

  const declare = (names: readonly string[]): Promise<unknown> =>
    Promise.all(
      names.map((name) =>
        client.create(RESOURCES.P2PDBCluster, {
          apiVersion: RESOURCES.P2PDBCluster.apiVersion,
          kind: 'P2PDBCluster',
          metadata: { name, namespace: 'default' },
          spec: {},
        }),
      ),
    );

  const sets = async (): Promise<number> => (await client.list(RESOURCES.StatefulSet, undefined)).items.length;

  /** Writes to anything but Leases. */
  const writesOf = (name: string, since: number): AuditLine[] =>
    readFileSync(path.join(folder, 'audit.log'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as AuditLine)
      .filter(
        ({ verb, user, objectRef, requestReceivedTimestamp }) =>
          user.username === name &&
          ['create', 'update', 'patch', 'delete'].includes(verb) &&
          objectRef?.resource !== 'leases' &&
          Date.parse(requestReceivedTimestamp) >= since,
      );

  it('takes over from one that is killed', async (t) => {
    const a = await start('a');
    await leads('a');
    await start('b');
    await declare(['one']);
    while ((await sets()) < 1) await sleep(50);
    assert.deepEqual(writesOf('b', 0), [], 'the second waits for its turn');
    await a.program.kill('SIGKILL');
    const begin = performance.now();
    await declare(['two']);
    await leads('b');
    while ((await sets()) < 2) await sleep(50);
    const seconds = (performance.now() - begin) / 1000;
    t.diagnostic(`the other one worked after ${seconds.toFixed(1)} s`);
    assert.ok(seconds < 25, `${seconds} s`);
  });

  it('writes nothing after it was frozen for longer than its Lease lasts', async () => {
    const [, b] = running as [OperatorProcess, OperatorProcess];
    await start('a');
    // It is in the middle of a lot of work when it freezes.
    await declare(Array.from({ length: 60 }, (_, i) => `many-${i}`));
    while ((await sets()) < 10) await sleep(20);
    b.program.child.kill('SIGSTOP');
    assert.ok((await sets()) < 62, 'there is work left');
    await leads('a');
    while ((await sets()) < 62) await sleep(50);
    const thawed = Date.now();
    b.program.child.kill('SIGCONT');
    const { code } = await b.program.exit;
    assert.equal(code, 1, 'it ends, and a new process waits for its turn');
    assert.ok(writesOf('b', 0).length > 0);
    // What was on its way when it froze may still arrive: a request for each of its workers, of dozens that were left to do.
    const late = writesOf('b', thawed);
    assert.ok(late.length <= WORKERS, `${late.length} writes after it thawed`);
  });

  it('stops when another one has the Lease', async () => {
    const a = running[2] as OperatorProcess;
    const lease = await client.get(RESOURCES.Lease, 'default', 'p2pdb-operator');
    assert.ok(lease);
    await client.replace(RESOURCES.Lease, { ...lease, spec: { ...lease.spec, holderIdentity: 'somebody' } });
    assert.equal((await a.program.exit).code, 1);
  });
});

describe('a watch', { skip: reason, timeout: 60_000 }, () => {
  it('is begun again when its connection is dead without a word', async () => {
    const api = await startApiServer();
    const sockets: Socket[] = [];
    const { hostname, port } = new URL(api.server);
    const proxy = createServer((near) => {
      const far = connect(Number(port), hostname);
      for (const socket of [near, far]) {
        sockets.push(socket);
        socket.on('error', () => undefined);
      }
      near.pipe(far).pipe(near);
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => proxy.once('listening', resolve));
    const config = new KubeConfig();
    config.loadFromFile(api.kubeconfig);
    const direct = new ApiClient(config);
    const through = new KubeConfig();
    through.loadFromFile(api.kubeconfig);
    const server = `https://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    through.clusters = through.clusters.map((cluster) => ({ ...cluster, server }));
    const client = new ApiClient(through);
    const stop = new AbortController();
    const seen = Promise.withResolvers<undefined>();
    const reflector = new Reflector({
      client,
      resource: RESOURCES.Namespace,
      kind: 'Namespace',
      namespace: undefined,
      onChange: ({ metadata }) => metadata.name === 'late' && seen.resolve(undefined),
      onError: () => undefined,
      quietMs: 1_000,
    });
    const ended = reflector.run(stop.signal);
    try {
      await reflector.ready;
      // What is on the way in these goes nowhere; what is connected anew is not touched.
      for (const socket of sockets) socket.unpipe().pause();
      await direct.create(RESOURCES.Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'late' } });
      await seen.promise;
    } finally {
      stop.abort();
      await ended;
      client.close();
      direct.close();
      proxy.close();
      for (const socket of sockets) socket.destroy();
      await api.stop();
    }
  });
});
