/** Multi-Paxos as a pure state machine: events in, effects out. See DESIGN.md. */
import { Acceptor, type AcceptOutcome } from './acceptor.ts';
import { CatchUp } from './catch-up.ts';
import { type Certificate, knowingOwn } from './certificate.ts';
import { Decisions } from './decisions.ts';
import type { Effect, Event } from './events.ts';
import { type Ballot, compareBallots, height, type Height, next, type NodeId } from './ids.ts';
import { LeaderVotes } from './leader-votes.ts';
import { ACCEPT_AHEAD, type Decision, type Message, VALUE_BYTES_MAX } from './messages.ts';
import type { ConsensusOptions, Restored } from './options.ts';
import { Outbox } from './outbox.ts';
import { Proposer, type ProposerContext } from './proposer.ts';
import { VoterSchedule, type VoterSet, type VoterSpan } from './voters.ts';

/** Who has no vote neither leads nor says who may. */
const OF_VOTERS: ReadonlySet<Message['kind']> = new Set<Message['kind']>([
  'pre-vote',
  'prepare',
  'accept',
  'nack',
  'heartbeat',
  'resign',
]);

export class Consensus {
  private readonly options: ConsensusOptions;
  private readonly out = new Outbox();
  private readonly schedule: VoterSchedule;
  private readonly acceptor: Acceptor;
  private readonly leaderVotes: LeaderVotes;
  private readonly decisions: Decisions;
  private readonly catchUp: CatchUp;
  private readonly proposerContext: ProposerContext;
  private members: ReadonlySet<NodeId> = new Set();
  /** Nodes whose link went down and did not come up again. */
  private readonly unlinked = new Set<NodeId>();
  private abstain: boolean;

  private proposer: Proposer | undefined;
  private preVotes: { readonly ballot: Ballot; readonly grants: Set<NodeId> } | undefined;
  private leader: Ballot | undefined;
  private highestRound = 0;

  /** Milliseconds that this node lived through; unlike `nowMs` it neither jumps nor turns back. */
  private now = 0;
  private lastTickMs = 0;
  private leaderHeardAt = -Infinity;
  private electionAt = 0;
  private beatAt = 0;
  /** When this node, leading, took a higher ballot. */
  private raisedAt = -Infinity;
  /** When this leader's vote ended. */
  private votelessAt: number | undefined;

  constructor(options: ConsensusOptions, restored: Restored) {
    const { self, group } = options;
    const crypto = knowingOwn(options.crypto, self);
    const { out } = this;
    this.options = options;
    this.abstain = restored.abstain;
    this.schedule = new VoterSchedule(restored.applied, restored.spans, options.window);
    this.acceptor = new Acceptor(group, crypto, out);
    for (const record of restored.records) this.acceptor.restore(record);
    const chosen = restored.records.flatMap((record) => (record.kind === 'chosen' ? [record.decision] : []));
    this.decisions = new Decisions(group, crypto, out, this.schedule, chosen);
    this.acceptor.forget(this.decisions.watermark);
    this.leaderVotes = new LeaderVotes(self, out, this.schedule, this.acceptor);
    this.catchUp = new CatchUp(out, this.schedule, this.decisions, 2 * options.timing.heartbeatMs);
    this.proposerContext = {
      self,
      group,
      crypto,
      out,
      schedule: this.schedule,
      decisions: this.decisions,
      acceptHere: (ballot, h, value, known) => {
        this.answerAccept(ballot, h, this.acceptor.accept(ballot, h, value, known));
      },
      decided: (h, hash, value, certificate) => {
        this.tellChosen(h, hash, value, certificate);
        this.decisions.add(h, value, certificate);
      },
    };
  }

  /** The applied height's voter spans: to be kept with the applied state, atomically. */
  /** A peer says that more was chosen than is known here. */
  get isBehind(): boolean {
    return this.catchUp.isBehind;
  }

  get spans(): VoterSpan[] {
    return this.schedule.spans();
  }

