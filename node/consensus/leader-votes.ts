/**
 * Where two votes decide, as with three voters, the leader's vote is all that another voter lacks: the leader sends it to the voters
 * as soon as it is durable, and whoever has voted knows by it that the value is chosen, without waiting for the leader to hear of its
 * own vote and to say so.
 */
import type { Acceptor } from './acceptor.ts';
import { type Ballot, compareBallots, type Height, type NodeId } from './ids.ts';
import { ACCEPT_AHEAD, type Decision } from './messages.ts';
import type { Outbox } from './outbox.ts';
import type { VoterSchedule, VoterSet } from './voters.ts';

interface LeaderVote {
  readonly ballot: Ballot;
  readonly signature: Uint8Array;
}

const DECIDING_VOTES = 2;

export class LeaderVotes {
  private readonly self: NodeId;
  private readonly out: Outbox;
  private readonly schedule: VoterSchedule;
  private readonly acceptor: Acceptor;
  private readonly votes = new Map<Height, LeaderVote>();

  constructor(self: NodeId, out: Outbox, schedule: VoterSchedule, acceptor: Acceptor) {
    this.self = self;
    this.out = out;
    this.schedule = schedule;
    this.acceptor = acceptor;
  }

  /** Whether the voters of a height learn from the leader's vote that a value is chosen. */
  decide(voters: VoterSet | undefined): boolean {
    return voters?.majority === DECIDING_VOTES;
  }

  /** This leader has voted. */
  tell(ballot: Ballot, h: Height, signature: Uint8Array): void {
    const voters = this.schedule.at(h);
    if (!voters || !this.decide(voters)) return;
    for (const node of voters.nodes) {
      if (node !== this.self) this.out.send(node, { kind: 'accepted', ballot, height: h, signature });
    }
  }

  /** The leader of a ballot says how it voted; nobody has checked it. */
  note(h: Height, vote: LeaderVote, watermark: Height): void {
    if (h <= watermark || h > watermark + ACCEPT_AHEAD) return;
    const before = this.votes.get(h);
    if (!before || compareBallots(before.ballot, vote.ballot) < 0) this.votes.set(h, vote);
  }

  /** What the leader's vote and this node's own decide, if they do. */
  decision(h: Height): Decision | undefined {
    const theirs = this.votes.get(h);
    const own = theirs && this.acceptor.vote(h);
    const voters = this.schedule.at(h);
    if (!own || compareBallots(own.ballot, theirs.ballot) !== 0) return undefined;
    if (voters?.has(this.self) !== true || !this.decide(voters)) return undefined;
    const { ballot, value } = own;
    const votes = [
      { node: this.self, signature: own.signature },
      { node: ballot.node, signature: theirs.signature },
    ].sort((a, b) => (a.node < b.node ? -1 : 1));
    return { height: h, value, certificate: { ballot, votes } };
  }

  /** What is chosen is told of no more. */
  forget(upTo: Height): void {
    for (const h of this.votes.keys()) if (h <= upTo) this.votes.delete(h);
  }
}
