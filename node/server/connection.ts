/**
 * One client's connection: bytes in, packets to whoever waits for them, answers out.
 *
 * Modes: `reading` (login, TLS, a LOCAL INFILE: packets go to receive()), `command` (a packet is a command), `busy` (a
 * command runs: what the client sends meanwhile waits, unread past a bound), `ended`.
 */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { readingInPlace } from './accepted.ts';
import { isClientError } from './errors.ts';
import type { AuthExchange } from './auth/authenticate.ts';
import { Channel } from './channel.ts';
import { runCommand } from './commands.ts';
import type { ServerContext } from './context.ts';
import { Input } from './input.ts';
import { login } from './login.ts';
import { MalformedPacket, Payload } from './payload.ts';
import type { Session } from './ports.ts';
import { writeError } from './replies.ts';
import { type FileReceiver, ReplySink } from './sink.ts';
import { Statements } from './statements.ts';

type Mode = 'reading' | 'command' | 'busy' | 'ended';

/** Bytes of later commands that are read while one runs. */
const READ_AHEAD = 64 * 1024;
/** Packets of a login are small; connection attributes may take 64 KiB. */
const LOGIN_PACKET_MAX = 128 * 1024;
/** Below this, a packet needs no look at max_allowed_packet, whose least value it is. */
const ALWAYS_ALLOWED = 1024;
/** How long a connection that ended with an error may still take to read it. */
const LINGER_MS = 2_000;

/** The client went away while something waited for its packet. */
class ConnectionGone extends Error {
  override readonly name = 'ConnectionGone';
}

interface Reader {
  resolve(payload: Payload): void;
  reject(error: Error): void;
}

export class Connection implements FileReceiver, AuthExchange {
  readonly id: number;
  readonly context: ServerContext;
  readonly address: string;
  readonly port: number;
  readonly channel: Channel;
  readonly statements: Statements;
  socket: Socket;
  secure = false;
  capabilities = 0;
  session: Session | undefined;
  sink: ReplySink | undefined;
  /** The nonce that the client's next answer may be made with (COM_CHANGE_USER). */
  nonce: Buffer = Buffer.alloc(0);
  mode: Mode = 'reading';
  /** Server's seconds of the last sign of life. */
  lastActive: number;
  quit = false;
  readonly #input = new Input();
  #reader: Reader | undefined;
  #paused = false;
  #doomed = false;
  #fileOpen = false;