  step(event: Event): Effect[] {
    switch (event.kind) {
      case 'start':
        this.start(event.nowMs);
        break;
      case 'tick':
        this.tick(event.nowMs);
        break;
      case 'message':
        this.receive(event.from, event.message);
        break;
      case 'members':
        this.members = new Set(event.nodes);
        break;
      case 'link':
        this.onLink(event.node, event.up);
        break;
      case 'propose':
        if (event.value.length > VALUE_BYTES_MAX) throw new RangeError(`a value of ${event.value.length} bytes`);
        this.proposer?.offer(event.height, event.value, event.held, this.now);
        break;
      case 'validated': {
        const outcome = this.acceptor.validated(event.height, event.ballot, event.ok);
        if (outcome) this.answerAccept(event.ballot, event.height, outcome);
        break;
      }
      case 'applied':
        this.applied(event.height, event.voters);
        break;
      case 'chosen-known':
        this.learn(this.options.self, event);
        break;
      case 'vote':
        this.abstain = false;
        break;
      case 'snapshot':
        if (event.height > this.schedule.applied) {
          this.schedule.reset(event.height, event.spans);
          if (event.height > this.decisions.watermark) {
            this.decisions.skipTo(event.height);
            this.truncate(event.height);
          }
          this.catchUp.ask(this.now);
        }
        break;
    }
    this.settle();
    return this.out.take();
  }

  /** What every step may have made possible. */
  private settle(): void {
    this.acceptor.forget(this.decisions.watermark);
    this.leaderVotes.forget(this.decisions.watermark);
    const { proposer } = this;
    if (!proposer) return;
    if (proposer.tryLead()) {
      this.setLeader(proposer.ballot);
      this.beat(proposer);
    }
    proposer.advance(this.now);
  }

  // Time

  private start(nowMs: number): void {
    this.lastTickMs = nowMs;
    this.decisions.replay();
    // It may be that nobody leads yet; where somebody does, the voters refuse.
    this.electionAt = this.now + this.options.timing.heartbeatMs * (2 + 4 * this.options.random());
    const voters = this.schedule.at(this.first);
    if (voters?.nodes.length === 1) this.startElection();
  }

  private tick(nowMs: number): void {
    const { heartbeatMs, electionMs, resendMs } = this.options.timing;
    // A clock that jumps, or a process that stood still, must not look like the silence of others.
    this.now += Math.min(Math.max(nowMs - this.lastTickMs, 0), heartbeatMs);
    this.lastTickMs = nowMs;
    const { proposer } = this;
    if (!proposer) {
      if (this.now >= this.electionAt) this.startElection();
      return;
    }
    const age = this.now - proposer.since;
    proposer.expect(this.schedule.votersFrom(this.first), this.now);
    const voters = this.schedule.at(this.first);
    if (voters?.has(this.options.self)) this.votelessAt = undefined;
    if (!proposer.leading) {
      if (age >= electionMs) return this.stepDown();
    } else if (voters && !voters.has(this.options.self) && this.mayResign(proposer, voters)) {
      return this.resign(proposer, voters);
    } else if (voters && age >= electionMs && !proposer.inContact(voters, this.now - this.patience(voters))) {
      return this.stepDown();
    }
    if (this.now >= this.beatAt) this.beat(proposer);
    proposer.resend(this.now - resendMs, this.now);
  }

  private postponeElection(): void {
    this.electionAt = this.now + this.options.timing.electionMs * (1 + this.options.random());
  }

  /** How long a leader does without an answer of a majority: only where there are links may they be busy. */
  private patience(voters: VoterSet): number {
    const { electionMs, silenceMs } = this.options.timing;
    return voters.isQuorum((node) => !this.unlinked.has(node)) ? silenceMs : electionMs;
  }

  // Elections

  /** The first height whose decision is unknown here. */
  private get first(): Height {
    return next(this.decisions.watermark);
  }

  /** Now, or as far as is known. A promise of one that has none binds nobody: no leader would raise its ballot for it. */
  private get hasVote(): boolean {
    return this.schedule.votersFrom(this.first).includes(this.options.self);
  }

  private nextBallot(): Ballot {
    return { round: Math.max(this.highestRound, this.acceptor.promised.round) + 1, node: this.options.self };
  }

