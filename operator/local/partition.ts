/** p2pdb partition and p2pdb heal: cut the nodes of a local cluster off from each other, and join them again. */
import { parseArgs } from 'node:util';
import type { UpRecord } from './folder.ts';
import { cutOff } from './http.ts';
import { findRunning } from './status.ts';
import type { CommandLine } from './up.ts';

export const PARTITION_HELP = `p2pdb partition [--data DIR] GROUP…    p2pdb heal [--data DIR]

  p2pdb partition demo-0 demo-1,demo-2      cuts demo-0 off from the other two
  p2pdb partition 0 1,2                     the same
  p2pdb partition '0|1,2'                   the same
  p2pdb heal                                joins them again

Nodes that no group names are one more group. The cluster must have been started with p2pdb up --partition.
`;

export const runPartition = (command: CommandLine): Promise<number> =>
  change('partition', command, (groups, names) => {
    const asked = groupsOf(groups, names);
    if (asked.kind === 'refused') return asked;
    return {
      kind: 'cuts',
      cuts: cutsOf(asked.groups),
      said: asked.groups.map((group) => group.join(', ')).join('  |  '),
    };
  });

export const runHeal = (command: CommandLine): Promise<number> =>
  change('heal', command, (words, names) =>
    words.length > 0
      ? { kind: 'refused', reason: `${words[0]} is not understood: all nodes are joined` }
      : { kind: 'cuts', cuts: new Map(names.map((name) => [name, []])), said: names.join(', ') },
  );

type Cuts = ReadonlyMap<string, readonly string[]>;
type Refused = { readonly kind: 'refused'; readonly reason: string };

async function change(
  verb: string,
  { argv, out, err }: CommandLine,
  decide: (words: readonly string[], names: readonly string[]) => { kind: 'cuts'; cuts: Cuts; said: string } | Refused,
): Promise<number> {
  const refuse = (reason: string, code: number): number => {
    err.write(`p2pdb ${verb}: ${reason}\n`);
    return code;
  };
  let parsed: { values: { data?: string | undefined; help?: boolean | undefined }; positionals: string[] };
  try {
    parsed = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { data: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
  } catch (error) {
    return refuse((error as Error).message, 2);
  }
  if (parsed.values.help === true) {
    out.write(PARTITION_HELP);
    return 0;
  }
  const found = findRunning(parsed.values.data);
  if (found.kind === 'none') return refuse(found.reason, 1);
  const { nodes } = found.record;
  const decision = decide(
    parsed.positionals,
    nodes.map(({ name }) => name),
  );
  if (decision.kind === 'refused') return refuse(decision.reason, 2);
  const faults = await tellAll(nodes, decision.cuts);
  if (faults.length > 0) return refuse(faults.join('; '), 1);
  out.write(`${decision.said}\n`);
  return 0;
}

async function tellAll(nodes: UpRecord['nodes'], cuts: Cuts): Promise<string[]> {
  const answers = await Promise.all(
    nodes.map(async (node) => {
      const fault = await cutOff(node, cuts.get(node.name) ?? []);
      return fault === undefined ? [] : [`${node.name} ${fault}`];
    }),
  );
  return answers.flat();
}

/** Groups as they were typed; a node is named in full or by its number. */
export function groupsOf(
  words: readonly string[],
  names: readonly string[],
): { readonly kind: 'groups'; readonly groups: readonly (readonly string[])[] } | Refused {
  const groups: string[][] = [];
  const left = new Set(names);
  for (const word of words.flatMap((one) => one.split('|'))) {
    const group: string[] = [];
    for (const part of word.split(',').map((one) => one.trim())) {
      const name = names.find((one) => one === part || one.endsWith(`-${part}`));
      if (name === undefined)
        return { kind: 'refused', reason: `there is no node '${part}'; there are ${names.join(', ')}` };
      if (!left.delete(name)) return { kind: 'refused', reason: `${name} is named twice` };
      group.push(name);
    }
    groups.push(group);
  }
  if (left.size > 0) groups.push([...left]);
  return groups.length < 2 ? { kind: 'refused', reason: 'at least two groups are needed' } : { kind: 'groups', groups };
}

/** For each node, those of the other groups. */
export function cutsOf(groups: readonly (readonly string[])[]): Cuts {
  const all = groups.flat();
  return new Map(groups.flatMap((group) => group.map((name) => [name, all.filter((other) => !group.includes(other))])));
}
