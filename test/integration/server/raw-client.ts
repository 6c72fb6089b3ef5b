/** A client of bare packets, for what no library asks for. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Payload } from '../../../node/server/payload.ts';

export class RawClient {
  readonly socket: Socket;
  #pending: Buffer = Buffer.alloc(0);
  readonly #packets: Buffer[] = [];
  #wake: () => void = () => undefined;
  closed = false;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', (chunk: Buffer) => {
      this.#pending = Buffer.concat([this.#pending, chunk]);
      for (let pending = this.#pending; pending.length >= 4; pending = this.#pending) {
        const end = 4 + pending.readUIntLE(0, 3);
        if (pending.length < end) break;
        this.#packets.push(pending.subarray(4, end));
        this.#pending = pending.subarray(end);
      }
      this.#wake();
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  static async login(port: number, capabilities: number, user = 'root'): Promise<RawClient> {
    const client = new RawClient(port);
    await client.read();
    const head = Buffer.alloc(32);
    // PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH
    head.writeUInt32LE((capabilities | (1 << 9) | (1 << 15) | (1 << 19)) >>> 0, 0);
    head[8] = 255;
    client.write(1, head, Buffer.from(`${user}\0\0caching_sha2_password\0`));
    const ok = await client.read();
    assert.equal(ok[0], 0, ok.toString());
    return client;
  }

  write(sequence: number, ...parts: Buffer[]): void {
    const payload = Buffer.concat(parts);
    const head = Buffer.alloc(4);
    head.writeUIntLE(payload.length, 0, 3);
    head[3] = sequence;
    this.socket.write(Buffer.concat([head, payload]));
  }

  /** Sends a command: its byte, then the rest. */
  command(command: number, ...parts: (Buffer | number[] | string)[]): void {
    this.write(0, Buffer.from([command]), ...parts.map((part) => Buffer.from(part as string)));
  }

  async read(): Promise<Buffer> {
    while (this.#packets.length === 0) {
      assert.ok(!this.closed, 'the server closed the connection');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#packets.shift() as Buffer;
  }

  /** Reads an ERR packet. */
  async readError(): Promise<{ errno: number; sqlState: string; message: string }> {
    const packet = await this.read();
    assert.equal(packet[0], 0xff, packet.toString());
    return {
      errno: packet.readUInt16LE(1),
      sqlState: packet.toString('utf8', 4, 9),
      message: packet.toString('utf8', 9),
    };
  }

  /** Reads an EOF packet, or the OK packet in its place. */
  async readEnd(deprecated: boolean): Promise<{ status: number }> {
    const packet = await this.read();
    assert.equal(packet[0], 0xfe);
    const payload = new Payload(packet, 1, packet.length);
    if (!deprecated) return { status: packet.readUInt16LE(3) };
    payload.length();
    payload.length();
    return { status: payload.u16() };
  }

  async ended(): Promise<void> {
    if (!this.closed) await once(this.socket, 'close');
  }

  close(): void {
    this.socket.destroy();
  }
}
