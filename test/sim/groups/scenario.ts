/**
 * Whole nodes with databases that have groups of their own, on some of the nodes: made, moved, taken away and dropped under faults, while
 * clients of all nodes write. Then everything heals: each database is where the schema says, nowhere else, and the same everywhere.
 */
import { Random } from '../kernel/random.ts';
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
const FAULTS: readonly Disturbance[] = ['partition', 'one-way', 'crash', 'jump'];

class Run {
  private readonly cluster: Cluster;
  private readonly workload: Workload;
  private readonly operator: Operator;
  private readonly faults: Faults;

  constructor(seed: number, trace: ((line: string) => void) | undefined) {
    const random = new Random(seed);
    const size = random.pick([3, 3, 4]);
    this.cluster = new Cluster(random, [...'abcd'].slice(0, size), 3, trace, undefined, 'cheap');
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
    });
    this.operator = new Operator(this.cluster, this.workload, random);
    this.faults = new Faults(this.cluster, FAULTS);
  }

  async go(): Promise<void> {
    const { cluster, workload, operator } = this;
    try {
      await this.setUp();
      cluster.trace(() => '** made');
      await cluster.runUntil(this.faults.begin(1_000, 6_000));
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
      await cluster.turn(node, () => node.start(cluster.genesis));
    }
    await cluster.runUntil(SETUP_WITHIN_MS, () => ready.size === cluster.nodes.length);
    operator.make(` COMMENT '${operator.somewhere()}'`);
    operator.start();
    const isMade = await cluster.runUntil(SETUP_WITHIN_MS, () => workload.databases.size > 0);
    ensure(isMade, () => `no database after ${SETUP_WITHIN_MS} ms without faults: ${unsettled(cluster)}`);
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
    const reason = (): string | undefined => (operator.isIdle ? unsettled(cluster) : 'the operator is not answered');
    const isHealed = await cluster.runUntil(cluster.now + HEAL_WITHIN_MS, () => reason() === undefined);
    ensure(isHealed, () => `not at rest ${HEAL_WITHIN_MS} ms after healing: ${reason()}`);
    cluster.trace(() => '** quiet');
    await cluster.runUntil(cluster.now + 5_000);
    ensure(reason() === undefined, () => `at rest, and then not any more: ${reason()}`);
  }
}

export const groupsScenario: Scenario = { name: 'groups', run: (seed, trace) => new Run(seed, trace).go() };
