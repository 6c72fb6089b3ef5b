/** What goes wrong in the world: links, crashes, clocks, disks. */
import type { Random } from '../kernel/random.ts';
import type { Cluster } from './cluster.ts';
import type { SimulatedNode } from './node.ts';

export type Disturbance = 'partition' | 'one-way' | 'mend' | 'crash' | 'restart' | 'jump' | 'lose';

export class Faults {
  private readonly cluster: Cluster;
  private readonly random: Random;
  private readonly disturbances: readonly Disturbance[];

  /** Some of `all`, as chance has it. */
  constructor(cluster: Cluster, all: readonly Disturbance[]) {
    this.cluster = cluster;
    const { random } = cluster;
    this.random = random;
    this.disturbances = [...random.sample(all, 1 + random.below(all.length)), 'mend', 'restart'];
  }

  /** They begin, and come so many milliseconds long. Gives when they end. */
  begin(leastMs: number, mostMs: number): number {
    const { cluster, random } = this;
    cluster.network.faults = {
      delayMin: 0.05,
      delayMax: random.pick([0.5, 5, 40]),
      drop: random.pick([0, 0, 0.02]),
      duplicate: random.pick([0, 0, 0.05]),
      corrupt: random.pick([0, 0, 0.002]),
      reorder: random.chance(0.3),
    };
    cluster.crashRate = random.pick([0, 0, 0.0005, 0.002]);
    cluster.syncMsMax = random.pick([0.5, 3, 30]);
    const end = cluster.now + random.between(leastMs, mostMs);
    for (let at = cluster.now; at < end; at += random.between(1, random.pick([100, 300])))
      cluster.plan(at, undefined, () => this.disturb(random.pick(this.disturbances)));
    return end;
  }

  /** From now on nothing goes wrong, and everybody is there who is not lost. */
  heal(): void {
    const { cluster } = this;
    cluster.crashRate = 0;
    cluster.network.heal();
    cluster.syncMsMax = 0.5;
    for (const { room } of cluster.nodes) room.free();
    for (const node of cluster.nodes) this.restart(node);
  }

  private disturb(kind: Disturbance): void {
    const { cluster, random } = this;
    cluster.trace(() => `** ${kind}`);
    const node = random.pick(cluster.nodes);
    const names = cluster.nodes.map(({ name }) => name);
    switch (kind) {
      case 'partition':
      case 'one-way': {
        const side = random.sample(names, 1 + random.below(names.length));
        const rest = names.filter((name) => !side.includes(name));
        cluster.network.partition(side, rest, kind === 'one-way');
        break;
      }
      case 'mend':
        cluster.network.mend();
        break;
      case 'crash':
        node.crash();
        break;
      case 'restart':
        for (const down of cluster.nodes) this.restart(down);
        break;
      case 'jump':
        node.jumpClock(random.between(-1, 1) * 3_600_000);
        break;
      case 'lose': {
        const { voters } = cluster.genesis;
        const lost = cluster.nodes.filter((n) => n.isAway && voters.includes(n.id)).length;
        if (voters.includes(node.id) && (lost + 1) * 2 >= voters.length) break;
        if (!random.chance(0.2)) break;
        node.crash();
        node.isAway = true;
      }
    }
  }

  private restart(node: SimulatedNode): void {
    if (node.life || node.isAway) return;
    this.cluster.plan(this.cluster.now, node, () => node.start(this.cluster.genesis));
  }
}
