/** Multi-Paxos as a pure state machine: events in, effects out. See DESIGN.md. */
import { Acceptor, type AcceptOutcome } from './acceptor.ts';
import { CatchUp } from './catch-up.ts';
import { type Certificate, knowingOwn } from './certificate.ts';
import { Decisions } from './decisions.ts';
import type { Effect, Event } from './events.ts';
import { type Ballot, compareBallots, height, type Height, type NodeId } from './ids.ts';
import { LeaderVotes } from './leader-votes.ts';
import { Leadership } from './leadership.ts';
import { ACCEPT_AHEAD, type Decision, type Message, VALUE_BYTES_MAX } from './messages.ts';
import type { ConsensusOptions, Restored } from './options.ts';
import { Outbox } from './outbox.ts';
import type { ProposerContext } from './proposer.ts';
import { VoterSchedule, type VoterSpan } from './voters.ts';

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
  private readonly leadership: Leadership;

  constructor(options: ConsensusOptions, restored: Restored) {
    const { self, group, random, timing } = options;
    const crypto = knowingOwn(options.crypto, self);
    const { out } = this;
    this.options = options;
    this.schedule = new VoterSchedule(restored.applied, restored.spans, options.window);
    this.acceptor = new Acceptor(group, crypto, out, restored.abstain);
    for (const record of restored.records) this.acceptor.restore(record);
    const chosen = restored.records.flatMap((record) => (record.kind === 'chosen' ? [record.decision] : []));
    this.decisions = new Decisions(group, crypto, out, this.schedule, chosen);
    this.acceptor.forget(this.decisions.watermark);
    this.leaderVotes = new LeaderVotes(self, out, this.schedule, this.acceptor);
    this.catchUp = new CatchUp(out, this.schedule, this.decisions, 2 * timing.heartbeatMs);
    const { schedule, acceptor, decisions, catchUp } = this;
    const proposing: ProposerContext = {
      self,
      group,
      crypto,
      out,
      schedule,
      decisions,
      acceptHere: (ballot, h, value, known) => {
        this.answerAccept(ballot, h, acceptor.accept(ballot, h, value, known));
      },
      decided: (h, hash, value, certificate) => {
        this.tellChosen(h, hash, value, certificate);
        decisions.add(h, value, certificate);
      },
    };
    this.leadership = new Leadership({ self, random, timing, out, schedule, acceptor, decisions, catchUp, proposing });
  }

  /** A peer says that more was chosen than is known here. */
  get isBehind(): boolean {
    return this.catchUp.isBehind;
  }

  /** The applied height's voter spans: to be kept with the applied state, atomically. */
  get spans(): VoterSpan[] {
    return this.schedule.spans();
  }

  step(event: Event): Effect[] {
    switch (event.kind) {
      case 'start':
        this.decisions.replay();
        this.leadership.start(event.nowMs);
        break;
      case 'tick':
        this.leadership.tick(event.nowMs);
        break;
      case 'message':
        this.receive(event.from, event.message);
        break;
      case 'members':
        this.leadership.members = new Set(event.nodes);
        break;
      case 'link':
        this.leadership.onLink(event.node, event.up);
        break;
      case 'propose':
        if (event.value.length > VALUE_BYTES_MAX) throw new RangeError(`a value of ${event.value.length} bytes`);
        this.leadership.proposer?.offer(event.height, event.value, event.held, this.now);
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
        this.acceptor.abstains = false;
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
    this.leadership.settle();
  }

  private get now(): number {
    return this.leadership.now;
  }

  // Messages

  private receive(from: NodeId, message: Message): void {
    const { out } = this;
    if (from === this.options.self) return out.drop(from, 'impostor');
    const isVoter = this.schedule.votersFrom(height(0)).includes(from);
    if (!this.leadership.members.has(from) && !isVoter) return out.drop(from, 'stranger');
    // A leader that loses its vote still leads, and says who follows it.
    if (!isVoter && from !== this.leadership.leader?.node && OF_VOTERS.has(message.kind)) {
      // One that this node does not know of as a voter yet has the decisions that tell of it.
      if ('chosen' in message && typeof message.chosen === 'number')
        this.catchUp.peerHas(from, message.chosen, this.now);
      return out.drop(from, 'stranger');
    }
    switch (message.kind) {
      case 'pre-vote':
        return this.leadership.onPreVote(from, message);
      case 'pre-vote-reply':
        this.catchUp.peerHas(from, message.chosen, this.now);
        return this.leadership.onPreVoteReply(from, message);
      case 'prepare':
        return this.onPrepare(from, message);
      case 'promise':
        this.catchUp.peerHas(from, message.chosen, this.now);
        return this.leadership.ifMine(from, message.ballot)?.promised(from, message.chosen, message.accepted);
      case 'accept':
        return this.onAccept(from, message);
      case 'accepted':
        if (message.ballot.node === from) {
          this.leaderVotes.note(message.height, message, this.decisions.watermark);
          return this.decideHere(message.height);
        }
        if (this.leadership.ifMine(from, message.ballot)?.vote(from, message.height, message.signature) === false) {
          out.drop(from, 'signature');
        }
        return;
      case 'nack':
        return this.leadership.onNack(message.ballot, message.promised);
      case 'chosen':
        return this.onChosen(from, message);
      case 'heartbeat':
        if (!this.leadership.obey(from, message.ballot)) return;
        if (message.ack) {
          out.send(from, { kind: 'heartbeat-ack', ballot: message.ballot, chosen: this.decisions.watermark });
        }
        return this.catchUp.peerHas(from, message.chosen, this.now);
      case 'heartbeat-ack':
        this.leadership.ifMine(from, message.ballot)?.told(from, message.chosen);
        return this.catchUp.peerHas(from, message.chosen, this.now);
      case 'resign':
        return this.leadership.onResign(from, message.ballot, message.successor);
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

  private onPrepare(from: NodeId, { ballot, chosen }: Extract<Message, { kind: 'prepare' }>): void {
    if (ballot.node !== from) return this.out.drop(from, 'impostor');
    if (this.acceptor.abstains) return;
    if (!this.acceptor.promise(ballot)) return this.leadership.nack(from, ballot);
    this.leadership.promisedTo(from, ballot);
    const { watermark } = this.decisions;
    const above = height(Math.max(watermark, chosen));
    this.out.send(from, { kind: 'promise', ballot, chosen: watermark, accepted: this.acceptor.report(above) });
  }

  private onAccept(from: NodeId, message: Extract<Message, { kind: 'accept' }>): void {
    const { ballot, value } = message;
    if (!this.leadership.obey(from, ballot)) return;
    const { watermark } = this.decisions;
    if (message.height > watermark + ACCEPT_AHEAD) {
      this.out.drop(from, 'height');
      // A leader has applied what lies a window below its proposals.
      return this.catchUp.peerHas(from, height(Math.max(0, message.height - this.options.window)), this.now);
    }
    if (this.acceptor.abstains || message.height <= watermark) return;
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
        this.leadership.ifMine(self, ballot)?.vote(self, h, outcome.signature);
      } else {
        this.out.send(to, { kind: 'accepted', ballot, height: h, signature: outcome.signature });
        this.decideHere(h);
      }
    } else if (outcome.kind === 'late' && to !== self) {
      this.leadership.nack(to, ballot);
    }
  }

  /** With the leader's vote this node's own may be a majority. */
  private decideHere(h: Height): void {
    const decision = this.leaderVotes.decision(h);
    if (decision && !this.decisions.has(h)) this.learn(decision.certificate.ballot.node, decision);
  }

  // Decisions

  private tellChosen(h: Height, hash: Uint8Array, value: Uint8Array, certificate: Certificate): void {
    const { self } = this.options;
    const set = this.schedule.at(h);
    const voters = new Set(set?.nodes);
    const knowByVote = this.leaderVotes.decide(set) && certificate.votes.some(({ node }) => node === self);
    for (const node of voters.union(this.leadership.members)) {
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
    if (outcome !== 'learned' || this.acceptor.abstains) return;
    const mine = certificate.votes.some(({ node }) => node === this.options.self);
    if (mine && compareBallots(this.acceptor.promised, certificate.ballot) < 0) {
      this.acceptor.abstains = true;
      this.leadership.stepDown();
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
