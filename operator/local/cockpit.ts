/** A running cluster as its user sees it: lines, the table, the record for `p2pdb status`; and what signals do to it. */
import { LocalActor } from './actor.ts';
import type { LocalNode } from './environment.ts';
import { writeRecord, type RootPassword } from './folder.ts';
import { statusOf, type NodeStatus } from './http.ts';
import type { Screen } from './screen.ts';
import type { Signals } from './signals.ts';
import { tableOf } from './table.ts';

const REFRESH_MS = 1_000;

export interface CockpitOptions {
  /** The cluster's folder. */
  readonly dir: string;
  readonly cluster: string;
  readonly nodes: readonly LocalNode[];
  readonly program: readonly string[];
  environment(node: LocalNode): NodeJS.ProcessEnv;
  readonly password: RootPassword;
  readonly screen: Screen;
}

export class Cockpit {
  readonly #options: CockpitOptions;
  readonly #actor: LocalActor;
  readonly #statuses = new Map<string, NodeStatus | undefined>();
  #recorded = '';
  #served = false;

  constructor(options: CockpitOptions) {
    this.#options = options;
    this.#actor = new LocalActor({
      nodes: options.nodes,
      program: options.program,
      environment: (node) => options.environment(node),
      event: (node, text) => this.#event(node, text),
      changed: () => this.#show(),
    });
  }

  /** Until signals end it. Gives the exit code: 0, or 1 when the nodes had to be killed by a second signal. */
  async run(signals: Signals): Promise<number> {
    this.#actor.start();
    const refresh = setInterval(() => void this.#refresh(), REFRESH_MS);
    const signal = await signals.first;
    this.#options.screen.line(`${signal}: the nodes stop`);
    const killed = signals.second.then(() => {
      this.#actor.kill();
      return 1;
    });
    const code = await Promise.race([this.#actor.stop().then(() => 0), killed]);
    clearInterval(refresh);
    this.#show();
    return code;
  }

  async #refresh(): Promise<void> {
    await Promise.all(
      this.#actor.view.map(async ({ node, ready }) => {
        this.#statuses.set(node.name, ready && this.#options.screen.live ? await statusOf(node) : undefined);
      }),
    );
    this.#show();
  }

  #event(node: LocalNode, text: string): void {
    // On a terminal the table says it.
    if (text === 'ready' && this.#options.screen.live) return;
    this.#options.screen.line(`${node.name}: ${text}${text === 'ready' ? ` on ${node.host}:${node.mysql}` : ''}`);
  }

  #show(): void {
    const { view } = this.#actor;
    const { dir, cluster } = this.#options;
    const record = {
      pid: process.pid,
      cluster,
      nodes: view.map(({ node, state, pid }) => ({ ...node, state, pid })),
    };
    const text = JSON.stringify(record);
    if (text !== this.#recorded) {
      try {
        writeRecord(dir, record);
        this.#recorded = text;
      } catch {
        // A full disk: `p2pdb status` knows less than it could, and the nodes go on.
      }
    }
    this.#options.screen.table([
      '',
      ...tableOf(view.map(({ node, state }) => ({ node, state, status: this.#statuses.get(node.name) }))),
    ]);
    if (!this.#served && view.every(({ ready }) => ready)) {
      this.#served = true;
      this.#welcome();
    }
  }

  #welcome(): void {
    const { host, mysql } = this.#options.nodes[0] as LocalNode;
    const { origin, file } = this.#options.password;
    if (origin === 'kept') this.#options.screen.line(`The password of root is in ${file}`);
    this.#options.screen.line(`Connect with   mysql --host=${host} --port=${mysql} --user=root --password`);
    this.#options.screen.line(`or by URL      mysql://root@${host}:${mysql}/`);
    const addresses = this.#options.nodes.map((node) => `${node.host}:${node.mysql}`).join(', ');
    this.#options.screen.line(
      this.#options.nodes.length === 1
        ? `ready: MySQL protocol on ${addresses}`
        : `ready: MySQL protocol on ${addresses}; any of them will do`,
    );
  }
}
