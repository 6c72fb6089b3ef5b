/** Ports that nobody listens on, for programs that must be told theirs. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** The first ports of `count` rows of `length` free ones, below those that the system gives to outgoing connections. */
export async function freePorts(count: number, length = 1): Promise<number[]> {
  const taken = new Set<number>();
  const found: number[] = [];
  while (found.length < count) {
    const first = randomInt(12_000, 32_000);
    const row = Array.from({ length }, (_, i) => first + i);
    if (row.some((port) => taken.has(port)) || !(await Promise.all(row.map(isFree))).every(Boolean)) continue;
    for (const port of row) taken.add(port);
    found.push(first);
  }
  return found;
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
