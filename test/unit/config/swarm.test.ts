import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { it } from 'node:test';
import { swarmOf } from '../../../node/cluster.ts';
import { loadConfig } from '../../../node/config/index.ts';

it('a node that has its swarm of a token looks for members where its settings say, too', () => {
  const data = mkdtempSync(path.join(tmpdir(), 'p2pdb-swarm-'));
  try {
    const kept = { id: 'east', key: 'ab'.repeat(32), bootstrap: ['10.0.0.1:4001'] };
    writeFileSync(path.join(data, 'swarm.json'), JSON.stringify(kept));
    const { config } = loadConfig(['--data', data, '--cluster', 'west', '--bootstrap', 'east.example.com:4001'], {});
    const swarm = swarmOf(config);
    assert.deepEqual([swarm?.id, swarm?.bootstrap], ['east', ['east.example.com:4001', '10.0.0.1:4001']]);
  } finally {
    rmSync(data, { recursive: true });
  }
});
