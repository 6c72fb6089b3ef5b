/** Ports that nobody listens on, for programs that must be told theirs. */
import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

/** Below those that the system gives to outgoing connections: who ends finds its own free when it starts again. */
const LOWEST = 12_000;
const RANGES = 200;
const LENGTH = 100;

/** What is left of this process's own range. */
let next = 0;
let end = 0;

/** The first ports of `count` rows of `length` free ones. None is given twice, to this process or to another one that asks here. */
export async function freePorts(count: number, length = 1): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) {
    if (next + length > end) {
      await claimRange();
      continue;
    }
    const first = next;
    next += length;
    const row = Array.from({ length }, (_, i) => first + i);
    if ((await Promise.all(row.map(isFree))).every(Boolean)) found.push(first);
  }
  return found;
}

/** Whoever listens on the first port of a range has the rest of it, for as long as the process lasts. */
async function claimRange(): Promise<void> {
  for (;;) {
    const first = LOWEST + LENGTH * randomInt(RANGES);
    const claim = await listen(first);
    if (!claim) continue;
    claim.unref();
    next = first + 1;
    end = first + LENGTH;
    return;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (!server) return false;
  await new Promise((resolve) => server.close(resolve));
  return true;
}

const listen = (port: number): Promise<Server | undefined> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
