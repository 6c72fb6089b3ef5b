/**
 * The proposer of one ballot: phase 1 once for all heights, then phase 2 for each.
 *
 * A height is open to proposals when a majority of *its* voters have promised the ballot and reported what they had
 * accepted there; those who call it chosen reported nothing and do not count. Voters of later heights may differ, so leading begins with the first height and each height
 * is judged by itself.
 */
import { type Certificate, type ConsensusCrypto, voteBytes } from './certificate.ts';
import type { Decisions } from './decisions.ts';
import { type Ballot, compareBallots, type Height, next, type NodeId } from './ids.ts';
import type { Accepted } from './messages.ts';
import type { Outbox } from './outbox.ts';
import type { VoterSchedule, VoterSet } from './voters.ts';

interface PromiseReport {
  readonly chosen: Height;
  readonly accepted: ReadonlyMap<Height, Accepted>;
}

interface Proposal {
  readonly value: Uint8Array;
  readonly hash: Uint8Array;
  readonly votes: Map<NodeId, Uint8Array>;
  sentAt: number;
}

export interface ProposerContext {
  readonly self: NodeId;
  readonly group: string;
  readonly crypto: ConsensusCrypto;
  readonly out: Outbox;
  readonly schedule: VoterSchedule;
  readonly decisions: Decisions;
  /** This node's own vote: asks its acceptor, and comes back by `vote` when the acceptor has accepted. */
  readonly acceptHere: (ballot: Ballot, height: Height, value: Uint8Array, known: boolean) => void;
  readonly decided: (height: Height, hash: Uint8Array, value: Uint8Array, certificate: Certificate) => void;
}

export class Proposer {
  readonly ballot: Ballot;
  /** On the node's own clock, when the ballot was made. */
  readonly since: number;
  private readonly context: ProposerContext;
  private readonly promises = new Map<NodeId, PromiseReport>();
  private readonly proposals = new Map<Height, Proposal>();
  /** When each voter last answered this ballot. */
  private readonly heardAt = new Map<NodeId, number>();
  private readonly watermarks = new Map<NodeId, Height>();
  private leads = false;
  private wanted: { height: Height; urgent: boolean } | undefined;

  constructor(context: ProposerContext, ballot: Ballot, now: number) {
    this.context = context;
    this.ballot = ballot;
    this.since = now;
  }

  get leading(): boolean {
    return this.leads;
  }

  heard(node: NodeId, now: number): void {
    this.heardAt.set(node, now);
  }

  /** From now on these have to answer; whoever was not asked to before counts as heard at this moment. */
  expect(nodes: readonly NodeId[], now: number): void {
    for (const node of this.heardAt.keys()) if (!nodes.includes(node)) this.heardAt.delete(node);
    for (const node of nodes) if (!this.heardAt.has(node)) this.heardAt.set(node, now);
  }

  /** True when a majority of the voters, this node included, answered since `since`. */
  inContact(voters: VoterSet, since: number): boolean {
    return voters.isQuorum((node) => node === this.context.self || (this.heardAt.get(node) ?? -Infinity) >= since);
  }

  /** A voter tells how far it knows what is chosen. */
  told(node: NodeId, chosen: Height): void {
    this.watermarks.set(node, chosen);
    // It restarted and lost decisions that it had not synced: it has to report what it accepted there.
    if (chosen < (this.promises.get(node)?.chosen ?? 0)) this.promises.delete(node);
  }

  knows(node: NodeId, h: Height): boolean {
    return (this.watermarks.get(node) ?? -1) >= h;
  }

  promised(node: NodeId, chosen: Height, accepted: readonly Accepted[]): void {
    // The first report stands: a later one tells of accepts that this very ballot caused.
    if (!this.promises.has(node)) {
      this.promises.set(node, { chosen, accepted: new Map(accepted.map((item) => [item.height, item])) });
    }
  }

  /** Voters that some height up to the known end still waits for. */
  unpromised(): NodeId[] {
    const { schedule, decisions } = this.context;
    const missing = new Set<NodeId>();
    const first = next(decisions.watermark);
    for (const set of schedule.setsFrom(first)) {
      if (set.isQuorum((node) => this.reports(node, first))) continue;
      for (const node of set.nodes) if (!this.promises.has(node)) missing.add(node);
    }
    return [...missing];
  }

  /** True once: when a majority of the first open height's voters has promised. */
  tryLead(): boolean {
    if (this.leads) return false;
    const voters = this.context.schedule.at(next(this.context.decisions.watermark));
    this.leads = voters?.isQuorum((node) => this.promises.has(node)) ?? false;
    return this.leads;
  }