  /** Asks whether a campaign would be welcome; nobody's promise changes by that, so nobody is disturbed. */
  private startElection(): void {
    this.setLeader(undefined);
    this.preVotes = undefined;
    this.postponeElection();
    const { self } = this.options;
    const voters = this.schedule.at(this.first);
    if (this.abstain || !voters?.has(self)) return this.probe();
    const ballot = this.nextBallot();
    this.preVotes = { ballot, grants: new Set([self]) };
    for (const node of voters.nodes) {
      if (node !== self) this.out.send(node, { kind: 'pre-vote', ballot, chosen: this.decisions.watermark });
    }
    this.countPreVotes();
  }

  /** A node without a vote and without a leader finds out by asking somebody, anybody in turn. */
  private probe(): void {
    const others = [...this.members.union(new Set(this.schedule.votersFrom(height(0))))];
    const peers = others.filter((node) => node !== this.options.self);
    const peer = peers[Math.floor(this.options.random() * peers.length)];
    if (peer !== undefined) this.catchUp.probe(peer, this.now);
  }

  private countPreVotes(): void {
    const { preVotes } = this;
    if (!preVotes) return;
    const voters = this.schedule.at(this.first);
    if (voters?.isQuorum((node) => preVotes.grants.has(node))) this.campaign();
  }

  private campaign(): void {
    this.preVotes = undefined;
    this.votelessAt = undefined;
    const ballot = this.nextBallot();
    const { watermark } = this.decisions;
    const proposer = new Proposer(this.proposerContext, ballot, this.now);
    this.acceptor.promise(ballot);
    proposer.promised(this.options.self, watermark, this.acceptor.report(watermark));
    this.proposer = proposer;
    this.beat(proposer);
  }

  /** Heartbeats to all who follow; to voters whose promise is missing, the question for it, which says as much. */
  private beat(proposer: Proposer): void {
    const { self, timing } = this.options;
    const { ballot, leading } = proposer;
    const chosen = this.decisions.watermark;
    this.beatAt = this.now + timing.heartbeatMs;
    for (const node of proposer.unpromised()) {
      if (node !== self) this.out.send(node, { kind: 'prepare', ballot, chosen });
    }
    if (!leading) return;
    const voters = new Set(this.schedule.votersFrom(this.first));
    for (const node of voters.union(this.members)) {
      if (node !== self) this.out.send(node, { kind: 'heartbeat', ballot, chosen, ack: voters.has(node) });
    }
  }

  private stepDown(): void {
    this.proposer = undefined;
    this.preVotes = undefined;
    this.setLeader(undefined);
    this.postponeElection();
  }

  /** A leader without a vote stays until the voters can go on without it, or have had time enough to. */
  private mayResign(proposer: Proposer, voters: VoterSet): boolean {
    this.votelessAt ??= this.now;
    if (this.now - this.votelessAt >= this.options.timing.electionMs) return true;
    return voters.isQuorum((node) => proposer.knows(node, this.decisions.watermark));
  }

  /** The others need not wait for its silence. */
  private resign(proposer: Proposer, voters: VoterSet): void {
    const ready = voters.nodes.filter((node) => proposer.knows(node, this.decisions.watermark));
    const successor = ready[0] ?? voters.nodes[0];
    if (successor === undefined) throw new Error('a height without voters');
    for (const node of voters.nodes) this.out.send(node, { kind: 'resign', ballot: proposer.ballot, successor });
    this.stepDown();
  }

  private setLeader(ballot: Ballot | undefined): void {
    const before = this.leader;
    this.leader = ballot;
    if (before?.node === ballot?.node && before?.round === ballot?.round) return;
    this.out.push({ kind: 'leader', node: ballot?.node, ballot: ballot ?? this.acceptor.promised });
  }

  /** A live leader spoke. */
  private follow(ballot: Ballot): void {
    if (this.proposer && compareBallots(this.proposer.ballot, ballot) < 0) this.proposer = undefined;
    this.preVotes = undefined;
    this.setLeader(ballot);
    // Whoever follows it stays with it while another leads by a ballot below.
    this.highestRound = Math.max(this.highestRound, ballot.round);
    this.leaderHeardAt = this.now;
    const { electionMs, silenceMs } = this.options.timing;
    this.electionAt = this.now + silenceMs + electionMs * this.options.random();
  }

