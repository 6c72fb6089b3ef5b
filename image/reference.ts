// Makes what is derived from the lists of metrics and rules: docs/reference, docs/monitoring, the rules of the operator's chart.
//   node bin/run.mjs image/reference.ts [FOLDER]       into FOLDER, the repository unless told
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { stringify } from 'yaml';
import { METRICS, type Definition } from '../node/admin/index.ts';
import { OperatorMetrics } from '../operator/kube/metrics.ts';
import {
  ALERTS,
  dashboardJson,
  OPERATOR_ALERTS,
  operatorRuleGroups,
  PLAIN_TARGET,
  RECORDING_RULES,
  ruleGroups,
  runbookOf,
  type AlertRule,
} from '../operator/specs/index.ts';

const REPOSITORY = path.join(import.meta.dirname, '..');
/** In the chart's file, where its template puts the namespace and the Service of the release. */
const CHART_SELECTOR = 'OPERATOR';

const YAML = { lineWidth: 0, aliasDuplicateObjects: false, singleQuote: true };

/** The derived files by their paths below the repository. */
export function derivedFiles(): ReadonlyMap<string, string> {
  const yaml = (groups: readonly object[]): string => stringify(groups, YAML);
  return new Map([
    ['docs/reference/metrics.md', metricsPage()],
    ['docs/reference/alerts.md', alertsPage()],
    [
      'docs/monitoring/rules.yaml',
      `# Made of operator/specs/rules.ts.\n${stringify({ groups: ruleGroups('p2pdb', PLAIN_TARGET) }, YAML)}`,
    ],
    [
      'docs/monitoring/dashboard.json',
      `${JSON.stringify(JSON.parse(dashboardJson('p2pdb', 'P2PDB', PLAIN_TARGET)), null, 2)}\n`,
    ],
    ['charts/p2pdb-operator/files/rules.yaml', yaml(operatorRuleGroups(CHART_SELECTOR))],
  ]);
}

interface Described {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

function metricsPage(): string {
  const node = Object.entries(METRICS).map(([name, { type, help, labels = [] }]: [string, Definition]): Described => ({
    name,
    type,
    help,
    labels,
  }));
  const runtime = new Registry();
  collectDefaultMetrics({ register: runtime, prefix: 'p2pdb_' });
  const operator = describe(new OperatorMetrics().registry);
  const isRuntime = ({ name }: Described): boolean => /^(process|nodejs)_/.test(name);
  return `# Metrics

Made of the programs' own descriptions by \`npm run reference\`.

## A node

At \`/metrics\` of its admin HTTP. \`group\` is the replication group: \`main\`, or the name of a
database that has one of its own; \`peer\` the name of another member.

${table(node)}

Of the process:

${table(describe(runtime))}

## The operator

At \`/metrics\` of its port. Names that dashboards for controllers know, and its own.

${table(operator.filter((metric) => !isRuntime(metric)))}

And those of the process as a node has them, without \`p2pdb_\` in front.
`;
}

/** What a registry of prom-client says of its metrics. */
function describe(registry: Registry): Described[] {
  const metrics = registry.getMetricsAsArray() as unknown as readonly (Described & { labelNames?: string[] })[];
  return metrics.map(({ name, type, help, labelNames = [] }) => ({ name, type, help, labels: labelNames }));
}

const table = (metrics: readonly Described[]): string =>
  rows(
    ['metric', 'type', 'labels', 'meaning'],
    metrics.map(({ name, type, help, labels }) => [
      code(name),
      type,
      labels.map(code).join(', '),
      help.endsWith('.') ? help : `${help}.`,
    ]),
  );

function alertsPage(): string {
  const alerts = (list: readonly AlertRule[]): string =>
    rows(
      ['alert', 'severity', 'when', 'for'],
      list.map(({ alert, severity, expr, for: pending }) => [
        `[${alert}](../${path.relative('docs', runbookOf(alert))})`,
        severity,
        code(expr),
        pending === '0m' ? 'at once' : pending,
      ]),
    );
  return `# Alerts

Made of \`operator/specs/rules.ts\` by \`npm run reference\`. \`$nodes\` stands for what selects the cluster's nodes, \`$recorded\` for
what its recording rules made, \`$operator\` for what selects the operator, \`$node\` for the label that names a node (\`pod\` on
Kubernetes, \`instance\` else). Each alert links the page that says what to do.

## Of a cluster

${alerts(ALERTS)}

## Of the operator

${alerts(OPERATOR_ALERTS)}

## Recording rules

${rows(
  ['record', 'meaning', 'expression'],
  RECORDING_RULES.map(({ record, meaning, expr }) => [code(record), meaning, code(expr)]),
)}
`;
}

const code = (text: string): string => `\`${text}\``;

const rows = (head: readonly string[], body: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...body].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n');

/** A bar would end the cell. */
const cell = (text: string): string => text.replaceAll('|', '\\|');

async function write(folder: string): Promise<void> {
  for (const [name, text] of derivedFiles()) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}

if (import.meta.main) await write(process.argv[2] ?? REPOSITORY);
