/**
 * The sending side of a connection: one buffer for the packets of a reply, written at once, compressed where the client
 * asked for it, held back where the client reads slowly.
 */
import type { Socket } from 'node:net';
import type { Compression } from './compression.ts';
import type { Figures } from './figures.ts';
import { Output } from './output.ts';

/** Replies shorter than this are copied rather than handed over when the kernel does not take them at once. */
const COPY_MAX = 4096;

/** Channels whose answers leave at the end of the turn. */
let due: Channel[] = [];

function flushDue(): void {
  const all = due;
  due = [];
  for (const channel of all) if (channel.isDue) channel.flush();
}

export class Channel {
  socket: Socket;
  readonly out = new Output();
  compression: Compression | undefined;
  /** Since when (server's seconds) the client has not read what waits for it; 0 when nothing waits. */
  blockedSince = 0;
  readonly #figures: Figures;
  #waiters: (() => void)[] = [];
  #keeps = false;

  constructor(socket: Socket, figures: Figures) {
    this.socket = socket;
    this.#figures = figures;
  }

  /** The encrypted socket in place of the plain one: it keeps what it is given until it is encrypted and sent. */
  replaceSocket(socket: Socket): void {
    this.socket = socket;
    this.#keeps = true;
  }

  /** An answer was built that has not left. */
  isDue = false;

  /**
   * Writes what was built at the end of the turn. Each write wakes a client, who may take the processor for himself: first all commands that
   * have come are run.
   */
  flushSoon(): void {
    if (this.isDue) return;
    this.isDue = true;
    if (due.push(this) === 1) setImmediate(flushDue);
  }

  /** Writes what was built. */
  flush(): void {
    this.isDue = false;
    const out = this.out;
    const length = out.position;
    if (length === 0) return;
    const { socket } = this;
    if (socket.destroyed || socket.writableEnded) {
      out.clear(false);
      return;
    }
    this.#figures.bytesSent += length;
    if (this.compression !== undefined) {
      socket.cork();
      for (const piece of this.compression.wrap(out.buffer.subarray(0, length))) socket.write(piece);
      socket.uncork();
      out.clear(false);
      return;
    }
    if (length <= COPY_MAX && (socket.writableLength > 0 || this.#keeps)) {
      socket.write(Buffer.from(out.buffer.subarray(0, length)));
      out.clear(false);
      return;
    }
    socket.write(out.buffer.subarray(0, length));
    // Nothing left in the socket: the kernel has taken all bytes, and the buffer is ours again.
    out.clear(socket.writableLength > 0);
  }

  /** True while the client has more to read than we want to hold for it. */
  get blocked(): boolean {
    return this.socket.writableNeedDrain;
  }

  /** Writes what was built and waits until the client has read most of it, or is gone. */
  drained(): Promise<void> {
    this.flush();
    if (!this.blocked || this.socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** The socket said 'drain' or 'close'. */
  wake(): void {
    this.blockedSince = 0;
    const waiters = this.#waiters;
    if (waiters.length === 0) return;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}
