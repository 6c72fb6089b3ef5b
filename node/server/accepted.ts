/**
 * An accepted socket that reads into one buffer, which all connections share. By itself Node takes 64 KiB from the allocator for each read, cuts
 * them to what came and makes a stream's chunk of it: a seventh of all that a point select costs. `net.Socket` has the option `onread`
 * against that; `net.Server` cannot be told to use it, so the socket that it made hands its handle over to one that does.
 */
import { Socket } from 'node:net';

const shared = Buffer.allocUnsafeSlow(64 * 1024);

/** What `net.Socket` has beside its documented members: the stream that belongs to its file descriptor. */
interface HandleOwner {
  _handle: object | null;
}

/**
 * Takes the place of `accepted`, of a server with `pauseOnConnect` (nothing was read from it yet). `onBytes` is given what came in place of
 * 'data' events, as a copy that is its own.
 */
export function readingInPlace(accepted: Socket, onBytes: (bytes: Buffer) => void): Socket {
  const owner = accepted as unknown as HandleOwner;
  const handle = owner._handle;
  owner._handle = null;
  const onread = {
    buffer: shared,
    callback(length: number): boolean {
      const bytes = Buffer.allocUnsafe(length);
      shared.copy(bytes, 0, 0, length);
      onBytes(bytes);
      return true;
    },
  };
  const socket = new Socket({ handle, onread } as object);
  // The server counts the one that it made.
  socket.once('close', () => accepted.destroy());
  return socket;
}
