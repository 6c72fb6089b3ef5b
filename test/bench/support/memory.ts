/** Memory of an idle node, and with 1,000 idle connections. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createConnection, type Connection } from 'mysql2/promise';
import type { Servers } from './sysbench.ts';

interface Started extends Servers {
  readonly process: ChildProcess;
}

const residentMb = (pid: number | undefined): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid ?? 0}/status`, 'utf8'))?.[1] ?? NaN) / 1024;

export async function idleMemory<T extends Started>(
  start: () => Promise<T>,
  stop: (server: T) => Promise<void>,
): Promise<string> {
  const server = await start();
  const idle = residentMb(server.process.pid);
  const connections: Connection[] = [];
  for (let i = 0; i < 1000; i++)
    connections.push(
      await createConnection({
        host: '127.0.0.1',
        port: server.ports[0] as number,
        user: server.user,
        password: server.password,
      }),
    );
  const busy = residentMb(server.process.pid);
  for (const connection of connections) connection.destroy();
  await stop(server);
  return `Memory (resident): ${idle.toFixed(0)} MB idle, ${busy.toFixed(0)} MB with 1,000 idle connections (at most 150 and 250).`;
}
