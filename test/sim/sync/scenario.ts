/**
 * Sync alone: hosts that write, on a network that loses, repeats and reorders messages and comes apart; then it heals, and all
 * must hold everything within bounded virtual time; then peace, in which every entry must reach every host exactly once.
 */
import { nodeId, type NodeId } from '../../../node/consensus/index.ts';
import { decodeSyncMessage, encodeSyncMessage, type AuthorId, type SyncMessage } from '../../../node/sync/index.ts';
import { Random } from '../kernel/random.ts';
import { ensure, type Scenario } from '../kernel/scenario.ts';
import { World } from '../kernel/world.ts';
import { SyncChecker } from './checker.ts';
import { authorOf, entryOf, SyncProgram, type SyncInput } from './program.ts';

const TICK_MS = 20;
const HEAL_WITHIN_MS = 10_000;
/** Less than it takes to ask: only a push is that fast. */
const PUSHED_WITHIN_MS = 20;

type Disturbance = 'partition' | 'one-way' | 'mend' | 'crash' | 'restart' | 'jump' | 'forge' | 'old-disk' | 'prune';

class Run {
  private readonly random: Random;
  private readonly world: World<SyncInput>;
  private readonly checker = new SyncChecker();
  private readonly hosts: readonly NodeId[];
  private readonly disturbances: readonly Disturbance[];
  /** Counts the old disks that a host came back with: each makes another author of it. */
  private readonly incarnations = new Map<string, number>();
  private healed = false;
  /** What each node was told of its connection with another. */
  private readonly connected = new Map<string, string>();

  constructor(seed: number, trace: ((line: string) => void) | undefined) {
    this.random = new Random(seed);
    const { random } = this;
    this.hosts = Array.from({ length: random.pick([2, 3, 3, 4, 5]) }, (_, i) => nodeId('abcde'.charAt(i)));
    const all: Disturbance[] = ['partition', 'one-way', 'crash', 'jump', 'forge', 'old-disk', 'prune'];
    this.disturbances = [...random.sample(all, 1 + random.below(all.length)), 'mend', 'restart'];
    this.world = new World<SyncInput>({
      random,
      tickMs: TICK_MS,
      connections: true,
      observer: this.checker,
      trace,
      readCorrupted: (bytes) => decodeSyncMessage(bytes.subarray(1)),
      spawn: (name, disk) => new SyncProgram(this.author(name), disk, random),
    });
  }

  go(): void {
    this.disturb();
    this.heal();
    this.rest();
  }

  private author(host: string): AuthorId {
    return authorOf(host, this.incarnations.get(host) ?? 0);
  }

  private disturb(): void {
    const { world, random, hosts } = this;
    world.network.faults = {
      delayMin: 0.05,
      delayMax: random.pick([0.5, 5, 60]),
      drop: random.pick([0, 0, 0.02, 0.2]),
      duplicate: random.pick([0, 0.1]),
      corrupt: random.pick([0, 0.02]),
      reorder: random.chance(0.7),
    };
    world.crashRate = random.pick([0, 0, 0.0005, 0.002]);
    for (const host of hosts) {
      world.addHost(host);
      world.start(host);
    }
    this.reconnect();
    const end = random.between(300, 1500);
    for (let at = random.between(0, 100); at < end; at += random.between(1, random.pick([60, 200]))) {
      world.at(at, () => {
        this.disturbance(random.pick(this.disturbances));
        this.reconnect();
      });
    }
    const bytes = random.pick([60, 60, 60, 1000, 1000, 1000, 1000, 100_000]);
    for (let at = 0; at < end; at += random.between(1, 40)) {
      world.at(at, () => {
        this.reconnect();
        world.input(random.pick(hosts), { kind: 'write', count: 1 + random.below(4), bytes });
      });
    }
    world.runUntil(end);
  }

  private disturbance(kind: Disturbance): void {
    const { world, random, hosts } = this;
    world.trace(() => `** ${kind}`);
    const host = random.pick(hosts);
    switch (kind) {
      case 'partition':
      case 'one-way': {
        const side = random.sample(hosts, 1 + random.below(hosts.length));
        const rest = hosts.filter((other) => !side.includes(other));
        world.network.partition(side, rest, kind === 'one-way');
        break;
      }
      case 'mend':
        world.network.mend();
        break;
      case 'crash':
        world.crash(host);
        break;
      case 'restart':
        this.startAll();
        break;
      case 'jump':
        world.jumpClock(host, random.between(-1, 1) * 3_600_000);
        break;
      case 'forge':
        this.forge(host, random.pick(hosts));
        break;
      case 'old-disk': {
        const old = world.disk(host).copy();
        const after = random.between(10, 200);
        world.at(world.now + after, () => {
          if (this.healed) return;
          world.crash(host);
          world.replaceDisk(host, old);
          this.checker.forget(host);
          this.checker.durable(host, old.durable('log'));
          this.incarnations.set(host, (this.incarnations.get(host) ?? 0) + 1);
        });
        break;
      }
      case 'prune':
        world.input(host, { kind: 'prune', keep: random.below(4) });
    }
  }

