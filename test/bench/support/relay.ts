/** A TCP relay that gives a link a length: what comes in goes out, in order, so many milliseconds later. */
import { createConnection, createServer, type Server, type Socket } from 'node:net';

/** A side that sends more than this into the distance waits until it has arrived. */
const AWAY_BYTES_MAX = 4 << 20;

export class Relay {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(target: { host: string; port: number }, delayMs: number) {
    this.server = createServer((near) => {
      const far = createConnection(target);
      for (const socket of [near, far]) {
        socket.setNoDelay(true);
        this.sockets.add(socket);
        socket.on('close', () => this.sockets.delete(socket));
        // Its end tells the other side.
        socket.on('error', () => undefined);
      }
      forward(near, far, delayMs);
      forward(far, near, delayMs);
    });
  }

  /** Rejects when it cannot listen there. */
  static async listen(
    at: { host: string; port: number },
    target: { host: string; port: number },
    delayMs: number,
  ): Promise<Relay> {
    const relay = new Relay(target, delayMs);
    await new Promise<void>((resolve, reject) => {
      relay.server.once('error', reject);
      relay.server.listen(at, () => resolve());
    });
    return relay;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

function forward(from: Socket, to: Socket, delayMs: number): void {
  let away = 0;
  from.on('data', (bytes: Buffer) => {
    away += bytes.length;
    if (away > AWAY_BYTES_MAX) from.pause();
    setTimeout(() => {
      away -= bytes.length;
      if (!to.destroyed) to.write(bytes);
      if (away <= AWAY_BYTES_MAX) from.resume();
    }, delayMs);
  });
  from.on('close', () => setTimeout(() => to.destroy(), delayMs));
}
