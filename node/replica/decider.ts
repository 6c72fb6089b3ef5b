/** Runs consensus for a group: feeds it what happens, does what it says in the order in which it says it. */
import {
  Consensus,
  decodeCertificate,
  decodeMessage,
  decodeRecord,
  DEFAULT_TIMING,
  encodeCertificate,
  encodeMessage,
  encodeRecord,
  height,
  nodeId,
  VoterSet,
  WINDOW,
  type Ballot,
  type ConsensusCrypto,
  type ConsensusRecord,
  type Effect,
  type Event,
  type Height,
  type NodeId,
} from '../consensus/index.ts';
import { decodeBlockValue } from '../log/index.ts';
import { DiskFullError, type RecordStore, type StatePosition } from '../store/index.ts';
import type { Decider } from './ports.ts';
import type { Replica } from './replica.ts';

export interface DeciderOptions {
  readonly self: NodeId;
  readonly group: string;
  readonly crypto: ConsensusCrypto;
  readonly records: RecordStore;
  /** This node has hosted the group before, and gave its data away: what it promised then. */
  readonly promised: Ballot | undefined;
  /** It does not know yet all that was decided while it may have voted: no votes before startVoting(). */
  readonly abstain: boolean;
  /** As the state kept them. */
  readonly spans: NonNullable<StatePosition['voters']>;
  /** Voters of the group after the newest block that the state holds. */
  readonly voters: () => readonly NodeId[];
  /** `mayWait`: nobody waits for it at the other side. */
  readonly send: (to: NodeId, message: Uint8Array, mayWait: boolean) => void;
  /** The peer keeps no decision as old as this node needs it: its log does. */
  readonly onBehind: (peer: NodeId) => void;
  /** The proposer's state after `height` is another one than this node's. */
  readonly onDiffers: (proposer: NodeId, height: number) => void;
  /** Another copy of this disk has voted: this node may not. */
  readonly onAmnesia: () => void;
}

/** Between two blocks that nobody waits for. A block costs each node some milliseconds, whatever it orders. */
const CUT_MS = 50;
const TICK_MS = 10;
const LEADERLESS_MS = 1500;
const HISTORY_HEIGHTS = 10_000;

export class ConsensusDecider implements Decider {
  private readonly options: DeciderOptions;
  private readonly replica: Replica;
  private readonly consensus: Consensus;
  private effects: Effect[] = [];
  private running = false;
  /** What the file holds, for when it is written anew. */
  private kept: ConsensusRecord[];
  private wanted: { readonly height: Height; readonly urgent: boolean } | undefined;
  private validating: { readonly height: Height; readonly ballot: Ballot; readonly value: Uint8Array }[] = [];
  private lastCutMs = 0;
  /** The newest proposal of this node, and whose transactions it orders. */
  private proposed: { readonly height: number; readonly authors: ReadonlySet<string> } = {
    height: 0,
    authors: new Set(),
  };
  private timer: NodeJS.Timeout | undefined;
  leader: NodeId | undefined;
  private leaderlessSince = 0;
  private abstains: boolean;
  private readonly linked = new Set<NodeId>();

  /** False when no leader has been heard for longer than an election takes. */
  private get hasLeader(): boolean {
    return this.leader !== undefined || performance.now() - this.leaderlessSince < LEADERLESS_MS;
  }

  /**
   * What asks for a decision gets one: from a leader that is heard, or from voters enough to make one, who may follow a leader
   * that this node alone does not hear.
   */
  get majorityInReach(): boolean {
    if (this.hasLeader) return true;
    const voters = this.consensus.spans.at(-1)?.voters ?? [];
    const { self } = this.options;
    return voters.length > 0 && new VoterSet(voters).isQuorum((node) => node === self || this.linked.has(node));
  }

  /**
   * The newest voters have decided a height. Since a voter knows all that was decided before its voters' turn, they can go on
   * without those whom they replaced.
   */
  get votersDecide(): boolean {
    const newest = this.consensus.spans.at(-1);
    return newest !== undefined && newest.from < this.replica.nextHeight;
  }

  constructor(options: DeciderOptions, replica: Replica, appliedHeight: number) {
    this.options = options;
    this.replica = replica;
    const { self, group, crypto, records } = options;
    const { promised, abstain } = options;
    this.kept = promised ? [{ kind: 'promise', ballot: promised }] : [];
    for (const bytes of records.found) {
      const decoded = decodeRecord(bytes);
      if (decoded.kind === 'ok') this.kept.push(decoded.value);
    }
    this.abstains = abstain;
    this.consensus = new Consensus(
      {
        self,
        group,
        crypto,
        random: Math.random,
        timing: DEFAULT_TIMING,
        window: WINDOW,
        historyHeights: HISTORY_HEIGHTS,
      },
      {
        applied: height(appliedHeight),
        spans: options.spans.map(({ from, voters }) => ({ from: height(from), voters: voters.map(nodeId) })),
        records: this.kept,
        abstain,
      },
    );
  }