  /** A member sends what another has not written, or nonsense about what there is. */
  private forge(from: NodeId, to: NodeId): void {
    const { random, world } = this;
    const author = this.author(random.pick(this.hosts));
    const next = (this.checker.frontier(to).get(author) ?? 0) + 1;
    const bytes = entryOf(authorOf('z', 0), next, 60).bytes;
    const forgeries: SyncMessage[] = [
      { kind: 'push', runs: [{ author, from: next, entries: [bytes] }] },
      { kind: 'push', runs: [{ author, from: next + 5, entries: [bytes, bytes] }] },
      { kind: 'entries', id: 1 + random.below(5), runs: [{ author, from: next, entries: [bytes] }], last: true },
      { kind: 'ask', id: 7, ranges: [{ author, from: 1, to: 2 ** 40 }], bytesMax: 1 },
      { kind: 'hash', hash: new Uint8Array(32) },
    ];
    const body = encodeSyncMessage(random.pick(forgeries));
    const message = new Uint8Array(body.length + 1);
    message.set(body, 1);
    world.inject(from, to, message);
  }

  private heal(): void {
    const { world, checker, hosts } = this;
    world.trace(() => '** everything heals');
    world.network.heal();
    world.crashRate = 0;
    this.healed = true;
    this.startAll();
    // A liar is not believed again on the same connection.
    if (this.disturbances.includes('forge')) this.disconnect();
    this.reconnect();
    const ok = world.runUntil(world.now + HEAL_WITHIN_MS, () => checker.equal(hosts));
    ensure(ok, () => {
      const union = checker.union(hosts);
      const lacks = hosts.flatMap((host) =>
        [...union].flatMap(([author, seq]) => {
          const holds = checker.frontier(host).get(author) ?? 0;
          return holds < seq ? [`${host} holds ${holds} of ${seq} of ${author.slice(0, 8)}`] : [];
        }),
      );
      return `not equal within ${HEAL_WITHIN_MS} ms of healing: ${lacks.join(', ')}`;
    });
  }

  private rest(): void {
    const { world, checker, hosts, random } = this;
    // Let what is still on its way arrive, duplicates of before included.
    world.runUntil(world.now + 1000);
    const before = checker.entriesSent;
    let written = 0;
    for (let n = 0; n < 10; n++) {
      const count = 1 + random.below(5);
      written += count;
      const host = random.pick(hosts);
      world.at(world.now + n * random.between(1, 30), () => {
        world.input(host, { kind: 'write', count, bytes: 200 });
        const seq = checker.frontier(host).get(this.author(host)) ?? 0;
        world.at(world.now + PUSHED_WITHIN_MS, () => this.everybodyHas(this.author(host), seq));
      });
    }
    world.runUntil(world.now + 500);
    ensure(checker.equal(hosts), () => 'not equal in peace');
    const sent = checker.entriesSent - before;
    ensure(sent === written * (hosts.length - 1), () => `${sent} entries sent where ${written} were written in peace`);
  }

  private everybodyHas(author: AuthorId, seq: number): void {
    for (const host of this.hosts) {
      const holds = this.checker.frontier(host).get(author) ?? 0;
      ensure(holds >= seq, () => `${host} was not sent ${seq} of ${author.slice(0, 8)} within ${PUSHED_WITHIN_MS} ms`);
    }
  }

  private startAll(): void {
    for (const host of this.hosts) this.world.start(host);
  }

  /** Brings the nodes' view of who is connected up to date: streams need both directions. */
  private reconnect(): void {
    const { world } = this;
    for (const a of this.hosts) {
      for (const b of this.hosts) {
        if (a === b) continue;
        const link = `${a} ${b}`;
        const open = world.isUp(a) && world.isUp(b) && !world.network.isCut(a, b) && !world.network.isCut(b, a);
        const connection = open ? world.connection(a, b) : '';
        if (connection === (this.connected.get(link) ?? '')) continue;
        this.connected.set(link, connection);
        world.input(a, { kind: 'event', event: { kind: open ? 'peer-up' : 'peer-down', peer: b } });
      }
    }
  }

  private disconnect(): void {
    for (const link of this.connected.keys()) {
      const [a = '', b = ''] = link.split(' ');
      this.world.input(a, { kind: 'event', event: { kind: 'peer-down', peer: nodeId(b) } });
    }
    this.connected.clear();
  }
}

export const syncScenario: Scenario = { name: 'sync', run: (seed, trace) => new Run(seed, trace).go() };
