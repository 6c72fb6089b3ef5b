/**
 * Snapshots between nodes: a node that is new, or that needs what the others have pruned, takes the group's state from one of them
 * instead of running its history again.
 *
 * It asks one peer, and one more as long as none answers, is offered a manifest, and fetches the state's file in parts, so that it alone
 * decides the pace. When all is here and is what the manifest says, the node starts again from it.
 */
import type { NodeId } from '../consensus/index.ts';
import { CborReader, CborWriter } from '../log/index.ts';
import type { IncomingSnapshot, Snapshot, SnapshotManifest } from '../store/index.ts';
import { framed } from './kinds.ts';

export interface SnapshotPort {
  /** What this node can offer a peer at a height: undefined where its log does as well, unless the peer cannot go on by it. */
  offer(height: number, isNeeded: boolean): Promise<Snapshot | undefined>;
  readOffered(height: number, offset: number, length: number): Promise<Uint8Array | undefined>;
  take(manifest: SnapshotManifest): IncomingSnapshot;
}

export interface SnapshotExchangeOptions {
  readonly group: string;
  readonly port: SnapshotPort;
  /** Of the last block that is applied here. */
  readonly height: () => number;
  /** The node is new: it asks the first peer that it meets, and goes by the log only if it is offered nothing. */
  readonly isNew: boolean;
  readonly send: (to: NodeId, message: Uint8Array) => 'queued' | 'full' | 'unreachable';
  /** The peers may go on with entries and blocks. */
  readonly onReleased: () => void;
  /** A snapshot is here: the node is to start again. */
  readonly onTaken: (height: number) => void;
  readonly onRefused: (from: NodeId, reason: string) => void;
}

const ASK = 0;
const OFFER = 1;
const GET = 2;
const PART = 3;

const PART_BYTES = 1 << 20;
/** Parts that are asked for ahead of what is here. */
const PARTS_AHEAD = 8;
/** After so long a question is asked again; making a snapshot of a large state takes its time, so the peer is given up much later. */
const REPEAT_MS = 3_000;
const SILENT_MS = 60_000;
/** Without an offer for so long it asks one more: who says that it has pruned may be a member that lies. */
const ANOTHER_MS = 10_000;
const AGAIN_MS = 100;

/** What is under way. */
interface Taking {
  /** Who was asked, and whether it may yet answer. */
  readonly asked: Map<NodeId, boolean>;
  /** Who gives it; until one does, who was asked last. */
  from: NodeId;
  readonly isNeeded: boolean;
  heardMs: number;
  askedMs: number;
  incoming: IncomingSnapshot | undefined;
  askedBytes: number;
}

export class SnapshotExchange {
  private readonly options: SnapshotExchangeOptions;
  private readonly up = new Set<NodeId>();
  /** Entries and blocks wait until it is known whether a snapshot comes. */
  isHolding: boolean;
  private taking: Taking | undefined;
  private isDone = false;
  private giving: Promise<void> = Promise.resolve();

  constructor(options: SnapshotExchangeOptions) {
    this.options = options;
    this.isHolding = options.isNew;
  }

  peerUp(id: NodeId): void {
    this.up.add(id);
    if (this.isHolding && !this.taking) this.ask(id, false);
  }

  peerDown(id: NodeId): void {
    this.up.delete(id);
    const { taking } = this;
    if (!taking?.asked.delete(id)) return;
    if (taking.incoming ? taking.from === id : !this.isAnyOpen(taking)) this.giveUp();
  }

  /** This node cannot go on by what its peers keep of the log. */
  need(from: NodeId): void {
    if (!this.taking && !this.isDone) this.ask(from, true);
  }

  tick(nowMs: number): void {
    const { taking } = this;
    if (!taking || nowMs - Math.max(taking.heardMs, taking.askedMs) < REPEAT_MS) return;
    if (nowMs - taking.heardMs > SILENT_MS) this.giveUp();
    else this.repeat(taking, nowMs);
  }

  private repeat(taking: Taking, nowMs: number): void {
    taking.askedMs = nowMs;
    if (taking.incoming) {
      taking.askedBytes = taking.incoming.received;
      this.fetch(taking, taking.incoming);
      return;
    }
    if (nowMs - taking.heardMs >= ANOTHER_MS) this.askAnother(taking);
    for (const [id, isOpen] of taking.asked) if (isOpen) this.question(id, taking.isNeeded);
  }

  /** False when all were asked. */
  private askAnother(taking: Taking): boolean {
    const another = [...this.up].find((id) => !taking.asked.has(id));
    if (another === undefined) return false;
    taking.heardMs = performance.now();
    taking.from = another;
    taking.asked.set(another, true);
    this.question(another, taking.isNeeded);
    return true;
  }

  private isAnyOpen({ asked }: Taking): boolean {
    return [...asked.values()].includes(true);
  }

