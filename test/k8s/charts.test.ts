// The charts as Helm itself sees them, what is derived from them, and the image's two descriptions.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { parse, parseAllDocuments } from 'yaml';
import { RUN_CONFIG } from '../../image/config.ts';
import { derivedFiles } from '../../image/manifests.ts';
import { operatorRuleGroups } from '../../operator/specs/index.ts';
import { missing, program } from './support/machine.ts';

const REPOSITORY = path.join(import.meta.dirname, '../..');
const CHARTS = path.join(REPOSITORY, 'charts');
const CHART_NAMES = ['p2pdb-cluster', 'p2pdb-crds', 'p2pdb-operator'] as const;

const read = (...parts: string[]): string => readFileSync(path.join(REPOSITORY, ...parts), 'utf8');

interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly annotations?: object };
  readonly spec?: Record<string, unknown>;
  readonly rules?: readonly { readonly apiGroups: string[]; readonly resources: string[]; readonly verbs: string[] }[];
}

let reason: string | undefined;
before(async () => {
  reason = await missing('helm');
});

/** Declares a test that needs Helm. */
const itWithHelm = (name: string, test: (t: TestContext) => Promise<void>): void => {
  it(name, { timeout: 120_000 }, async (t) => {
    if (reason !== undefined) t.skip(reason);
    else await test(t);
  });
};

async function helm(...args: string[]): Promise<string> {
  return (await promisify(execFile)(program('helm'), args)).stdout;
}

async function template(chart: (typeof CHART_NAMES)[number], ...args: string[]): Promise<KubernetesObject[]> {
  const text = await helm('template', 'test', path.join(CHARTS, chart), '--namespace', 'home', ...args);
  return parseAllDocuments(text)
    .map((document) => document.toJS() as KubernetesObject | null)
    .filter((object) => object !== null);
}

const ofKind = (objects: readonly KubernetesObject[], kind: string): KubernetesObject[] =>
  objects.filter((object) => object.kind === kind);

