/**
 * The node under test: a Consensus with the smallest state that can stand behind it. A value is text: `id` or, to change the
 * voters, `id=a,b,c`. The state is the height and who votes from SIM_WINDOW heights later on; it is
 * written now and then and seldom synced, like a real one, so after a crash it may lie behind what was chosen.
 */
import {
  Consensus,
  decodeMessage,
  decodeRecord,
  encodeMessage,
  encodeRecord,
  height,
  nodeId,
  type Certificate,
  type ConsensusRecord,
  type Effect,
  type Event,
  type Height,
  type NodeId,
  type VoterSpan,
} from '../../../node/consensus/index.ts';
import { fakeCrypto } from '../../support/consensus.ts';
import type { Disk } from '../kernel/disk.ts';
import type { Random } from '../kernel/random.ts';
import type { Action, Program, ProgramEvent } from '../kernel/world.ts';

export const GROUP = 'sim';
export const TIMING = { heartbeatMs: 50, electionMs: 300, silenceMs: 300, resendMs: 200 };
const HISTORY_HEIGHTS = 12;
/** Smaller than the product's, so that a run sees many changes of voters. */
export const SIM_WINDOW = 8;

export type ConsensusInput =
  | { readonly kind: 'offer'; readonly value: string }
  | { readonly kind: 'event'; readonly event: Event }
  | { readonly kind: 'apply' };

/** What checkers hear of. */
export type ConsensusNote =
  | { readonly kind: 'started'; readonly applied: Height }
  | { readonly kind: 'chosen'; readonly height: Height; readonly value: string; readonly certificate: Certificate }
  | { readonly kind: 'applied'; readonly height: Height; readonly voters: readonly NodeId[] }
  | { readonly kind: 'snapshot'; readonly height: Height }
  | { readonly kind: 'holds'; readonly height: Height; readonly value: string }
  | { readonly kind: 'leader'; readonly node: NodeId | undefined }
  | { readonly kind: 'dropped'; readonly reason: string }
  | { readonly kind: 'amnesia' };

export interface ProgramSettings {
  readonly genesis: readonly NodeId[];
  readonly members: readonly NodeId[];
  readonly abstain: boolean;
  /** The most that a node takes to fetch what a value names, and to apply it; milliseconds. */
  readonly validateMs: number;
  readonly applyMs: number;
}

interface State {
  readonly height: Height;
  readonly voters: readonly NodeId[];
  readonly spans: readonly VoterSpan[];
  /** Changes of voters that are done: proposed again, they change nothing. */
  readonly done: readonly string[];
}

const CONSENSUS = 0;
const SNAPSHOT_WANTED = 1;
const SNAPSHOT = 2;

