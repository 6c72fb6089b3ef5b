/**
 * Consensus alone: faults for a while, then a healed network in which everybody must come to the same height within bounded
 * virtual time, then peace, in which nobody may campaign.
 */
import {
  decodeMessage,
  decodeRecord,
  encodeMessage,
  height,
  nodeId,
  type Certificate,
  type Message,
  type NodeId,
} from '../../../node/consensus/index.ts';
import type { Disk } from '../kernel/disk.ts';
import { Random } from '../kernel/random.ts';
import { ensure, type Scenario } from '../kernel/scenario.ts';
import { World } from '../kernel/world.ts';
import { ConsensusChecker } from './checker.ts';
import { bytesOf, ConsensusProgram, type ConsensusInput } from './program.ts';

const TICK_MS = 20;
const HEAL_WITHIN_MS = 10_000;

/** One host may be lost for good in a run: dead, or back with an old disk and so without a vote. */
type Loss = 'none' | 'dead' | 'old-disk';

interface Plan {
  readonly hosts: readonly NodeId[];
  readonly genesis: readonly NodeId[];
  readonly loss: Loss;
  readonly victim: NodeId;
  readonly faultsMs: number;
  readonly crashRate: number;
  readonly disturbances: readonly Disturbance[];
}

type Disturbance =
  'partition' | 'one-way' | 'deaf' | 'mend' | 'crash' | 'restart' | 'jump' | 'forge' | 'revote' | 'lose';

function planOf(random: Random): Plan {
  const size = random.pick([1, 2, 3, 3, 3, 4, 5]);
  const spare = random.pick([0, 0, 1, 2]);
  const hosts = Array.from({ length: size + spare }, (_, i) => nodeId('abcdefgh'.charAt(i)));
  const loss: Loss = size < 3 ? 'none' : random.pick<Loss>(['none', 'none', 'dead', 'old-disk']);
  const all: Disturbance[] = ['partition', 'one-way', 'deaf', 'crash', 'jump', 'forge', 'revote'];
  const kinds = random.sample(all, 1 + random.below(all.length));
  return {
    hosts,
    genesis: hosts.slice(0, size),
    loss,
    victim: random.pick(hosts),
    faultsMs: random.between(600, 1800),
    crashRate: random.pick([0, 0, 0.0005, 0.002]),
    disturbances: [...kinds, 'mend', 'restart', ...(loss === 'none' ? [] : (['lose'] as const))],
  };
}

class Run {
  private readonly random: Random;
  private readonly plan: Plan;
  private readonly world: World<ConsensusInput>;
  private readonly checker: ConsensusChecker;
  private readonly abstaining = new Set<string>();
  private readonly dead = new Set<string>();
  private oldDisk: Disk | undefined;
  private offered = 0;
  private offerEveryMs = Infinity;
  private wishes: string[] = [];

  constructor(seed: number, trace: ((line: string) => void) | undefined) {
    this.random = new Random(seed);
    const { random } = this;
    this.plan = planOf(random);
    const { hosts, genesis } = this.plan;
    this.checker = new ConsensusChecker(genesis);
    const validateMs = random.pick([0.1, 2, 30]);
    const applyMs = random.pick([0.1, 2, 30]);
    this.world = new World<ConsensusInput>({
      random,
      tickMs: TICK_MS,
      observer: this.checker,
      trace,
      readCorrupted: (bytes) => {
        decodeMessage(bytes.subarray(1));
        decodeRecord(bytes.subarray(1));
      },
      spawn: (name, disk) =>
        new ConsensusProgram(nodeId(name), disk, random, {
          genesis,
          members: hosts,
          abstain: this.abstaining.has(name),
          validateMs,
          applyMs,
        }),
    });
  }

  go(): void {
    this.disturb();
    this.heal();
    this.rest();
  }

