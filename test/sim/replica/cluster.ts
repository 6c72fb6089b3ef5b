/** The simulated machines, what joins them, and virtual time. One thing happens at a time, to its end. */
import type { Slicing } from '../../../node/replica/index.ts';
import { mkdtempSync, rmSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Genesis } from '../../../node/engine/index.ts';
import { Agenda } from '../kernel/agenda.ts';
import { Network } from '../kernel/network.ts';
import type { Random } from '../kernel/random.ts';
import { SimulationFailure } from '../kernel/scenario.ts';
import { SimulatedNode } from './node.ts';
import { installVirtual, settle } from './virtual.ts';

/** How often connections are made and found broken. */
const LINK_MS = 20;

export class Cluster {
  readonly random: Random;
  readonly network: Network;
  readonly nodes: readonly SimulatedNode[];
  readonly genesis: Genesis;
  now = 0;
  /** Probability of a crash before each effect. */
  crashRate = 0;
  syncMsMax = 0.5;
  /** A log's segment that has so much takes no more. */
  segmentBytes = 64 << 20;
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
  ) {
    this.random = random;
    this.slicing = slicing;
    this.tracer = trace;
    this.network = new Network(random);
    this.dir = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'p2pdb-sim-'));
    this.nodes = names.map((name) => new SimulatedNode(name, path.join(this.dir, name), this, random));
    const members = this.nodes.map(({ name, id }) => ({ name, id }));
    this.genesis = { members, voters: members.slice(0, voters).map(({ id }) => id) };
    this.uninstall = installVirtual(() => this.current, random, signatures);
    this.plan(0, undefined, () => this.joinLinks());
  }

  get up(): SimulatedNode[] {
    return this.nodes.filter((node) => node.isUp);
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
      if (!node || node.isUp || !node.life) throw error;
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

  /** As the network's contract has it. */
  send(from: SimulatedNode, to: string, bytes: Uint8Array): 'queued' | 'unreachable' {
    const peer = this.node(to);
    const connection = from.connected.get(to);
    if (!peer || connection === undefined) return 'unreachable';
    const copy = bytes.slice();
    for (const at of this.network.deliveries(from.name, peer.name, this.now)) {
      this.plan(at, peer, () => {
        if (peer.connected.get(from.id) !== connection) return;
        // Transports are authenticated: broken bytes end the connection.
        if (this.network.corrupted(copy)) {
          peer.connected.delete(from.id);
          peer.life?.peering.peerDown(from.id);
        } else peer.life?.peering.message(from.id, copy.slice());
      });
    }
    return 'queued';
  }

  /** A peer's message was not believed: nobody here deserves that. */
  refused(node: SimulatedNode, from: string, reason: string): void {
    this.trace(() => `${node.name} refuses what ${this.node(from)?.name} sent: ${reason}`);
    this.fail(`${node.name} refuses what an honest peer sent: ${reason}`);
  }

  private joinLinks(): void {
    for (const a of this.nodes) {
      for (const b of this.nodes) {
        if (a.name >= b.name) continue;
        const open = a.isUp && b.isUp && !this.network.isCut(a.name, b.name) && !this.network.isCut(b.name, a.name);
        const [ab, ba] = [a.connected.get(b.id), b.connected.get(a.id)];
        if (open && ab !== undefined && ab === ba) continue;
        for (const [one, other] of [
          [a, b],
          [b, a],
        ] as const) {
          if (one.connected.delete(other.id)) this.plan(this.now, one, () => one.life?.peering.peerDown(other.id));
        }
        if (!open) continue;
        const name = String(++this.connections);
        a.connected.set(b.id, name);
        b.connected.set(a.id, name);
        this.plan(this.now, a, () => a.life?.peering.peerUp(b.id));
        this.plan(this.now, b, () => b.life?.peering.peerUp(a.id));
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
