// From `helm install` to the deletion of a cluster, on a real Kubernetes with real pods. What it measures, it prints.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import type { LoadReport } from './support/client.ts';
import { Database, until, type Pod } from './support/database.ts';
import { startKubernetes, type Kubernetes } from './support/kubernetes.ts';
import { missing } from './support/machine.ts';

const REPOSITORY = path.join(import.meta.dirname, '../..');
const chart = (name: string): string => path.join(REPOSITORY, 'charts', name);
/** The same image by two names: an upgrade from the one to the other. */
const IMAGE = 'localhost/p2pdb';
const OPERATOR = 'p2pdb-system';
const NAMESPACE = 'shop';
const MB = 1 << 20;

const reason = await missing('node');

async function buildImage(kube: Kubernetes): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'p2pdb-e2e-'));
  try {
    const archive = path.join(folder, 'image.tar');
    await promisify(execFile)(process.execPath, [
      '--disable-warning=ExperimentalWarning',
      path.join(REPOSITORY, 'image/build.ts'),
      archive,
      `${IMAGE}:1`,
    ]);
    await kube.load(archive);
    await kube.tag(`${IMAGE}:1`, `${IMAGE}:2`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe('end to end', { skip: reason, timeout: 18 * 60_000 }, () => {
  let kube: Kubernetes;
  let database: Database;

  before(async () => {
    kube = await startKubernetes();
    await buildImage(kube);
    await kube.kubectl('create', 'namespace', NAMESPACE);
    database = new Database(kube, 'demo', NAMESPACE);
  });
  after(() => kube.stop());

  let broken: string | undefined;
  const declare =
    (isEssential: boolean) =>
    (name: string, seconds: number, test: (t: TestContext) => Promise<void>): void => {
      it(name, { timeout: seconds * 1_000 }, async (t) => {
        if (broken !== undefined) {
          t.skip(`after the failure of: ${broken}`);
          return;
        }
        try {
          await test(t);
        } catch (error) {
          if (isEssential) broken = name;
          t.diagnostic(await scene());
          throw error;
        }
      });
    };
  const step = declare(false);
  /** Without what it makes, the steps after it have nothing to look at. */
  const essentialStep = declare(true);

  /** What somebody who looks for the cause would look at first. */
  const scene = async (): Promise<string> => {
    const looks = [
      ['get', 'p2pdbs,pods,pvc', '-A', '-o', 'wide'],
      ['get', 'events', '-A', '--sort-by=.metadata.creationTimestamp'],
      ['logs', '-n', OPERATOR, '-l', 'app.kubernetes.io/name=p2pdb-operator', '--tail=40', '--prefix'],
      ['logs', '-n', NAMESPACE, '-l', 'app.kubernetes.io/name=p2pdb', '--tail=20', '--prefix'],
    ];
    const texts = await Promise.all(
      looks.map((look) => kube.kubectl(...look).catch((error: unknown) => (error as Error).message)),
    );
    return texts.map((text) => text.split('\n').slice(-60).join('\n')).join('\n');
  };

  const operator = (...args: string[]): Promise<string> =>
    kube.helm(
      ...['upgrade', '--install', 'p2pdb-operator', chart('p2pdb-operator'), '--namespace', OPERATOR],
      ...['--create-namespace', '--wait', '--timeout', '90s', '--set', `image.repository=${IMAGE}`, ...args],
    );

  /** What took how long, and what it is meant to take at most on a machine with nothing else to do. Told, not judged. */
  const measured = (t: TestContext, what: string, milliseconds: number, most: number): void =>
    t.diagnostic(`${what}: ${(milliseconds / 1000).toFixed(1)} s of ${most} s`);

  const told = ({ statements, retried, longestMs }: LoadReport): string =>
    `${statements} statements, ${retried.length} tried again, the longest took ${longestMs} ms`;

  /** Every acknowledged row is there, on every node, once the last ones have come there. */
  const holdsAll = async (acknowledged: readonly number[]): Promise<void> => {
    for (const { metadata, status } of await database.pods()) {
      await until(`all rows are on ${metadata.name}`, 30_000, async () => {
        const rows = await database.query<{ id: number }>('SELECT id FROM e2e.ledger', { host: status.podIP });
        const present = new Set(rows.map(({ id }) => id));
        const lost = acknowledged.filter((id) => !present.has(id));
        assert.deepEqual(lost, [], `lost on ${metadata.name}`);
        return true;
      });
    }
  };

  const lost = (before: readonly Pod[], now: readonly Pod[]): string[] => {
    const uids = new Set(now.map(({ metadata }) => metadata.uid));
    return before.flatMap(({ metadata }) => (uids.has(metadata.uid) ? [] : [metadata.name]));
  };

  essentialStep('Helm installs the kinds and the operator', 120, async (t) => {
    await kube.helm('install', 'p2pdb-crds', chart('p2pdb-crds'), '--namespace', OPERATOR, '--create-namespace');
    // The API server tells of a new kind a moment after it is there.
    await until('the kinds are known', 30_000, async () => {
      const kinds = await kube.kubectl('api-resources', '--api-group=p2pdb.io', '-o', 'name');
      return kinds.trim().split('\n').length === 3 || undefined;
    });
    // As the guide has it: without waiting.
    const notes = await kube.helm(
      ...['install', 'p2pdb-operator', chart('p2pdb-operator'), '--namespace', OPERATOR],
      ...['--create-namespace', '--set', `image.repository=${IMAGE}`, '--set', 'image.tag=1'],
    );
    t.diagnostic(notes);
    assert.match(notes, /kubectl apply -f - <</);
    assert.doesNotMatch(notes, /The kinds are not there yet/);
    await kube.helm('test', 'p2pdb-operator', '--namespace', OPERATOR);
  });

  step('kubectl explains the fields', 30, async () => {
    const text = await kube.kubectl('explain', 'p2pdbcluster.spec');
    assert.match(text, /replicas\s+<integer>\s+How many nodes/);
    assert.match(await kube.kubectl('explain', 'p2pdbuser.spec.grants'), /All that the user may do/);
  });

  essentialStep('a manifest becomes a cluster', 180, async (t) => {
    const start = performance.now();
    const manifest = readFileSync(path.join(REPOSITORY, 'examples/kubernetes/cluster.yaml'), 'utf8');
    await kube.run(['kubectl', 'apply', '--namespace', NAMESPACE, '-f', '-'], { input: manifest });
    await database.kubectl('wait', '--for=condition=Ready', 'p2pdbcluster/demo', '--timeout=120s');
    measured(t, 'a manifest becomes a cluster that is Ready', performance.now() - start, 20);
    await database.settled(3, 60_000);
    t.diagnostic(await database.kubectl('get', 'p2pdb'));
    t.diagnostic(await database.kubectl('get', 'p2pdbs,pods,services,pvc'));
  });

  step('the declared user writes to the declared database through the Service', 90, async () => {
    await database.kubectl('wait', '--for=condition=Ready', 'p2pdbdatabase/shop', 'p2pdbuser/shop', '--timeout=60s');
    const as = { user: 'shop', password: 'change me' };
    // Whichever pod the Service chooses.
    for (const { metadata, status } of await database.pods())
      await until(`${metadata.name} knows the user`, 30_000, () =>
        database.query('SHOW TABLES IN shop', { as, host: status.podIP }),
      );
    const rows = await database.query(
      `CREATE TABLE shop.item (id INT PRIMARY KEY, name VARCHAR(20));
       INSERT INTO shop.item VALUES (1, 'chair'); SELECT name FROM shop.item`,
      { as },
    );
    assert.deepEqual(rows, [{ name: 'chair' }]);
    await assert.rejects(database.query('CREATE DATABASE other', { as }), /denied/);
  });

  essentialStep('takes 100 MB', 180, async (t) => {
    const start = performance.now();
    await database.query(`
    CREATE DATABASE e2e;
    CREATE TABLE e2e.ledger (id INT PRIMARY KEY, worker INT NOT NULL);
    CREATE TABLE e2e.blob (id INT PRIMARY KEY, content LONGBLOB NOT NULL);`);
    const inserts = Array.from(
      { length: 100 },
      (_, id) => `INSERT INTO e2e.blob VALUES (${id}, REPEAT(RANDOM_BYTES(1024), ${MB / 1024}));`,
    );
    const [row] = await database.query<{ bytes: number }>(
      `${inserts.join('\n')} SELECT CAST(SUM(LENGTH(content)) AS SIGNED) bytes FROM e2e.blob`,
      { timeoutMs: 150_000 },
    );
    assert.equal(Number(row?.bytes), 100 * MB);
    await database.settled(3, 60_000);
    t.diagnostic(`100 MB in ${((performance.now() - start) / 1000).toFixed(1)} s, and everywhere`);
  });

  step('scales from 3 to 5 and back', 240, async (t) => {
    const before = await database.pods();
    await database.kubectl('scale', 'p2pdbcluster', 'demo', '--replicas=5');
    t.diagnostic(`3 to 5: ${((await database.settled(5, 120_000)) / 1000).toFixed(1)} s`);
    const [count] = await database.query<{ n: number }>('SELECT COUNT(*) n FROM e2e.blob', {
      host: (await database.pod(4)).status.podIP,
    });
    assert.equal(Number(count?.n), 100);
    assert.equal((await database.status()).voters, 5);

    await database.kubectl('scale', 'p2pdbcluster', 'demo', '--replicas=3');
    t.diagnostic(`5 to 3: ${((await database.settled(3, 120_000)) / 1000).toFixed(1)} s`);
    assert.equal((await database.status()).voters, 3);
    assert.deepEqual(lost(before, await database.pods()), []);
  });

  step('a deleted pod comes back', 90, async (t) => {
    const pod = await database.pod(1);
    const [milliseconds] = await Promise.all([
      database.replaced(pod, 60_000),
      database.kubectl('delete', 'pod', pod.metadata.name, '--wait=false'),
    ]);
    measured(t, 'a deleted pod is back in sync', milliseconds, 10);
    await database.settled(3, 30_000);
  });

  step('a deleted pod comes back without its volume, 100 MB', 150, async (t) => {
    const pod = await database.pod(2);
    const [milliseconds] = await Promise.all([
      database.replaced(pod, 90_000),
      database
        .kubectl('delete', 'pvc', `data-${pod.metadata.name}`, '--wait=false')
        .then(() => database.kubectl('delete', 'pod', pod.metadata.name, '--wait=false')),
    ]);
    measured(t, 'a deleted pod with its volume is back in sync, 100 MB', milliseconds, 30);
    await database.settled(3, 60_000);
    const host = (await database.pod(2)).status.podIP;
    const [count] = await database.query<{ n: number }>('SELECT COUNT(*) n FROM e2e.blob', { host });
    assert.equal(Number(count?.n), 100);
  });

  step('a rolling update under load fails no statement and loses no write', 240, async (t) => {
    const before = await database.pods();
    const stop = await database.load(4);
    const patch = JSON.stringify({ spec: { image: `${IMAGE}:2` } });
    await database.kubectl('patch', 'p2pdbcluster', 'demo', '--type=merge', '-p', patch);
    const start = performance.now();
    await until('every pod has the new image', 150_000, async () => {
      const pods = await database.pods();
      return pods.every(({ spec }) => spec.containers[0]?.image === `${IMAGE}:2`) || undefined;
    });
    await database.settled(3, 60_000);
    t.diagnostic(`three pods in ${((performance.now() - start) / 1000).toFixed(1)} s`);
    const report = await stop();
    t.diagnostic(told(report));
    assert.equal(lost(before, await database.pods()).length, 3);
    assert.deepEqual(report.failed, []);
    await holdsAll(report.acknowledged);
    const notes = await database.kubectl(
      ...['get', 'events', '--field-selector=reason=ConditionChanged'],
      ...['-o', 'jsonpath={range .items[*]}{.message}{"\\n"}{end}'],
    );
    assert.match(notes, /^Ready: Serving/m);
    const interruptions = notes.split('\n').filter((note) => note.startsWith('Ready: TooFewAnswer'));
    assert.deepEqual(interruptions, [], 'the cluster was Ready all the time');
  });

  step('a killed process loses no write', 120, async (t) => {
    const stop = await database.load(4);
    const pod = await database.pod(0);
    await kube.killContainer(pod.status.containerStatuses?.[0]?.containerID ?? '');
    await until('the container runs again', 60_000, async () => {
      const [container] = (await database.pod(0)).status.containerStatuses ?? [];
      return (container?.restartCount ?? 0) > 0 || undefined;
    });
    t.diagnostic(`in sync after ${((await database.settled(3, 60_000)) / 1000).toFixed(1)} s`);
    const report = await stop();
    t.diagnostic(told(report));
    await holdsAll(report.acknowledged);
  });

  step('a crash of the machine loses no write, and all comes back by itself', 240, async (t) => {
    const container = ({ status }: Pod): string | undefined => status.containerStatuses?.[0]?.containerID;
    const rows = async (): Promise<number> => {
      const [row] = await database.query<{ n: number }>('SELECT COUNT(*) n FROM e2e.ledger');
      return Number(row?.n);
    };
    const before = await database.pods();
    const first = await rows();
    const stop = await database.load(4);
    await until('the clients write', 30_000, async () => (await rows()) > first + 100 || undefined);

    const start = performance.now();
    await kube.crashNode();
    t.diagnostic(`the kubelet answers after ${((performance.now() - start) / 1000).toFixed(1)} s`);
    // What objects say may be from before. Now is when containers are others and the operator has seen another generation.
    const patch = JSON.stringify({ spec: { service: { annotations: { 'e2e.test/crashed': 'yes' } } } });
    await database.kubectl('patch', 'p2pdbcluster', 'demo', '--type=merge', '-p', patch);
    const old = new Set(before.map(container));
    await until('every container is another', 90_000, async () => {
      const pods = await database.pods();
      return pods.every((pod) => container(pod) !== undefined && !old.has(container(pod))) || undefined;
    });
    await database.settled(3, 120_000);
    measured(t, 'from a crash of the machine of all pods to Ready', performance.now() - start, 30);
    await kube.kubectl('--namespace', OPERATOR, 'rollout', 'status', 'deployment/p2pdb-operator', '--timeout=60s');
    assert.deepEqual(lost(before, await database.pods()), [], 'the pods are the same');
    const now = await until('the Service answers', 30_000, rows);
    await until('the clients go on', 30_000, async () => (await rows()) > now || undefined);

    const report = await stop();
    t.diagnostic(`${told(report)}, ${report.failed.length} failed`);
    await database.settled(3, 60_000);
    await holdsAll(report.acknowledged);
    for (const { metadata, status } of await database.pods()) {
      const [row] = await database.query<{ bytes: number }>(
        'SELECT CAST(SUM(LENGTH(content)) AS SIGNED) bytes FROM e2e.blob',
        { host: status.podIP },
      );
      assert.equal(Number(row?.bytes), 100 * MB, metadata.name);
    }
  });

  step('an upgrade of the operator restarts no database', 180, async () => {
    const before = await database.pods();
    await operator('--set', 'image.tag=2');
    await kube.kubectl('--namespace', OPERATOR, 'rollout', 'status', 'deployment/p2pdb-operator', '--timeout=60s');
    // The new leader has looked at the cluster when it has acted on a change of it.
    const patch = JSON.stringify({ spec: { service: { annotations: { 'e2e.test/upgraded': 'yes' } } } });
    await database.kubectl('patch', 'p2pdbcluster', 'demo', '--type=merge', '-p', patch);
    await until('the Service is annotated', 60_000, async () => {
      const annotations = await database.kubectl('get', 'service', 'demo', '-o', 'jsonpath={.metadata.annotations}');
      return annotations.includes('e2e.test/upgraded') || undefined;
    });
    await database.settled(3, 30_000);
    assert.deepEqual(lost(before, await database.pods()), []);
  });

  step('steady state writes nothing', 60, async () => {
    const versions = async (): Promise<string> =>
      database.kubectl(
        ...['get', 'p2pdbclusters,statefulsets,services,configmaps,secrets,poddisruptionbudgets,networkpolicies'],
        ...['-o', 'jsonpath={range .items[*]}{.kind}/{.metadata.name}={.metadata.resourceVersion} {end}'],
      );
    await database.settled(3, 30_000);
    const before = await versions();
    // A reconciliation that a touched label brings about finds nothing to do.
    await database.kubectl('annotate', 'p2pdbcluster', 'demo', 'e2e=1');
    const touched = await versions();
    await until('the operator looked again', 20_000, async () => {
      const { observedGeneration } = await database.status();
      return observedGeneration === undefined ? undefined : true;
    });
    assert.notEqual(before, touched);
    assert.equal(await versions(), touched);
  });

  step('a majority that is lost for good: goes on with the survivor that is named', 270, async (t) => {
    const { founder = '', nodes = [] } = await database.status();
    const survivor = { group: founder, member: nodes.find(({ name }) => name === 'demo-2')?.id };
    const host = (): Promise<string | undefined> => database.pod(2).then(({ status }) => status.podIP);
    const [before] = await database.query<{ n: number }>('SELECT COUNT(*) n FROM e2e.ledger', { host: await host() });

    const pods = ['demo-0', 'demo-1'];
    await database.kubectl('delete', 'pvc', ...pods.map((name) => `data-${name}`), '--wait=false');
    await database.kubectl('delete', 'pod', ...pods, '--wait=false');
    const start = performance.now();
    await until('both come back empty, and nobody leads', 90_000, async () => {
      const status = await database.status();
      const empty = status.nodes?.filter(({ name, phase }) => pods.includes(name) && phase === 'Waiting');
      return (empty?.length === 2 && status.leader === undefined) || undefined;
    });
    // What is left takes local commits, which are not lost.
    await database.query('INSERT INTO e2e.ledger VALUES (-1, 0)', { host: await host() });
    const patch = JSON.stringify({ spec: { recovery: { survivor } } });
    await database.kubectl('patch', 'p2pdbcluster', 'demo', '--type=merge', '-p', patch);
    await until('another group is on record', 120_000, async () => {
      const { founder: now } = await database.status();
      return (now !== undefined && now !== founder) || undefined;
    });
    await database.settled(3, 120_000);
    measured(t, 'a majority lost for good, a minute of patience, and all is as asked', performance.now() - start, 120);
    assert.equal((await database.status()).voters, 3);
    for (const { metadata, status } of await database.pods()) {
      const [row] = await database.query<{ n: number; blobs: number; bytes: number }>(
        `SELECT (SELECT COUNT(*) FROM e2e.ledger) n, COUNT(*) blobs, CAST(SUM(LENGTH(content)) AS SIGNED) bytes FROM e2e.blob`,
        { host: status.podIP },
      );
      const has = [row?.n, row?.blobs, row?.bytes].map(Number);
      assert.deepEqual(has, [Number(before?.n) + 1, 100, 100 * MB], metadata.name);
    }
    await database.query('INSERT INTO e2e.ledger VALUES (-2, 0)');
    const events = await database.kubectl('get', 'events', '-o', 'jsonpath={.items[*].reason}');
    for (const told of ['RecoveryOrdered', 'GroupReplaced']) assert.ok(events.includes(told), told);
  });

  step('a deleted cluster leaves its volumes, and its namespace goes', 120, async () => {
    await database.kubectl('delete', 'p2pdbcluster', 'demo', '--timeout=60s');
    await until('its pods are gone', 60_000, async () => ((await database.pods()).length === 0 ? true : undefined));
    const claims = await database.kubectl('get', 'pvc', '-o', 'name');
    assert.match(claims, /persistentvolumeclaim\/data-demo-0/);
    const rest = await database.kubectl(
      'get',
      'statefulsets,services,secrets,configmaps',
      '-l',
      'p2pdb.io/cluster=demo',
    );
    assert.equal(rest.trim(), '');
    await kube.kubectl('delete', 'namespace', NAMESPACE, '--timeout=90s');
  });
});
