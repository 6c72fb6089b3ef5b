import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { crdFiles, fieldsPage } from '../../../operator/api/index.ts';
import { amountOf } from '../../../operator/api/quantity.ts';

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../../crds');

describe('the CustomResourceDefinitions', () => {
  it('are what the files in crds/ say: npm run crds makes them', () => {
    const files = crdFiles();
    assert.deepEqual(readdirSync(folder).sort(), [...files.keys()].sort());
    for (const [name, text] of files) assert.equal(readFileSync(path.join(folder, name), 'utf8'), text, name);
  });

  it('have their fields explained in docs/kubernetes/fields.md', () => {
    assert.equal(readFileSync(path.join(folder, '../docs/kubernetes/fields.md'), 'utf8'), fieldsPage());
  });
});

it('amounts are compared as numbers', () => {
  const amounts = { '1.5Ti': 1.5 * 1024 ** 4, '1536Gi': 1.5 * 1024 ** 4, '500m': 0.5, '2': 2, '1e3': 1000, '3k': 3000 };
  for (const [text, amount] of Object.entries(amounts)) assert.equal(amountOf(text), amount, text);
  assert.equal(amountOf(7), 7);
  assert.ok(Number.isNaN(amountOf('much')));
});
