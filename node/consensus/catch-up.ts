/**
 * Fetches what was chosen without this node hearing of it. Asks one peer at a time; another only when that one is silent.
 *
 * Nothing is asked for that could not be verified: past the applied height plus WINDOW the voters are unknown, so a node
 * that applies slowly is never sent more than it can take.
 */
import type { Decisions } from './decisions.ts';
import { type Height, next, type NodeId } from './ids.ts';
import type { Outbox } from './outbox.ts';
import type { VoterSchedule } from './voters.ts';

export class CatchUp {
  private readonly out: Outbox;
  private readonly schedule: VoterSchedule;
  private readonly decisions: Decisions;
  private readonly retryMs: number;
  private source: { peer: NodeId; chosen: Height } | undefined;
  private askedAt = -Infinity;

  constructor(out: Outbox, schedule: VoterSchedule, decisions: Decisions, retryMs: number) {
    this.out = out;
    this.schedule = schedule;
    this.decisions = decisions;
    this.retryMs = retryMs;
  }

  get isBehind(): boolean {
    return this.source !== undefined && this.source.chosen > this.decisions.watermark;
  }

  /** A peer tells how far it knows. */
  peerHas(peer: NodeId, chosen: Height, now: number): void {
    if (chosen <= this.decisions.watermark) return;
    const silent = now - this.askedAt >= this.retryMs;
    if (!this.source || silent || this.source.peer === peer) this.source = { peer, chosen };
    this.ask(now);
  }

  /** Asks a peer that did not say how far it knows: a node that nobody leads may have missed everything. */
  probe(peer: NodeId, now: number): void {
    this.peerHas(peer, next(this.decisions.watermark), now);
  }

  /** An answer brought something: the next question need not wait. */
  helped(peer: NodeId, chosen: Height, now: number): void {
    if (this.source?.peer !== peer) return;
    this.source = { peer, chosen };
    this.askedAt = -Infinity;
    this.ask(now);
  }

  pruned(peer: NodeId, oldest: Height): void {
    if (this.source?.peer !== peer || oldest <= next(this.decisions.watermark)) return;
    this.out.push({ kind: 'need-snapshot', peer, oldest });
  }

  /** Asks, when there is something to ask for and no question is open. */
  ask(now: number): void {
    const { source } = this;
    const { watermark } = this.decisions;
    if (!source || !this.isBehind || watermark >= this.schedule.known) return;
    if (now - this.askedAt < this.retryMs) return;
    this.askedAt = now;
    this.out.send(source.peer, { kind: 'ask-chosen', from: next(watermark) });
  }
}
