/**
 * Who leads, as this node sees it: whom it follows, when it asks whether it may lead, and how long it goes on. Nothing here binds
 * anybody: that is the acceptor's.
 */
import type { Acceptor } from './acceptor.ts';
import type { CatchUp } from './catch-up.ts';
import type { Decisions } from './decisions.ts';
import { type Ballot, compareBallots, height, type Height, next, type NodeId } from './ids.ts';
import type { Message } from './messages.ts';
import type { ConsensusOptions } from './options.ts';
import type { Outbox } from './outbox.ts';
import { Proposer, type ProposerContext } from './proposer.ts';
import type { VoterSchedule, VoterSet } from './voters.ts';

export interface LeadershipContext extends Pick<ConsensusOptions, 'self' | 'random' | 'timing'> {
  readonly out: Outbox;
  readonly schedule: VoterSchedule;
  readonly acceptor: Acceptor;
  readonly decisions: Decisions;
  readonly catchUp: CatchUp;
  readonly proposing: ProposerContext;
}

export class Leadership {
  private readonly context: LeadershipContext;
  /** Who is told of a leader: these, and the voters. */
  members: ReadonlySet<NodeId> = new Set();
  /** Nodes whose link went down and did not come up again. */
  private readonly unlinked = new Set<NodeId>();

  private ownProposer: Proposer | undefined;
  private preVotes: { readonly ballot: Ballot; readonly grants: Set<NodeId> } | undefined;
  private followed: Ballot | undefined;
  private highestRound = 0;

  private livedMs = 0;
  private lastTickMs = 0;
  private leaderHeardAt = -Infinity;
  private electionAt = 0;
  private beatAt = 0;
  /** When this node, leading, took a higher ballot. */
  private raisedAt = -Infinity;
  /** When this leader's vote ended. */
  private votelessAt: number | undefined;

  constructor(context: LeadershipContext) {
    this.context = context;
  }

  /** Of a node that leads, or asks the voters whether it may. */
  get proposer(): Proposer | undefined {
    return this.ownProposer;
  }

  get leader(): Ballot | undefined {
    return this.followed;
  }

  /** Milliseconds that this node lived through; unlike a clock's they neither jump nor turn back. */
  get now(): number {
    return this.livedMs;
  }

  start(nowMs: number): void {
    const { random, schedule, timing } = this.context;
    this.lastTickMs = nowMs;
    // It may be that nobody leads yet; where somebody does, the voters refuse.
    this.electionAt = this.now + timing.heartbeatMs * (2 + 4 * random());
    const voters = schedule.at(this.first);
    if (voters?.nodes.length === 1) this.startElection();
  }

  tick(nowMs: number): void {
    const { schedule, self, timing } = this.context;
    const { heartbeatMs, electionMs, resendMs } = timing;
    // A clock that jumps, or a process that stood still, must not look like the silence of others.
    this.livedMs += Math.min(Math.max(nowMs - this.lastTickMs, 0), heartbeatMs);
    this.lastTickMs = nowMs;
    const { proposer } = this;
    if (!proposer) {
      if (this.now >= this.electionAt) this.startElection();
      return;
    }
    const age = this.now - proposer.since;
    proposer.expect(schedule.votersFrom(this.first), this.now);
    const voters = schedule.at(this.first);
    if (voters?.has(self)) this.votelessAt = undefined;
    if (!proposer.leading) {
      if (age >= electionMs) return this.stepDown();
    } else if (voters && !voters.has(self) && this.mayResign(proposer, voters)) {
      return this.resign(proposer, voters);
    } else if (voters && age >= electionMs && !proposer.inContact(voters, this.now - this.patience(voters))) {
      return this.stepDown();
    }
    if (this.now >= this.beatAt) this.beat(proposer);
    proposer.resend(this.now - resendMs, this.now);
  }

  /** What every step may have made possible. */
  settle(): void {
    const { proposer } = this;
    if (!proposer) return;
    if (proposer.tryLead()) {
      this.setLeader(proposer.ballot);
      this.beat(proposer);
    }
    proposer.advance(this.now);
  }

  /** The proposer that an answer belongs to, if it is still this one; the answer shows that `from` hears it. */
  ifMine(from: NodeId, ballot: Ballot): Proposer | undefined {
    const { proposer } = this;
    if (!proposer || compareBallots(ballot, proposer.ballot) !== 0) return undefined;
    proposer.heard(from, this.now);
    return proposer;
  }

  /** True unless a promise stands against it. That a leader of a higher ballot was heard of binds nobody: it is only who is followed. */
  obey(from: NodeId, ballot: Ballot): boolean {
    const { acceptor, out } = this.context;
    if (ballot.node !== from) {
      out.drop(from, 'impostor');
      return false;
    }
    if (this.hasVote && !acceptor.mayFollow(ballot)) {
      this.nack(from, ballot);
      return false;
    }
    if (!this.hasHigherLeader(from, ballot)) this.follow(ballot);
    return true;
  }