  /** Does what has become possible: proposes again what others had accepted, asks for values. */
  advance(now: number): void {
    if (!this.leads) return;
    const { schedule, decisions, out } = this.context;
    for (const h of this.proposals.keys()) if (decisions.has(h)) this.proposals.delete(h);
    for (let h = next(decisions.watermark); h <= schedule.known; h = next(h)) {
      if (decisions.has(h) || this.proposals.has(h)) continue;
      // New voters decide nothing before all is decided that lies before their turn: they would not vote, this one included.
      const start = schedule.startOf(h);
      if (!this.isOpen(h) || (start !== undefined && next(decisions.watermark) < start)) return;
      const adopted = this.adopt(h);
      if (adopted) this.propose(h, adopted.value, false, now);
      else {
        // Up to the first decision of new voters: from there on the old ones are not needed any more.
        const urgent = schedule.changesFrom(h) || this.hasAcceptedAfter(h);
        if (this.wanted?.height !== h || (urgent && !this.wanted.urgent)) {
          this.wanted = { height: h, urgent };
          out.push({ kind: 'want-value', height: h, urgent });
        }
        return;
      }
    }
  }

  /** The caller's answer to `want-value`. False when it was not (or is no longer) wanted. */
  offer(h: Height, value: Uint8Array, held: boolean, now: number): boolean {
    if (!this.leads || this.wanted?.height !== h || this.context.decisions.has(h)) return false;
    this.propose(h, value, held, now);
    return true;
  }

  /** A voter's signature. False when it does not verify. */
  vote(node: NodeId, h: Height, signature: Uint8Array): boolean {
    const proposal = this.proposals.get(h);
    const voters = this.context.schedule.at(h);
    if (!proposal || !voters?.has(node) || proposal.votes.has(node)) return true;
    if (!this.verifies(node, h, proposal.hash, signature)) return false;
    proposal.votes.set(node, signature);
    if (voters.isQuorum((voter) => proposal.votes.has(voter))) {
      this.proposals.delete(h);
      const votes = [...proposal.votes].map(([voter, bytes]) => ({ node: voter, signature: bytes }));
      votes.sort((a, b) => (a.node < b.node ? -1 : 1));
      this.context.decided(h, proposal.hash, proposal.value, { ballot: this.ballot, votes });
    }
    return true;
  }

  private verifies(node: NodeId, h: Height, hash: Uint8Array, signature: Uint8Array): boolean {
    const { self, group, crypto } = this.context;
    return node === self || crypto.verify(node, voteBytes(group, h, this.ballot, hash), signature);
  }

  /** Sends proposals again to those who did not answer since `before`. */
  resend(before: number, now: number): void {
    const { self, out, schedule } = this.context;
    for (const [h, proposal] of this.proposals) {
      if (proposal.sentAt > before) continue;
      proposal.sentAt = now;
      for (const node of schedule.at(h)?.nodes ?? []) {
        if (node === self || proposal.votes.has(node)) continue;
        out.send(node, { kind: 'accept', ballot: this.ballot, height: h, value: proposal.value });
      }
    }
  }

  /** True when a voter promised and said what it had accepted at `h`. Of what it calls chosen it says nothing. */
  private reports(node: NodeId, h: Height): boolean {
    const promise = this.promises.get(node);
    return promise !== undefined && promise.chosen < h;
  }

  private isOpen(h: Height): boolean {
    return this.context.schedule.at(h)?.isQuorum((node) => this.reports(node, h)) ?? false;
  }

  /** The value that may have been chosen already: of those accepted, the one of the highest ballot. */
  private adopt(h: Height): Accepted | undefined {
    const voters = this.context.schedule.at(h);
    let best: Accepted | undefined;
    for (const [node, { accepted }] of this.promises) {
      const item = accepted.get(h);
      if (item && voters?.has(node) && (!best || compareBallots(best.ballot, item.ballot) < 0)) best = item;
    }
    return best;
  }

  private hasAcceptedAfter(h: Height): boolean {
    if ([...this.proposals.keys()].some((open) => open > h)) return true;
    return [...this.promises.values()].some(({ accepted }) => [...accepted.keys()].some((at) => at > h));
  }

  private propose(h: Height, value: Uint8Array, known: boolean, now: number): void {
    const { self, crypto, out, schedule, acceptHere } = this.context;
    const voters = schedule.at(h);
    if (!voters) throw new Error(`proposal at height ${h}, whose voters are unknown`);
    this.wanted = undefined;
    this.proposals.set(h, { value, hash: crypto.sha256(value), votes: new Map(), sentAt: now });
    // The others' disks work while this one's does: the promise of this ballot is durable, so nothing else has to be.
    for (const node of voters.nodes) {
      if (node !== self) out.send(node, { kind: 'accept', ballot: this.ballot, height: h, value });
    }
    if (voters.has(self)) acceptHere(this.ballot, h, value, known);
  }
}
