/** The operator's kinds on a Kubernetes of a test. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const CRDS = path.join(import.meta.dirname, '../../../crds');
const run = promisify(execFile);

export async function installKinds(kubeconfig: string): Promise<void> {
  const kubectl = (...args: string[]) => run('kubectl', ['--kubeconfig', kubeconfig, ...args]);
  await kubectl('apply', '--server-side', '-f', CRDS);
  await kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=20s');
}
