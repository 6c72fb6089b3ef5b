/**
 * The acceptor: the part of a node that must never forget. It promises ballots and accepts values, writes both down
 * before it says so, and signs what it accepts.
 */
import { sameBytes } from '../log/index.ts';
import { type ConsensusCrypto, voteBytes } from './certificate.ts';
import { type Ballot, compareBallots, type Height, maxBallot, NO_BALLOT } from './ids.ts';
import type { Accepted, ConsensusRecord } from './messages.ts';
import type { Outbox } from './outbox.ts';

interface Held extends Accepted {
  readonly hash: Uint8Array;
}

/** What became of a proposal: */
export type AcceptOutcome =
  /** It is accepted and durable; this is the vote. */
  | { readonly kind: 'voted'; readonly signature: Uint8Array }
  /** The caller was asked whether it holds what the value names. */
  | { readonly kind: 'pending' }
  /** A higher ballot was promised. */
  | { readonly kind: 'late' }
  /** The ballot proposed another value for this height before. */
  | { readonly kind: 'equivocation' };

export class Acceptor {
  private readonly group: string;
  private readonly crypto: ConsensusCrypto;
  private readonly out: Outbox;
  /** The disk may have forgotten a promise: this node listens, and never votes. */
  abstains: boolean;
  private promisedBallot: Ballot = NO_BALLOT;
  private readonly accepted = new Map<Height, Held>();
  private readonly pending = new Map<Height, Held>();

  constructor(group: string, crypto: ConsensusCrypto, out: Outbox, abstains: boolean) {
    this.abstains = abstains;
    this.group = group;
    this.crypto = crypto;
    this.out = out;
  }

  /** Takes a record of the disk back. The highest ballot stands, whatever the order. */
  restore(record: ConsensusRecord): void {
    if (record.kind === 'promise') this.promisedBallot = maxBallot(this.promisedBallot, record.ballot);
    else if (record.kind === 'accepted') {
      const { height, ballot, value } = record.accepted;
      this.promisedBallot = maxBallot(this.promisedBallot, ballot);
      const held = this.accepted.get(height);
      if (!held || compareBallots(held.ballot, ballot) < 0) {
        this.accepted.set(height, { height, ballot, value, hash: this.crypto.sha256(value) });
      }
    }
  }

  /** No ballot below this one is followed any more. */
  get promised(): Ballot {
    return this.promisedBallot;
  }

  mayFollow(ballot: Ballot): boolean {
    return compareBallots(ballot, this.promisedBallot) >= 0;
  }

  /** Promises a ballot, durably. False when a higher one is promised. */
  promise(ballot: Ballot): boolean {
    if (!this.mayFollow(ballot)) return false;
    if (compareBallots(ballot, this.promisedBallot) > 0) {
      this.promisedBallot = ballot;
      this.out.persist({ kind: 'promise', ballot }, true);
    }
    return true;
  }

  /** What was accepted above a height, ascending. */
  report(above: Height): Accepted[] {
    return [...this.accepted.values()]
      .filter((held) => held.height > above)
      .sort((a, b) => a.height - b.height)
      .map(({ height, ballot, value }) => ({ height, ballot, value }));
  }

  /** How this node voted at a height. */
  vote(height: Height): (Accepted & { readonly signature: Uint8Array }) | undefined {
    const held = this.accepted.get(height);
    return held && { ...held, signature: this.sign(held) };
  }

  /** A value that was accepted or is being validated here, found by its hash. */
  find(height: Height, hash: Uint8Array): Uint8Array | undefined {
    return [this.accepted.get(height), this.pending.get(height)].find((held) => held && sameBytes(held.hash, hash))
      ?.value;
  }

  /** `known`: the caller made the value itself and holds what it names. */
  accept(ballot: Ballot, height: Height, value: Uint8Array, known: boolean): AcceptOutcome {
    if (!this.mayFollow(ballot)) return { kind: 'late' };
    const hash = this.crypto.sha256(value);
    const before = this.accepted.get(height);
    if (before && compareBallots(before.ballot, ballot) === 0) {
      return sameBytes(before.hash, hash) ? { kind: 'voted', signature: this.sign(before) } : { kind: 'equivocation' };
    }
    const held = { height, ballot, value, hash };
    if (known || (before && sameBytes(before.hash, hash))) return { kind: 'voted', signature: this.hold(held) };
    const waiting = this.pending.get(height);
    if (waiting && compareBallots(waiting.ballot, ballot) === 0) {
      return sameBytes(waiting.hash, hash) ? { kind: 'pending' } : { kind: 'equivocation' };
    }
    this.pending.set(height, held);
    this.out.push({ kind: 'validate', height, ballot, value });
    return { kind: 'pending' };
  }

  /** The caller's answer to `validate`; undefined when it came too late to be of use. */
  validated(height: Height, ballot: Ballot, ok: boolean): AcceptOutcome | undefined {
    const held = this.pending.get(height);
    if (!held || compareBallots(held.ballot, ballot) !== 0) return undefined;
    this.pending.delete(height);
    if (!ok) return undefined;
    if (!this.mayFollow(ballot)) return { kind: 'late' };
    return { kind: 'voted', signature: this.hold(held) };
  }

  /** What is chosen up to `height` need not be reported any more: others are told that it is chosen. */
  forget(height: Height): void {
    for (const held of [this.accepted, this.pending])
      for (const key of held.keys()) if (key <= height) held.delete(key);
  }

  private hold(held: Held): Uint8Array {
    const { height, ballot, value } = held;
    this.promisedBallot = maxBallot(this.promisedBallot, ballot);
    this.accepted.set(height, held);
    this.pending.delete(height);
    this.out.persist({ kind: 'accepted', accepted: { height, ballot, value } }, true);
    return this.sign(held);
  }

  private sign({ height, ballot, hash }: Held): Uint8Array {
    return this.crypto.sign(voteBytes(this.group, height, ballot, hash));
  }
}
