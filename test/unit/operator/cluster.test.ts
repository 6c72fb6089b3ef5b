import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { nodeNames, readCluster, votersOf, type Cluster } from '../../../operator/api/index.ts';

const HEAD = 'apiVersion: p2pdb.io/v1alpha1\nkind: P2PDBCluster\nmetadata: { name: demo }\n';

function accepted(text: string): Cluster {
  const reading = readCluster(text);
  assert.equal(reading.kind, 'cluster', JSON.stringify(reading));
  return (reading as { cluster: Cluster }).cluster;
}

/** Faults as `line path: reason`. */
function faults(text: string): string[] {
  const reading = readCluster(text);
  assert.equal(reading.kind, 'refused');
  return reading.kind === 'refused' ? reading.faults.map((f) => `${f.line ?? '?'} ${f.path}: ${f.reason}`) : [];
}

describe('a P2PDBCluster', () => {
  it('gets its defaults', () => {
    assert.deepEqual(accepted(HEAD).spec, {
      replicas: 3,
      storage: { size: '10Gi', retain: true },
      resources: {},
      service: { type: 'ClusterIP', annotations: {} },
      tls: { enabled: true },
      commitLevel: 'local',
      readLevel: 'local',
      config: {},
      bootstrapPeers: [],
      paused: false,
      monitoring: { podMonitor: true, prometheusRule: true, dashboard: true },
    });
  });

  it('keeps what it says', () => {
    const spec = {
      replicas: 5,
      voters: 3,
      image: 'registry.example/p2pdb:1',
      storage: { size: '1.5Ti', class: 'fast', retain: false },
      resources: { requests: { cpu: 2, memory: '2Gi' }, limits: { cpu: '2500m', memory: '1e9' } },
      service: { type: 'LoadBalancer', annotations: { 'example.com/a': 'b' } },
      tls: { enabled: false, secretName: 's' },
      rootPasswordSecret: { name: 'root', key: 'p' },
      commitLevel: 'final',
      readLevel: 'linearizable',
      config: { max_connections: 7, log: { format: 'json' } },
      bootstrapPeers: ['db.example:4001', '[2001:db8::1]:4001'],
      paused: true,
      monitoring: { podMonitor: false, prometheusRule: false, dashboard: false },
    };
    assert.deepEqual(accepted(`${HEAD}spec: ${JSON.stringify(spec)}`).spec, spec);
  });

  it('names what the document gives', () => {
    const reading = readCluster(`${HEAD}spec: { storage: { size: 1Gi } }`);
    assert.ok(reading.kind === 'cluster');
    assert.ok(reading.given.has('spec.storage.size'));
    assert.ok(!reading.given.has('spec.storage.retain'));
    assert.ok(!reading.given.has('spec.paused'));
  });

  it('is what the example is', () => {
    const cluster = accepted(readFileSync(new URL('../../../examples/cluster.yaml', import.meta.url), 'utf8'));
    assert.deepEqual(nodeNames(cluster), ['demo-0', 'demo-1', 'demo-2']);
  });

  it('has as many voters as asked, else the largest odd number up to replicas and 7', () => {
    const voters = [1, 2, 3, 4, 5, 6, 7, 8, 9, 25].map((replicas) =>
      votersOf(accepted(`${HEAD}spec: { replicas: ${replicas} }`).spec),
    );
    assert.deepEqual(voters, [1, 1, 3, 3, 5, 5, 7, 7, 7, 7]);
    assert.equal(votersOf(accepted(`${HEAD}spec: { replicas: 5, voters: 3 }`).spec), 3);
  });
});

describe('a manifest is refused', () => {
  it('with all its faults at once, in the order of its lines', () => {
    const text = `apiVersion: v1
kind: P2PDBCluster
metadata: { name: A_ }
spec:
  replica: 3
  replicas: x
  voters: 2
  storage: { size: big }
  resources: { limits: { cpu: 2, memory: [] } }
  service: { type: NodPort }
  rootPasswordSecret: {}
  bootstrapPeers: [a]
  paused: 1
`;
    assert.deepEqual(faults(text), [
      '1 apiVersion: must be p2pdb.io/v1alpha1, is "v1"',
      '3 metadata.name: must be small letters, digits and inner hyphens, is "A_"',
      '5 spec.replica: is not a field of spec: did you mean replicas?',
      '6 spec.replicas: must be a whole number, is "x"',
      '7 spec.voters: must be one of 1, 3, 5, 7, is 2',
      '8 spec.storage.size: must be an amount such as 500m or 10Gi, is "big"',
      '9 spec.resources.limits.memory: must be an amount such as 500m or 10Gi, is []',
      '10 spec.service.type: must be one of ClusterIP, NodePort, LoadBalancer, is "NodPort"',
      '11 spec.rootPasswordSecret.name: is missing',
      '12 spec.bootstrapPeers[0]: must be HOST:PORT, is "a"',
      '13 spec.paused: must be true or false, is 1',
    ]);
  });

  const one: readonly (readonly [title: string, text: string, fault: string])[] = [
    ['that is empty', '# nothing\n', '? : is empty: a P2PDBCluster is expected'],
    ['that is no object', 'hello', '1 : must be an object, is "hello"'],
    ['with two documents', `${HEAD}---\n${HEAD}`, '? : has 2 documents: one is expected'],
    ['with too few nodes', `${HEAD}spec:\n  replicas: 0`, '5 spec.replicas: must be at least 1, is 0'],
    ['with too many nodes', `${HEAD}spec:\n  replicas: 101`, '5 spec.replicas: must be at most 100, is 101'],
    [
      'with more voters than nodes',
      `${HEAD}spec: { voters: 5 }`,
      '4 spec.voters: must be at most replicas, which is 3',
    ],
    ['of another kind', HEAD.replace('P2PDBCluster', 'Pod'), '2 kind: must be P2PDBCluster, is "Pod"'],
    [
      'that sets what each node gets',
      `${HEAD}spec:\n  config:\n    mysql: 0.0.0.0:3306`,
      '6 spec.config.mysql: is set for each node and cannot be chosen',
    ],
    [
      'that says a thing in two places',
      `${HEAD}spec: { config: { tls: off } }`,
      '4 spec.config.tls: is set by spec.tls',
    ],
  ];
  for (const [title, text, fault] of one) it(title, () => assert.deepEqual(faults(text), [fault]));

  it('that is not YAML', () => {
    assert.match(faults('a: [')[0] ?? '', /^1 : is not YAML: /);
    assert.match(faults(`${HEAD}kind: Pod`)[0] ?? '', /^4 : is not YAML: Map keys must be unique/);
  });
});
