/** The objects for Prometheus and Grafana on a real API server, and the operator's own figures, which its alerts ask for. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { OPERATOR_ALERTS } from '../../../operator/specs/index.ts';
import { missing } from '../support/machine.ts';
import { OperatorProcess } from '../support/operator.ts';
import { isRunning, TestKubernetes } from './kubernetes.ts';

const reason = await missing('api');

/** The kinds of the Prometheus operator, as far as they matter here: their names. */
const kindOf = (kind: string, plural: string): object => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.monitoring.coreos.com` },
  spec: {
    group: 'monitoring.coreos.com',
    scope: 'Namespaced',
    names: { kind, plural, singular: kind.toLowerCase() },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
});

describe('monitoring on Kubernetes', { skip: reason, timeout: 480_000 }, () => {
  let kube: TestKubernetes;
  let operator: OperatorProcess | undefined;
  before(async () => {
    kube = await TestKubernetes.start();
    await kube.apply(kindOf('PodMonitor', 'podmonitors'));
    await kube.apply(kindOf('PrometheusRule', 'prometheusrules'));
    await kube.kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s');
    operator = await OperatorProcess.start(kube.kubeconfig);
  });
  after(async () => {
    await operator?.stop();
    await kube.stop();
  });

  const manifest = (monitoring: object): object => ({
    apiVersion: 'p2pdb.io/v1alpha1',
    kind: 'P2PDBCluster',
    metadata: { name: 'm' },
    spec: { replicas: 1, monitoring },
  });
  const made = async (): Promise<string[]> =>
    (await kube.kubectl('get', 'podmonitors,prometheusrules,configmaps', '-l', 'p2pdb.io/cluster=m', '-o', 'name'))
      .split('\n')
      .filter((name) => !name.endsWith('/m-config') && name !== '')
      .sort();

  it('makes monitor, rules and dashboard where their kinds are', async () => {
    await kube.apply(manifest({}));
    await kube.until('m', (status) => isRunning(status, 1), 120_000);
    assert.deepEqual(await made(), [
      'configmap/m-dashboard',
      'podmonitor.monitoring.coreos.com/m',
      'prometheusrule.monitoring.coreos.com/m',
    ]);
    const path = 'jsonpath={.spec.groups[*].rules[?(@.alert=="P2PDBReplicationLag")].expr}';
    assert.equal(
      await kube.kubectl('get', 'prometheusrule', 'm', '-o', path),
      'p2pdb:replication_lag_seconds:max{namespace="default",cluster="m"} > 30',
    );
  });

  it('has every figure that its alerts ask for', async () => {
    const text = (await operator?.metrics()) ?? '';
    for (const { expr, alert } of OPERATOR_ALERTS) {
      const [, name = ''] = /([a-z0-9_]+)\{\$operator/.exec(expr) ?? [];
      assert.match(text, new RegExp(`^# TYPE ${name} `, 'm'), alert);
    }
    assert.match(text, /^leader_election_master_status\{.*\} 1$/m);
    assert.match(text, /^p2pdb_operator_cluster_condition\{namespace="default",cluster="m",type="Ready"\} 1$/m);
  });

  it('takes them away when they are not wanted any more', async () => {
    await kube.apply(manifest({ podMonitor: false, prometheusRule: false, dashboard: false }));
    for (const since = performance.now(); (await made()).length > 0; await sleep(100))
      assert.ok(performance.now() - since < 60_000, (await made()).join());
  });
});
