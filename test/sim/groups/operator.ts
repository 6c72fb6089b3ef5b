/** Whoever runs the cluster: has databases made on some nodes, moved to others, and dropped, in the midst of the faults. */
import type { Random } from '../kernel/random.ts';
import { StatementError } from '../replica/client.ts';
import type { Cluster } from '../replica/cluster.ts';
import type { SimulatedNode } from '../replica/node.ts';
import { tablesOf, type Workload } from './workload.ts';

const LOOK_MS = 30;
const DATABASES_MAX = 3;

type Change = 'make' | 'make-in-main' | 'place' | 'drop';

/** Statements, one after the other; each is asked for until it is answered, and may be carried out twice. */
interface Task {
  readonly statements: readonly string[];
  readonly done: () => void;
  next: number;
}

/** What was asked for and promised. */
export interface Known {
  readonly name: string;
  isMade: boolean;
  isDropAsked: boolean;
  isDropped: boolean;
}

/** It is done, or cannot be: a database that is there, or is not; hosts of which none hosts it now. */
const ANSWERS: ReadonlySet<number> = new Set([1007, 1008, 1235]);

export class Operator {
  readonly known: Known[] = [];
  private readonly cluster: Cluster;
  private readonly workload: Workload;
  private readonly random: Random;
  private task: Task | undefined;
  /** It was asked, in this run of it, and has not answered. */
  private asked: { readonly via: SimulatedNode; readonly run: number } | undefined;
  private resting = false;
  private names = 0;

  constructor(cluster: Cluster, workload: Workload, random: Random) {
    this.cluster = cluster;
    this.workload = workload;
    this.random = random;
  }

  start(): void {
    this.cluster.nowAndThen(this.random, LOOK_MS, () => this.look());
  }

  /** It begins nothing more. */
  rest(): void {
    this.resting = true;
  }

  get isIdle(): boolean {
    return this.task === undefined;
  }

  private look(): void {
    const { random, cluster, asked } = this;
    if (asked && asked.via.isUp && asked.via.run === asked.run) return;
    const vias = cluster.up.filter((node) => node.isServing);
    if (vias.length === 0) return;
    if (!this.task && !this.resting)
      this.begin(random.pick<Change>(['make', 'make', 'make-in-main', 'place', 'place', 'place', 'drop']));
    if (this.task) this.ask(this.task, random.pick(vias));
  }

  private begin(change: Change): void {
    const { workload, random } = this;
    const ready = [...workload.databases];
    if (change === 'make' || change === 'make-in-main') {
      if (ready.length >= DATABASES_MAX) return;
      this.make(change === 'make' ? ` COMMENT '${this.somewhere()}'` : '');
      return;
    }
    if (ready.length === 0) return;
    const name = random.pick(ready);
    if (change === 'place') {
      this.task = {
        statements: [`ALTER DATABASE ${name} COMMENT '${this.somewhere()}'`],
        next: 0,
        done: () => undefined,
      };
      return;
    }
    const known = this.known.find((one) => one.name === name) as Known;
    workload.databases.delete(name);
    known.isDropAsked = true;
    this.task = { statements: [`DROP DATABASE ${name}`], next: 0, done: () => (known.isDropped = true) };
  }

  make(options: string): void {
    const known = { name: `d${++this.names}`, isMade: false, isDropAsked: false, isDropped: false };
    this.known.push(known);
    this.task = {
      statements: [`CREATE DATABASE ${known.name}${options}`, ...tablesOf(known.name)],
      next: 0,
      done: () => {
        known.isMade = true;
        this.workload.databases.add(known.name);
      },
    };
  }

  /** On some of the nodes. */
  somewhere(): string {
    const { random, cluster } = this;
    const names = cluster.nodes.map(({ name }) => name);
    return `p2pdb:replicas=${random.sample(names, 1 + random.below(names.length)).join()}`;
  }

  private ask(task: Task, via: SimulatedNode): void {
    const { cluster } = this;
    const { run } = via;
    const asked = (this.asked = { via, run });
    const sql = task.statements[task.next] as string;
    cluster.plan(cluster.now, via, () => {
      if (!via.isUp || via.run !== run) return;
      const client = this.workload.client(via);
      client.onEnded = () => (this.asked = undefined);
      const say = (outcome: string): void => cluster.trace(() => `** ${sql}, through ${via.name}: ${outcome}`);
      const work = async (): Promise<void> => {
        try {
          await client.sql(`SET p2pdb_commit = 'final'`);
          await client.sql(sql);
          say('done');
          task.next++;
        } catch (error) {
          if (!(error instanceof StatementError)) throw error;
          say(`${error.errno} ${error.message}`);
          if (ANSWERS.has(error.errno)) task.next++;
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
}
