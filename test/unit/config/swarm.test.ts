import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { it } from 'node:test';
import { keepSwarm, swarmOf } from '../../../node/cluster.ts';
import { loadConfig } from '../../../node/config/index.ts';

const folder = (): string => mkdtempSync(path.join(tmpdir(), 'p2pdb-swarm-'));

it('a node knows its swarm again without its settings, and takes another key that it is given', () => {
  const data = folder();
  try {
    const keys = ['ab', 'cd'].map((byte) => byte.repeat(32));
    const files = keys.map((key, n) => {
      const file = path.join(data, `${n}.key`);
      writeFileSync(file, `/key/swarm/psk/1.0.0/\n/base16/\n${key}\n`);
      return file;
    }) as [string, string];
    const start = (...more: string[]): string => {
      const { config } = loadConfig(['--data', data, ...more], {});
      const swarm = swarmOf(config);
      if (!swarm) return 'none';
      keepSwarm(config, swarm);
      return `${swarm.id} ${Buffer.from(swarm.key).toString('hex')}`;
    };
    assert.equal(start(), 'none');
    assert.equal(start('--cluster', 'east', '--swarm-key', files[0]), `east ${keys[0]}`);
    assert.equal(start(), `east ${keys[0]}`);
    assert.equal(start('--swarm-key', files[1]), `east ${keys[1]}`);
    assert.equal(start(), `east ${keys[1]}`);
  } finally {
    rmSync(data, { recursive: true });
  }
});

it('a node that has its swarm of a token looks for members where its settings say, too', () => {
  const data = folder();
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
