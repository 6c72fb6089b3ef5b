// What is derived from the lists of metrics and rules is up to date, and fits together.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { derivedFiles } from '../../../image/reference.ts';
import { METRICS } from '../../../node/admin/index.ts';
import { ALERTS, OPERATOR_ALERTS, RECORDING_RULES, runbookOf } from '../../../operator/specs/index.ts';

const REPOSITORY = path.join(import.meta.dirname, '../../..');
const read = (file: string): string => readFileSync(path.join(REPOSITORY, file), 'utf8');
const derived = derivedFiles();
const alerts = [...ALERTS, ...OPERATOR_ALERTS].map(({ alert }) => alert);

describe('reference', () => {
  for (const [file, text] of derived)
    it(`${file} is up to date: npm run reference`, () => assert.equal(read(file), text));

  it('every alert has its page, and every page its alert', () => {
    assert.deepEqual(
      readdirSync(path.join(REPOSITORY, 'docs/runbooks')).sort(),
      alerts.map((alert) => path.basename(runbookOf(alert))).sort(),
    );
    for (const alert of alerts) assert.match(read(runbookOf(alert)), new RegExp(`^# ${alert}\n`));
  });

  it('pages, rules and panels name only metrics and alerts that are', () => {
    const known = new Set([
      ...[...(derived.get('docs/reference/metrics.md') ?? '').matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name),
      ...Object.entries(METRICS)
        .filter(([, { type }]) => type === 'histogram')
        .flatMap(([name]) => ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`)),
      ...RECORDING_RULES.map(({ record }) => record),
      ...alerts,
    ]);
    const files = [...derived.keys(), ...alerts.map(runbookOf), 'docs/monitoring/README.md'];
    for (const file of files.filter((name) => !name.endsWith('metrics.md'))) {
      const names = read(file).matchAll(/\b(?:p2pdb[_:]|controller_|workqueue_|leader_)[\w:]+|\bP2PDB[A-Z][A-Za-z]+/g);
      const unknown = [...names].map(([name]) => name).filter((name) => !known.has(name) && !OTHER.has(name));
      assert.deepEqual(unknown, [], file);
    }
  });

  it('labels of a metric are those that rules and panels ask for', () => {
    const texts = `${read('docs/monitoring/rules.yaml')}${read('docs/monitoring/dashboard.json')}`;
    for (const [, labels = '', name = ''] of texts.matchAll(
      /by \(([^)]*)\) \((?:rate\()?(p2pdb_\w+?)(?:_bucket|_sum|_count)?\{/g,
    )) {
      const has = [
        'instance',
        'le',
        ...((METRICS as Record<string, { labels?: readonly string[] }>)[name]?.labels ?? []),
      ];
      for (const label of labels.split(', ')) assert.ok(has.includes(label), `${name} has no label ${label}`);
    }
  });
});

/** Words of the same form: functions and variables of SQL, kinds. */
const OTHER = new Set([
  'p2pdb:merge',
  'p2pdb_commit',
  'p2pdb_max_transaction_bytes',
  'p2pdb_remove_member',
  'p2pdb_resolve_conflict',
  'p2pdb_set_voter',
  'P2PDBCluster',
]);
