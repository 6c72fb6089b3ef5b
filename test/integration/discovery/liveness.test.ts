import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import type { ChildOrder, ChildReport } from './child.ts';
import { stretched } from '../../support/ledger.ts';
import { makeNode } from './support.ts';
import { withChild } from './with-child.ts';

const order = (child: ChildProcess, what: ChildOrder): void => void child.send(what);

describe('liveness', () => {
  it('a frozen peer is down within three seconds, and up again when it thaws', async () => {
    await withChild(async (a, child, childId) => {
      const before = performance.now();
      child.kill('SIGSTOP');
      await a.until(() => !a.up.has(childId), 'the frozen peer is down');
      const ms = performance.now() - before;
      assert.ok(ms > 1_500 && ms < stretched(3_300), `after ${ms} ms`);
      assert.equal(a.network.send(childId, new Uint8Array(1)), 'unreachable');
      child.kill('SIGCONT');
      await a.until(() => a.up.has(childId), 'the peer is up again');
    });
  });

  it('a peer whose program is busy is not lost', async () => {
    await withChild(async (a, child, childId) => {
      const downs: string[] = [];
      order(child, { kind: 'block', ms: 5_000 });
      const timer = setInterval(() => {
        if (!a.up.has(childId)) downs.push('down');
      }, 10);
      // The child's answer to this comes when it is free again.
      const answered = Promise.withResolvers<void>();
      a.onMessage = () => answered.resolve();
      assert.equal(a.network.send(childId, new Uint8Array(10)), 'queued');
      await answered.promise;
      clearInterval(timer);
      assert.deepEqual(downs, []);
    });
  });

  it('a killed peer is down at once', async () => {
    await withChild(async (a, child, childId) => {
      const before = performance.now();
      child.kill('SIGKILL');
      await a.until(() => !a.up.has(childId), 'the killed peer is down');
      assert.ok(performance.now() - before < stretched(1_000));
    });
  });

  it('a node that stops leaves nothing that keeps its process', async () => {
    await withChild(async (a, child, childId) => {
      const reports: ChildReport[] = [];
      child.on('message', (report: ChildReport) => reports.push(report));
      // Members that nobody can find keep it searching.
      order(child, {
        kind: 'members',
        members: [a.id, ...[1, 2, 3].map(() => makeNode(a.swarm).id)],
      });
      order(child, { kind: 'stop' });
      const [code] = (await once(child, 'exit')) as [number | null];
      assert.equal(code, 0);
      assert.ok(reports.some((r) => r.kind === 'stopped'));
      await a.until(() => !a.up.has(childId), 'it is down');
    });
  });
});
