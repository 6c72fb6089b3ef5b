// Runs a transcript: commands to a small cluster whose every effect and message is written down, one line each.
//
//   nodes a b c [learners d]   starts a cluster; nothing is delivered by itself
//   tick NODE MS               lets time pass on one node
//   deliver [FROM>TO …]        delivers what is on its way, and what follows from it, until all is quiet; only these links
//   deliver-one [FROM>TO …]    delivers the next message only
//   drop [FROM>TO …]           forgets what is on its way
//   propose NODE VALUE         `VALUE` as text; `=a,b` changes the voters
//   hold NODE | release NODE   the node holds what values name only when released
//   restart NODE               from its records and its state
import {
  Consensus,
  height,
  nodeId,
  VoterSchedule,
  type Ballot,
  type ConsensusRecord,
  type Effect,
  type Event,
  type Height,
  type Message,
  type NodeId,
  type VoterSpan,
} from '../../../node/consensus/index.ts';
import { fakeCrypto } from '../../support/consensus.ts';

const TICK_MS = 10;
const HISTORY_HEIGHTS = 4;
const TRANSCRIPT_WINDOW = 8;

interface Host {
  consensus: Consensus;
  records: ConsensusRecord[];
  applied: Height;
  spans: readonly VoterSpan[];
  voters: readonly NodeId[];
  nowMs: number;
  wanted: Height | undefined;
  holding: boolean;
  readonly held: { height: Height; ballot: Ballot }[];
}

interface Mail {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly message: Message;
}

const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);
const show = (ballot: Ballot): string => `${ballot.round}.${ballot.node}`;

function describeMessage(message: Message): string {
  switch (message.kind) {
    case 'pre-vote':
    case 'prepare':
    case 'heartbeat':
    case 'heartbeat-ack':
      return `${message.kind} ${show(message.ballot)} chosen=${message.chosen}`;
    case 'pre-vote-reply':
      return `${message.kind} ${show(message.ballot)} ${message.granted ? 'granted' : 'refused'} chosen=${message.chosen}`;
    case 'promise': {
      const accepted = message.accepted.map((item) => ` ${item.height}:${show(item.ballot)}:${text(item.value)}`);
      return `promise ${show(message.ballot)} chosen=${message.chosen} accepted=[${accepted.join('').trim()}]`;
    }
    case 'accept':
      return `accept ${show(message.ballot)} height=${message.height} ${text(message.value)}`;
    case 'accepted':
      return `accepted ${show(message.ballot)} height=${message.height}`;
    case 'nack':
      return `nack ${show(message.ballot)} promised=${show(message.promised)}`;
    case 'chosen': {
      const by = message.certificate.votes.map((vote) => vote.node).join(',');
      return `chosen height=${message.height} by=${by}${message.value ? ` ${text(message.value)}` : ''}`;
    }
    case 'resign':
      return `resign ${show(message.ballot)} successor=${message.successor}`;
    case 'ask-chosen':
      return `ask-chosen from=${message.from}`;
    case 'decisions': {
      const values = message.decisions.map((decision) => `${decision.height}:${text(decision.value)}`);
      return `decisions [${values.join(' ')}] chosen=${message.chosen}`;
    }
    case 'pruned':
      return `pruned oldest=${message.oldest}`;
  }
}

function describeRecord(record: ConsensusRecord): string {
  switch (record.kind) {
    case 'promise':
      return `promise ${show(record.ballot)}`;
    case 'accepted':
      return `accepted ${show(record.accepted.ballot)} height=${record.accepted.height} ${text(record.accepted.value)}`;
    case 'chosen':
      return `chosen height=${record.decision.height} ${text(record.decision.value)}`;
  }
}

export class Cluster {
  private readonly hosts = new Map<NodeId, Host>();
  private members: NodeId[] = [];
  private genesis: NodeId[] = [];
  private mail: Mail[] = [];
  private lines: string[] = [];

  /** What a command makes happen. */
  run(command: string): string[] {
    this.lines = [];
    const [verb = '', ...words] = command.split(/\s+/);
    const node = nodeId(words[0] ?? '');
    switch (verb) {
      case 'nodes': {
        const at = words.indexOf('learners');
        this.members = words.filter((word) => word !== 'learners').map(nodeId);
        this.genesis = (at < 0 ? words : words.slice(0, at)).map(nodeId);
        for (const member of this.members) this.open(member, undefined);
        break;
      }
      case 'tick': {
        const host = this.host(node);
        for (const end = host.nowMs + Number(words[1]); host.nowMs < end;) {
          host.nowMs += TICK_MS;
          this.feed(node, { kind: 'tick', nowMs: host.nowMs });
        }
        break;
      }
      case 'deliver':
        while (this.deliver(this.next(words)));
        break;
      case 'deliver-one':
        this.deliver(this.next(words));
        break;
      case 'drop':
        while (this.next(words));
        break;
      case 'propose': {
        const host = this.host(node);
        const at = host.wanted;
        if (at === undefined) this.lines.push(`  ${node} was not asked for a value`);
        else {
          host.wanted = undefined;
          this.feed(node, { kind: 'propose', height: at, value: bytes(words[1] ?? ''), held: true });
        }
        break;
      }
      case 'hold':
        this.host(node).holding = true;
        break;
      case 'release': {
        const host = this.host(node);
        host.holding = false;
        for (const { height: at, ballot } of host.held.splice(0)) {
          this.feed(node, { kind: 'validated', height: at, ballot, ok: true });
        }
        break;
      }
      case 'restart':
        this.open(node, this.host(node));
        break;
      default:
        throw new Error(`no command ${verb}`);
    }
    return this.lines;
  }

