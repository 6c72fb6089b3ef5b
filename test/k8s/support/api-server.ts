/** etcd and kube-apiserver alone: real objects, rules and watches, and no pods. About three seconds and 350 MB; needs no root. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { freePorts } from '../../support/ports.ts';
import { startControlPlane } from './control-plane.ts';
import { Daemons } from './daemons.ts';

export interface ApiServer {
  /** URL, such as https://127.0.0.1:43210. */
  readonly server: string;
  /** Path of the kubeconfig of an administrator. */
  readonly kubeconfig: string;
  /** Ends both and removes what they kept. */
  stop(): Promise<void>;
}

/** Whether it can be had here is what `missing('api')` says. `flags`: more of kube-apiserver's. */
export async function startApiServer(flags: readonly string[] = []): Promise<ApiServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'p2pdb-api-'));
  const daemons = new Daemons(folder);
  const stop = async (): Promise<void> => {
    await daemons.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const [api = 0, etcd = 0, etcdPeers = 0] = await freePorts(3);
    const plane = await startControlPlane(daemons, {
      folder,
      address: '127.0.0.1',
      ports: { api, etcd, etcdPeers },
      // Nobody is here who would make the service accounts that pods are asked for.
      flags: ['--disable-admission-plugins=ServiceAccount', ...flags],
    });
    await daemons.ready('apiserver', () => answers(plane.kubeconfig), 60_000);
    return { server: plane.server, kubeconfig: plane.kubeconfig, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function answers(kubeconfig: string): Promise<boolean> {
  const { stdout } = await promisify(execFile)('kubectl', ['--kubeconfig', kubeconfig, 'get', '--raw', '/readyz']);
  return stdout === 'ok';
}