const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
export function bytesOf(value: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(value.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = value.charCodeAt(i);
  return bytes;
}

/** The voters that a value asks for. */
export function votersOf(value: string): NodeId[] | undefined {
  const at = value.indexOf('=');
  return at < 0
    ? undefined
    : value
        .slice(at + 1)
        .split(',')
        .map(nodeId);
}

function lastState(disk: Disk, genesis: readonly NodeId[]): State {
  for (const { bytes } of [...disk.read('state')].reverse()) {
    try {
      return JSON.parse(text(bytes)) as State;
    } catch (error) {
      // A torn record; the one before it stands.
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return { height: height(0), voters: genesis, spans: [{ from: height(1), voters: genesis }], done: [] };
}

function records(disk: Disk): ConsensusRecord[] {
  return disk.read('acceptor').flatMap(({ bytes }) => {
    const decoded = decodeRecord(bytes);
    return decoded.kind === 'ok' ? [decoded.value] : [];
  });
}

export class ConsensusProgram implements Program<ConsensusInput> {
  private readonly name: NodeId;
  private readonly settings: ProgramSettings;
  private readonly random: Random;
  private readonly consensus: Consensus;
  private state: State;
  private readonly toApply: { height: Height; value: string }[] = [];
  private readonly offers = new Set<string>();
  private readonly inFlight = new Set<string>();
  private wanted: { height: Height; urgent: boolean } | undefined;
  private leads = false;
  private empties = 0;
  private actions: Action<ConsensusInput>[] = [];

  constructor(name: NodeId, disk: Disk, random: Random, settings: ProgramSettings) {
    this.name = name;
    this.settings = settings;
    this.random = random;
    this.state = lastState(disk, settings.genesis);
    this.consensus = new Consensus(
      {
        self: name,
        group: GROUP,
        crypto: fakeCrypto(name),
        random: () => random.next(),
        timing: TIMING,
        window: SIM_WINDOW,
        historyHeights: HISTORY_HEIGHTS,
      },
      {
        applied: this.state.height,
        spans: this.state.spans,
        records: records(disk),
        abstain: settings.abstain,
      },
    );
  }

  step(event: ProgramEvent<ConsensusInput>): Action<ConsensusInput>[] {
    this.actions = [];
    switch (event.kind) {
      case 'start':
        this.note({ kind: 'started', applied: this.state.height });
        this.feed({ kind: 'members', nodes: this.settings.members });
        this.feed({ kind: 'start', nowMs: event.nowMs });
        break;
      case 'tick':
        this.feed({ kind: 'tick', nowMs: event.nowMs });
        break;
      case 'message':
        this.receive(nodeId(event.from), event.bytes);
        break;
      case 'input':
        if (event.input.kind === 'event') this.feed(event.input.event);
        else if (event.input.kind === 'apply') this.apply();
        else this.offer(event.input.value);
    }
    return this.actions;
  }

  private feed(event: Event): void {
    for (const effect of this.consensus.step(event)) this.execute(effect);
    this.propose();
  }

  private execute(effect: Effect): void {
    const { actions } = this;
    switch (effect.kind) {
      case 'persist':
        actions.push({ kind: 'write', file: 'acceptor', bytes: encodeRecord(effect.record), about: effect.record });
        if (effect.sync) actions.push({ kind: 'sync', file: 'acceptor' });
        break;
      case 'send':
        this.send(effect.to, CONSENSUS, encodeMessage(effect.message), effect.message);
        break;
      case 'validate': {
        const { ballot } = effect;
        this.later(this.settings.validateMs, {
          kind: 'event',
          event: { kind: 'validated', height: effect.height, ballot, ok: true },
        });
        this.note({ kind: 'holds', height: effect.height, value: text(effect.value) });
        break;
      }
      case 'want-value':
        this.wanted = effect;
        break;
      case 'chosen': {
        const value = text(effect.value);
        this.note({ kind: 'chosen', height: effect.height, value, certificate: effect.certificate });
        this.offers.delete(value);
        this.toApply.push({ height: effect.height, value });
        if (this.toApply.length === 1) this.later(this.settings.applyMs, { kind: 'apply' });
        break;
      }
      case 'leader':
        this.leads = effect.node === this.name;
        this.wanted = undefined;
        this.inFlight.clear();
        this.note({ kind: 'leader', node: effect.node });
        break;
      case 'truncate':
        this.keepState(true);
        actions.push({
          kind: 'trim',
          file: 'acceptor',
          keep: ({ bytes }) => {
            const decoded = decodeRecord(bytes);
            if (decoded.kind !== 'ok') return false;
            const record = decoded.value;
            if (record.kind === 'promise') return true;
            return (record.kind === 'accepted' ? record.accepted : record.decision).height > effect.upTo;
          },
        });
        break;
      case 'need-snapshot':
        this.send(effect.peer, SNAPSHOT_WANTED, new Uint8Array(0), { kind: 'snapshot-wanted' });
        break;
      case 'dropped':
        this.note({ kind: 'dropped', reason: effect.reason });
        break;
      case 'amnesia':
        this.note({ kind: 'amnesia' });
        break;
    }
  }

  private receive(from: NodeId, bytes: Uint8Array): void {
    const body = bytes.subarray(1);
    if (bytes[0] === CONSENSUS) {
      const decoded = decodeMessage(body);
      if (decoded.kind === 'ok') this.feed({ kind: 'message', from, message: decoded.value });
    } else if (bytes[0] === SNAPSHOT_WANTED) {
      const { height: at } = this.state;
      this.send(from, SNAPSHOT, bytesOf(JSON.stringify(this.state)), { kind: 'snapshot', height: at });
    } else this.load(JSON.parse(text(body)) as State);
  }

  private load(state: State): void {
    if (state.height <= this.state.height) return;
    this.state = state;
    this.keepState(true);
    this.note({ kind: 'snapshot', height: state.height });
    this.feed({ kind: 'snapshot', height: state.height, spans: state.spans });
  }

  private apply(): void {
    const block = this.toApply.shift();
    if (this.toApply.length > 0) this.later(this.settings.applyMs, { kind: 'apply' });
    if (!block || block.height <= this.state.height) return;
    const asked = this.state.done.includes(block.value) ? undefined : votersOf(block.value);
    const voters = asked ?? this.state.voters;
    const done = asked ? [...this.state.done, block.value] : this.state.done;
    // The spans that go with the state come from consensus, which knows them once it has heard of the block.
    this.feed({ kind: 'applied', height: block.height, voters });
    this.state = { height: block.height, voters, spans: this.consensus.spans, done };
    if (this.random.chance(0.3)) this.keepState(this.random.chance(0.3));
    this.note({ kind: 'applied', height: block.height, voters });
  }

  private keepState(sync: boolean): void {
    const bytes = bytesOf(JSON.stringify(this.state));
    this.actions.push({ kind: 'write', file: 'state', bytes, about: { kind: 'state', height: this.state.height } });
    if (sync) this.actions.push({ kind: 'sync', file: 'state' });
  }

  private offer(value: string): void {
    this.offers.add(value);
    this.propose();
  }

  private propose(): void {
    while (this.leads && this.wanted) {
      const { height: at, urgent } = this.wanted;
      const fresh = [...this.offers].find((value) => !this.inFlight.has(value));
      if (fresh === undefined && !urgent) return;
      const value = fresh ?? `empty-${this.name}-${this.random.below(1e9)}-${this.empties++}`;
      this.inFlight.add(value);
      this.wanted = undefined;
      const held = at % 2 === 1;
      if (held) this.note({ kind: 'holds', height: at, value });
      for (const effect of this.consensus.step({ kind: 'propose', height: at, value: bytesOf(value), held })) {
        this.execute(effect);
      }
    }
  }

  private send(to: NodeId, tag: number, body: Uint8Array, about: unknown): void {
    const bytes = new Uint8Array(body.length + 1);
    bytes[0] = tag;
    bytes.set(body, 1);
    this.actions.push({ kind: 'send', to, bytes, about });
  }

  private later(withinMs: number, input: ConsensusInput): void {
    this.actions.push({ kind: 'later', delayMs: this.random.between(0, withinMs), input });
  }

  private note(note: ConsensusNote): void {
    this.actions.push({ kind: 'note', note });
  }
}
