/**
 * A lane: messages with one peer on a connection of the owner's own thread, beside the link, which says whether the peer is there.
 *
 * TLS with a secret of its own (RFC 4279), which went over the link: whoever knows it is the peer. What waits to be sent lies
 * in the socket, and what the owner does not read in the sender's: TCP holds back a sender, and pings are the link's.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import {
  dataFrames,
  FRAME_HEADER_BYTES,
  FrameReader,
  wholeDataFrames,
  WINDOW_BYTES,
  type LaneTicket,
} from './frames.ts';
import type { LaneOffer } from './messages.ts';

/** Forward secrecy is the link's, and with it the secret's. */
const CIPHERS = 'PSK-AES128-GCM-SHA256';
const TLS = { ciphers: CIPHERS, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
const HANDSHAKE_MS_MAX = 5_000;
/** A lane may be silent for hours, and what lies between the nodes forgets connections that are. */
const KEEP_ALIVE_MS = 10_000;

export interface LaneEvents {
  message(message: Uint8Array): void | Promise<void>;
  sent(bytes: number): void;
  /** Called once; nothing comes after it. */
  closed(reason: string): void;
}

export class Lane {
  private readonly socket: TLSSocket;
  private readonly events: LaneEvents;
  private readonly reader: FrameReader;
  /** Bytes of messages that came and are not handled. */
  private unhandled = 0;
  private isClosed = false;
  private fault: string | undefined;

  /** It reads once read() was called. */
  constructor(socket: TLSSocket, events: LaneEvents) {
    this.socket = socket;
    this.events = events;
    const foreign = (): void => void (this.fault = 'a frame that is no message');
    this.reader = new FrameReader({ control: foreign, peers: foreign, lane: foreign });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on('data', (bytes: Uint8Array) => this.received(bytes));
    socket.pause();
    socket.on('error', (error) => this.close(error.message));
    socket.on('close', () => this.close('the peer closed the lane'));
  }

  get bytesIn(): number {
    return this.socket.bytesRead;
  }

  get bytesOut(): number {
    return this.socket.bytesWritten;
  }

  /** All that came over the link before is handled. */
  read(): void {
    this.socket.resume();
  }

  /** Whole data frames. */
  write(chunk: Uint8Array): void {
    this.socket.write(chunk, (error) => {
      if (!error && !this.isClosed) this.events.sent(chunk.length);
    });
  }

  close(reason: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.socket.destroy();
    this.events.closed(reason);
  }

  private received(bytes: Uint8Array): void {
    // Mostly a chunk is what the peer wrote in a turn, and nothing needs to be copied.
    const whole = this.reader.isEmpty ? wholeDataFrames(bytes) : 0;
    if (whole > 0) this.tell(bytes.subarray(0, whole));
    if (whole === bytes.length || this.isClosed) return;
    const fault = this.reader.push(bytes.subarray(whole)) ?? this.fault;
    if (fault !== undefined) this.close(`the peer sent ${fault}`);
    else if (this.reader.hasWhole) this.tell(this.reader.take());
  }

  private tell(frames: Uint8Array): void {
    for (const message of dataFrames(frames)) {
      if (this.isClosed) return;
      const waits = this.events.message(message);
      if (waits) void this.handledLater(message.length + FRAME_HEADER_BYTES, waits);
    }
  }

  /** A handler that rejects breaks its contract: the rejection is left unhandled, and ends the process. */
  private async handledLater(bytes: number, waits: Promise<void>): Promise<void> {
    this.unhandled += bytes;
    if (this.unhandled >= WINDOW_BYTES) this.socket.pause();
    await waits;
    const wasFull = this.unhandled >= WINDOW_BYTES;
    this.unhandled -= bytes;
    if (wasFull && this.unhandled < WINDOW_BYTES && !this.isClosed) this.socket.resume();
  }
}

interface Expected {
  readonly secret: Uint8Array;
  readonly onLane: (socket: TLSSocket) => void;
}

/** Where peers' lanes come in: on a port of the system's choice. */
export class LaneDoor {
  private readonly expected = new Map<string, Expected>();
  private readonly named = new WeakMap<TLSSocket, string>();
  private readonly server: Server;

  private constructor() {
    this.server = createServer({
      ...TLS,
      handshakeTimeout: HANDSHAKE_MS_MAX,
      pskCallback: (socket, id) => {
        this.named.set(socket, id);
        return this.expected.get(id)?.secret ?? null;
      },
    });
    this.server.on('connection', (socket) => {
      if (this.expected.size === 0) socket.destroy();
    });
    this.server.on('secureConnection', (socket) => this.came(socket));
    this.server.unref();
  }

  /** Rejects when it cannot listen. */
  static async open(host: string): Promise<LaneDoor> {
    const door = new LaneDoor();
    door.server.listen({ host, port: 0 });
    await once(door.server, 'listening');
    return door;
  }

  /** What lets a peer in, once. */
  expect(onLane: (socket: TLSSocket) => void): LaneTicket {
    const id = randomBytes(16).toString('hex');
    const secret = new Uint8Array(randomBytes(32));
    this.expected.set(id, { secret, onLane });
    return { port: (this.server.address() as AddressInfo).port, id, secret };
  }

  forget(id: string): void {
    this.expected.delete(id);
  }

  close(): void {
    this.expected.clear();
    this.server.close();
  }

  private came(socket: TLSSocket): void {
    const id = this.named.get(socket) ?? '';
    const { onLane } = this.expected.get(id) ?? {};
    this.expected.delete(id);
    if (onLane) onLane(socket);
    else socket.destroy();
  }
}

/** Opens the lane that a peer offers. `onFailed` is called at most once, and not after `onLane`. */
export function dialLane(
  { id, secret, host, port }: LaneOffer,
  onLane: (socket: TLSSocket) => void,
  onFailed: (reason: string) => void,
): () => void {
  const socket = connect({
    ...TLS,
    host,
    port,
    pskCallback: () => ({ psk: secret, identity: id }),
    // There are no certificates: the secret proves who answers.
    checkServerIdentity: () => undefined,
  });
  let isSettled = false;
  const failed = (reason: string): void => {
    if (isSettled) return;
    isSettled = true;
    socket.destroy();
    onFailed(reason);
  };
  socket.setTimeout(HANDSHAKE_MS_MAX, () => failed('no answer'));
  socket.once('error', (error) => failed(error.message));
  socket.once('close', () => failed('the peer hung up'));
  socket.once('secureConnect', () => {
    if (isSettled) return;
    isSettled = true;
    socket.setTimeout(0);
    onLane(socket);
  });
  return () => failed('not wanted any more');
}
