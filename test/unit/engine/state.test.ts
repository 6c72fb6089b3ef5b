import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, it } from 'node:test';
import { State } from '../../../node/store/index.ts';

const dir = mkdtempSync(path.join(tmpdir(), 'p2pdb-state-'));
after(() => rmSync(dir, { recursive: true }));

it('reads in one transaction keep nothing from others, and do not let the write-ahead log grow', () => {
  const file = path.join(dir, 'state.sqlite');
  const state = new State(file);
  state.db.exec('PRAGMA wal_autocheckpoint=50');
  const other = new DatabaseSync(file, { readOnly: true });
  const read = state.db.prepare('SELECT value FROM meta WHERE name = ?');
  for (let i = 0; i < 100; i++) {
    state.beginReading();
    state.beginReading();
    assert.equal(read.get('blob')?.['value'], i === 0 ? undefined : `${i - 1}${'x'.repeat(50_000)}`);
    state.begin();
    state.meta.set('blob', `${i}${'x'.repeat(50_000)}`);
    state.beginReading();
    assert.ok(state.hasUnpublished);
    state.publish({ height: i, block: '', final: {}, schema: 0 });
    assert.equal(
      String(other.prepare('SELECT value FROM meta WHERE name = ?').get('blob')?.['value']).length,
      `${i}`.length + 50_000,
    );
  }
  assert.ok(statSync(`${file}-wal`).size < 1_000_000, 'the log begins anew where all of it lies in the file');
  other.close();
  state.close();
});