  private disturb(): void {
    const { world, random, plan } = this;
    world.network.faults = {
      delayMin: 0.05,
      delayMax: random.pick([0.5, 5, 60]),
      drop: random.pick([0, 0, 0.02, 0.2]),
      duplicate: random.pick([0, 0.1]),
      corrupt: random.pick([0, 0.02]),
      reorder: random.chance(0.7),
    };
    world.crashRate = plan.crashRate;
    for (const host of plan.hosts) {
      world.addHost(host);
      world.start(host);
    }
    const oldDiskAt = random.between(0, plan.faultsMs / 2);
    world.at(oldDiskAt, () => (this.oldDisk = world.disk(plan.victim).copy()));
    const pace = random.pick([40, 150]);
    for (let at = random.between(0, 400); at < plan.faultsMs; at += random.between(1, 2 * pace)) {
      world.at(at, () => this.disturbance(random.pick(plan.disturbances)));
    }
    this.offerEveryMs = random.pick([15, 60]);
    this.offering();
    world.runUntil(plan.faultsMs);
  }

  private disturbance(kind: Disturbance): void {
    const { world, random, plan } = this;
    const { network } = world;
    world.trace(() => `** ${kind}`);
    const host = random.pick(plan.hosts);
    const others = plan.hosts.filter((other) => other !== host);
    switch (kind) {
      case 'partition':
      case 'one-way': {
        const side = random.sample(plan.hosts, 1 + random.below(plan.hosts.length));
        const rest = plan.hosts.filter((other) => !side.includes(other));
        network.partition(side, rest, kind === 'one-way');
        break;
      }
      case 'deaf':
        network.partition(others, [host], true);
        break;
      case 'mend':
        network.mend();
        break;
      case 'crash':
        if (random.chance(0.15)) for (const each of plan.hosts) world.crash(each);
        else world.crash(host);
        break;
      case 'restart':
        this.startAll();
        break;
      case 'jump':
        world.jumpClock(host, random.between(-1, 1) * random.pick([500, 3_600_000]));
        break;
      case 'forge':
        this.forge(host, random.pick(plan.hosts));
        break;
      case 'revote':
        this.wish();
        break;
      case 'lose':
        this.lose();
    }
  }

  /** The victim dies, or comes back with the disk that it had some time before: knowing that, it may not vote. */
  private lose(): void {
    const { world, plan } = this;
    if (this.dead.has(plan.victim) || this.abstaining.has(plan.victim)) return;
    world.crash(plan.victim);
    if (plan.loss === 'dead') this.dead.add(plan.victim);
    else if (this.oldDisk) {
      this.abstaining.add(plan.victim);
      world.replaceDisk(plan.victim, this.oldDisk.copy());
    }
  }

  /** Asks for other voters: any set, as long as the host that may be lost is a minority of it. */
  private wish(): void {
    const { random, plan } = this;
    const least = plan.loss === 'none' ? 1 : 3;
    const count = Math.max(least, random.pick([1, 2, 3, 3, 4, 5]));
    const voters = random.sample(plan.hosts, count).sort();
    const value = `wish${this.wishes.length}=${voters.join(',')}`;
    this.wishes.push(value);
    this.offer(value);
  }

  /** What a member without honour could send: none of it may be believed. */
  private forge(from: NodeId, to: NodeId): void {
    const { random, checker } = this;
    const victim = random.pick(this.plan.hosts);
    const ballot = { round: 1 + random.below(8), node: victim };
    const at = height(Math.max(1, checker.height + random.below(4)));
    const signature = Uint8Array.from({ length: 8 }, () => random.below(256));
    const value = bytesOf(`forged${random.below(100)}`);
    const certificate: Certificate = { ballot, votes: this.plan.hosts.map((node) => ({ node, signature })) };
    const forgeries: Message[] = [
      { kind: 'chosen', height: at, hash: new Uint8Array(32), certificate, value },
      { kind: 'decisions', chosen: at, decisions: [{ height: at, value, certificate }] },
      { kind: 'decisions', chosen: at, decisions: [{ height: at, value, certificate: { ballot, votes: [] } }] },
      { kind: 'accept', ballot, height: at, value },
      { kind: 'accept', ballot: { round: ballot.round, node: from }, height: height(2 ** 47), value },
      { kind: 'heartbeat', ballot, chosen: at, ack: true },
      { kind: 'pruned', oldest: at },
    ];
    const message = random.pick(forgeries);
    if (message.kind === 'accept' && message.ballot.node === from && message.height === at) return;
    this.inject(random.chance(0.2) ? 'stranger' : from, to, message);
    // Votes of others for what is being decided just now.
    const { latest } = checker;
    if (!latest) return;
    const vote: Message = { kind: 'accepted', ballot: latest.ballot, height: latest.height, signature };
    for (const voter of this.plan.hosts) this.inject(voter, latest.ballot.node, vote);
  }