  nack(to: NodeId, ballot: Ballot): void {
    const { acceptor, out } = this.context;
    out.send(to, { kind: 'nack', ballot, promised: acceptor.promised });
  }

  /** The ballot of `from` was promised. */
  promisedTo(from: NodeId, ballot: Ballot): void {
    if (this.hasHigherLeader(from, ballot)) return;
    if (this.proposer) this.stepDown();
    this.preVotes = undefined;
    if (this.leader?.node !== from) this.setLeader(undefined);
    this.postponeElection();
  }

  stepDown(): void {
    this.ownProposer = undefined;
    this.preVotes = undefined;
    this.setLeader(undefined);
    this.postponeElection();
  }

  onLink(node: NodeId, up: boolean): void {
    if (up) this.unlinked.delete(node);
    else this.unlinked.add(node);
    if (this.proposer || (up ? this.leader !== undefined : this.leader?.node !== node)) return;
    const { random, timing } = this.context;
    if (!up) this.leaderHeardAt = -Infinity;
    this.electionAt = Math.min(this.electionAt, this.now + timing.heartbeatMs * (1 + 2 * random()));
  }

  onPreVote(from: NodeId, { ballot, chosen }: Extract<Message, { kind: 'pre-vote' }>): void {
    const { acceptor, catchUp, decisions, out } = this.context;
    if (ballot.node !== from) return out.drop(from, 'impostor');
    if (acceptor.abstains) return;
    const live = this.hasLiveLeader(from);
    if (!live && compareBallots(ballot, acceptor.promised) <= 0) return this.nack(from, ballot);
    const { watermark } = decisions;
    // Whoever is behind would only have to learn first what others know.
    const granted = !live && chosen >= watermark;
    out.send(from, { kind: 'pre-vote-reply', ballot, granted, chosen: watermark });
    catchUp.peerHas(from, chosen, this.now);
  }

  onPreVoteReply(from: NodeId, { ballot, granted }: Extract<Message, { kind: 'pre-vote-reply' }>): void {
    if (!granted || !this.preVotes || compareBallots(ballot, this.preVotes.ballot) !== 0) return;
    this.preVotes.grants.add(from);
    this.countPreVotes();
  }

  onNack(ballot: Ballot, promised: Ballot): void {
    const news = promised.round > this.highestRound;
    this.highestRound = Math.max(this.highestRound, promised.round);
    if (this.preVotes && compareBallots(ballot, this.preVotes.ballot) === 0) {
      if (news) this.startElection();
      return;
    }
    const { proposer } = this;
    if (!proposer || compareBallots(ballot, proposer.ballot) !== 0 || compareBallots(promised, ballot) <= 0) return;
    const { schedule, self, timing } = this.context;
    const voters = schedule.at(this.first);
    // One voter promised itself to a campaign that came to nothing, or to a leader of earlier voters, while a majority hears this
    // leader: it takes a higher ballot and goes on leading. Not twice in a row, else two proposers could outbid each other for long.
    const mayRaise = proposer.leading && this.now - this.raisedAt >= timing.electionMs;
    if (mayRaise && voters?.has(self) && proposer.inContact(voters, this.now - 3 * timing.heartbeatMs)) {
      this.raisedAt = this.now;
      this.campaign();
    } else this.stepDown();
  }

  onResign(from: NodeId, ballot: Ballot, successor: NodeId): void {
    const { acceptor, out, self } = this.context;
    if (ballot.node !== from) return out.drop(from, 'impostor');
    if (!acceptor.mayFollow(ballot) || this.hasHigherLeader(from, ballot) || this.proposer) return;
    this.setLeader(undefined);
    this.postponeElection();
    if (successor === self) this.startElection();
  }

  // Who may lead

  /** The first height whose decision is unknown here. */
  private get first(): Height {
    return next(this.context.decisions.watermark);
  }

  /** Now, or as far as is known. A promise of one that has none binds nobody: no leader would raise its ballot for it. */
  private get hasVote(): boolean {
    const { schedule, self } = this.context;
    return schedule.votersFrom(this.first).includes(self);
  }

  private nextBallot(): Ballot {
    const { acceptor, self } = this.context;
    return { round: Math.max(this.highestRound, acceptor.promised.round) + 1, node: self };
  }

  private postponeElection(): void {
    const { random, timing } = this.context;
    this.electionAt = this.now + timing.electionMs * (1 + random());
  }

