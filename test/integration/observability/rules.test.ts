// Every alert by `promtool test rules`: what it fires on, and what it does not; for nodes on Kubernetes and elsewhere.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { stringify } from 'yaml';
import {
  ALERTS,
  kubernetesTarget,
  OPERATOR_ALERTS,
  operatorRuleGroups,
  PLAIN_TARGET,
  ruleGroups,
  runbookOf,
  type AlertRule,
} from '../../../operator/specs/index.ts';
import { findPrometheus, MONITORING, promtool } from './prometheus.ts';
import { OPERATOR_SCENARIOS, SCENARIOS, type Scenario } from './scenarios.ts';

const found = await findPrometheus();
const skip = 'missing' in found ? found.missing : false;
const programs = 'missing' in found ? '' : found.folder;

interface Suite {
  readonly name: string;
  readonly groups: readonly object[];
  readonly alerts: readonly AlertRule[];
  readonly scenarios: readonly Scenario[];
  /** Labels of a node's series, and the one that names it. */
  readonly labelsOf: (node: number) => Readonly<Record<string, string>>;
  readonly nodeLabel: string;
  /** On every alert. */
  readonly labels: Readonly<Record<string, string>>;
}

const KUBERNETES = kubernetesTarget('demo', 'shop');
const suites: readonly Suite[] = [
  {
    name: 'a cluster',
    groups: ruleGroups('p2pdb', PLAIN_TARGET),
    alerts: ALERTS,
    scenarios: SCENARIOS,
    labelsOf: (node) => ({ job: 'p2pdb', instance: `n${node}:8080` }),
    nodeLabel: PLAIN_TARGET.node,
    labels: PLAIN_TARGET.labels,
  },
  {
    name: 'a cluster on Kubernetes',
    groups: ruleGroups('p2pdb-shop-demo', KUBERNETES),
    alerts: ALERTS,
    scenarios: SCENARIOS,
    labelsOf: (node) => ({ namespace: 'shop', pod: `demo-${node}` }),
    nodeLabel: KUBERNETES.node,
    labels: KUBERNETES.labels,
  },
  {
    name: 'the operator',
    groups: operatorRuleGroups('namespace="p2pdb-system",job="p2pdb-operator"'),
    alerts: OPERATOR_ALERTS,
    scenarios: OPERATOR_SCENARIOS,
    labelsOf: (node) => ({ namespace: 'p2pdb-system', job: 'p2pdb-operator', pod: `p2pdb-operator-${node}` }),
    nodeLabel: 'pod',
    labels: {},
  },
];

/** A test of promtool for one scenario. */
function testOf({ alerts, labelsOf, nodeLabel, labels }: Suite, { alert, series, minute, fires }: Scenario): object {
  const severity = alerts.find((rule) => rule.alert === alert)?.severity ?? '';
  const own = fires?.node === undefined ? {} : labelsOf(fires.node);
  return {
    interval: '1m',
    input_series: Object.entries(series).map(([text, values]) => {
      const [, node = '', metric = '', more = ''] = /^(\d+) ([^{]+)(?:\{(.*)\})?$/.exec(text) ?? [];
      const written = Object.entries(labelsOf(Number(node))).map(([label, value]) => `${label}="${value}"`);
      return { series: `${metric}{${[...written, ...(more === '' ? [] : [more])].join(',')}}`, values };
    }),
    alert_rule_test: [
      {
        eval_time: `${minute}m`,
        alertname: alert,
        exp_alerts: fires
          ? [
              {
                exp_labels: { severity, ...own, ...fires.labels, ...labels },
                exp_annotations: {
                  summary: fires.summary.replaceAll('NODE', own[nodeLabel] ?? ''),
                  runbook_url: runbookOf(alert),
                },
              },
            ]
          : [],
      },
    ],
  };
}

describe('rules', { skip, timeout: 120_000 }, () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'p2pdb-rules-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('the file of rules that is shipped is good', async () => {
    assert.match(await promtool(programs, 'check', 'rules', path.join(MONITORING, 'rules.yaml')), /SUCCESS/);
    assert.match(await promtool(programs, 'check', 'config', path.join(MONITORING, 'prometheus.yml')), /SUCCESS/);
  });

  for (const suite of suites) {
    describe(suite.name, () => {
      it('every alert has what it fires on, and what it does not', () => {
        const names = suite.alerts.map(({ alert }) => alert).sort();
        for (const does of [true, false]) {
          const some = suite.scenarios.filter(({ fires }) => (fires !== undefined) === does).map(({ alert }) => alert);
          assert.deepEqual([...new Set(some)].sort(), names);
        }
      });

      it('promtool finds them right', async () => {
        const name = suite.name.replaceAll(' ', '-');
        const rules = path.join(folder, `${name}.yaml`);
        writeFileSync(rules, stringify({ groups: suite.groups }));
        assert.match(await promtool(programs, 'check', 'rules', rules), /SUCCESS/);
        // A test each, so that the failure of one names it.
        const failures: string[] = [];
        for (const scenario of suite.scenarios) {
          const file = path.join(folder, `${name}.test.yaml`);
          const tests = [testOf(suite, scenario)];
          writeFileSync(file, stringify({ rule_files: [rules], evaluation_interval: '1m', tests }));
          await promtool(programs, 'test', 'rules', file).catch((error: unknown) => {
            failures.push(
              `${scenario.alert}: ${(error as { stderr: string; stdout: string }).stdout}${(error as { stderr: string }).stderr}`,
            );
          });
        }
        assert.deepEqual(failures, []);
      });
    });
  }
});
