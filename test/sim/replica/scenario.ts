/**
 * Whole nodes: engine, replica, consensus and sync on SQLite, with clients that write everywhere. First faults, then healing: within
 * bounded virtual time all nodes must be equal, and what clients were told must be so. In the scenario `pruning`, logs are short, so who
 * was away takes a snapshot; in `sliced`, long work pauses wherever it can; `brief` is all three by turns, with short histories.
 */
import { Random } from '../kernel/random.ts';
import { ensure, type Scenario } from '../kernel/scenario.ts';
import type { Slicing } from '../../../node/replica/index.ts';
import { check } from './checker.ts';
import { Cluster } from './cluster.ts';
import type { Level } from './client.ts';
import type { SimulatedNode } from './node.ts';
import { Faults, type Disturbance } from './faults.ts';
import { Operator } from './operator.ts';
import { SCHEMA, Workload } from './workload.ts';

const SETUP_WITHIN_MS = 20_000;
const HEAL_WITHIN_MS = 60_000;
/** What the clients of all nodes together do in a second, where they do little. */
const FEW_A_SECOND = [30, 100, 200];
/** One seed of so many makes and checks real signatures; to the others they cost next to nothing. */
const REAL_SIGNATURES_EVERY = 16;

/** In one seed of so many who lies may write what breaks foreign keys. */
const UNCHECKED_EVERY = 5;

/** Whose chance it is, where a seed has several. */
const FILLING = 0x66756c6c;
const MOVING = 0x6d6f7665;
const LYING = 0x6c696172;

/** So long lies go on when the other faults have ended. */
const LIES_ON_MS = 300;

interface RunOptions {
  /** Logs are short. */
  readonly prunes?: boolean;
  readonly slicing?: Slicing | undefined;
  /** Clients do little, and less once everything has healed: the faults meet short histories, in a fraction of the time. */
  readonly brief?: boolean;
  /** Disks fill up, and have room again. */
  readonly fills?: boolean;
  /** Nodes join, leave, and change what they are in the group. */
  readonly moves?: boolean;
  /** One member more lies: with a vote, or without. */
  readonly lies?: 'voter' | 'learner' | undefined;
}

class Run {
  private readonly random: Random;
  private readonly cluster: Cluster;
  private readonly workload: Workload;
  private readonly faults: Faults;
  private readonly brief: boolean;
  /** Chance of its own, so that a seed means the same in both scenarios. */
  private readonly pruning: Random | undefined;
  private readonly filling: Random | undefined;
  private readonly operator: Operator | undefined;

  constructor(
    seed: number,
    trace: ((line: string) => void) | undefined,
    { prunes = false, slicing, brief = false, fills = false, moves = false, lies }: RunOptions = {},
  ) {
    this.brief = brief;
    this.random = new Random(seed);
    this.pruning = prunes ? new Random(-seed) : undefined;
    this.filling = fills ? new Random(seed ^ FILLING) : undefined;
    const { random } = this;
    const size = random.pick([3, 3, 3, 4, 5]);
    const voters = size === 4 ? 3 : size;
    const signatures = seed % REAL_SIGNATURES_EVERY === 0 ? 'real' : 'cheap';
    const joiners = moves ? [...'xyz'].slice(0, 1 + random.below(3)) : [];
    const isUnchecked = seed % UNCHECKED_EVERY === 0;
    const lying = lies && { random: new Random(seed ^ LYING), votes: lies === 'voter', isUnchecked };
    const names = [...'abcde'].slice(0, size);
    this.cluster = new Cluster(random, names, voters, trace, slicing, signatures, joiners, lying);
    if (this.pruning) this.cluster.segmentBytes = this.pruning.pick([500, 2_000, 8_000]);
    // What the operator has changed must not be lost with a majority that it did not reckon with.
    const all: Disturbance[] = ['partition', 'one-way', 'crash', 'jump', ...(moves || lies ? [] : (['lose'] as const))];
    this.faults = new Faults(this.cluster, all);
    const options = {
      levels: random.pick<readonly Level[]>([
        ['local'],
        ['local', 'final'],
        ['local', 'replicated', 'final'],
        ['final'],
      ]),
      pauseMs: random.pick([5, 20, 60]),
      clients: 1 + random.below(3),
      schemaChanges: random.chance(0.4),
    };
    if (brief) options.pauseMs = (1000 * size * options.clients) / random.pick(FEW_A_SECOND);
    this.workload = new Workload(this.cluster, options);
    this.operator = moves ? new Operator(this.cluster, this.workload, new Random(seed ^ MOVING)) : undefined;
  }

  async go(): Promise<void> {
    try {
      await this.setUp();
      this.cluster.trace(() => '** made');
      await this.disturb();
      await this.heal();
      this.cluster.trace(() => '** checks');
      await check(this.cluster, this.workload);
      // Two runs that took different ways differ in what chance has left.
      this.cluster.trace(() => `** end, ${this.random.next()}`);
    } finally {
      this.cluster.close();
    }
  }

  private start(node: SimulatedNode): Promise<void> {
    return this.cluster.turn(node, () => node.start(this.cluster.genesis));
  }

