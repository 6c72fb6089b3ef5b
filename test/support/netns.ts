/**
 * Network namespaces for the nodes of a cluster, and what can happen to a network. Each node has two links: one to the other nodes, by
 * a switch in a namespace of its own, and one to this process; faults befall the first only, so that a node's clients keep theirs.
 *
 * All names carry the process id: they collide with nobody's, and `remove` takes all of them away.
 */
import { execFileSync, spawnSync } from 'node:child_process';

/** Why there can be no namespaces on this machine; undefined where there can. */
export function noNamespaces(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'network namespaces need root on Linux';
  if (!has('ip', 'iproute2')) return 'there is no ip, and it cannot be installed';
  const probe = `p2pdb-${process.pid}-probe`;
  const made = spawnSync('ip', ['netns', 'add', probe]);
  if (made.status !== 0) return `ip netns: ${made.stderr.toString().trim()}`;
  run('ip', 'netns', 'delete', probe);
  return undefined;
}

/** Why packets cannot be dropped on this machine; undefined where they can. Asks root only. */
export function noFilters(): string | undefined {
  return has('iptables', 'iptables') ? undefined : 'there is no iptables, and it cannot be installed';
}

/** Whether a command is there, once its Debian package was installed where it was not. */
function has(command: string, debian: string): boolean {
  const isThere = (): boolean => spawnSync(command, ['-V']).error === undefined;
  if (isThere()) return true;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update'], { env });
  spawnSync('apt-get', ['install', '-y', '--no-install-recommends', debian], { env });
  return isThere();
}

const run = (command: string, ...args: string[]): void => {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
};

export class Namespaces {
  private readonly size: number;
  private readonly hub = `p2pdb-${process.pid}-hub`;

  private constructor(size: number) {
    this.size = size;
  }

  /** Throws with what `ip` says; nothing is left then. */
  static make(size: number): Namespaces {
    const namespaces = new Namespaces(size);
    try {
      namespaces.build();
    } catch (error) {
      namespaces.remove();
      throw error;
    }
    return namespaces;
  }

  private name(node: number): string {
    return `p2pdb-${process.pid}-${node}`;
  }

  /** The end of a node's link to this process that lies here. */
  private link(node: number): string {
    return `p2p${process.pid}c${node}`;
  }

  /** A block of 256 addresses of those that are set aside for tests of networks (RFC 2544), by process id. */
  private get net(): string {
    return `198.${18 + ((process.pid >> 8) & 1)}.${process.pid & 255}`;
  }

  /** Where a node's clients find it. */
  clientHost(node: number): string {
    return `${this.net}.${4 * node + 130}`;
  }

  /** Where a node finds this process. */
  hereFor(node: number): string {
    return `${this.net}.${4 * node + 129}`;
  }

  /** Where the other nodes find it. */
  peerHost(node: number): string {
    return `${this.net}.${node + 1}`;
  }

  /** What a program is run by to be in the node's namespace. */
  prefix(node: number): readonly string[] {
    return ['ip', 'netns', 'exec', this.name(node)];
  }

  private build(): void {
    const { hub } = this;
    run('ip', 'netns', 'add', hub);
    run('ip', '-n', hub, 'link', 'add', 'switch', 'type', 'bridge');
    run('ip', '-n', hub, 'link', 'set', 'switch', 'up');
    for (let node = 0; node < this.size; node++) {
      const name = this.name(node);
      run('ip', 'netns', 'add', name);
      run('ip', '-n', name, 'link', 'set', 'lo', 'up');

      run('ip', '-n', hub, 'link', 'add', `n${node}`, 'type', 'veth', 'peer', 'name', 'peers', 'netns', name);
      run('ip', '-n', hub, 'link', 'set', `n${node}`, 'master', 'switch', 'up');
      run('ip', '-n', name, 'address', 'add', `${this.peerHost(node)}/25`, 'dev', 'peers');
      run('ip', '-n', name, 'link', 'set', 'peers', 'up');
      // What is told to whoever is there goes to the other nodes.
      run('ip', '-n', name, 'route', 'add', '224.0.0.0/4', 'dev', 'peers');

      run('ip', 'link', 'add', this.link(node), 'type', 'veth', 'peer', 'name', 'clients', 'netns', name);
      run('ip', 'address', 'add', `${this.hereFor(node)}/30`, 'dev', this.link(node));
      run('ip', 'link', 'set', this.link(node), 'up');
      run('ip', '-n', name, 'address', 'add', `${this.clientHost(node)}/30`, 'dev', 'clients');
      run('ip', '-n', name, 'link', 'set', 'clients', 'up');
    }
  }

  /** Takes all away, whatever is there. The programs in it must have ended. */
  remove(): void {
    for (let node = 0; node < this.size; node++) {
      spawnSync('ip', ['link', 'delete', this.link(node)]);
      spawnSync('ip', ['netns', 'delete', this.name(node)]);
    }
    spawnSync('ip', ['netns', 'delete', this.hub]);
  }

  // Faults

  /** Pulls the node's cable, or puts it back. */
  plug(node: number, there: boolean): void {
    run('ip', '-n', this.hub, 'link', 'set', `n${node}`, there ? 'up' : 'down');
  }

  /** The node hears nothing of `from`, which hears it. */
  deafen(node: number, from: number): void {
    this.filter(node, '--source', this.peerHost(from), '--jump', 'DROP');
  }

  /** Of what comes to the node from others, this share is lost. */
  lose(node: number, share: number): void {
    this.filter(node, '--match', 'statistic', '--mode', 'random', '--probability', String(share), '--jump', 'DROP');
  }

  /** Everything comes through again. */
  hear(node: number): void {
    run(...this.iptables(node), '--flush', 'INPUT');
  }

  private filter(node: number, ...rule: string[]): void {
    run(...this.iptables(node), '--append', 'INPUT', '--in-interface', 'peers', ...rule);
  }

  private iptables(node: number): [string, ...string[]] {
    const [command = '', ...args] = this.prefix(node);
    return [command, ...args, 'iptables'];
  }
}
