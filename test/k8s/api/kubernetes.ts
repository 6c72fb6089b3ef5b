/** A real API server with Kubernetes' own controllers, pods played as processes, and the operator as a program. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node';
import type { ClusterStatus } from '../../../operator/api/index.ts';
import { ApiClient } from '../../../operator/kube/client.ts';
import { Program } from '../../support/process.ts';
import { startApiServer, type ApiServer } from '../support/api-server.ts';
import { Daemons } from '../support/daemons.ts';
import { installKinds } from '../support/kinds.ts';
import { program } from '../support/machine.ts';
import { Kubelet } from './kubelet.ts';

const run = promisify(execFile);

export class TestKubernetes {
  readonly client: ApiClient;
  readonly kubelet: Kubelet;
  private readonly api: ApiServer;
  private readonly folder: string;
  private readonly controllers: Daemons;
  private operator: Program | undefined;

  static async start(): Promise<TestKubernetes> {
    const api = await startApiServer();
    const kubernetes = new TestKubernetes(api);
    await installKinds(api.kubeconfig);
    return kubernetes;
  }

  private constructor(api: ApiServer) {
    this.api = api;
    this.folder = mkdtempSync(path.join(tmpdir(), 'p2pdb-operator-'));
    const config = new KubeConfig();
    config.loadFromFile(api.kubeconfig);
    this.client = new ApiClient(config);
    this.kubelet = new Kubelet(this.client, this.folder);
    this.controllers = new Daemons(this.folder);
    this.controllers.start('controllers', [
      program('kube'),
      'kube-controller-manager',
      `--kubeconfig=${api.kubeconfig}`,
      '--leader-elect=false',
      '--secure-port=0',
      '--controllers=statefulset,garbagecollector,disruption,pvc-protection,namespace',
    ]);
  }

  get kubeconfig(): string {
    return this.api.kubeconfig;
  }

  startOperator(...flags: string[]): Program {
    this.operator = new Program(['operator', '--metrics', '127.0.0.1:0', ...flags], {
      KUBECONFIG: this.api.kubeconfig,
    });
    return this.operator;
  }

  /** Somebody else's controller, which ends with the cluster. */
  startController(name: string, command: readonly string[]): void {
    this.controllers.start(name, command);
  }

  /** At once, as a machine that fails would. */
  async killOperator(): Promise<void> {
    await this.operator?.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.operator?.kill('SIGTERM');
    await this.kubelet.close();
    await this.controllers.stop();
    this.client.close();
    await this.api.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async kubectl(...args: string[]): Promise<string> {
    return (await run('kubectl', ['--kubeconfig', this.api.kubeconfig, ...args])).stdout;
  }

  async apply(manifest: object): Promise<void> {
    const child = promisify(execFile)('kubectl', ['--kubeconfig', this.api.kubeconfig, 'apply', '-f', '-']);
    child.child.stdin?.end(JSON.stringify(manifest));
    await child;
  }

  async status(cluster: string): Promise<ClusterStatus> {
    const object = JSON.parse(await this.kubectl('get', 'p2pdb', cluster, '-o', 'json')) as { status?: ClusterStatus };
    return object.status ?? {};
  }

  /** Waits for what the operator brings about; fails with the last status. Gives how long it took, in milliseconds. */
  async until(cluster: string, check: (status: ClusterStatus) => boolean, timeoutMs = 45_000): Promise<number> {
    const start = performance.now();
    for (;;) {
      const status = await this.status(cluster);
      if (check(status)) return performance.now() - start;
      if (performance.now() - start > timeoutMs) {
        const log = this.operator?.err.split('\n').slice(-15).join('\n') ?? '';
        throw new Error(`${cluster} is ${JSON.stringify(status, undefined, 1)}\n${log}`);
      }
      await sleep(100);
    }
  }
}

/** All is as the manifest of this generation says. */
export const isRunning = (status: ClusterStatus, members: number): boolean =>
  status.phase === 'Running' && status.members === `${members}/${members}`;
