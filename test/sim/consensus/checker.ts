/**
 * What must hold in every run, judged from outside: from what lies durably on disks, what was sent and what programs reported.
 * It shares nothing with the code under test but the form of records and of signed bytes.
 */
import { compareBallots, nodeId, type Ballot, type Height, type NodeId } from '../../../node/consensus/index.ts';
import { voteBytes } from '../../../node/consensus/certificate.ts';
import type { ConsensusRecord, Message } from '../../../node/consensus/messages.ts';
import { fakeCrypto, fakeHash } from '../../support/consensus.ts';
import type { DiskRecord } from '../kernel/disk.ts';
import { ensure } from '../kernel/scenario.ts';
import type { Observer } from '../kernel/world.ts';
import { bytesOf, GROUP, SIM_WINDOW, votersOf, type ConsensusNote } from './program.ts';

interface HostView {
  /** The highest ballot that its disk holds, and that it told anybody it had promised. */
  durable: Ballot;
  promised: Ballot;
  /** Height of the next `chosen` that it owes. */
  owes: number;
  applied: number;
  leader: NodeId | undefined;
  /** Heights and values whose content it holds. */
  readonly holds: Set<string>;
  up: boolean;
}

const NONE: Ballot = { round: 0, node: nodeId('') };
const max = (a: Ballot, b: Ballot): Ballot => (compareBallots(a, b) >= 0 ? a : b);
const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
const show = (ballot: Ballot): string => `${ballot.round}.${ballot.node}`;

export class ConsensusChecker implements Observer {
  /** What a majority of the right voters durably accepted in one ballot. */
  readonly chosen = new Map<number, string>();
  /** The proposal that was sent last. */
  latest: { readonly ballot: Ballot; readonly height: Height } | undefined;
  private readonly hosts = new Map<string, HostView>();
  /** Voters of heights 1, 2, … as far as the chosen values tell. */
  private readonly voters: (readonly NodeId[])[] = [];
  private contiguous = 0;
  private readonly seen = new Set<string>();
  private readonly accepted = new Map<string, { value: string; by: Set<string> }>();
  private readonly proposed = new Map<string, string>();
  /** When set, no other host may come to be seen as the leader. */
  private fixedLeader: NodeId | undefined;
  private readonly verifier = fakeCrypto(nodeId('checker'));

  constructor(genesis: readonly NodeId[]) {
    for (let h = 1; h <= SIM_WINDOW; h++) this.voters.push(genesis);
  }

  /** Height up to which every value is chosen. */
  get height(): number {
    return this.contiguous;
  }

  /** True when a value is chosen and everything below it is. */
  isFinal(value: string): boolean {
    return this.seen.has(value);
  }

  /** True when the voters of all heights that can be in flight are the same. */
  get settled(): boolean {
    return this.voters.slice(this.contiguous).every((set) => String(set) === String(this.currentVoters));
  }

  get currentVoters(): readonly NodeId[] {
    return this.votersAt(this.contiguous + 1) ?? [];
  }

  view(host: string): HostView {
    let view = this.hosts.get(host);
    if (!view) {
      view = {
        durable: NONE,
        promised: NONE,
        owes: 1,
        applied: 0,
        leader: undefined,
        holds: new Set(),
        up: false,
      };
      this.hosts.set(host, view);
    }
    return view;
  }

  /** The leader that all running hosts see, who is a voter and sees itself. */
  get agreedLeader(): NodeId | undefined {
    const up = [...this.hosts.values()].filter((view) => view.up);
    const leader = up[0]?.leader;
    if (leader === undefined || !this.currentVoters.includes(leader)) return undefined;
    return up.every((view) => view.leader === leader) ? leader : undefined;
  }

  fixLeader(leader: NodeId | undefined): void {
    this.fixedLeader = leader;
  }

  sent(from: string, _to: string, about: unknown): void {
    const message = about as Message;
    const view = this.view(from);
    switch (message.kind) {
      case 'prepare':
      case 'promise':
        ensure(
          compareBallots(view.durable, message.ballot) >= 0,
          () => `${from} says ${message.kind} ${show(message.ballot)}, and its disk holds ${show(view.durable)}`,
        );
        view.promised = max(view.promised, message.ballot);
        break;
      case 'accept': {
        const key = `${message.height} ${show(message.ballot)}`;
        const value = text(message.value);
        this.latest = message;
        ensure((this.proposed.get(key) ?? value) === value, () => `ballot and height ${key} propose two values`);
        this.proposed.set(key, value);
        const voters = this.votersAt(message.height) ?? [];
        const promised = voters.filter((voter) => compareBallots(this.view(voter).durable, message.ballot) >= 0);
        ensure(
          2 * promised.length > voters.length,
          () => `${from} proposes ${key} with ${promised.length} promises of ${voters.length} voters`,
        );
        break;
      }
      case 'accepted': {
        const key = `${message.height} ${show(message.ballot)}`;
        ensure(
          this.accepted.get(key)?.by.has(from) === true,
          () => `${from} says accepted ${key} before it is durable`,
        );
        break;
      }
      default:
    }
  }

