/** The control groups of a Kubernetes' pods: one tree, so that whatever ran in it can be found and ended. */
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const ROOT = '/sys/fs/cgroup';
const UNIFIED = existsSync(path.join(ROOT, 'cgroup.controllers'));

/** The tree's top in each hierarchy: one with version 2, one for each controller with version 1. */
const tops = (name: string): string[] =>
  UNIFIED ? [path.join(ROOT, name)] : readdirSync(ROOT).map((controller) => path.join(ROOT, controller, name));

export async function makeCgroups(name: string): Promise<void> {
  if (UNIFIED) {
    const controllers = (await readFile(path.join(ROOT, 'cgroup.controllers'), 'utf8')).trim().split(' ');
    await writeFile(
      path.join(ROOT, 'cgroup.subtree_control'),
      controllers.map((controller) => `+${controller}`).join(' '),
    );
  }
  for (const top of tops(name)) await mkdir(top, { recursive: true });
}

/** Kills what runs in them and removes them. */
export async function removeCgroups(name: string): Promise<void> {
  const end = performance.now() + 10_000;
  for (;;) {
    const trees = await Promise.all(tops(name).filter(existsSync).map(descend));
    const all = trees.flat();
    if (all.length === 0) return;
    if (performance.now() > end) throw new Error(`control groups cannot be removed: ${all.join(', ')}`);
    for (const folder of all) {
      const pids = await readFile(path.join(folder, 'cgroup.procs'), 'utf8').catch(() => '');
      for (const pid of pids.split('\n').filter(Boolean)) {
        try {
          process.kill(Number(pid), 'SIGKILL');
        } catch {
          // It has ended meanwhile.
        }
      }
    }
    // A group whose processes are still ending is tried again.
    for (const folder of all) await rmdir(folder).catch(() => undefined);
    await delay(20);
  }
}

/** The group and all below, the deepest first. */
async function descend(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => descend(path.join(folder, name)));
  return [...(await Promise.all(below)).flat(), folder];
}