  start(): void {
    this.leaderlessSince = performance.now();
    this.step({ kind: 'start', nowMs: performance.now() });
    this.timer = setInterval(() => {
      this.step({ kind: 'tick', nowMs: performance.now() });
      this.propose(false);
    }, TICK_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.options.records.close();
  }

  setMembers(nodes: readonly NodeId[]): void {
    this.step({ kind: 'members', nodes });
  }

  /** This node is a member by its present stay, and has applied the block that says so: all its earlier votes lie before it. */
  startVoting(): void {
    if (!this.abstains) return;
    this.abstains = false;
    this.step({ kind: 'vote' });
  }

  link(node: NodeId, up: boolean): void {
    if (up) this.linked.add(node);
    else this.linked.delete(node);
    this.step({ kind: 'link', node, up });
  }

  message(from: NodeId, bytes: Uint8Array): void {
    const decoded = decodeMessage(bytes);
    if (decoded.kind === 'ok') this.step({ kind: 'message', from, message: decoded.value });
  }

  voterSpans(): NonNullable<StatePosition['voters']> {
    return this.consensus.spans;
  }

  /** A block that came by another way than consensus. */
  known(at: number, value: Uint8Array, certificate: Uint8Array): void {
    const decoded = decodeCertificate(certificate);
    if (decoded.kind === 'ok')
      this.step({ kind: 'chosen-known', height: height(at), value, certificate: decoded.value });
  }

  /** The replica applied a block. */
  applied(at: number): void {
    this.step({ kind: 'applied', height: height(at), voters: this.options.voters() });
    this.validateAgain();
  }

  get isAwaited(): boolean {
    return this.validating.length > 0;
  }

  get isBehind(): boolean {
    return this.consensus.isBehind;
  }

  progress(urgent: boolean): void {
    this.validateAgain();
    this.propose(urgent);
  }

  private validateAgain(): void {
    const { validating } = this;
    if (validating.length === 0) return;
    this.validating = [];
    for (const { height: h, ballot, value } of validating) this.validate(h, ballot, value);
  }

  private propose(urgent: boolean): void {
    const { wanted } = this;
    if (!wanted) return;
    const now = performance.now();
    if (!urgent && !wanted.urgent && (this.replica.isAlone || now - this.lastCutMs < CUT_MS)) return;
    const proposal =
      this.replica.proposal(wanted.height) ?? (wanted.urgent ? this.replica.emptyProposal(wanted.height) : undefined);
    if (!proposal) return;
    this.wanted = undefined;
    this.lastCutMs = now;
    const { value, held, authors } = proposal;
    this.proposed = { height: wanted.height, authors };
    this.step({ kind: 'propose', height: wanted.height, value, held });
  }

  private step(event: Event): void {
    this.effects.push(...this.consensus.step(event));
    if (this.running) return;
    this.running = true;
    try {
      for (let effect = this.effects[0]; effect; effect = this.effects[0]) {
        this.persistFirst(effect);
        this.effects.shift();
        this.execute(effect);
      }
    } catch (error) {
      // What cannot be written yet is tried again with the next step; nothing that follows it is done before.
      if (!(error instanceof DiskFullError)) throw error;
    } finally {
      this.running = false;
    }
  }

  private persistFirst(effect: Effect): void {
    if (effect.kind !== 'persist') return;
    const { records } = this.options;
    records.append(encodeRecord(effect.record));
    this.kept.push(effect.record);
    if (effect.sync) records.sync();
  }

  private execute(effect: Effect): void {
    const { send } = this.options;
    switch (effect.kind) {
      case 'send':
        send(effect.to, encodeMessage(effect.message), this.mayWait(effect));
        break;
      case 'validate':
        this.validate(effect.height, effect.ballot, effect.value);
        break;
      case 'want-value':
        this.wanted = { height: effect.height, urgent: effect.urgent };
        this.propose(this.replica.isUrgent);
        break;
      case 'chosen':
        this.replica.decided(effect.height, effect.value, encodeCertificate(effect.certificate));
        break;
      case 'leader':
        if (this.leader !== undefined && effect.node === undefined) this.leaderlessSince = performance.now();
        this.leader = effect.node;
        this.wanted = undefined;
        break;
      case 'truncate':
        this.truncate(effect.upTo);
        break;
      case 'amnesia':
        this.options.onAmnesia();
        break;
      case 'need-snapshot':
        this.options.onBehind(effect.peer);
        break;
      case 'persist':
      case 'dropped':
        break;
    }
  }

  /** A voter whose transactions are not in a block learns soon enough by the next accept that the block is chosen. */
  private mayWait({ to, message }: Extract<Effect, { kind: 'send' }>): boolean {
    if (message.kind !== 'chosen' && message.kind !== 'accepted') return false;
    if (message.height !== this.proposed.height || this.leader !== this.options.self) return false;
    return !this.proposed.authors.has(to);
  }

  private validate(h: Height, ballot: Ballot, value: Uint8Array): void {
    const answer = this.replica.mayVoteFor(value);
    if (answer === 'later') this.validating.push({ height: h, ballot, value });
    else this.step({ kind: 'validated', height: h, ballot, ok: answer === 'yes' });
    if (answer === 'differs') this.options.onDiffers(ballot.node, decodeBlockValue(value).digestHeight);
  }

  /** Of the records up to a height only the newest promise may matter. */
  private truncate(upTo: Height): void {
    const { records } = this.options;
    if (!records.isLong) return;
    const promise = this.kept.findLast((record) => record.kind === 'promise');
    this.kept = this.kept.filter((record) => {
      if (record.kind === 'promise') return record === promise;
      return (record.kind === 'accepted' ? record.accepted : record.decision).height > upTo;
    });
    try {
      records.rewrite(this.kept.map(encodeRecord));
    } catch (error) {
      // The old file is good, and stays.
      if (!(error instanceof DiskFullError)) throw error;
    }
  }
}