  /** Throws DecodeError. */
  message(from: NodeId, bytes: Uint8Array): void {
    const reader = new CborReader(bytes.subarray(1));
    switch (bytes[0]) {
      case ASK: {
        const height = reader.int();
        void this.answer(from, height, reader.int() === 1);
        break;
      }
      case OFFER:
        this.offered(from, reader.data());
        break;
      case GET: {
        const height = reader.int();
        const offset = reader.int();
        // One after the other: parts are taken in their order.
        this.giving = this.giving.then(() => this.give(from, height, offset));
        break;
      }
      case PART: {
        const height = reader.int();
        const offset = reader.int();
        this.part(from, height, offset, reader.data());
        break;
      }
      default:
        this.options.onRefused(from, 'a message about snapshots of an unknown kind');
    }
  }

  // What this node takes.

  private ask(from: NodeId, isNeeded: boolean): void {
    const now = performance.now();
    const asked = new Map([[from, true]]);
    this.taking = { asked, from, isNeeded, heardMs: now, askedMs: now, incoming: undefined, askedBytes: 0 };
    this.question(from, isNeeded);
  }

  private question(to: NodeId, isNeeded: boolean): void {
    const question = new CborWriter(16).int(this.options.height()).int(isNeeded ? 1 : 0);
    this.options.send(to, framed(ASK, question.take()));
  }

  private giveUp(): void {
    const { taking } = this;
    this.taking = undefined;
    taking?.incoming?.drop();
    if (!this.isHolding) return;
    const next = [...this.up].find((id) => id !== taking?.from) ?? [...this.up][0];
    if (next !== undefined) this.ask(next, false);
  }

  private offered(from: NodeId, text: Uint8Array): void {
    const { taking } = this;
    if (taking?.asked.get(from) !== true || taking.incoming) return;
    const manifest = text.length === 0 ? undefined : readManifest(text);
    if (manifest === null) this.options.onRefused(from, 'the manifest of a snapshot that cannot be read');
    if (!manifest || manifest.group !== this.options.group || manifest.height <= this.options.height()) {
      taking.asked.set(from, false);
      // Others may have what this one has not.
      if (!this.isHolding && (this.isAnyOpen(taking) || this.askAnother(taking))) return;
      this.taking = undefined;
      this.release();
      return;
    }
    taking.from = from;
    taking.heardMs = performance.now();
    taking.incoming = this.options.port.take(manifest);
    this.fetch(taking, taking.incoming);
  }

  private release(): void {
    if (!this.isHolding) return;
    this.isHolding = false;
    this.options.onReleased();
  }

  private fetch(taking: Taking, { manifest, received }: IncomingSnapshot): void {
    while (taking.askedBytes < manifest.bytes && taking.askedBytes < received + PARTS_AHEAD * PART_BYTES) {
      const question = new CborWriter(24).int(manifest.height).int(taking.askedBytes);
      taking.askedBytes += PART_BYTES;
      this.options.send(taking.from, framed(GET, question.take()));
    }
  }

  private part(from: NodeId, height: number, offset: number, bytes: Uint8Array): void {
    const { taking } = this;
    const incoming = taking?.from === from ? taking.incoming : undefined;
    if (!taking || incoming?.manifest.height !== height || offset !== incoming.received) return;
    if (bytes.length === 0) {
      // The peer has a newer one by now.
      this.giveUp();
      return;
    }
    taking.heardMs = performance.now();
    incoming.write(bytes);
    if (incoming.received < incoming.manifest.bytes) {
      this.fetch(taking, incoming);
      return;
    }
    this.taking = undefined;
    if (incoming.finish()) {
      this.isDone = true;
      this.options.onTaken(height);
    } else {
      this.options.onRefused(from, 'a snapshot whose bytes are not those of its manifest');
      this.release();
    }
  }

  // What this node gives.

  private async answer(to: NodeId, height: number, isNeeded: boolean): Promise<void> {
    const offer = await this.options.port.offer(height, isNeeded);
    const text = offer ? Buffer.from(JSON.stringify(offer.manifest)) : new Uint8Array();
    this.options.send(to, framed(OFFER, new CborWriter(text.length + 8).data(text).take()));
  }

  private async give(to: NodeId, height: number, offset: number): Promise<void> {
    if (!this.up.has(to)) return;
    // A snapshot that went away while it was read is offered no more.
    const read = this.options.port.readOffered(height, offset, PART_BYTES).catch(() => undefined);
    const bytes = (await read) ?? new Uint8Array();
    const part = framed(PART, new CborWriter(bytes.length + 32).int(height).int(offset).data(bytes).take());
    while (this.options.send(to, part) === 'full') await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

function readManifest(text: Uint8Array): SnapshotManifest | null {
  try {
    const manifest = JSON.parse(Buffer.from(text).toString('utf8')) as Partial<SnapshotManifest>;
    const isWhole =
      manifest.format === 1 &&
      Number.isSafeInteger(manifest.height) &&
      Number.isSafeInteger(manifest.bytes) &&
      Number.isSafeInteger(manifest.lamport) &&
      typeof manifest.sha256 === 'string' &&
      typeof manifest.block === 'string' &&
      Array.isArray(manifest.chains);
    return isWhole ? (manifest as SnapshotManifest) : null;
  } catch {
    return null;
  }
}
