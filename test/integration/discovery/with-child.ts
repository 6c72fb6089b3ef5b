/** A node of this process and one in a child process, up with each other. */
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import type { NodeId } from '../../../node/discovery/index.ts';
import type { ChildSettings } from './child.ts';
import { hostPort, makeNode, newSwarm, type TestNode } from './support.ts';

export async function withChild(
  body: (a: TestNode, child: ChildProcess, childId: NodeId) => Promise<void>,
  where: 'thread' | 'here' = 'thread',
): Promise<void> {
  const swarm = newSwarm();
  const a = makeNode(swarm, { where });
  await a.network.start();
  const seed = randomBytes(32);
  const childId = makeNode(swarm, { privateKey: seed }).id;
  a.network.setMembers([childId]);
  const settings: ChildSettings = {
    seed: seed.toString('hex'),
    swarm: { id: swarm.id, key: Buffer.from(swarm.key).toString('hex') },
    bootstrap: [hostPort(a)],
    members: [a.id],
    where,
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