  durable(host: string, records: readonly DiskRecord[]): void {
    for (const { about } of records) {
      const record = about as ConsensusRecord | undefined;
      // A torn record says nothing.
      if (record === undefined) continue;
      const view = this.view(host);
      if (record.kind === 'promise') view.durable = max(view.durable, record.ballot);
      else if (record.kind === 'accepted') {
        const { ballot, height: h, value } = record.accepted;
        view.durable = max(view.durable, ballot);
        this.accept(host, view, h, ballot, text(value));
      }
    }
  }

  noted(host: string, about: unknown): void {
    const note = about as ConsensusNote;
    const view = this.view(host);
    switch (note.kind) {
      case 'started':
        view.up = true;
        view.owes = note.applied + 1;
        view.applied = note.applied;
        view.leader = undefined;
        break;
      case 'holds':
        view.holds.add(`${note.height} ${note.value}`);
        break;
      case 'chosen': {
        const { height: h, value, certificate } = note;
        ensure(h === view.owes, () => `${host} tells height ${h} chosen where ${view.owes} is due`);
        view.owes++;
        ensure(this.chosen.get(h) === value, () => `${host} takes ${value} as chosen at ${h}: ${this.chosen.get(h)}`);
        const voters = this.votersAt(h) ?? [];
        const bytes = voteBytes(GROUP, h, certificate.ballot, fakeHash(bytesOf(value)));
        const valid = new Set(
          certificate.votes
            .filter((vote) => voters.includes(vote.node) && this.verifier.verify(vote.node, bytes, vote.signature))
            .map((vote) => vote.node),
        );
        ensure(
          2 * valid.size > voters.length,
          () => `${host} has a certificate of ${valid.size} votes for height ${h}`,
        );
        break;
      }
      case 'snapshot':
        view.owes = Math.max(view.owes, note.height + 1);
        view.applied = note.height;
        break;
      case 'applied':
        view.applied = note.height;
        break;
      case 'leader':
        view.leader = note.node;
        ensure(
          this.fixedLeader === undefined || note.node === undefined || note.node === this.fixedLeader,
          () => `${host} follows ${note.node} while ${this.fixedLeader} leads in peace`,
        );
        break;
      case 'amnesia':
        ensure(false, () => `${host} forgot a vote`);
        break;
      case 'dropped':
    }
  }

  crashed(host: string): void {
    this.view(host).up = false;
  }

  private accept(host: string, view: HostView, h: number, ballot: Ballot, value: string): void {
    const key = `${h} ${show(ballot)}`;
    ensure(
      compareBallots(ballot, view.promised) >= 0,
      () => `${host} accepts ${key} after its promise of ${show(view.promised)}`,
    );
    ensure(view.holds.has(`${h} ${value}`), () => `${host} accepts ${value} at ${h} without holding what it names`);
    const before = this.accepted.get(key) ?? { value, by: new Set() };
    ensure(before.value === value, () => `two values are accepted at ${key}: ${before.value}, ${value}`);
    before.by.add(host);
    this.accepted.set(key, before);
    const voters = this.votersAt(h);
    ensure(voters !== undefined, () => `height ${h} is accepted while its voters cannot be known`);
    if (2 * voters.filter((voter) => before.by.has(voter)).length > voters.length) this.choose(h, value);
  }

  private choose(h: number, value: string): void {
    const before = this.chosen.get(h);
    ensure(before === undefined || before === value, () => `height ${h} is chosen twice: ${before}, then ${value}`);
    this.chosen.set(h, value);
    for (let done = this.contiguous + 1; this.chosen.has(done); done++) {
      this.contiguous = done;
      const value = this.chosen.get(done) ?? '';
      const asked = this.seen.has(value) ? undefined : votersOf(value);
      this.seen.add(value);
      this.voters.push(asked ?? this.voters.at(-1) ?? []);
    }
  }

  private votersAt(h: number): readonly NodeId[] | undefined {
    return this.voters[h - 1];
  }
}
