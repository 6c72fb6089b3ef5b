/** The simulated machines, what joins them, and virtual time. One thing happens at a time, to its end. */
import type { Slicing } from '../../../node/replica/index.ts';
import { mkdtempSync, rmSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { NodeId } from '../../../node/consensus/index.ts';
import type { Genesis } from '../../../node/engine/index.ts';
import { isOfSession } from '../../../node/groups/channels.ts';
import { Agenda } from '../kernel/agenda.ts';
import { Network } from '../kernel/network.ts';
import type { Random } from '../kernel/random.ts';
import { SimulationFailure } from '../kernel/scenario.ts';
import { Liar } from './liar.ts';
import { SimulatedNode } from './node.ts';
import { installVirtual, settle } from './virtual.ts';

/** One end of a link. */
export interface Machine {
  readonly name: string;
  readonly id: NodeId;
  readonly isUp: boolean;
  /** Peers that it has a connection with, and the connection's name. */
  readonly connected: Map<string, string>;
  /** Has it for a member, and is linked to no other. */
  knows(peer: Machine): boolean;
  linkUp(peer: NodeId): void;
  linkDown(peer: NodeId): void;
  heardFrom(peer: NodeId, bytes: Uint8Array): void;
}

/** How often connections are made and found broken. */
const LINK_MS = 20;

/** Who lies, by whose chance. */
export interface Lies {
  readonly random: Random;
  /** It is a voter. */
  readonly votes: boolean;
  /** See Liar. */
  readonly isUnchecked: boolean;
}

export class Cluster {
  readonly random: Random;
  readonly network: Network;
  readonly nodes: readonly SimulatedNode[];
  /** A member that is no node. */
  readonly liar: Liar | undefined;
  readonly genesis: Genesis;
  now = 0;
  /** Probability of a crash before each effect. */
  crashRate = 0;
  syncMsMax = 0.5;
  /** A crash may come before each file that is named or removed, too. */
  filesCount = false;
  /** Nodes come to host a database, and host it no more. */
  hostsChange = false;
  /** A log's segment that has so much takes no more. */
  segmentBytes = 64 << 20;
  /** Nodes join, and leave. */
  private readonly membersChange: boolean;
  /** How its nodes do long work, where it is not the usual way. */
  readonly slicing: Slicing | undefined;
  private readonly dir: string;
  private readonly agenda = new Agenda();
  private readonly tracer: ((line: string) => void) | undefined;
  private current: SimulatedNode | undefined;
  private failure: string | undefined;
  private due: { readonly node: SimulatedNode | undefined; readonly work: () => void } | undefined;
  private readonly uninstall: () => void;
  private connections = 0;
  private meanwhile: Promise<void> | undefined;

  constructor(
    random: Random,
    names: readonly string[],
    voters: number,
    trace: ((line: string) => void) | undefined,
    slicing: Slicing | undefined,
    signatures: 'real' | 'cheap',
    joiners: readonly string[] = [],
    lies?: Lies,
  ) {
    this.random = random;
    this.slicing = slicing;
    this.tracer = trace;
    this.network = new Network(random);
    this.dir = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'p2pdb-sim-'));
    this.nodes = [...names, ...joiners].map((name) => new SimulatedNode(name, path.join(this.dir, name), this, random));
    this.membersChange = joiners.length > 0;
    const first = this.nodes.slice(0, names.length);
    for (const node of this.nodes) node.isAway = !first.includes(node);
    const members = first.map(({ name, id }) => ({ name, id }));
    const voting = members.slice(0, voters).map(({ id }) => id);
    if (lies) {
      const { name, id } = (this.liar = new Liar(this, lies.random, lies.isUnchecked));
      members.push({ name, id });
      if (lies.votes) voting.push(id);
    }
    this.genesis = { members, voters: voting };
    this.uninstall = installVirtual(() => this.current, random, signatures);
    this.plan(0, undefined, () => this.joinLinks());
  }

  get up(): SimulatedNode[] {
    return this.nodes.filter((node) => node.isUp);
  }

  private get machines(): Machine[] {
    return this.liar ? [...this.nodes, this.liar] : [...this.nodes];
  }

  node(id: string): SimulatedNode | undefined {
    return this.nodes.find((node) => node.id === id || node.name === id);
  }

  trace(line: () => string): void {
    this.tracer?.(`${this.now.toFixed(3).padStart(10)}  ${line()}`);
  }

  /** The run shows a fault. */
  fail(finding: string): void {
    this.failure ??= finding;
  }

  syncMs(): number {
    return this.random.between(0, this.syncMsMax);
  }

  /** Plans something that happens on a node, or in the world. */
  plan(at: number, node: SimulatedNode | undefined, work: () => void): void {
    this.agenda.add(Math.max(at, this.now), () => (this.due = { node, work }));
  }

  /** Works now, and again and again. */
  nowAndThen(random: Random, meanMs: number, work: () => void): void {
    work();
    this.plan(this.now + random.between(0, 2 * meanMs), undefined, () => this.nowAndThen(random, meanMs, work));
  }

  /** Lets everything happen until a moment, or until `done`. Throws SimulationFailure. */
  async runUntil(time: number, done: () => boolean = () => false): Promise<boolean> {
    while (this.agenda.nextAt <= time) {
      this.now = this.agenda.nextAt;
      this.agenda.take()?.();
      if (this.due) await this.turn(this.due.node, this.due.work);
      if (done()) return true;
    }
    this.now = time;
    return false;
  }

  /** Runs something on a node, with all that follows from it at once. */
  async turn(node: SimulatedNode | undefined, work: () => void): Promise<void> {
    this.current = node;
    try {
      work();
    } catch (error) {
      // A node that is down already does not see what its last turn comes to.
      if (!node) throw error;
      if (node.isUp || !node.life) throw new SimulationFailure(`${node.name} throws: ${(error as Error).stack}`);
    }
    await settle();
    this.current = undefined;
    node?.endTurn();
    await this.meanwhile;
    this.meanwhile = undefined;
    if (this.failure !== undefined) throw new SimulationFailure(this.failure);
  }

  /** Work that waits for the machine itself, and takes no virtual time. */
  inNoTime(work: Promise<void>): void {
    this.meanwhile = work;
  }

  /** As the network's contract has it, but that what can be said again may be lost, come twice, or late. */
  send(from: Machine, to: string, bytes: Uint8Array): 'queued' | 'unreachable' {
    const { network, now } = this;
    const peer = this.machines.find(({ id }) => id === to);
    const connection = from.connected.get(to);
    if (!peer || connection === undefined) return 'unreachable';
    const copy = bytes.slice();
    const arrivals = isOfSession(bytes)
      ? [network.delivery(from.name, peer.name, now)]
      : network.deliveries(from.name, peer.name, now);
    for (const at of arrivals) {
      this.planOn(peer, at, () => {
        if (peer.connected.get(from.id) !== connection) return;
        // Transports are authenticated: broken bytes end the connection.
        const isBroken = network.corrupted(copy) ?? (isOfSession(copy) && network.isCut(from.name, peer.name));
        if (isBroken) {
          peer.connected.delete(from.id);
          peer.linkDown(from.id);
        } else peer.heardFrom(from.id, copy.slice());
      });
    }
    return 'queued';
  }

  private planOn(machine: Machine, at: number, work: () => void): void {
    this.plan(at, machine instanceof SimulatedNode ? machine : undefined, work);
  }

  /** A peer's message was not believed: nobody here deserves that. */
  refused(node: SimulatedNode, from: string, reason: string): void {
    this.trace(() => `${node.name} refuses what ${this.node(from)?.name} sent: ${reason}`);
    if (from === this.liar?.id || this.liar?.isPassedOn === true) return;
    // A liar's entry may have a good signature only together with a later one.
    if (this.liar && reason.endsWith('its signature')) return;
    // Who passes on what a member wrote that was removed has yet to hear of that; so has one that leaves for the second time.
    if ((this.membersChange || this.hostsChange) && reason.endsWith('no member')) return;
    this.fail(`${node.name} refuses what an honest peer sent: ${reason}`);
  }

  private mayLink(a: Machine, b: Machine): boolean {
    if (!a.isUp || !b.isUp || this.network.isCut(a.name, b.name) || this.network.isCut(b.name, a.name)) return false;
    return !this.membersChange || (a.knows(b) && b.knows(a));
  }

  private joinLinks(): void {
    const { machines } = this;
    for (const a of machines) {
      for (const b of machines) {
        if (a.name >= b.name) continue;
        const open = this.mayLink(a, b);
        const [ab, ba] = [a.connected.get(b.id), b.connected.get(a.id)];
        if (open && ab !== undefined && ab === ba) continue;
        for (const [one, other] of [
          [a, b],
          [b, a],
        ] as const) {
          if (one.connected.delete(other.id)) this.planOn(one, this.now, () => one.linkDown(other.id));
        }
        if (!open) continue;
        const name = String(++this.connections);
        a.connected.set(b.id, name);
        b.connected.set(a.id, name);
        this.planOn(a, this.now, () => a.linkUp(b.id));
        this.planOn(b, this.now, () => b.linkUp(a.id));
      }
    }
    this.plan(this.now + LINK_MS, undefined, () => this.joinLinks());
  }

  close(): void {
    for (const node of this.nodes) node.crash();
    this.uninstall();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