  private onLink(node: NodeId, up: boolean): void {
    if (up) this.unlinked.delete(node);
    else this.unlinked.add(node);
    if (this.proposer || (up ? this.leader !== undefined : this.leader?.node !== node)) return;
    const { random, timing } = this.options;
    if (!up) this.leaderHeardAt = -Infinity;
    this.electionAt = Math.min(this.electionAt, this.now + timing.heartbeatMs * (1 + 2 * random()));
  }

  private hasLiveLeader(except: NodeId): boolean {
    if (this.proposer?.leading) return true;
    if (!this.leader || this.leader.node === except) return false;
    return this.now - this.leaderHeardAt < this.options.timing.silenceMs;
  }

  // Messages

  private receive(from: NodeId, message: Message): void {
    const { out } = this;
    if (from === this.options.self) return out.drop(from, 'impostor');
    const isVoter = this.schedule.votersFrom(height(0)).includes(from);
    if (!this.members.has(from) && !isVoter) return out.drop(from, 'stranger');
    // A leader that loses its vote still leads, and says who follows it.
    if (!isVoter && from !== this.leader?.node && OF_VOTERS.has(message.kind)) {
      // One that this node does not know of as a voter yet has the decisions that tell of it.
      if ('chosen' in message && typeof message.chosen === 'number')
        this.catchUp.peerHas(from, message.chosen, this.now);
      return out.drop(from, 'stranger');
    }
    switch (message.kind) {
      case 'pre-vote':
        return this.onPreVote(from, message);
      case 'pre-vote-reply':
        this.catchUp.peerHas(from, message.chosen, this.now);
        if (!message.granted || !this.preVotes || compareBallots(message.ballot, this.preVotes.ballot) !== 0) return;
        this.preVotes.grants.add(from);
        return this.countPreVotes();
      case 'prepare':
        return this.onPrepare(from, message);
      case 'promise':
        this.catchUp.peerHas(from, message.chosen, this.now);
        return this.ifMine(from, message.ballot)?.promised(from, message.chosen, message.accepted);
      case 'accept':
        return this.onAccept(from, message);
      case 'accepted':
        if (message.ballot.node === from) {
          this.leaderVotes.note(message.height, message, this.decisions.watermark);
          return this.decideHere(message.height);
        }
        if (this.ifMine(from, message.ballot)?.vote(from, message.height, message.signature) === false) {
          out.drop(from, 'signature');
        }
        return;
      case 'nack':
        return this.onNack(message.ballot, message.promised);
      case 'chosen':
        return this.onChosen(from, message);
      case 'heartbeat':
        if (!this.obey(from, message.ballot)) return;
        if (message.ack) {
          out.send(from, { kind: 'heartbeat-ack', ballot: message.ballot, chosen: this.decisions.watermark });
        }
        return this.catchUp.peerHas(from, message.chosen, this.now);
      case 'heartbeat-ack':
        this.ifMine(from, message.ballot)?.told(from, message.chosen);
        return this.catchUp.peerHas(from, message.chosen, this.now);
      case 'resign':
        return this.onResign(from, message.ballot, message.successor);
      case 'ask-chosen':
        return this.decisions.serve(from, message.from);
      case 'decisions': {
        const before = this.decisions.watermark;
        for (const decision of message.decisions) this.learn(from, decision);
        if (this.decisions.watermark > before) this.catchUp.helped(from, message.chosen, this.now);
        return;
      }
      case 'pruned':
        return this.catchUp.pruned(from, message.oldest);
    }
  }

  /** The proposer that an answer belongs to, if it is still this one; the answer shows that `from` hears it. */
  private ifMine(from: NodeId, ballot: Ballot): Proposer | undefined {
    const { proposer } = this;
    if (!proposer || compareBallots(ballot, proposer.ballot) !== 0) return undefined;
    proposer.heard(from, this.now);
    return proposer;
  }