  private open(node: NodeId, before: Host | undefined): void {
    const spans = before?.spans ?? [{ from: height(1), voters: this.genesis }];
    const applied = before?.applied ?? height(0);
    const records = before?.records ?? [];
    const consensus = new Consensus(
      {
        self: node,
        group: 'transcript',
        crypto: fakeCrypto(node),
        random: () => this.members.indexOf(node) / this.members.length,
        timing: { heartbeatMs: 50, electionMs: 300, silenceMs: 300, resendMs: 200 },
        window: TRANSCRIPT_WINDOW,
        historyHeights: HISTORY_HEIGHTS,
      },
      { applied, spans, records, abstain: false },
    );
    const voters = before?.voters ?? this.genesis;
    const nowMs = before?.nowMs ?? 0;
    this.hosts.set(node, {
      consensus,
      records,
      applied,
      spans,
      voters,
      nowMs,
      wanted: undefined,
      holding: false,
      held: [],
    });
    this.feed(node, { kind: 'members', nodes: this.members });
    this.feed(node, { kind: 'start', nowMs });
  }

  private host(node: NodeId): Host {
    const host = this.hosts.get(node);
    if (!host) throw new Error(`no node ${node}`);
    return host;
  }

  private next(links: readonly string[]): Mail | undefined {
    const at = this.mail.findIndex(({ from, to }) => links.length === 0 || links.includes(`${from}>${to}`));
    return at < 0 ? undefined : this.mail.splice(at, 1)[0];
  }

  private deliver(mail: Mail | undefined): boolean {
    if (!mail) return false;
    this.lines.push(`${mail.from} → ${mail.to}  ${describeMessage(mail.message)}`);
    this.feed(mail.to, { kind: 'message', from: mail.from, message: mail.message });
    return true;
  }

  private feed(node: NodeId, event: Event): void {
    const host = this.host(node);
    for (const effect of host.consensus.step(event)) this.execute(node, host, effect);
  }

  private execute(node: NodeId, host: Host, effect: Effect): void {
    const say = (line: string): void => void this.lines.push(`  ${node} ${line}`);
    switch (effect.kind) {
      case 'persist':
        host.records.push(effect.record);
        say(`writes ${describeRecord(effect.record)}${effect.sync ? ', synced' : ''}`);
        break;
      case 'send':
        this.mail.push({ from: node, to: effect.to, message: effect.message });
        break;
      case 'validate':
        say(`is asked whether it holds ${text(effect.value)}`);
        if (host.holding) host.held.push(effect);
        else this.feed(node, { kind: 'validated', height: effect.height, ballot: effect.ballot, ok: true });
        break;
      case 'want-value':
        host.wanted = effect.height;
        say(`may propose at ${effect.height}${effect.urgent ? ', urgently' : ''}`);
        break;
      case 'chosen': {
        const value = text(effect.value);
        say(`applies ${effect.height} ${value}`);
        const voters = value.startsWith('=') ? value.slice(1).split(',').map(nodeId) : host.voters;
        this.feed(node, { kind: 'applied', height: effect.height, voters });
        host.voters = voters;
        host.applied = effect.height;
        host.spans = host.consensus.spans;
        break;
      }
      case 'leader':
        host.wanted = undefined;
        say(effect.node === undefined ? 'follows nobody' : `follows ${show(effect.ballot)}`);
        break;
      case 'truncate':
        host.records = host.records.filter((record) => {
          if (record.kind === 'promise') return true;
          return (record.kind === 'accepted' ? record.accepted : record.decision).height > effect.upTo;
        });
        say(`forgets up to ${effect.upTo}`);
        break;
      case 'need-snapshot': {
        const peer = this.host(effect.peer);
        say(`loads a snapshot of ${effect.peer} at ${peer.applied}`);
        Object.assign(host, { applied: peer.applied, voters: peer.voters, spans: peer.spans });
        // A check that what travels with a state is enough to go on from it.
        new VoterSchedule(peer.applied, peer.spans, TRANSCRIPT_WINDOW);
        this.feed(node, { kind: 'snapshot', height: peer.applied, spans: peer.spans });
        break;
      }
      case 'dropped':
        say(`drops a message of ${effect.from}: ${effect.reason}`);
        break;
      case 'amnesia':
        say(`has forgotten its vote at ${effect.height}`);
        break;
    }
  }
}
