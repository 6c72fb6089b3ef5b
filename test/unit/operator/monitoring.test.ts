// The objects for Prometheus and Grafana that stand for a cluster.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dashboard, prometheusRule } from '../../../operator/specs/monitoring.ts';
import { ALERTS, RECORDING_RULES, type ClusterObject } from '../../../operator/specs/index.ts';

const cluster = (name: string, bootstrapPeers: readonly string[] = []): ClusterObject =>
  ({
    apiVersion: 'p2pdb.io/v1alpha1',
    kind: 'P2PDBCluster',
    metadata: { name, namespace: 'shop', uid: 'u' },
    spec: { bootstrapPeers },
  }) as unknown as ClusterObject;

interface Panel {
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

function board(name: string): {
  uid: string;
  panels: Panel[];
  templating: { list: { name: string; query: string }[] };
} {
  const { data = {} } = dashboard(cluster(name));
  assert.deepEqual(Object.keys(data), [`p2pdb-${name}.json`]);
  return JSON.parse(String(Object.values(data)[0])) as ReturnType<typeof board>;
}

describe('a PrometheusRule', () => {
  const rulesOf = (of: ClusterObject): Record<string, unknown>[] =>
    (prometheusRule(of).spec as { groups: { rules: Record<string, unknown>[] }[] }).groups.flatMap(
      ({ rules }) => rules,
    );
  const rules = rulesOf(cluster('demo'));

  it('does not miss members that live elsewhere', () => {
    const far = rulesOf(cluster('demo', ['10.0.0.1:4001'])).map((rule) => rule['alert']);
    assert.deepEqual(
      rules.map((rule) => rule['alert']).filter((alert) => !far.includes(alert)),
      ['P2PDBMemberMissing'],
    );
  });

  it('has every rule, first those that others use', () => {
    assert.deepEqual(
      rules.map((rule) => rule['record'] ?? rule['alert']),
      [...RECORDING_RULES.map(({ record }) => record), ...ALERTS.map(({ alert }) => alert)],
    );
  });

  it('looks at the pods of its cluster, and at nothing else', () => {
    for (const { expr } of rules as { expr: string }[]) {
      const selectors = [...expr.matchAll(/\{([^}]*)\}/g)].map(([, selector]) => selector);
      assert.ok(selectors.length > 0, expr);
      for (const selector of selectors)
        assert.match(String(selector), /^namespace="shop",(pod=~"demo-\[0-9\]\+"|cluster="demo")$/);
    }
  });

  it('leaves nothing open that was to be filled in', () => {
    assert.doesNotMatch(JSON.stringify(rules), /\$(?!labels\.|value\b)/);
  });
});

describe('a dashboard', () => {
  it('is of one cluster, and has its panels in common with others', () => {
    const [one, other] = [board('demo'), board('demo2')];
    assert.notEqual(one.uid, other.uid);
    assert.deepEqual(one.panels, other.panels);
    const nodes = (of: typeof one): string | undefined =>
      of.templating.list.find(({ name }) => name === 'nodes')?.query;
    assert.equal(nodes(one), 'namespace="shop",pod=~"demo-[0-9]+"');
    assert.equal(nodes(other), 'namespace="shop",pod=~"demo2-[0-9]+"');
  });

  it('has no panel upon another, and none beyond the edge', () => {
    const taken = new Set<string>();
    for (const { title, gridPos } of board('demo').panels) {
      const { x, y, w, h } = gridPos;
      assert.ok(x + w <= 24, title);
      for (let i = x; i < x + w; i++) {
        for (let j = y; j < y + h; j++) {
          assert.ok(!taken.has(`${i},${j}`), `${title} at ${i},${j}`);
          taken.add(`${i},${j}`);
        }
      }
    }
  });

  it('asks for the cluster in every query, and uses no variable that it has not', () => {
    const { panels, templating } = board('demo');
    const known = new Set(['__rate_interval', ...templating.list.map(({ name }) => name)]);
    const targets = panels.flatMap(({ targets = [] }) => targets);
    assert.ok(targets.length > 40);
    for (const { expr, legendFormat } of targets) {
      assert.equal(expr.match(/\{/g)?.length, 2 * (expr.match(/\$\{nodes:raw\}/g)?.length ?? 0), expr);
      for (const [, name = ''] of `${expr}${legendFormat}`.matchAll(/\$\{?(\w+)/g)) assert.ok(known.has(name), name);
    }
  });
});
