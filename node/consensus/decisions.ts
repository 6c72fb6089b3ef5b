/** The learner: what was chosen, given out in order, kept a while for those who missed it. */
import { type Certificate, verifyCertificate, type ConsensusCrypto } from './certificate.ts';
import { height, type Height, next, type NodeId } from './ids.ts';
import { BATCH_BYTES_MAX, BATCH_DECISIONS_MAX, type Decision } from './messages.ts';
import type { Outbox } from './outbox.ts';
import type { VoterSchedule, VoterSet } from './voters.ts';

/** Old decisions are let go a part of the history at a time, so that the disk is asked seldom. */
const TRUNCATE_PART = 1 / 4;

export type LearnOutcome = 'learned' | 'known' | 'voters-unknown' | 'invalid';

export class Decisions {
  private readonly group: string;
  private readonly crypto: ConsensusCrypto;
  private readonly out: Outbox;
  private readonly schedule: VoterSchedule;
  private readonly byHeight = new Map<Height, Decision>();
  /** Every value up to here is known (or lies in the snapshot that this node came from). */
  private mark: Height;
  private oldestKept: Height;

  constructor(
    group: string,
    crypto: ConsensusCrypto,
    out: Outbox,
    schedule: VoterSchedule,
    restored: readonly Decision[],
  ) {
    this.group = group;
    this.crypto = crypto;
    this.out = out;
    this.schedule = schedule;
    for (const decision of restored) this.byHeight.set(decision.height, decision);
    this.mark = schedule.applied;
    while (this.byHeight.has(next(this.mark))) this.mark = next(this.mark);
    this.oldestKept = next(this.mark);
    while (this.byHeight.has(height(this.oldestKept - 1))) this.oldestKept = height(this.oldestKept - 1);
  }

  get watermark(): Height {
    return this.mark;
  }

  has(h: Height): boolean {
    return h <= this.mark || this.byHeight.has(h);
  }

  /** After a start: what was decided, but is not part of the applied state. */
  replay(): void {
    for (let h = next(this.schedule.applied); h <= this.mark; h = next(h)) this.tell(h);
  }

  /** Takes a decision that somebody claims. */
  learn(decision: Decision): LearnOutcome {
    if (this.has(decision.height)) return 'known';
    const voters = this.schedule.at(decision.height);
    if (!voters) return 'voters-unknown';
    if (!this.verifies(decision, voters)) return 'invalid';
    this.add(decision.height, decision.value, decision.certificate);
    return 'learned';
  }

  private verifies({ height: h, value, certificate }: Decision, voters: VoterSet): boolean {
    return verifyCertificate(this.group, h, value, certificate, voters, this.crypto);
  }

  /** Takes a decision whose votes this node has verified. */
  add(h: Height, value: Uint8Array, certificate: Certificate): void {
    const decision = { height: h, value, certificate };
    this.byHeight.set(h, decision);
    this.out.persist({ kind: 'chosen', decision }, false);
    while (this.byHeight.has(next(this.mark))) {
      this.mark = next(this.mark);
      this.tell(this.mark);
    }
  }

  /** The state was replaced by one at `h`: what lies below is no concern of this node any more. */
  skipTo(h: Height): void {
    for (const key of this.byHeight.keys()) if (key <= h) this.byHeight.delete(key);
    this.mark = h;
    this.oldestKept = next(h);
    while (this.byHeight.has(next(this.mark))) {
      this.mark = next(this.mark);
      this.tell(this.mark);
    }
  }

  /** Lets go of what lies more than `keep` below the applied height; the height up to which it did. */
  prune(keep: number): Height | undefined {
    const upTo = this.schedule.applied - keep;
    if (upTo < this.oldestKept + keep * TRUNCATE_PART) return undefined;
    for (; this.oldestKept <= upTo; this.oldestKept = next(this.oldestKept)) this.byHeight.delete(this.oldestKept);
    return height(upTo);
  }

  /** Answers `ask-chosen`; with no decision when there is none yet. */
  serve(to: NodeId, from: Height): void {
    if (from < this.oldestKept) {
      this.out.send(to, { kind: 'pruned', oldest: this.oldestKept });
      return;
    }
    const decisions: Decision[] = [];
    let bytes = 0;
    for (let h = from; h <= this.mark && decisions.length < BATCH_DECISIONS_MAX; h = next(h)) {
      const decision = this.byHeight.get(h);
      if (!decision) throw new Error(`height ${h} is chosen, kept and missing`);
      bytes += decision.value.length;
      if (decisions.length > 0 && bytes > BATCH_BYTES_MAX) break;
      decisions.push(decision);
    }
    this.out.send(to, { kind: 'decisions', chosen: this.mark, decisions });
  }

  private tell(h: Height): void {
    const decision = this.byHeight.get(h);
    if (decision) this.out.push({ kind: 'chosen', ...decision });
  }
}