  private inject(from: string, to: string, message: Message): void {
    const body = encodeMessage(message);
    const bytes = new Uint8Array(body.length + 1);
    bytes.set(body, 1);
    this.world.inject(from, to, bytes);
  }

  private heal(): void {
    const { world, checker } = this;
    world.trace(() => '** everything heals');
    world.network.heal();
    world.crashRate = 0;
    this.startAll();
    const healedAt = world.now;
    const goal = checker.height + 3;
    this.offerEveryMs = 100;
    const reached = (): boolean =>
      checker.height >= goal &&
      this.wishes.every((wish) => checker.isFinal(wish)) &&
      this.running.every((host) => checker.view(host).applied >= goal) &&
      checker.agreedLeader !== undefined;
    const ok = world.runUntil(healedAt + HEAL_WITHIN_MS, reached);
    ensure(ok, () => {
      const views = this.running.map((host) => `${host} at ${checker.view(host).applied}`).join(', ');
      return `no progress to ${goal} within ${HEAL_WITHIN_MS} ms of healing: ${views}`;
    });
  }

  /** Peace: the leader stays, even when one voter hears nothing, or all but the leader, for a while. */
  private rest(): void {
    const { world, checker, random } = this;
    // Changes of voters that are still on their way may take the leader's vote; let them come into force.
    this.offerEveryMs = 20;
    ensure(
      world.runUntil(world.now + 5000, () => checker.settled),
      () => 'the voters that were asked for do not come into force',
    );
    this.offerEveryMs = Infinity;
    const level = (): boolean => this.running.every((host) => checker.view(host).applied >= checker.height);
    ensure(
      world.runUntil(world.now + 5000, () => level() && checker.agreedLeader !== undefined),
      () => 'no progress in peace',
    );
    const leader = checker.agreedLeader;
    checker.fixLeader(leader);
    world.trace(() => `** ${leader} leads in peace`);
    this.offerEveryMs = 100;
    const deaf = this.running.find((host) => host !== leader && this.canSpare(host));
    if (deaf !== undefined) {
      const unheard = random.pick([[], [leader ?? deaf], this.plan.hosts.filter((host) => host !== deaf)]);
      world.network.partition(unheard, [deaf], true);
    }
    const before = checker.height;
    world.runUntil(world.now + 300);
    this.offerEveryMs = Infinity;
    world.runUntil(world.now + 1000);
    world.network.mend();
    world.runUntil(world.now + 3000, level);
    ensure(checker.height > before, () => 'nothing is decided in peace');
    for (const host of this.running) {
      const { applied } = checker.view(host);
      ensure(applied >= checker.height, () => `${host} is at ${applied} of ${checker.height} after peace`);
    }
  }

  /** True when the voters have a majority without a host. */
  private canSpare(host: string): boolean {
    const voters = this.checker.currentVoters;
    const left = voters.filter((node) => node !== host && this.world.isUp(node) && !this.abstaining.has(node));
    return 2 * left.length > voters.length;
  }

  private get running(): NodeId[] {
    return this.plan.hosts.filter((host) => this.world.isUp(host));
  }

  private startAll(): void {
    for (const host of this.plan.hosts) if (!this.dead.has(host)) this.world.start(host);
  }

  /** Offers a value now and then, and again what was wished for and not heard. */
  private offering(): void {
    const { world } = this;
    if (this.offerEveryMs < Infinity) {
      this.offer(`v${this.offered++}`);
      for (const wish of this.wishes) if (!this.checker.isFinal(wish)) this.offer(wish);
    }
    world.at(world.now + Math.min(this.offerEveryMs, 100), () => this.offering());
  }

  /** Every node hears of it, as entries reach every node. */
  private offer(value: string): void {
    for (const host of this.running) this.world.input(host, { kind: 'offer', value });
  }
}

export const consensusScenario: Scenario = {
  name: 'consensus',
  run: (seed, trace) => new Run(seed, trace).go(),
};
