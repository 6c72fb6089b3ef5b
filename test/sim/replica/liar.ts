/**
 * A member that lies. It has its key, links to all others and what they tell it, and no state of its own: it sends whatever bytes
 * harm most, much of it signed as it should be. Voters are assumed not to lie in what they vote for; garbage they may send.
 */
import crypto, { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { encodeMessage, nodeId, type NodeId } from '../../../node/consensus/index.ts';
import {
  authorOf,
  CborWriter,
  cidOf,
  decodeEntry,
  encodeEntry,
  encodeStoredBlock,
  hex,
  SIGNATURE_BYTES,
  type Entry,
} from '../../../node/log/index.ts';
import {
  SYNC,
  CONSENSUS,
  ASK_BLOCKS,
  BLOCKS,
  DIFFERS,
  PIECE,
  SNAPSHOT,
  BLOCKS_PRUNED,
} from '../../../node/replica/kinds.ts';
import { logCrypto } from '../../../node/store/index.ts';
import {
  authorId,
  decodeSyncMessage,
  encodeSyncMessage,
  type AuthorId,
  type SyncMessage,
} from '../../../node/sync/index.ts';
import type { Random } from '../kernel/random.ts';
import type { Cluster, Machine } from './cluster.ts';
import { FAR, Forgeries } from './forgeries.ts';

const WHOLE_PIECE = 3;
/** Larger than what is read in one go. */
const LARGE_BYTES = 300 << 10;
const HEARD_MAX = 400;

/** An author under the liar's key: it may have as many as it likes. */
interface Chain {
  readonly author: Uint8Array;
  readonly genesis: NonNullable<Entry['genesis']>;
  seq: number;
  prev: Uint8Array | null;
  lamport: number;
  /** As they are sent. */
  readonly entries: Uint8Array[];
}

/** What it heard of an honest author. */
interface Heard {
  readonly id: AuthorId;
  readonly author: Uint8Array;
  seq: number;
  cid: Uint8Array;
  readonly entries: Map<number, Uint8Array>;
}

export class Liar implements Machine {
  readonly name = 'liar';
  readonly id: NodeId;
  readonly isUp = true;
  readonly connected = new Map<string, string>();
  /** Some of its transactions say that foreign keys are not looked at, as any client's may: then they need not hold. */
  readonly isUnchecked: boolean;
  private readonly cluster: Cluster;
  private readonly random: Random;
  private readonly forged: Forgeries;
  private readonly key: KeyObject;
  private readonly publicKey: Uint8Array;
  private readonly chains = new Map<string, Chain>();
  /** Authors of which some entries are proven by later ones only. */
  readonly unsigned = new Set<string>();
  /** Other tails of an author's. */
  private readonly forks: Chain[] = [];
  private readonly heard = new Map<string, Heard>();
  private readonly messages: Uint8Array[] = [];
  /** What is heard now comes from it by way of somebody who means well. */
  isPassedOn = false;
  private height = 0;
  private lamport = 0;

  constructor(cluster: Cluster, random: Random, isUnchecked: boolean) {
    this.isUnchecked = isUnchecked;
    this.cluster = cluster;
    this.random = random;
    this.forged = new Forgeries(random, isUnchecked);
    const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, this.name)]);
    this.key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    const spki = createPublicKey(this.key).export({ format: 'der', type: 'spki' });
    this.publicKey = new Uint8Array(spki.subarray(spki.length - 32));
    this.id = nodeId(hex(this.publicKey));
  }

  knows(): boolean {
    return true;
  }

  linkUp(): void {
    // It greets nobody.
  }

  linkDown(): void {
    // It does not mind.
  }

  /** From now on it lies now and then, until `end`. */
  lieUntil(end: number, pauseMs: number): void {
    const { cluster, random } = this;
    for (let at = cluster.now; at < end; at += random.between(1, pauseMs))
      cluster.plan(at, undefined, () => {
        if (this.connected.size === 0) return;
        const [name, lie] = random.pick(this.lies);
        cluster.trace(() => `liar: ${name}`);
        lie();
      });
  }

  /** It is asked, and told things. */
  heardFrom(from: NodeId, bytes: Uint8Array): void {
    if (this.messages.length < HEARD_MAX) this.messages.push(bytes.slice());
    else this.messages[this.random.below(HEARD_MAX)] = bytes.slice();
    if (bytes[0] !== SYNC) return;
    const decoded = decodeSyncMessage(bytes.subarray(1));
    if (decoded.kind !== 'ok') return;
    const message = decoded.value;
    if (message.kind === 'push' || message.kind === 'entries') for (const run of message.runs) this.noteRun(run);
    if (message.kind === 'ask') this.answer(from, message);
  }

  private noteRun({ entries }: { readonly entries: readonly Uint8Array[] }): void {
    for (const bytes of entries) {
      const body = bytes.slice(SIGNATURE_BYTES);
      const entry = decodeEntry(body);
      const id = authorId(hex(entry.author));
      if (this.chains.has(id)) continue;
      this.height = Math.max(this.height, entry.height);
      this.lamport = Math.max(this.lamport, entry.lamport);
      const known = this.heard.get(id) ?? {
        id,
        author: entry.author,
        seq: 0,
        cid: new Uint8Array(),
        entries: new Map<number, Uint8Array>(),
      };
      this.heard.set(id, known);
      known.entries.set(entry.seq, bytes);
      if (entry.seq < known.seq) continue;
      known.seq = entry.seq;
      known.cid = cidOf(body, logCrypto);
    }
  }

  /** What it has of its own is given as it was asked for, more or less. */
  private answer(to: NodeId, { id, ranges }: Extract<SyncMessage, { kind: 'ask' }>): void {
    const { random } = this;
    if (random.chance(0.2)) return;
    const runs = ranges.flatMap(({ author, from, to: last }) => {
      const tails = [this.chains.get(author), ...this.forks.filter((fork) => hex(fork.author) === author)];
      const entries = (this.someTail(tails)?.entries ?? []).slice(from - 1, last);
      return entries.length > 0 ? [{ author, from, entries }] : [];
    });
    this.sync(to, { kind: 'entries', id: random.chance(0.1) ? id + 1 : id, runs, last: random.chance(0.9) });
  }

  // Ways to send.

  private get peers(): NodeId[] {
    return [...this.connected.keys()].map(nodeId);
  }

  private send(to: NodeId, channel: number, message: Uint8Array): void {
    this.cluster.send(this, to, Buffer.concat([Uint8Array.of(channel), message]));
  }

  private sync(to: NodeId, message: SyncMessage): void {
    this.send(to, SYNC, encodeSyncMessage(message));
  }

  private toSome(work: (to: NodeId) => void): void {
    const peers = this.peers;
    for (const to of this.random.sample(peers, 1 + this.random.below(peers.length))) work(to);
  }

  private push(to: NodeId, author: AuthorId, from: number, entries: readonly Uint8Array[]): void {
    this.sync(to, { kind: 'push', runs: [{ author, from, entries }] });
  }

  // Entries.

  private newChain(): Chain {
    const genesis = { key: this.publicKey, incarnation: this.forged.bytes(16) };
    const author = authorOf(genesis.key, genesis.incarnation, logCrypto);
    const chain: Chain = { author, genesis, seq: 0, prev: null, lamport: 0, entries: [] };
    this.chains.set(hex(author), chain);
    return chain;
  }

  private get someChain(): Chain {
    const chains = [...this.chains.values()];
    return chains.length === 0 || this.random.chance(0.3) ? this.newChain() : this.random.pick(chains);
  }

  private someTail(tails: readonly (Chain | undefined)[]): Chain | undefined {
    return tails.length > 1 ? this.random.pick(tails) : tails[0];
  }

  private signed(body: Uint8Array): Uint8Array {
    return Buffer.concat([crypto.sign(null, cidOf(body, logCrypto), this.key), body]);
  }

  /** The next entry of a chain, with what is said otherwise than it should be. */
  private entryOf(chain: Chain, lie: Partial<Entry>): Entry {
    const seq = chain.seq + 1;
    return {
      group: 'main',
      author: chain.author,
      seq,
      prev: chain.prev,
      parents: [],
      height: this.height,
      lamport: Math.max(this.lamport, chain.lamport) + 1,
      time: 1_700_000_000_000,
      transactions: [],
      ...(seq === 1 && { genesis: chain.genesis }),
      ...lie,
    };
  }

  /** Makes the next entry of some chain and gives it to some. Who has it may keep it: the chain goes on from it. */
  private tell(lie: Partial<Entry>, chain = this.someChain): void {
    const entry = this.entryOf(chain, lie);
    const body = encodeEntry(entry);
    const bytes = this.signed(body);
    chain.entries.push(bytes);
    chain.seq = entry.seq;
    chain.prev = cidOf(body, logCrypto);
    chain.lamport = Math.min(entry.lamport, FAR - 2);
    this.toSome((to) => this.push(to, authorId(hex(chain.author)), entry.seq, [bytes]));
  }

  /** One of which the others are to take no notice: the chain goes on as if it had not been. */
  private tellWrong(lie: Partial<Entry>): void {
    const chain = this.someChain;
    const entry = this.entryOf(chain, lie);
    const bytes = this.signed(encodeEntry(entry));
    this.toSome((to) => this.push(to, authorId(hex(chain.author)), chain.seq + 1, [bytes]));
  }

  /** Two tails of one author: each goes to some, and both go on. */
  private fork(): void {
    const { random, forks } = this;
    const honest = [...this.chains.values(), ...forks].filter(({ seq, lamport }) => seq < 50 && lamport < 1e6);
    const chain = honest.length === 0 || random.chance(0.3) ? this.newChain() : random.pick(honest);
    const copy: Chain = { ...chain, entries: [...chain.entries] };
    forks.push(copy);
    const peers = random.sample(this.peers, this.peers.length);
    const half = random.below(peers.length + 1);
    this.extend(chain, peers.slice(0, half), 1 + random.below(3));
    this.extend(copy, random.chance(0.8) ? peers.slice(half) : peers, 1 + random.below(3));
  }

  /** One of the tails goes on. */
  private goOn(): void {
    const { random, forks } = this;
    if (forks.length === 0) return;
    const one = random.pick(forks);
    const other = this.chains.get(hex(one.author)) ?? one;
    const { peers } = this;
    this.extend(random.pick([one, other]), random.sample(peers, 1 + random.below(peers.length)), 1 + random.below(2));
  }

  private extend(chain: Chain, peers: readonly NodeId[], count: number): void {
    const { random } = this;
    const from = chain.seq + 1;
    for (let n = 0; n < count; n++) {
      const { someone } = this;
      const seen =
        someone && random.chance(0.5) ? [{ author: someone.author, seq: someone.seq, cid: someone.cid }] : [];
      const transactions = random.chance(0.8) ? [random.chance(0.7) ? this.forged.row : this.forged.nonsense] : [];
      const entry = this.entryOf(chain, { time: random.below(1e9), transactions, parents: seen });
      const body = encodeEntry(entry);
      const bytes = this.signed(body);
      // Of those that come together only the last signature is looked at.
      if (n < count - 1 && random.chance(0.2)) {
        bytes.set(this.forged.bytes(SIGNATURE_BYTES));
        this.unsigned.add(hex(chain.author));
      }
      chain.entries.push(bytes);
      chain.seq = entry.seq;
      chain.prev = cidOf(body, logCrypto);
      chain.lamport = entry.lamport;
    }
    for (const to of peers) this.push(to, authorId(hex(chain.author)), from, chain.entries.slice(from - 1));
  }

  /** An entry that an honest author might write next. */
  private inTheNameOf({ author, seq, cid }: Heard, lie: Partial<Entry>): Uint8Array {
    return encodeEntry({
      group: 'main',
      author,
      seq: seq + 1,
      prev: cid,
      parents: [],
      height: this.height,
      lamport: this.lamport + 5,
      time: 0,
      transactions: [],
      ...lie,
    });
  }

  private readonly lies: readonly (readonly [string, () => void])[] = [
    ['an empty entry', () => this.tell({})],
    [
      'an entry that another one needs comes never',
      () => this.tell({ parents: [this.forged.missing], transactions: [this.forged.nonsense] }),
    ],
    [
      'a forged prev',
      () => this.tellWrong(this.random.chance(0.5) ? { prev: this.forged.bytes(36) } : { prev: this.forged.bytes(3) }),
    ],
    ['a seq too far', () => this.tellWrong({ seq: this.random.pick([5, FAR, -1, 0]) })],
    ['another group', () => this.tellWrong({ group: 'other' })],
    ['another author', () => this.tellWrong({ author: this.forged.bytes(32) })],
    ['random bytes for a transaction', () => this.tellWrong({ transactions: [this.forged.someBytes] })],
    [
      'large garbage',
      () => this.tellWrong({ transactions: [new Uint8Array(LARGE_BYTES).fill(this.random.below(256))] }),
    ],
    ['nonsense', () => this.tell({ transactions: [this.forged.nonsense, this.forged.nonsense] })],
    [
      'a block that nobody has',
      () => this.tell({ height: this.random.pick([this.height + 5, 2 ** 40, FAR, -7]) }, this.newChain()),
    ],
    [
      'a Lamport time far ahead',
      () => this.tell({ lamport: this.random.pick([this.lamport + 1e6, 2 ** 40, FAR - 1, FAR]) }, this.newChain()),
    ],
    ['a Lamport time behind', () => this.tellWrong({ lamport: this.random.pick([0, -1, -FAR]) })],
    [
      'a time that is none',
      () => this.tell({ time: this.random.pick([FAR, -FAR, 0]), transactions: [this.forged.nonsense] }),
    ],
    ['a wrong signature', () => this.forge(false)],
    ['a wrong signature on what waits', () => this.forge(true)],
    ['a genesis of another', () => this.forgeGenesis()],
    ['another one under its name', () => this.mislabel()],
    ['garbled', () => this.replay(true)],
    ['heard before', () => this.replay(false)],
    ['random bytes', () => this.toSome((to) => this.send(to, this.random.below(9), this.forged.someBytes))],
    [
      'a huge count',
      () =>
        this.toSome((to) =>
          this.send(
            to,
            this.random.below(8),
            Uint8Array.of(0x85, 1, this.random.below(9), 0x9a, 0xff, 0xff, 0xff, 0xff),
          ),
        ),
    ],
    ['a piece in a piece', () => this.nest()],
    [
      'a piece of nothing',
      () => this.toSome((to) => this.send(to, PIECE, Uint8Array.of(this.random.below(4), ...this.forged.someBytes))),
    ],
    ['a fork', () => this.fork()],
    ['a fork goes on', () => this.goOn()],
    ['gossip', () => this.gossip()],
    ['has what it has not', () => this.boast()],
    ['a question', () => this.ask()],
    ['leads', () => this.lead()],
    ['blocks', () => this.blocks()],
    ['snapshots', () => this.snapshot()],
  ];

  private get someone(): Heard | undefined {
    return this.heard.size > 0 ? this.random.pick([...this.heard.values()]) : undefined;
  }

  private forge(waits: boolean): void {
    const { someone, random } = this;
    if (!someone) return;
    const body = this.inTheNameOf(someone, { parents: waits ? [this.forged.missing] : [] });
    const bytes = random.chance(0.5) ? this.signed(body) : Buffer.concat([this.forged.bytes(SIGNATURE_BYTES), body]);
    this.toSome((to) => this.push(to, someone.id, someone.seq + 1, [bytes]));
  }

  private forgeGenesis(): void {
    const author = this.forged.bytes(32);
    const genesis = { key: this.publicKey, incarnation: this.forged.bytes(16) };
    const lie = { seq: 1, prev: null, genesis, parents: this.random.chance(0.5) ? [this.forged.missing] : [] };
    const bytes = this.signed(
      this.inTheNameOf({ id: authorId(''), author, seq: 0, cid: author, entries: new Map() }, lie),
    );
    this.toSome((to) => this.push(to, authorId(hex(author)), 1, [bytes]));
  }

  private mislabel(): void {
    const { someone, random } = this;
    if (!someone) return;
    const own = this.signed(encodeEntry(this.entryOf(this.newChain(), {})));
    const old = someone.entries.get(1 + random.below(someone.seq)) ?? own;
    this.toSome((to) => this.push(to, someone.id, someone.seq + 1, [random.pick([own, old])]));
  }

  private replay(isGarbled: boolean): void {
    if (this.messages.length === 0) return;
    const message = this.random.pick(this.messages);
    this.toSome((to) => this.cluster.send(this, to, isGarbled ? this.forged.garbled(message) : message));
  }

  private nest(): void {
    const deep = new Uint8Array(1 << 16);
    for (let at = 0; at < deep.length; at += 2) deep.set([WHOLE_PIECE, PIECE], at);
    this.toSome((to) => this.send(to, PIECE, deep));
  }

  /** Who passes it on means well. */
  private gossip(): void {
    const { random, cluster } = this;
    const known = this.someone?.author ?? this.forged.bytes(32);
    const author = random.pick([known, this.forged.bytes(32), this.forged.bytes(3)]);
    const word = new CborWriter()
      .data(author)
      .int(random.pick([FAR, 2 ** 48, 1e6, 0, -1]))
      .take();
    const bytes = random.chance(0.3) ? this.forged.garbled(word) : word;
    for (const to of cluster.up) {
      const by = random.pick([this.id, ...cluster.up.map(({ id }) => id)]);
      if (by === to.id) continue;
      cluster.plan(cluster.now, to, () => {
        this.isPassedOn = true;
        to.life?.peering.gossip('heads/main', bytes, by);
        this.isPassedOn = false;
      });
    }
  }

  private boast(): void {
    const { random } = this;
    const frontier = new Map<AuthorId, number>();
    for (const { id, seq } of this.heard.values())
      if (random.chance(0.5)) frontier.set(id, random.pick([seq + 3, 2 ** 48]));
    for (let n = random.below(20); n > 0; n--)
      frontier.set(authorId(hex(this.forged.bytes(32))), 1 + random.below(1e6));
    const { someone } = this;
    this.toSome((to) => {
      this.sync(to, random.chance(0.5) ? { kind: 'ack', frontier } : { kind: 'frontier', frontier, ask: true });
      if (someone && random.chance(0.3))
        this.sync(to, { kind: 'pruned', author: someone.id, oldest: 1 + random.below(100) });
    });
  }

  private ask(): void {
    const { random, someone } = this;
    const author = someone?.id ?? authorId(hex(this.forged.bytes(32)));
    const ranges = Array.from({ length: 1 + random.below(5) }, () => ({
      author,
      from: 1,
      to: random.pick([1, 2 ** 48]),
    }));
    this.toSome((to) =>
      this.sync(to, { kind: 'ask', id: 1 + random.below(5), ranges, bytesMax: 1 + random.below(1000) }),
    );
  }

  /** Without a vote it may say what it likes. */
  private lead(): void {
    const { cluster, id, forged } = this;
    if (cluster.genesis.voters.includes(id)) return;
    const up = cluster.up.map((node) => node.id);
    const message = forged.ofLeader(id, up, this.peers);
    this.toSome((to) => this.send(to, CONSENSUS, encodeMessage(message)));
  }

  private blocks(): void {
    const { random } = this;
    const height = random.pick([-FAR, 0, 1, 5, FAR]);
    const value = random.pick([this.forged.someBytes, ...this.messages.slice(0, 5)]);
    const block = random.chance(0.5) ? this.forged.someBytes : encodeStoredBlock(value, this.forged.someBytes);
    this.toSome((to) => {
      this.send(to, ASK_BLOCKS, new CborWriter().int(height).take());
      this.send(to, BLOCKS, new CborWriter().array(1).data(block).take());
      this.send(to, DIFFERS, new CborWriter().int(height).data(this.forged.bytes(8)).take());
    });
  }

  private snapshot(): void {
    const { random } = this;
    const manifest = random.pick(['', '{', 'null', '7', '{"format":1}', '{"format":1,"group":"main","height":1}']);
    const offer = new CborWriter().data(Buffer.from(manifest)).take();
    const get = new CborWriter()
      .int(random.pick([-1, 0, 1, FAR]))
      .int(random.pick([-1, 0, FAR]))
      .take();
    this.toSome((to) => {
      if (random.chance(0.3)) this.send(to, BLOCKS_PRUNED, new Uint8Array());
      this.send(to, SNAPSHOT, Buffer.concat([Uint8Array.of(1), offer]));
      this.send(to, SNAPSHOT, Buffer.concat([Uint8Array.of(2), get]));
      this.send(to, SNAPSHOT, Uint8Array.of(random.below(6), ...this.forged.someBytes));
    });
  }
}
