/** p2pdb crds: the CustomResourceDefinitions as YAML. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { crdFiles, fieldsPage } from './api/index.ts';

export const CRDS_HELP = `p2pdb crds [--out DIR] [--fields FILE]

Prints the CustomResourceDefinitions of P2PDBCluster, P2PDBDatabase and P2PDBUser, for kubectl apply -f -.

      --out DIR       writes a file for each kind instead
      --fields FILE   writes what their fields mean, as Markdown
`;

interface Streams {
  readonly out: { write(text: string): unknown };
  readonly err: { write(text: string): unknown };
}

/** Gives the exit code. */
export function runCrds(argv: readonly string[], { out, err }: Streams): number {
  let dir: string | undefined;
  let page: string | undefined;
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { out: { type: 'string' }, fields: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help === true) {
      out.write(CRDS_HELP);
      return 0;
    }
    dir = values.out;
    page = values.fields;
  } catch (error) {
    err.write(`p2pdb crds: ${(error as Error).message}\n`);
    return 2;
  }
  const files = crdFiles();
  if (page !== undefined) writeFileSync(page, fieldsPage());
  if (dir === undefined && page === undefined) {
    out.write([...files.values()].join('---\n'));
    return 0;
  }
  if (dir === undefined) return 0;
  mkdirSync(dir, { recursive: true });
  for (const [name, text] of files) writeFileSync(path.join(dir, name), text);
  return 0;
}
