/** Whoever runs the cluster: has databases made on some nodes, moved to others, and dropped, in the midst of the faults. */
import { hostedDatabases } from '../../../node/engine/index.ts';
import type { Random } from '../kernel/random.ts';
import { StatementError } from '../replica/client.ts';
import type { Cluster } from '../replica/cluster.ts';
import type { SimulatedNode } from '../replica/node.ts';
import { tablesOf, type Workload } from './workload.ts';

const LOOK_MS = 30;
const DATABASES_MAX = 3;
/** Fewer members are not left by the others. */
const MEMBERS_LEAST = 2;
const TOKEN = 'SELECT p2pdb_join_token(500000, 1)';

type Change = 'make' | 'make-in-main' | 'place' | 'home' | 'drop' | 'join' | 'remove';

const CHANGES: readonly Change[] = ['make', 'make', 'make-in-main', 'place', 'place', 'place', 'home', 'home', 'drop'];

/** Beside them, where nodes come and go. */
const MOVES: readonly Change[] = ['join', 'join', 'join', 'remove', 'remove', 'remove', 'remove'];

/** Statements, one after the other; each is asked for until it is answered, and may be carried out twice. */
interface Task {
  readonly statements: string[];
  readonly done: () => void;
  /** What is asked for instead, where a statement names nobody who could. Undefined: nothing, and no more of it. */
  readonly instead?: () => string;
  /** Whom a node lets in first. */
  readonly joiner?: SimulatedNode;
  /** Whom all others are to do without. */
  readonly leaver?: SimulatedNode;
  next: number;
}

/** What was asked for and promised. */
export interface Known {
  readonly name: string;
  isMade: boolean;
  isDropAsked: boolean;
  isDropped: boolean;
}

/** It is done, or cannot be: a database that is there, or is not; a member that is not there; hosts of which none hosts it now. */
const ANSWERS: ReadonlySet<number> = new Set([1007, 1008, 1032, 1235]);
/** Who is named is no member, or cannot be removed. */
const WRONG_ARGUMENTS = 1210;

export class Operator {
  readonly known: Known[] = [];
  private readonly cluster: Cluster;
  private readonly workload: Workload;
  private readonly random: Random;
  /** Nodes join, and are removed. */
  private readonly moves: boolean;
  private task: Task | undefined;
  /** It was asked, in this run of it, and has not answered. */
  private asked: { readonly via: SimulatedNode; readonly run: number } | undefined;
  private resting = false;
  private names = 0;

  constructor(cluster: Cluster, workload: Workload, random: Random, moves: boolean) {
    this.cluster = cluster;
    this.workload = workload;
    this.random = random;
    this.moves = moves;
  }

  start(): void {
    this.cluster.nowAndThen(this.random, LOOK_MS, () => this.look());
  }

  /** It begins nothing more. */
  rest(): void {
    this.resting = true;
  }

  get isIdle(): boolean {
    return this.task === undefined && this.cluster.nodes.every((node) => this.isMember(node) !== node.isAway);
  }

  /** As those who know most have it. */
  private isMember({ id }: SimulatedNode): boolean {
    return mostAhead(this.cluster)?.life?.engine.membership.isMember(id) === true;
  }

  private look(): void {
    const { random, cluster, asked } = this;
    if (this.moves) this.follow();
    if (asked && asked.via.isUp && asked.via.run === asked.run) return;
    const vias = cluster.up.filter((node) => node.isServing);
    if (vias.length === 0) return;
    if (!this.task && !this.resting) this.begin(random.pick<Change>(this.moves ? [...CHANGES, ...MOVES] : CHANGES));
    if (this.task) this.ask(this.task, random.pick(vias));
  }

  /** Who was let in starts; who was removed goes for ever, a little later. */
  private follow(): void {
    const { cluster, random } = this;
    if (!mostAhead(cluster)) return;
    for (const node of cluster.nodes) {
      const isMember = this.isMember(node);
      if (isMember !== node.isAway) continue;
      if (isMember) {
        cluster.trace(() => `** ${node.name} joins`);
        node.isAway = false;
        const introduced = cluster.nodes.filter((one) => this.isMember(one)).map(({ id }) => id);
        cluster.plan(cluster.now, node, () => node.start({ ...cluster.genesis, introduced }));
      } else if (this.resting || random.chance(0.2)) {
        cluster.trace(() => `** ${node.name} goes`);
        node.crash();
        node.isAway = true;
      }
    }
  }

  private begin(change: Change): void {
    const { workload, random, cluster } = this;
    const ready = [...workload.databases];
    switch (change) {
      case 'make':
      case 'make-in-main': {
        if (ready.length >= DATABASES_MAX) return;
        this.make(change === 'make' ? () => ` COMMENT '${this.somewhere()}'` : () => '');
        return;
      }
      case 'join': {
        const all = mostAhead(cluster)?.life?.engine.membership.all();
        const strangers = cluster.nodes.filter(
          ({ isAway, id }) => isAway && all?.some((one) => one.id === id) === false,
        );
        if (strangers.length > 0) this.join(random.pick(strangers));
        return;
      }
      case 'remove': {
        const members = cluster.nodes.filter((node) => !node.isAway);
        if (members.length > MEMBERS_LEAST) this.remove(random.pick(members));
        return;
      }
      case 'place':
      case 'home':
        if (ready.length > 0) this.place(random.pick(ready), change === 'home' ? '' : this.somewhere());
        return;
      case 'drop':
        if (ready.length > 0) this.drop(random.pick(ready));
    }
  }

