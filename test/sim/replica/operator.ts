/** Whoever runs the cluster: has nodes join and leave, vote and not vote, one change after the other, in the midst of the faults. */
import type { Random } from '../kernel/random.ts';
import { StatementError } from './client.ts';
import type { Cluster } from './cluster.ts';
import type { SimulatedNode } from './node.ts';
import type { Workload } from './workload.ts';

const LOOK_MS = 30;
/** Fewer members are not left by the others. */
const MEMBERS_LEAST = 2;
const TOKEN = 'SELECT p2pdb_join_token(500000, 1)';

type Change = 'join' | 'vote' | 'no-vote' | 'drain' | 'expel' | 'remove';

export class Operator {
  private readonly cluster: Cluster;
  private readonly workload: Workload;
  private readonly random: Random;
  /** Its members asked this one for a change, in this run of it, and have no answer. */
  private asked: { readonly via: SimulatedNode; readonly run: number } | undefined;
  /** To be removed once all that its clients were told is final. */
  private leaver: SimulatedNode | undefined;
  /** To be removed, whatever they have not given to the others yet. */
  private readonly expelled = new Set<SimulatedNode>();
  private resting = false;
  changes = 0;

  constructor(cluster: Cluster, workload: Workload, random: Random) {
    this.cluster = cluster;
    this.workload = workload;
    this.random = random;
  }

  start(): void {
    this.cluster.nowAndThen(this.random, LOOK_MS, () => this.look());
  }

  /** It asks for no more changes; what was asked for may yet come. */
  rest(): void {
    this.resting = true;
  }

  /** Every node is there that the members name, and no other. */
  get isSettled(): boolean {
    const known = this.mostAhead()?.life?.engine.membership;
    return known !== undefined && this.cluster.nodes.every((node) => known.isMember(node.id) !== node.isAway);
  }

  /** Who knows most. */
  private mostAhead(): SimulatedNode | undefined {
    const heightOf = ({ life }: SimulatedNode): number => life?.engine.core.replica.height ?? -1;
    return this.cluster.up.sort((a, b) => heightOf(b) - heightOf(a))[0];
  }

  private look(): void {
    const { random, cluster } = this;
    this.follow();
    const { asked } = this;
    const isWaiting = asked !== undefined && asked.via.isUp && asked.via.run === asked.run;
    if (isWaiting || this.resting) return;
    const vias = cluster.up.filter((node) => !node.isAway && node !== this.leaver && node.isServing);
    if (vias.length === 0) return;
    const via = random.pick(vias);
    const change = this.leaver
      ? 'remove'
      : random.pick<Change>(['join', 'join', 'vote', 'vote', 'no-vote', 'drain', 'expel']);
    const work = this.workOf(change, via);
    if (!work) return;
    const { run } = via;
    this.asked = { via, run };
    cluster.plan(cluster.now, via, () => {
      if (!via.isUp || via.run !== run) return;
      work()
        .catch((error: unknown) => {
          if (!(error instanceof StatementError)) throw error;
          cluster.trace(() => `** ${change} is not done: ${error.message}`);
        })
        .then(() => (this.asked = undefined))
        .catch((error: unknown) => cluster.fail(`${change} through ${via.name} fails: ${(error as Error).stack}`));
    });
  }

  /** What is asked of a node; undefined where there is nothing to change. */
  private workOf(change: Change, via: SimulatedNode): (() => Promise<void>) | undefined {
    const { random, cluster } = this;
    const membership = via.life?.engine.membership;
    if (!membership) return undefined;
    const members = cluster.nodes.filter(({ id }) => membership.isMember(id));
    const voters = members.filter(({ id }) => membership.voters().includes(id));
    const pick = (nodes: readonly SimulatedNode[]): SimulatedNode | undefined =>
      nodes.length > 0 ? random.pick(nodes) : undefined;
    const say = (node: SimulatedNode): void => cluster.trace(() => `** ${change} ${node.name}, through ${via.name}`);
    const ask = (node: SimulatedNode | undefined, sql: string): (() => Promise<void>) | undefined =>
      node &&
      (async () => {
        say(node);
        await this.workload.client(via).sql(sql);
        this.changes++;
      });
    switch (change) {
      case 'join': {
        const joiner = pick(
          cluster.nodes.filter(({ isAway, id }) => isAway && !membership.all().some((m) => m.id === id)),
        );
        return joiner && (() => (say(joiner), this.admit(joiner, via)));
      }
      case 'vote': {
        const node = pick(members.filter((member) => !voters.includes(member)));
        return ask(node, `SELECT p2pdb_set_voter('${node?.name}', 1)`);
      }
      case 'no-vote': {
        const node = voters.length > 1 ? pick(voters) : undefined;
        return ask(node, `SELECT p2pdb_set_voter('${node?.name}', 0)`);
      }
      case 'expel': {
        const node = members.length > MEMBERS_LEAST ? pick(members) : undefined;
        if (!node || node === via) return undefined;
        this.expelled.add(node);
        return ask(node, `SELECT p2pdb_remove_member('${node.name}')`);
      }
      case 'drain':
        if (members.length > MEMBERS_LEAST) this.leaver = pick(members);
        if (this.leaver) this.workload.leavers.add(this.leaver);
        return undefined;
      case 'remove': {
        const replica = this.leaver?.life?.engine.core.replica;
        const isDrained = replica?.tentative === 0 && this.workload.isQuiet(this.leaver as SimulatedNode);
        return isDrained ? ask(this.leaver, `SELECT p2pdb_remove_member('${this.leaver?.name}')`) : undefined;
      }
    }
  }

  /** As a member does when a node asks it with a token; its answer may be lost. */
  private async admit(joiner: SimulatedNode, via: SimulatedNode): Promise<void> {
    const { rows } = await this.workload.client(via).sql(TOKEN);
    const secret = Buffer.from(String(rows[0]?.[0]), 'hex');
    const reason = await via.life?.engine.core.roster.admit(joiner.id, joiner.name, secret);
    this.cluster.trace(() => `** ${joiner.name} is ${reason ?? 'let in'}`);
    this.changes++;
  }

  /** Who was let in starts; who was removed ends a little later, if it does not find out by itself. */
  private follow(): void {
    const { cluster, random } = this;
    const ahead = this.mostAhead();
    const known = ahead?.life?.engine.membership;
    if (!known) return;
    for (const node of cluster.nodes) {
      const isMember = known.isMember(node.id);
      if (isMember === !node.isAway) continue;
      if (isMember) {
        cluster.trace(() => `** ${node.name} joins`);
        node.isAway = false;
        const introduced = known.members().map(String);
        node.onStarted = () => this.workload.serve(node);
        cluster.plan(cluster.now, node, () => node.start({ ...cluster.genesis, introduced }));
      } else if (this.resting || random.chance(0.2)) {
        cluster.trace(() => `** ${node.name} goes`);
        node.crash();
        node.isAway = true;
        node.isDrained = this.leaver === node && !this.expelled.has(node);
        if (this.leaver === node) this.leaver = undefined;
      }
    }
  }
}
