/**
 * Whole nodes with databases that have groups of their own, on some of the nodes: made, moved, taken away and dropped under faults, while
 * clients of all nodes write. Then everything heals: each database is where the schema says, nowhere else, and the same everywhere.
 * In some even seeds nodes join and are removed, logs are short, long work pauses wherever it can, or transactions stay open for long.
 */
import { Random } from '../kernel/random.ts';
import type { Slicing } from '../../../node/replica/index.ts';
import { ensure, type Scenario } from '../kernel/scenario.ts';
import type { Level } from '../replica/client.ts';
import { Cluster } from '../replica/cluster.ts';
import { Faults, type Disturbance } from '../replica/faults.ts';
import type { SimulatedNode } from '../replica/node.ts';
import { check, unsettled } from './checker.ts';
import { Operator } from './operator.ts';
import { Workload } from './workload.ts';

const SETUP_WITHIN_MS = 20_000;
const HEAL_WITHIN_MS = 120_000;
/** Whose chance it is what else an even seed has. */
const PROPERTIES = 0x70726f70;
const EVERYWHERE: Slicing = { changes: 0, sliceMs: 0 };
const FAULTS: readonly Disturbance[] = ['partition', 'one-way', 'crash', 'jump'];

class Run {
  private readonly cluster: Cluster;
  private readonly workload: Workload;
  private readonly operator: Operator;
  private readonly faults: Faults;
  /** Chance of its own, where logs are short. */
  private readonly pruning: Random | undefined;
  private readonly moves: boolean;

  constructor(seed: number, trace: ((line: string) => void) | undefined) {
    const random = new Random(seed);
    const size = random.pick([3, 3, 4]);
    const properties = new Random(seed ^ PROPERTIES);
    const mayHave = (probability: number): boolean => properties.chance(probability) && seed % 2 === 0;
    this.moves = mayHave(0.4);
    this.pruning = mayHave(0.4) ? properties : undefined;
    const slicing = mayHave(0.2) ? EVERYWHERE : undefined;
    const joiners = this.moves ? [...'xyz'].slice(0, 1 + properties.below(3)) : [];
    this.cluster = new Cluster(random, [...'abcd'].slice(0, size), 3, trace, slicing, 'cheap', joiners);
    if (this.pruning) this.cluster.segmentBytes = this.pruning.pick([500, 2_000, 8_000]);
    this.cluster.filesCount = true;
    this.cluster.hostsChange = true;
    this.workload = new Workload(this.cluster, {
      levels: random.pick<readonly Level[]>([
        ['local'],
        ['local', 'final'],
        ['local', 'replicated', 'final'],
        ['final'],
      ]),
      pauseMs: random.pick([50, 100, 200]),
      clients: 1,
      isSlow: mayHave(0.3),
    });
    this.operator = new Operator(this.cluster, this.workload, random, this.moves);
    this.faults = new Faults(this.cluster, FAULTS);
  }

  async go(): Promise<void> {
    const { cluster, workload, operator } = this;
    try {
      await this.setUp();
      cluster.trace(() => '** made');
      const end = this.faults.begin(1_000, 6_000);
      this.prune(end);
      await cluster.runUntil(end);
      await this.heal();
      cluster.trace(() => '** checks');
      await check(cluster, workload, operator.known);
      // Two runs that took different ways differ in what chance has left.
      cluster.trace(() => `** end, ${cluster.random.next()}`);
    } finally {
      cluster.close();
    }
  }

  /** Everybody is there, and a database on some of them. */
  private async setUp(): Promise<void> {
    const { cluster, workload, operator } = this;
    const ready = new Set<SimulatedNode>();
    for (const node of cluster.nodes) {
      node.onStarted = () => {
        ready.add(node);
        workload.serve(node);
      };
      if (!node.isAway) await cluster.turn(node, () => node.start(cluster.genesis));
    }
    await cluster.runUntil(SETUP_WITHIN_MS, () => cluster.nodes.every((node) => node.isAway || ready.has(node)));
    operator.make(() => ` COMMENT '${operator.somewhere()}'`);
    operator.start();
    const isMade = await cluster.runUntil(SETUP_WITHIN_MS, () => workload.databases.size > 0);
    ensure(isMade, () => `no database after ${SETUP_WITHIN_MS} ms without faults: ${unsettled(cluster)}`);
  }

  /** Now and then, until the end of the faults, one node makes its logs short, or all do. */
  private prune(end: number): void {
    const { cluster, pruning } = this;
    if (!pruning) return;
    for (let at = cluster.now; at < end; at += pruning.between(20, 800)) {
      const nodes = pruning.chance(0.3) ? cluster.nodes : [pruning.pick(cluster.nodes)];
      for (const node of nodes) cluster.plan(at, undefined, () => cluster.inNoTime(node.prune()));
    }
  }

  private async heal(): Promise<void> {
    const { cluster, workload, operator, faults } = this;
    cluster.trace(() => '** heal');
    faults.heal();
    await cluster.runUntil(cluster.now + 500);
    operator.rest();
    await cluster.runUntil(cluster.now + 500);
    workload.ended = true;
    cluster.trace(() => '** calm');
    const reason = (): string | undefined =>
      operator.isIdle && workload.isIdle ? unsettled(cluster) : 'somebody is not answered';
    const isHealed = await cluster.runUntil(cluster.now + HEAL_WITHIN_MS, () => reason() === undefined);
    ensure(isHealed, () => `not at rest ${HEAL_WITHIN_MS} ms after healing: ${reason()}`);
    cluster.trace(() => '** quiet');
    await cluster.runUntil(cluster.now + 5_000);
    ensure(reason() === undefined, () => `at rest, and then not any more: ${reason()}`);
  }
}

export const groupsScenario: Scenario = { name: 'groups', run: (seed, trace) => new Run(seed, trace).go() };