  private place(name: string, comment: string): void {
    this.task = {
      statements: [`ALTER DATABASE ${name} COMMENT '${comment}'`],
      next: 0,
      done: () => undefined,
    };
  }

  private drop(name: string): void {
    const known = this.known.find((one) => one.name === name) as Known;
    this.workload.databases.delete(name);
    known.isDropAsked = true;
    this.task = { statements: [`DROP DATABASE ${name}`], next: 0, done: () => (known.isDropped = true) };
  }

  make(options: () => string): void {
    const known = { name: `d${++this.names}`, isMade: false, isDropAsked: false, isDropped: false };
    this.known.push(known);
    const create = (): string => `CREATE DATABASE ${known.name}${options()}`;
    this.task = {
      statements: [create(), ...tablesOf(known.name)],
      next: 0,
      instead: create,
      done: () => {
        known.isMade = true;
        this.workload.databases.add(known.name);
      },
    };
  }

  /** Votes once it is there. */
  private join(joiner: SimulatedNode): void {
    this.task = {
      statements: [TOKEN, `SELECT p2pdb_set_voter('${joiner.name}', 1)`],
      next: 0,
      joiner,
      done: () => undefined,
    };
  }

  private remove(leaver: SimulatedNode): void {
    this.task = {
      statements: [`SELECT p2pdb_remove_member('${leaver.name}')`],
      next: 0,
      leaver,
      done: () => undefined,
    };
  }

  /** On some of the nodes; few, where nodes are removed: each counts then. */
  somewhere(): string {
    const { random, cluster } = this;
    const names = cluster.nodes.filter(({ isAway }) => !isAway).map(({ name }) => name);
    const count = this.moves ? random.pick([1, 2, 2, 3]) : 1 + random.below(names.length);
    return `p2pdb:replicas=${random.sample(names, Math.min(count, names.length)).join()}`;
  }

  private ask(task: Task, via: SimulatedNode): void {
    const { cluster } = this;
    const { run } = via;
    const asked = (this.asked = { via, run });
    const sql = task.statements[task.next] as string;
    const say = (outcome: string): void => cluster.trace(() => `** ${sql}, through ${via.name}: ${outcome}`);
    cluster.plan(cluster.now, via, () => {
      if (!via.isUp || via.run !== run) return;
      if (task.leaver && !this.mayGo(task.leaver, via)) {
        say('not now');
        this.asked = undefined;
        this.task = undefined;
        return;
      }
      const client = this.workload.client(via);
      client.onEnded = () => (this.asked = undefined);
      const work = async (): Promise<void> => {
        try {
          if (!task.leaver) await client.sql(`SET p2pdb_commit = 'final'`);
          const { rows } = await client.sql(sql);
          if (task.joiner && sql === TOKEN) await admit(task.joiner, via, String(rows[0]?.[0]));
          say('done');
          task.next++;
        } catch (error) {
          if (!(error instanceof StatementError)) throw error;
          say(`${error.errno} ${error.message}`);
          if (ANSWERS.has(error.errno)) task.next++;
          else if (error.errno === WRONG_ARGUMENTS) {
            if (task.instead) task.statements[task.next] = task.instead();
            else task.next = task.statements.length;
          }
        }
        client.close();
        if (this.asked === asked) this.asked = undefined;
        if (task.next < task.statements.length) return;
        task.done();
        this.task = undefined;
      };
      work().catch((error: unknown) => cluster.fail(`${sql} through ${via.name} fails: ${(error as Error).stack}`));
    });
  }

  /**
   * As a person would see to it: who is removed is linked to the one that is asked, and so hands over what it hosts; or each group that it
   * hosts has a majority without it, as its other hosts say. Of a group whose other hosts are down nobody knows who votes.
   */
  private mayGo(leaver: SimulatedNode, via: SimulatedNode): boolean {
    const { cluster } = this;
    if (leaver === via || via.life?.peering.isUp(leaver.id) === true) return true;
    const lives = cluster.up.flatMap((node) => (node === leaver ? [] : (node.life ?? [])));
    const hosted = lives.flatMap(({ groups }) => [...groups.hosted]);
    const placed = lives.flatMap(({ engine }) => hostedDatabases(engine.core.catalog));
    return placed.every(({ placement: { group, hosts, leaving = [] } }) => {
      if (!hosts.includes(leaver.id) && !leaving.includes(leaver.id)) return true;
      const known = hosted.filter(({ name }) => name === group);
      return known.length > 0 && known.every(({ engine }) => this.decides(engine.membership.voters(), leaver));
    });
  }

  /** Of those who vote, enough are there without one. Who is down may have given its vote away, and nobody have heard of it. */
  private decides(voters: readonly string[], leaver: SimulatedNode): boolean {
    const left = voters.filter((id) => {
      const node = this.cluster.node(id);
      return node !== undefined && node !== leaver && node.isUp && this.isMember(node);
    });
    return left.length * 2 > voters.length;
  }
}

/** As a member does when a node asks it with a token; its answer may be lost. */
async function admit(joiner: SimulatedNode, via: SimulatedNode, token: string): Promise<void> {
  const reason = await via.life?.engine.core.roster.admit(joiner.id, joiner.name, Buffer.from(token, 'hex'));
  if (reason !== undefined) throw new StatementError(0, `it is not let in: ${reason}`);
}

/** Who knows most of the group that all nodes host. */
export function mostAhead({ up }: Cluster): SimulatedNode | undefined {
  const heightOf = ({ life }: SimulatedNode): number => life?.engine.core.replica.height ?? -1;
  return up.filter(({ isAway }) => !isAway).sort((a, b) => heightOf(b) - heightOf(a))[0];
}
