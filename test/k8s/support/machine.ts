/** What this machine has for a real Kubernetes, and how programs are run on it. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Outside the clone: a build takes minutes, and other clones may use it. */
const CACHE = process.env['P2PDB_TEST_CACHE'] ?? path.join(homedir(), '.cache/p2pdb-test');
const BIN = path.join(CACHE, 'kubernetes');

/** Path of a program that setup.sh built. */
export const program = (name: string): string => path.join(BIN, name);

/** `api`: etcd and kube-apiserver, for which any user will do; `cert-manager`, too. `node`: pods run, too. `helm`: that alone. */
export type Need = 'api' | 'cert-manager' | 'node' | 'helm';

const PARTS: Readonly<Record<Need, readonly string[]>> = {
  api: ['kube', 'kubectl'],
  'cert-manager': ['kube', 'kubectl', 'cert-manager'],
  node: ['kube', 'kubectl', 'containerd', 'helm', 'local-path-provisioner'],
  helm: ['helm'],
};

/**
 * Installs and builds what is missing, which takes about ten minutes on two cores the first time. Returns why the need cannot be met
 * here, or undefined.
 */
export async function missing(need: Need): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'Kubernetes runs on Linux only';
  if (need === 'node' && process.getuid?.() !== 0) return 'pods can be run by root only';
  const setup = path.join(import.meta.dirname, '../setup.sh');
  try {
    await run(setup, [BIN, need], { timeout: 40 * 60_000 });
  } catch (error) {
    return `setup.sh failed: ${(error as Error).message.split('\n')[0] ?? ''}`;
  }
  const status = await readFile(path.join(BIN, `status.${need}`), 'utf8');
  for (const part of PARTS[need]) {
    if (!status.includes(`ok ${part}\n`)) {
      return `${part}: ${new RegExp(`^skip ${part}: (.*)$`, 'm').exec(status)?.[1] ?? 'setup.sh does not know it'}`;
    }
  }
  if (need === 'node' && !(await canMakeNamespaces())) return 'this machine allows no network namespaces';
  return undefined;
}

const canMakeNamespaces = (): Promise<boolean> =>
  run('unshare', ['--net', 'true']).then(
    () => true,
    () => false,
  );