  /** `accepted`: of a server with `pauseOnConnect`. */
  constructor(id: number, accepted: Socket, context: ServerContext) {
    this.id = id;
    this.context = context;
    this.address = plainAddress(accepted.remoteAddress ?? '');
    this.port = accepted.remotePort ?? 0;
    this.socket = readingInPlace(accepted, this.#onData);
    this.channel = new Channel(this.socket, context.figures);
    this.statements = new Statements(context);
    this.lastActive = context.seconds;
    this.#input.limit = LOGIN_PACKET_MAX;
    // The server's first packet has sequence id 0, the client's answer 1.
    this.#input.expected = 1;
    this.#attach(this.socket);
  }

  /** Greets the client, and serves it until it is gone. */
  start(): void {
    login(this).then(
      () => this.#ready(),
      (error: unknown) => this.#fail(error),
    );
  }

  #attach(socket: Socket): void {
    socket.on('drain', this.#onDrain);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  #detach(socket: Socket): void {
    socket.removeListener('drain', this.#onDrain);
    socket.removeListener('close', this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.context.figures.bytesReceived += chunk.length;
    const { compression } = this.channel;
    if (this.mode === 'ended') return;
    if (compression === undefined) {
      this.#input.push(chunk);
    } else {
      try {
        for (const plain of compression.unwrap(chunk)) this.#input.push(plain);
      } catch (error) {
        this.#fail(error);
        return;
      }
    }
    this.#pump();
  };

  readonly #onDrain = (): void => {
    this.channel.wake();
    this.#pump();
  };

  readonly #onError = (error: Error): void => {
    this.context.log.debug({ connection: this.id, error: error.message }, 'connection error');
  };

  readonly #onClose = (): void => this.#close();

  /** Hands out packets while somebody takes them. */
  #pump(): void {
    for (;;) {
      const { mode } = this;
      if (mode === 'ended') return;
      // The next command may take long.
      if (this.channel.isDue && this.#input.available > 0) this.channel.flush();
      if (mode === 'busy' || (mode === 'reading' && this.#reader === undefined) || this.channel.blocked) {
        if (this.#input.available > READ_AHEAD) this.#pause();
        return;
      }
      const state = this.#input.next();
      switch (state) {
        case 'packet':
          if (mode === 'command') this.#command();
          else this.#deliver();
          break;
        case 'more':
          this.#resume();
          return;
        case 'too-large':
          if (!this.#raiseLimit()) return;
          break;
        case 'out-of-order':
          this.#refuse(1156, '08S01', 'Got packets out of order');
          return;
      }
    }
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.socket.pause();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.socket.resume();
  }

  /** Looks up max_allowed_packet when a packet is longer than the last look allowed. */
  #raiseLimit(): boolean {
    const limit = this.session?.variable('max_allowed_packet') ?? LOGIN_PACKET_MAX;
    if (limit > this.#input.limit) {
      this.#input.limit = limit;
      return true;
    }
    this.channel.out.sequence = (this.#input.expected + 1) & 0xff;
    this.#refuse(1153, '08S01', "Got a packet bigger than 'max_allowed_packet' bytes");
    return false;
  }

  #payload(): Payload {
    return new Payload(this.#input.buffer, this.#input.start, this.#input.end);
  }

  // Reading: login and files

  receive(): Promise<Payload> {
    if (this.mode === 'ended') return Promise.reject(new ConnectionGone('connection is gone'));
    this.mode = 'reading';
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
      // Not at once: the caller may not have sent yet what the client answers to.
      queueMicrotask(() => this.#pump());
    });
  }

  #deliver(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    this.channel.out.sequence = this.#input.expected;
    reader?.resolve(this.#payload());
  }

  /** Sends one packet, whose answer has the next sequence id. */
  send(payload: Uint8Array): void {
    const { out } = this.channel;
    out.beginPacket();
    out.bytes(payload);
    out.endPacket();
    this.#input.expected = out.sequence;
    this.channel.flush();
  }

  async *receiveFile(): AsyncIterable<Uint8Array> {
    this.#fileOpen = true;
    this.#input.expected = this.channel.out.sequence;
    try {
      for (;;) {
        const part = await this.receive();
        if (part.left === 0) {
          this.#fileOpen = false;
          break;
        }
        yield part.rest();
      }
    } finally {
      // Whoever stops early leaves the rest of the file to be read and dropped.
      while (this.#fileOpen && this.mode !== 'ended') {
        if ((await this.receive()).left === 0) this.#fileOpen = false;
      }
      if (this.mode === 'reading') this.mode = 'busy';
    }
  }

  /** Replaces the socket by its encrypted self; what was read too early belongs to TLS. */
  upgrade(): Promise<TLSSocket> {
    const plain = this.socket;
    this.#detach(plain);
    plain.pause();
    const rest = this.#input.takeRest();
    if (rest.length > 0) plain.unshift(rest);
    const encrypted = new TLSSocket(plain, { isServer: true, secureContext: this.context.secureContext() });
    this.socket = encrypted;
    this.channel.replaceSocket(encrypted);
    encrypted.on('data', this.#onData);
    this.#attach(encrypted);
    return new Promise((resolve, reject) => {
      encrypted.once('secure', () => {
        this.secure = true;
        resolve(encrypted);
      });
      encrypted.once('close', () => reject(new ConnectionGone('TLS handshake failed')));
    });
  }

  // Commands

  #ready(): void {
    if (this.mode === 'ended') return;
    const session = this.session as Session;
    session.onKill = () => this.kill();
    this.sink ??= new ReplySink(this.channel, session, this.capabilities, this);
    this.sink.session = session;
    this.#input.limit = ALWAYS_ALLOWED;
    this.#done();
    this.#pump();
  }

  #command(): void {
    const input = this.#input;
    this.mode = 'busy';
    this.channel.out.sequence = input.expected;
    let running: Promise<void> | undefined;
    try {
      running = runCommand(this, input.buffer, input.start, input.end);
    } catch (error) {
      this.#answerError(error);
      return;
    }
    if (running === undefined) {
      this.#finish();
      this.channel.flushSoon();
      return;
    }
    running.then(
      () => {
        this.#finish();
        this.channel.flush();
        this.#pump();
      },
      (error: unknown) => {
        this.#answerError(error);
        this.#pump();
      },
    );
  }

  #finish(): void {
    if (this.mode === 'ended') return;
    if (this.#fileOpen) {
      // The engine left a file unread: the client is still sending it, so the connection cannot go on.
      this.destroy();
      return;
    }
    this.sink?.finish();
    this.#done();
  }

  /** Waits for the next command. */
  #done(): void {
    const input = this.#input;
    input.expected = 0;
    // It is a piece of what many connections read: one that is idle would keep all of that.
    input.release();
    this.mode = 'command';
    this.lastActive = this.context.seconds;
    if (this.quit || this.#doomed) this.#end();
  }

  #answerError(error: unknown): void {
    if (this.mode === 'ended') return;
    // Without a session (a failed COM_CHANGE_USER) there is nothing to go on with.
    if (this.session === undefined) {
      this.#fail(error);
    } else if (isClientError(error)) {
      this.sink?.error(error);
      this.#finish();
      this.channel.flush();
    } else if (error instanceof MalformedPacket || error instanceof ConnectionGone) {
      this.#fail(error);
    } else {
      this.context.log.error({ connection: this.id, err: error }, 'a command failed unexpectedly');
      this.sink?.error({ errno: 1105, sqlState: 'HY000', message: 'Unknown error' });
      this.#finish();
      this.channel.flush();
    }
  }

