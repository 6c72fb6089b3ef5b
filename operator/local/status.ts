/** p2pdb status: the table of a cluster that `p2pdb up` runs, from another shell. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readRecord, type UpRecord } from './folder.ts';
import { statusOf } from './http.ts';
import { tableOf } from './table.ts';
import { DEFAULT_PARENT, type CommandLine } from './up.ts';

export const STATUS_HELP = `p2pdb status [--data DIR]

Shows the nodes of the cluster that p2pdb up runs there, or of the only one that runs below ./${DEFAULT_PARENT}.
Exits with 0 when all of them serve, else with 1.
`;

export async function runStatus({ argv, out, err }: CommandLine): Promise<number> {
  let data: string | undefined;
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { data: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help === true) {
      out.write(STATUS_HELP);
      return 0;
    }
    data = values.data;
  } catch (error) {
    err.write(`p2pdb status: ${(error as Error).message}\n`);
    return 2;
  }
  const found = findRunning(data);
  if (found.kind === 'none') {
    err.write(`p2pdb status: ${found.reason}\n`);
    return 1;
  }
  const { record, dir } = found;
  const rows = await Promise.all(
    record.nodes.map(async (node) => ({ node, state: node.state, status: await statusOf(node) })),
  );
  out.write(`cluster ${record.cluster}: process ${record.pid}, data in ${dir}\n${tableOf(rows).join('\n')}\n`);
  return rows.every(({ status }) => status !== undefined) ? 0 : 1;
}

export type Found =
  | { readonly kind: 'running'; readonly dir: string; readonly record: UpRecord }
  | { readonly kind: 'none'; readonly reason: string };

/** The cluster of a folder; without one, the only cluster that runs in the default place. */
export function findRunning(data: string | undefined): Found {
  if (data !== undefined) {
    const dir = path.resolve(data);
    const record = running(dir);
    return record === undefined
      ? { kind: 'none', reason: `no cluster runs in ${dir}` }
      : { kind: 'running', dir, record };
  }
  const parent = path.resolve(DEFAULT_PARENT);
  const dirs = existsSync(parent) ? readdirSync(parent).map((entry) => path.join(parent, entry)) : [];
  const all = dirs.flatMap((dir) => {
    const record = running(dir);
    return record === undefined ? [] : [{ kind: 'running' as const, dir, record }];
  });
  const [one, ...more] = all;
  if (one === undefined)
    return { kind: 'none', reason: `no cluster runs in a folder of ${parent}; --data DIR names another place` };
  if (more.length === 0) return one;
  return { kind: 'none', reason: `several clusters run, choose one by --data: ${all.map(({ dir }) => dir).join(' ')}` };
}

/** What `up` wrote down, if it still runs: a process that was killed leaves its record behind. */
function running(dir: string): UpRecord | undefined {
  const record = readRecord(dir);
  if (record === undefined) return undefined;
  try {
    process.kill(record.pid, 0);
    return record;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? record : undefined;
  }
}