  private async setUp(): Promise<void> {
    const { cluster, workload } = this;
    const ready = new Set<SimulatedNode>();
    const members = cluster.nodes.filter((node) => !node.isAway);
    for (const node of members) {
      node.onStarted = () => ready.add(node);
      await this.start(node);
    }
    const first = cluster.nodes[0] as SimulatedNode;
    let done = false;
    await cluster.runUntil(SETUP_WITHIN_MS, () => ready.size === members.length);
    cluster.plan(cluster.now, first, () => {
      const client = workload.client(first);
      const make = async (): Promise<void> => {
        await client.sql(`SET p2pdb_commit = 'final'`);
        for (const text of SCHEMA) await client.sql(text);
        done = true;
      };
      make().catch((error: unknown) => cluster.fail(`the schema cannot be made: ${String(error)}`));
    });
    const all = await cluster.runUntil(SETUP_WITHIN_MS, () => done && this.isEqual());
    ensure(all, () => `no schema on all nodes after ${SETUP_WITHIN_MS} ms without faults`);
    // Nobody has to find it again after a crash: blocks are written with what comes next, or a moment later.
    const written = (node: SimulatedNode): boolean =>
      node.life?.log.readBlocks(node.life.engine.core.replica.height, 1).length === 1;
    ensure(await cluster.runUntil(cluster.now + SETUP_WITHIN_MS, () => members.every(written)), () => 'no blocks');
    for (const node of members) {
      node.onStarted = () => workload.serve(node);
      await cluster.turn(node, () => workload.serve(node));
    }
  }

  private async disturb(): Promise<void> {
    const { cluster, random } = this;
    const end = this.faults.begin(300, 1500);
    this.prune(end);
    this.fill(end);
    this.operator?.start();
    cluster.liar?.lieUntil(end + LIES_ON_MS, random.pick([5, 20, 100]));
    await cluster.runUntil(end);
  }

  /** Now and then, until the end of the faults, some node makes its log short. */
  private prune(end: number): void {
    const { cluster, pruning } = this;
    if (!pruning) return;
    for (let at = cluster.now; at < end; at += pruning.between(5, 200)) {
      const node = pruning.pick(cluster.nodes);
      cluster.plan(at, undefined, () => cluster.inNoTime(node.prune()));
    }
  }

  /** Until the end of the faults, disks fill up and have room again; some are found full by a node that starts. */
  private fill(end: number): void {
    const { cluster, filling } = this;
    if (!filling) return;
    const pauseMs = filling.pick([50, 200, 500]);
    for (let at = cluster.now; at < end; at += filling.between(5, pauseMs)) {
      const { name, room } = filling.pick(cluster.nodes);
      cluster.plan(at, undefined, () => {
        cluster.trace(() => `${name} has ${room.isFull ? 'room' : 'a full disk'}`);
        if (room.isFull) room.free();
        else room.fill(filling);
      });
    }
  }

  private async heal(): Promise<void> {
    const { cluster, workload } = this;
    cluster.trace(() => '** heal');
    this.faults.heal();
    workload.calm = this.brief;
    const rest = cluster.now + 500;
    await cluster.runUntil(rest);
    this.operator?.rest();
    workload.ended = true;
    cluster.trace(() => '** calm');
    const deadline = cluster.now + HEAL_WITHIN_MS;
    const healed = await cluster.runUntil(deadline, () => this.isEqual());
    ensure(healed, () => `not equal ${HEAL_WITHIN_MS} ms after healing: ${this.positions()}`);
    cluster.trace(() => '** quiet');
    // Nothing more comes: nobody writes, and what was decided is applied.
    await cluster.runUntil(cluster.now + 5000);
    ensure(this.isEqual(), () => `equal, and then not any more: ${this.positions()}`);
  }

  private isEqual(): boolean {
    const alive = this.cluster.nodes.filter((node) => !node.isAway);
    const heights = new Set<number>();
    for (const { life } of alive) {
      const replica = life?.engine.core.replica;
      if (!replica || replica.tentative > 0) return false;
      heights.add(replica.height);
    }
    return heights.size === 1 && this.operator?.isSettled !== false;
  }

  private positions(): string {
    const of = ({ name, life }: SimulatedNode): string => {
      const replica = life?.engine.core.replica;
      return `${name}: ${replica ? `height ${replica.height}, ${replica.tentative} tentative` : 'down'}`;
    };
    return this.cluster.nodes.map(of).join(' · ');
  }
}

export const replicaScenario: Scenario = { name: 'replica', run: (seed, trace) => new Run(seed, trace).go() };

/** The same with short logs. */
export const pruningScenario: Scenario = {
  name: 'pruning',
  run: (seed, trace) => new Run(seed, trace, { prunes: true }).go(),
};

const EVERYWHERE: Slicing = { changes: 0, sliceMs: 0 };

/** The same, where everything that can be done in slices is, with a pause wherever there can be one. */
export const slicedScenario: Scenario = {
  name: 'sliced',
  run: (seed, trace) => new Run(seed, trace, { slicing: EVERYWHERE }).go(),
};

/** All three by turns, with little to do: many seeds. */
const byTurns = (seed: number): RunOptions => ({
  brief: true,
  prunes: seed % 3 === 1,
  slicing: seed % 3 === 2 ? EVERYWHERE : undefined,
});

export const briefScenario: Scenario = {
  name: 'brief',
  run: (seed, trace) => new Run(seed, trace, byTurns(seed)).go(),
};

/** The same on disks that fill up. */
export const fullScenario: Scenario = {
  name: 'full',
  run: (seed, trace) => new Run(seed, trace, { ...byTurns(seed), fills: true }).go(),
};

/** The same where nodes join and leave. */
export const movingScenario: Scenario = {
  name: 'moving',
  run: (seed, trace) => new Run(seed, trace, { ...byTurns(seed), moves: true }).go(),
};

/** The same with a member that lies; honest voters are a majority. */
export const byzantineScenario: Scenario = {
  name: 'byzantine',
  run: (seed, trace) => new Run(seed, trace, { ...byTurns(seed), lies: seed % 2 === 0 ? 'learner' : 'voter' }).go(),
};