  /** True unless a promise stands against it. That a leader of a higher ballot was heard of binds nobody: it is only who is followed. */
  private obey(from: NodeId, ballot: Ballot): boolean {
    if (ballot.node !== from) {
      this.out.drop(from, 'impostor');
      return false;
    }
    if (this.hasVote && !this.acceptor.mayFollow(ballot)) {
      this.nack(from, ballot);
      return false;
    }
    if (!this.hasHigherLeader(from, ballot)) this.follow(ballot);
    return true;
  }

  /** Another leads by a higher ballot, as far as this node has heard. */
  private hasHigherLeader(from: NodeId, ballot: Ballot): boolean {
    return this.leader !== undefined && compareBallots(ballot, this.leader) < 0 && this.hasLiveLeader(from);
  }

  private nack(to: NodeId, ballot: Ballot): void {
    this.out.send(to, { kind: 'nack', ballot, promised: this.acceptor.promised });
  }

  private onPreVote(from: NodeId, { ballot, chosen }: Extract<Message, { kind: 'pre-vote' }>): void {
    if (ballot.node !== from) return this.out.drop(from, 'impostor');
    if (this.abstain) return;
    const live = this.hasLiveLeader(from);
    if (!live && compareBallots(ballot, this.acceptor.promised) <= 0) return this.nack(from, ballot);
    const { watermark } = this.decisions;
    // Whoever is behind would only have to learn first what others know.
    const granted = !live && chosen >= watermark;
    this.out.send(from, { kind: 'pre-vote-reply', ballot, granted, chosen: watermark });
    this.catchUp.peerHas(from, chosen, this.now);
  }

  private onPrepare(from: NodeId, { ballot, chosen }: Extract<Message, { kind: 'prepare' }>): void {
    if (ballot.node !== from) return this.out.drop(from, 'impostor');
    if (this.abstain) return;
    if (!this.acceptor.promise(ballot)) return this.nack(from, ballot);
    if (!this.hasHigherLeader(from, ballot)) {
      if (this.proposer) this.stepDown();
      this.preVotes = undefined;
      if (this.leader?.node !== from) this.setLeader(undefined);
      this.postponeElection();
    }
    const { watermark } = this.decisions;
    const above = height(Math.max(watermark, chosen));
    this.out.send(from, { kind: 'promise', ballot, chosen: watermark, accepted: this.acceptor.report(above) });
  }

  private onAccept(from: NodeId, message: Extract<Message, { kind: 'accept' }>): void {
    const { ballot, value } = message;
    if (!this.obey(from, ballot)) return;
    const { watermark } = this.decisions;
    if (message.height > watermark + ACCEPT_AHEAD) {
      this.out.drop(from, 'height');
      // A leader has applied what lies a window below its proposals.
      return this.catchUp.peerHas(from, height(Math.max(0, message.height - this.options.window)), this.now);
    }
    if (this.abstain || message.height <= watermark) return;
    if (this.schedule.at(message.height)?.has(this.options.self) === false) return;
    const start = this.schedule.startOf(message.height);
    if (start !== undefined && watermark + 1 < start) {
      // What these voters decide, a majority of them can go on from: whoever voted before them may be gone by then.
      return this.catchUp.peerHas(from, height(start - 1), this.now);
    }
    const outcome = this.acceptor.accept(ballot, message.height, value, false);
    if (outcome.kind === 'equivocation') this.out.drop(from, 'equivocation');
    this.answerAccept(ballot, message.height, outcome);
  }

  /** Gives an acceptor's outcome to the ballot's proposer, wherever that is. */
  private answerAccept(ballot: Ballot, h: Height, outcome: AcceptOutcome): void {
    const { self } = this.options;
    const to = ballot.node;
    if (outcome.kind === 'voted') {
      if (to === self) {
        this.leaderVotes.tell(ballot, h, outcome.signature);
        this.ifMine(self, ballot)?.vote(self, h, outcome.signature);
      } else {
        this.out.send(to, { kind: 'accepted', ballot, height: h, signature: outcome.signature });
        this.decideHere(h);
      }
    } else if (outcome.kind === 'late' && to !== self) {
      this.nack(to, ballot);
    }
  }

