/** p2pdb identity --data DIR: who a node with this data folder is; makes its key when there is none yet. */
import { hex } from '../log/index.ts';
import { loadIdentity } from '../store/index.ts';

/** Prints {"id": the Ed25519 public key, as hex}. Gives the exit code: 0, or 2 for wrong use. */
export function runIdentityCommand(argv: readonly string[], out: { write(text: string): unknown }): number {
  const [flag, dir] = argv[0]?.startsWith('--data=') ? ['--data', argv[0].slice('--data='.length)] : argv;
  if (flag !== '--data' || dir === undefined || dir === '') {
    out.write('p2pdb identity --data DIR\n');
    return 2;
  }
  out.write(`${JSON.stringify({ id: hex(loadIdentity(dir).publicKey) })}\n`);
  return 0;
}
