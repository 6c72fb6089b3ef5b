import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { ChildOrder, ChildReport, ChildSettings } from './child.ts';
import { hostPort, makeNode, newSwarm, type TestNode } from './support.ts';

/** A node here, and one in a child process, up with each other. */
async function withChild(
  body: (a: TestNode, child: ChildProcess, childId: TestNode['id']) => Promise<void>,
): Promise<void> {
  const swarm = newSwarm();
  const a = await makeNode(swarm, { where: 'thread' });
  await a.network.start();
  const seed = randomBytes(32);
  const childId = (await makeNode(swarm, { privateKey: seed })).id;
  a.network.setMembers([childId]);
  const settings: ChildSettings = {
    seed: seed.toString('hex'),
    swarm: { id: swarm.id, key: Buffer.from(swarm.key).toString('hex') },
    bootstrap: [hostPort(a)],
    members: [a.id],
  };
  const child = fork(path.join(import.meta.dirname, 'child.ts'), [JSON.stringify(settings)]);
  try {
    await a.until(() => a.up.has(childId), 'the child is up');
    await body(a, child, childId);
  } finally {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    await a.network.stop();
  }
}

const order = (child: ChildProcess, what: ChildOrder): void => void child.send(what);

describe('liveness', () => {
  it('a frozen peer is down within three seconds, and up again when it thaws', async () => {
    await withChild(async (a, child, childId) => {
      const before = performance.now();
      child.kill('SIGSTOP');
      await a.until(() => !a.up.has(childId), 'the frozen peer is down', 6_000);
      const ms = performance.now() - before;
      assert.ok(ms > 1_500 && ms < 3_300, `after ${ms} ms`);
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
      assert.ok(performance.now() - before < 1_000);
    });
  });

  it('a node that stops leaves nothing that keeps its process', async () => {
    await withChild(async (a, child, childId) => {
      const reports: ChildReport[] = [];
      child.on('message', (report: ChildReport) => reports.push(report));
      // Members that nobody can find keep it searching.
      order(child, {
        kind: 'members',
        members: [a.id, ...(await Promise.all([1, 2, 3].map(() => makeNode(a.swarm)))).map((n) => n.id)],
      });
      order(child, { kind: 'stop' });
      const [code] = (await once(child, 'exit')) as [number | null];
      assert.equal(code, 0);
      assert.ok(reports.some((r) => r.kind === 'stopped'));
      await a.until(() => !a.up.has(childId), 'it is down');
    });
  });
});