  /** No answer belongs to this command (COM_STMT_CLOSE, COM_STMT_SEND_LONG_DATA, COM_QUIT). */
  noAnswer(): void {
    if (this.sink !== undefined) this.sink.state = 'done';
  }

  // The end

  #fail(error: unknown): void {
    if (this.mode === 'ended') return;
    if (error instanceof ConnectionGone) {
      this.destroy();
    } else if (isClientError(error)) {
      this.#refuse(error.errno, error.sqlState, error.message);
    } else if (error instanceof MalformedPacket) {
      this.context.figures.malformedPackets++;
      this.context.log.debug({ connection: this.id, reason: error.message }, 'malformed packet');
      if (this.session === undefined) this.#refuse(1043, '08S01', 'Bad handshake');
      else this.#refuse(1835, 'HY000', 'Malformed communication packet.');
    } else {
      this.context.log.error({ connection: this.id, err: error }, 'connection failed unexpectedly');
      this.#refuse(1105, 'HY000', 'Unknown error');
    }
  }

  /** Sends an error and ends the connection. */
  #refuse(errno: number, sqlState: string, message: string): void {
    writeError(this.channel.out, errno, sqlState, message);
    this.#end();
  }

  /** Says an error unasked and ends: inactivity, shutdown. */
  dismiss(errno: number, sqlState: string, message: string): void {
    if (this.mode !== 'command') return;
    this.channel.out.sequence = 0;
    this.#refuse(errno, sqlState, message);
  }

  #end(): void {
    this.channel.flush();
    this.mode = 'ended';
    this.#resume();
    const { socket } = this;
    socket.end();
    // Reads on, so that the client's unread bytes do not reset the connection before it has our last words.
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(timer));
    socket.resume();
    this.#release();
  }

  /** KILL: at once when idle, else when the running command has answered. */
  kill(): void {
    this.#doomed = true;
    if (this.mode === 'command') this.destroy();
  }

  get idle(): boolean {
    return this.mode === 'command';
  }

  destroy(): void {
    this.socket.destroy();
    this.#close();
  }

  #close(): void {
    if (this.mode !== 'ended') {
      if (this.session === undefined) this.context.figures.abortedConnects++;
      else if (!this.quit && !this.#doomed) this.context.figures.abortedClients++;
    }
    this.mode = 'ended';
    this.#release();
    this.context.closed(this);
  }

  #release(): void {
    // What the engine still gives goes nowhere.
    if (this.sink !== undefined) this.sink.state = 'done';
    this.channel.out.clear(true);
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.reject(new ConnectionGone('connection is gone'));
    this.channel.wake();
    const { session } = this;
    this.session = undefined;
    if (session === undefined) return;
    session.onKill = undefined;
    this.statements.clear();
    session.close();
  }
}

/** IPv4 addresses that came over an IPv6 socket are shown as what they are. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