describe('charts', () => {
  for (const name of CHART_NAMES) {
    itWithHelm(`${name} passes helm lint`, async () => {
      await helm('lint', '--strict', path.join(CHARTS, name));
    });

    it(`${name} has the version of the program`, () => {
      const { version } = JSON.parse(read('package.json')) as { version: string };
      const chart = parse(read('charts', name, 'Chart.yaml')) as { version: string; appVersion: string };
      assert.deepEqual([chart.version, chart.appVersion], [version, version]);
    });

    it(`${name} describes every value`, () => {
      const lines = read('charts', name, 'values.yaml').split('\n');
      const bare = lines.filter((line, i) => {
        const [, indent = '', key] = /^( *)([A-Za-z]+):/.exec(line) ?? [];
        // A value inside another one speaks for itself where the outer one has its own sentence.
        if (key === undefined || indent.length > 2) return false;
        const above = lines[i - 1] ?? '';
        const opens = line.trimEnd().endsWith(':') || /^ {2}/.test(line);
        return !above.trimStart().startsWith('#') && !opens;
      });
      assert.deepEqual(bare, []);
    });
  }

  itWithHelm('what is derived is up to date: node bin/run.mjs image/manifests.ts', async () => {
    for (const [name, text] of await derivedFiles(program('helm'))) {
      assert.equal(read('charts', name), text, `charts/${name}`);
    }
    assert.deepEqual(readdirSync(path.join(CHARTS, 'p2pdb-crds/files')), readdirSync(path.join(REPOSITORY, 'crds')));
  });

  itWithHelm('p2pdb-crds keeps the kinds unless told otherwise', async () => {
    const kept = await template('p2pdb-crds', '--set', 'labels.a=b');
    assert.equal(kept.length, 3);
    for (const { metadata } of kept) {
      assert.deepEqual(metadata, {
        name: metadata.name,
        labels: { a: 'b' },
        annotations: { 'helm.sh/resource-policy': 'keep' },
      });
    }
    for (const { metadata } of await template('p2pdb-crds', '--set', 'keep=false')) {
      assert.equal(metadata.annotations, undefined);
    }
  });

  itWithHelm('p2pdb-operator has rights in one namespace when it watches one', async () => {
    const everywhere = await template('p2pdb-operator');
    assert.equal(ofKind(everywhere, 'ClusterRole').length, 1);
    const scoped = await template('p2pdb-operator', '--set', 'watchNamespace=shop');
    assert.equal(ofKind(scoped, 'ClusterRole').length + ofKind(scoped, 'ClusterRoleBinding').length, 0);
    const roles = ofKind(scoped, 'Role').map(({ metadata }) => [metadata.name, metadata.namespace]);
    assert.deepEqual(roles.sort(), [
      ['test-p2pdb-operator', 'shop'],
      ['test-p2pdb-operator-leader', 'home'],
    ]);
    assert.match(JSON.stringify(ofKind(scoped, 'Deployment')), /"--namespace=shop"/);
  });

  itWithHelm('p2pdb-operator asks for no right by a wildcard', async () => {
    const objects = await template('p2pdb-operator');
    const rules = [...ofKind(objects, 'ClusterRole'), ...ofKind(objects, 'Role')].flatMap(({ rules }) => rules ?? []);
    assert.ok(rules.length > 5);
    for (const { apiGroups, resources, verbs } of rules) {
      assert.ok(![...apiGroups, ...resources, ...verbs].includes('*'), JSON.stringify(resources));
    }
  });

  itWithHelm('p2pdb-operator makes what its values ask for', async () => {
    const few = await template(
      'p2pdb-operator',
      ...['--set', 'replicas=1,rbac.create=false,serviceAccount.create=false,serviceAccount.name=mine'],
    );
    assert.deepEqual(few.map(({ kind }) => kind).sort(), ['Deployment', 'Pod', 'Service']);
    assert.match(JSON.stringify(few), /"serviceAccountName":"mine"/);
    const many = await template(
      'p2pdb-operator',
      ...[
        '--set',
        'serviceMonitor.enabled=true,image.digest=sha256:' + 'ab'.repeat(32),
        '--set',
        'extraArgs={--a,--b}',
      ],
    );
    assert.equal(ofKind(many, 'ServiceMonitor').length, 1);
    assert.equal(ofKind(many, 'PodDisruptionBudget').length, 1);
    assert.match(
      JSON.stringify(ofKind(many, 'Deployment')),
      new RegExp(`"image":"p2pdb@sha256:(ab){32}".*"--a","--b"`),
    );
  });

  itWithHelm('p2pdb-operator ships its alerts, for the pods of its release', async () => {
    const [rule, ...more] = ofKind(
      await template('p2pdb-operator', '--set', 'prometheusRule.enabled=true'),
      'PrometheusRule',
    );
    assert.deepEqual(rule?.spec?.['groups'], operatorRuleGroups('namespace="home",job="test-p2pdb-operator"'));
    assert.equal(more.length, 0);
  });

  itWithHelm('p2pdb-cluster makes a cluster with databases and users', async () => {
    const objects = await template(
      'p2pdb-cluster',
      ...['--set', 'cluster.replicas=5,databases[0].name=Shop_1,users[0].name=app,users[1].name=root2'],
      ...['--set', 'users[1].passwordSecret.name=given'],
    );
    const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort();
    assert.deepEqual(names, [
      'P2PDBCluster test',
      'P2PDBDatabase test-shop-1',
      'P2PDBUser test-app',
      'P2PDBUser test-root2',
      'Secret test-user-app',
    ]);
    assert.deepEqual(ofKind(objects, 'P2PDBDatabase')[0]?.spec, { cluster: 'test', name: 'Shop_1' });
    assert.deepEqual(
      ofKind(objects, 'P2PDBUser').map(({ spec }) => spec?.['passwordSecret']),
      [{ name: 'test-user-app', key: 'password' }, { name: 'given' }],
    );
  });

  for (const [chart, value, message] of [
    ['p2pdb-cluster', 'cluster.replica=3', /'replica' not allowed/],
    ['p2pdb-cluster', 'cluster.voters=2', /\/cluster\/voters/],
    ['p2pdb-cluster', 'databases[0].collation=x', /missing property 'name'/],
    ['p2pdb-operator', 'image.pullPolicy=Sometimes', /\/image\/pullPolicy/],
    ['p2pdb-operator', 'replica=3', /'replica' not allowed/],
    ['p2pdb-crds', 'keep=maybe', /\/keep/],
  ] as const) {
    itWithHelm(`${chart} refuses ${value}`, async () => {
      await assert.rejects(template(chart, '--set', value), message);
    });
  }
});

describe('image', () => {
  it('the Dockerfile and image/config.ts say the same', () => {
    const lines = read('Dockerfile').replaceAll('\\\n', ' ').split('\n');
    const last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));
    const said = (word: string): string[] =>
      last.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length).trim());
    const words = (text: string): string[] =>
      [...text.matchAll(/(?:[^\s"]|"[^"]*")+/g)].map((match) => match[0].replaceAll('"', ''));

    assert.deepEqual(words(said('ENV').join(' ')), RUN_CONFIG.Env);
    assert.deepEqual(
      words(said('LABEL').join(' ')),
      Object.entries(RUN_CONFIG.Labels).map(([name, value]) => `${name}=${value}`),
    );
    assert.deepEqual(
      words(said('EXPOSE').join(' ')).map((port) => `${port}/tcp`),
      Object.keys(RUN_CONFIG.ExposedPorts),
    );
    assert.deepEqual(said('VOLUME'), Object.keys(RUN_CONFIG.Volumes));
    assert.deepEqual(said('WORKDIR'), [RUN_CONFIG.WorkingDir]);
    assert.deepEqual(said('USER'), [RUN_CONFIG.User]);
    assert.deepEqual(
      said('ENTRYPOINT').map((text) => JSON.parse(text) as unknown),
      [RUN_CONFIG.Entrypoint],
    );
    assert.deepEqual(
      said('CMD').map((text) => JSON.parse(text) as unknown),
      [RUN_CONFIG.Cmd],
    );
  });
});