  /** With the leader's vote this node's own may be a majority. */
  private decideHere(h: Height): void {
    const decision = this.leaderVotes.decision(h);
    if (decision && !this.decisions.has(h)) this.learn(decision.certificate.ballot.node, decision);
  }

  private onNack(ballot: Ballot, promised: Ballot): void {
    const news = promised.round > this.highestRound;
    this.highestRound = Math.max(this.highestRound, promised.round);
    if (this.preVotes && compareBallots(ballot, this.preVotes.ballot) === 0) {
      if (news) this.startElection();
      return;
    }
    const { proposer } = this;
    if (!proposer || compareBallots(ballot, proposer.ballot) !== 0 || compareBallots(promised, ballot) <= 0) return;
    const { electionMs, heartbeatMs } = this.options.timing;
    const voters = this.schedule.at(this.first);
    // One voter promised itself to a campaign that came to nothing, or to a leader of earlier voters, while a majority hears this
    // leader: it takes a higher ballot and goes on leading. Not twice in a row, else two proposers could outbid each other for long.
    const mayRaise = proposer.leading && this.now - this.raisedAt >= electionMs;
    if (mayRaise && voters?.has(this.options.self) && proposer.inContact(voters, this.now - 3 * heartbeatMs)) {
      this.raisedAt = this.now;
      this.campaign();
    } else this.stepDown();
  }

  private onResign(from: NodeId, ballot: Ballot, successor: NodeId): void {
    if (ballot.node !== from) return this.out.drop(from, 'impostor');
    if (!this.acceptor.mayFollow(ballot) || this.hasHigherLeader(from, ballot) || this.proposer) return;
    this.setLeader(undefined);
    this.postponeElection();
    if (successor === this.options.self) this.startElection();
  }

  // Decisions

  private tellChosen(h: Height, hash: Uint8Array, value: Uint8Array, certificate: Certificate): void {
    const { self } = this.options;
    const set = this.schedule.at(h);
    const voters = new Set(set?.nodes);
    const knowByVote = this.leaderVotes.decide(set) && certificate.votes.some(({ node }) => node === self);
    for (const node of voters.union(this.members)) {
      const known = voters.has(node);
      if (node === self || (known && knowByVote)) continue;
      this.out.send(node, { kind: 'chosen', height: h, hash, certificate, value: known ? undefined : value });
    }
  }

  private onChosen(from: NodeId, message: Extract<Message, { kind: 'chosen' }>): void {
    const { hash, certificate } = message;
    if (this.decisions.has(message.height)) return;
    const value = message.value ?? this.acceptor.find(message.height, hash);
    if (!value || !this.schedule.at(message.height)) return this.catchUp.peerHas(from, message.height, this.now);
    this.learn(from, { height: message.height, value, certificate });
  }

  private learn(from: NodeId, { height: h, value, certificate }: Decision): void {
    const outcome = this.decisions.learn({ height: h, value, certificate });
    if (outcome === 'invalid') return this.out.drop(from, 'signature');
    if (outcome !== 'learned' || this.abstain) return;
    const mine = certificate.votes.some(({ node }) => node === this.options.self);
    if (mine && compareBallots(this.acceptor.promised, certificate.ballot) < 0) {
      this.abstain = true;
      this.stepDown();
      this.out.push({ kind: 'amnesia', height: h });
    }
  }

  private applied(h: Height, voters: readonly NodeId[]): void {
    if (h <= this.schedule.applied) return;
    if (h > this.decisions.watermark) throw new Error(`height ${h} is applied and not chosen`);
    this.schedule.apply(h, voters);
    const upTo = this.decisions.prune(this.options.historyHeights);
    if (upTo !== undefined) this.truncate(upTo);
    this.catchUp.ask(this.now);
  }

  private truncate(upTo: Height): void {
    // An accepted value is a promise too, so its record may only go when the promise stands by itself.
    const { promised } = this.acceptor;
    if (promised.round > 0) this.out.persist({ kind: 'promise', ballot: promised }, true);
    this.out.push({ kind: 'truncate', upTo });
  }
}