  /** Asks whether a campaign would be welcome; nobody's promise changes by that, so nobody is disturbed. */
  private startElection(): void {
    const { acceptor, decisions, out, schedule, self } = this.context;
    this.setLeader(undefined);
    this.preVotes = undefined;
    this.postponeElection();
    const voters = schedule.at(this.first);
    if (acceptor.abstains || !voters?.has(self)) return this.probe();
    const ballot = this.nextBallot();
    this.preVotes = { ballot, grants: new Set([self]) };
    for (const node of voters.nodes) {
      if (node !== self) out.send(node, { kind: 'pre-vote', ballot, chosen: decisions.watermark });
    }
    this.countPreVotes();
  }

  /** A node without a vote and without a leader finds out by asking somebody, anybody in turn. */
  private probe(): void {
    const { catchUp, random, schedule, self } = this.context;
    const others = [...this.members.union(new Set(schedule.votersFrom(height(0))))];
    const peers = others.filter((node) => node !== self);
    const peer = peers[Math.floor(random() * peers.length)];
    if (peer !== undefined) catchUp.probe(peer, this.now);
  }

  private countPreVotes(): void {
    const { preVotes } = this;
    if (!preVotes) return;
    const voters = this.context.schedule.at(this.first);
    if (voters?.isQuorum((node) => preVotes.grants.has(node))) this.campaign();
  }

  private campaign(): void {
    const { acceptor, decisions, proposing, self } = this.context;
    this.preVotes = undefined;
    this.votelessAt = undefined;
    const ballot = this.nextBallot();
    const { watermark } = decisions;
    const proposer = new Proposer(proposing, ballot, this.now);
    acceptor.promise(ballot);
    proposer.promised(self, watermark, acceptor.report(watermark));
    this.ownProposer = proposer;
    this.beat(proposer);
  }

  // Who leads

  /** Heartbeats to all who follow; to voters whose promise is missing, the question for it, which says as much. */
  private beat(proposer: Proposer): void {
    const { decisions, out, schedule, self, timing } = this.context;
    const { ballot, leading } = proposer;
    const chosen = decisions.watermark;
    this.beatAt = this.now + timing.heartbeatMs;
    for (const node of proposer.unpromised()) {
      if (node !== self) out.send(node, { kind: 'prepare', ballot, chosen });
    }
    if (!leading) return;
    const voters = new Set(schedule.votersFrom(this.first));
    for (const node of voters.union(this.members)) {
      if (node !== self) out.send(node, { kind: 'heartbeat', ballot, chosen, ack: voters.has(node) });
    }
  }

  /** How long a leader does without an answer of a majority: only where there are links may they be busy. */
  private patience(voters: VoterSet): number {
    const { electionMs, silenceMs } = this.context.timing;
    return voters.isQuorum((node) => !this.unlinked.has(node)) ? silenceMs : electionMs;
  }

  /** A leader without a vote stays until the voters can go on without it, or have had time enough to. */
  private mayResign(proposer: Proposer, voters: VoterSet): boolean {
    const { decisions, timing } = this.context;
    this.votelessAt ??= this.now;
    if (this.now - this.votelessAt >= timing.electionMs) return true;
    return voters.isQuorum((node) => proposer.knows(node, decisions.watermark));
  }

  /** The others need not wait for its silence. */
  private resign(proposer: Proposer, voters: VoterSet): void {
    const { decisions, out } = this.context;
    const ready = voters.nodes.filter((node) => proposer.knows(node, decisions.watermark));
    const successor = ready[0] ?? voters.nodes[0];
    if (successor === undefined) throw new Error('a height without voters');
    for (const node of voters.nodes) out.send(node, { kind: 'resign', ballot: proposer.ballot, successor });
    this.stepDown();
  }

  private setLeader(ballot: Ballot | undefined): void {
    const { acceptor, out } = this.context;
    const before = this.followed;
    this.followed = ballot;
    if (before?.node === ballot?.node && before?.round === ballot?.round) return;
    out.push({ kind: 'leader', node: ballot?.node, ballot: ballot ?? acceptor.promised });
  }

  /** A live leader spoke. */
  private follow(ballot: Ballot): void {
    if (this.proposer && compareBallots(this.proposer.ballot, ballot) < 0) this.ownProposer = undefined;
    this.preVotes = undefined;
    this.setLeader(ballot);
    // Whoever follows it stays with it while another leads by a ballot below.
    this.highestRound = Math.max(this.highestRound, ballot.round);
    this.leaderHeardAt = this.now;
    const { random, timing } = this.context;
    this.electionAt = this.now + timing.silenceMs + timing.electionMs * random();
  }

  private hasLiveLeader(except: NodeId): boolean {
    if (this.proposer?.leading) return true;
    if (!this.leader || this.leader.node === except) return false;
    return this.now - this.leaderHeardAt < this.context.timing.silenceMs;
  }

  /** Another leads by a higher ballot, as far as this node has heard. */
  private hasHigherLeader(from: NodeId, ballot: Ballot): boolean {
    return this.leader !== undefined && compareBallots(ballot, this.leader) < 0 && this.hasLiveLeader(from);
  }
}
