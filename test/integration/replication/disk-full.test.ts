/** One of three nodes has a full disk: its final writes are refused before others are told of them, and it stays. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { RowDataPacket } from 'mysql2/promise';
import { TestCluster } from '../../support/cluster.ts';

const mountPoint = mkdtempSync(path.join(tmpdir(), 'p2pdb-full-'));
const mount = (): void => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', mountPoint], { stdio: 'pipe' });
};
const unmount = (): void => {
  execFileSync('umount', [mountPoint], { stdio: 'pipe' });
};

function missing(): string | false {
  try {
    mount();
    unmount();
    return false;
  } catch {
    return 'this user or system may not mount a small disk';
  }
}

describe('a full disk in a cluster', { skip: missing() }, () => {
  let cluster: TestCluster;

  before(async () => {
    mount();
    const folderOf = (node: number): string | undefined => (node === 0 ? path.join(mountPoint, 'data') : undefined);
    cluster = await TestCluster.start({ folderOf });
  });
  after(async () => {
    await cluster.stop();
    unmount();
    rmSync(mountPoint, { recursive: true });
  });

  it('refuses final writes with 1021, and takes them again when there is room', async () => {
    const c = await cluster.connect(0);
    await c.query('CREATE DATABASE d');
    await c.query('CREATE TABLE d.t (id INT PRIMARY KEY, b LONGBLOB)');
    await c.query("SET p2pdb_commit = 'final'");
    const filler = path.join(mountPoint, 'filler');
    const { bavail, bsize } = statfsSync(mountPoint);
    // The node takes some of it meanwhile.
    assert.throws(() => writeFileSync(filler, new Uint8Array((bavail + 1) * bsize)), { code: 'ENOSPC' });
    const acknowledged: number[] = [];
    let refusal: { errno?: number } | undefined;
    for (let id = 1; !refusal && id < 200; id++) {
      try {
        await c.query('INSERT INTO d.t VALUES (?, ?)', [id, Buffer.alloc(30_000, id)]);
        acknowledged.push(id);
      } catch (error) {
        refusal = error as { errno?: number };
      }
    }
    assert.equal(refusal?.errno, 1021);
    rmSync(filler);
    await c.query('INSERT INTO d.t VALUES (1000, NULL)');
    await cluster.converged();
    const other = await cluster.connect(1);
    const [rows] = await other.query<RowDataPacket[]>('SELECT id FROM d.t ORDER BY id');
    assert.deepEqual(
      rows.map((row) => row['id'] as number),
      [...acknowledged, 1000],
    );
  });
});
