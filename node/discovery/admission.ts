/**
 * Who gets a connection at all. Under libp2p's noise, which proves both sides' node ids, each side proves that it knows the
 * swarm's key, before anything else is said:
 *
 *   proof = HMAC-SHA256(swarm key, "p2pdb admission 1" 0 role 0 swarm id 0 prover's id (32 bytes) verifier's id (32 bytes))
 *
 * The one that dialled goes first, and the other answers only a good proof. Because a proof names both ends of the noise
 * channel, it is of no use in any other, so nobody in the middle can pass it on. Who knows the key but is no member gets
 * an empty answer, or the word `removed` if it was one, and the connection ends there. Of the joiners' kind, a connection ends after one question and its answer.
 * So only members' connections ever become libp2p's, and identify, DHT, gossip and links see no others.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type {
  ConnectionEncrypter,
  ConnectionGater,
  MessageStream,
  SecureConnectionOptions,
  SecuredConnection,
} from '@libp2p/interface';
import { noise, type NoiseComponents } from '@libp2p/noise';
import { lpStream, type LengthPrefixedStream } from '@libp2p/utils';
import { nodeIdOfPeer } from './identity.ts';
import type { NodeId, SwarmIdentity } from './ports.ts';

type Role = 'dialler' | 'listener' | 'joiner';

/** The longest question or answer of a join. */
const JOIN_BYTES_MAX = 1 << 20;
const CLOSE_MS_MAX = 2_000;
/** Instead of a proof, to who was a member and is none any more. Shorter than a proof. */
const REMOVED = Buffer.from('removed');
/** Noise's packets have at most so many bytes, and their length. */
const PACKET_BYTES_MAX = (64 << 10) + 2;

const contextOf = (role: Role, swarm: SwarmIdentity, prover: NodeId, verifier: NodeId): Buffer =>
  Buffer.concat([
    Buffer.from(`p2pdb admission 1\0${role}\0${swarm.id}\0`),
    Buffer.from(prover, 'hex'),
    Buffer.from(verifier, 'hex'),
  ]);

const proofOf = (role: Role, swarm: SwarmIdentity, prover: NodeId, verifier: NodeId): Buffer =>
  createHmac('sha256', swarm.key)
    .update(contextOf(role, swarm, prover, verifier))
    .digest();

class AdmissionError extends Error {
  override readonly name = 'AdmissionError';
}

/** A peer says that this node was removed. */
class RemovedError extends AdmissionError {}

/** What ends a joiner's connection when all is said. */
class JoinDone extends Error {
  override readonly name = 'JoinDone';
}

/** Both proofs are exchanged over a secured connection, which goes on behind them. */
class Channel {
  readonly remote: NodeId;
  private readonly stream: LengthPrefixedStream;
  private readonly swarm: SwarmIdentity;
  private readonly self: NodeId;
  private readonly options: SecureConnectionOptions | undefined;

  constructor(
    secured: SecuredConnection,
    swarm: SwarmIdentity,
    self: NodeId,
    options: SecureConnectionOptions | undefined,
  ) {
    const remote = nodeIdOfPeer(secured.remotePeer);
    if (remote === undefined) throw new AdmissionError('the peer’s key is not Ed25519');
    this.remote = remote;
    this.stream = lpStream(secured.connection, { maxDataLength: JOIN_BYTES_MAX });
    this.swarm = swarm;
    this.self = self;
    this.options = options;
  }

  async read(): Promise<Uint8Array> {
    return (await this.stream.read(this.options)).subarray();
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.stream.write(bytes, this.options);
  }

  async prove(role: Role): Promise<void> {
    await this.write(proofOf(role, this.swarm, this.self, this.remote));
  }

  async verify(role: Role): Promise<void> {
    const expected = proofOf(role, this.swarm, this.remote, this.self);
    const given = await this.read();
    if (REMOVED.equals(given)) throw new RemovedError('the peer says that this node was removed');
    if (given.length === 0) throw new AdmissionError('the peer does not count this node among the members');
    if (given.length !== expected.length || !timingSafeEqual(given, expected))
      throw new AdmissionError('the peer does not know the swarm’s key');
  }

  /** Instead of a proof. */
  async refuse(wasRemoved: boolean): Promise<void> {
    await this.write(wasRemoved ? REMOVED : new Uint8Array(0));
    await this.untilClosed();
  }

  /** Closing first could cut off what was written last: the other side closes when it has it. */
  async untilClosed(): Promise<void> {
    await this.stream.read({ signal: AbortSignal.timeout(CLOSE_MS_MAX) }).catch(() => undefined);
  }

  unwrap(): MessageStream {
    return this.stream.unwrap();
  }
}

/**
 * Noise hands each packet to the socket in two parts, its length and the rest, which would leave the machine as two
 * packets: this makes one of them. And it finds the end of what came by an exception, whose stack would cost more than the
 * deciphering does: while a packet is taken in, exceptions have none.
 */
function wholePackets(connection: MessageStream): MessageStream {
  const send = connection.send.bind(connection);
  connection.send = (data) => send(data.byteLength > PACKET_BYTES_MAX ? data : data.subarray());
  const dispatch = connection.dispatchEvent.bind(connection);
  connection.dispatchEvent = (event) => {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      return dispatch(event);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  };
  return connection;
}

const secure = noise();
const selfOf = (components: NoiseComponents): NodeId => nodeIdOfPeer(components.peerId) as NodeId;

/** Who is a member, and who was one. */
export interface Roll {
  readonly isMember: (id: NodeId) => boolean;
  readonly wasRemoved: (id: NodeId) => boolean;
  /** A member, which proved to be it by noise, says that this node was removed. */
  readonly onRemoved: (by: NodeId) => void;
}

/** Connections between members. */
export const memberEncrypter =
  (swarm: SwarmIdentity, { isMember, wasRemoved, onRemoved }: Roll) =>
  (components: NoiseComponents): ConnectionEncrypter => {
    const inner = secure(components);
    const self = selfOf(components);
    return {
      protocol: `/p2pdb/${swarm.id}/member/1`,
      secureOutbound: async (connection, options) => {
        const secured = await inner.secureOutbound(wholePackets(connection), options);
        const channel = new Channel(secured, swarm, self, options);
        if (!isMember(channel.remote)) throw new AdmissionError('who answers there is no member');
        await channel.prove('dialler');
        try {
          await channel.verify('listener');
        } catch (error) {
          if (error instanceof RemovedError) onRemoved(channel.remote);
          throw error;
        }
        return { ...secured, connection: channel.unwrap() };
      },
      secureInbound: async (connection, options) => {
        const secured = await inner.secureInbound(wholePackets(connection), options);
        const channel = new Channel(secured, swarm, self, options);
        await channel.verify('dialler');
        if (!isMember(channel.remote)) {
          await channel.refuse(wasRemoved(channel.remote));
          throw new AdmissionError('no member');
        }
        await channel.prove('listener');
        return { ...secured, connection: channel.unwrap() };
      },
    };
  };

const joinProtocol = (swarm: SwarmIdentity): string => `/p2pdb/${swarm.id}/join/1`;

/** Answers those who want to join; they never get further. */
export const joinListener =
  (swarm: SwarmIdentity, answer: (from: NodeId, question: Uint8Array) => Promise<Uint8Array>) =>
  (components: NoiseComponents): ConnectionEncrypter => {
    const inner = secure(components);
    return {
      protocol: joinProtocol(swarm),
      secureOutbound: () => Promise.reject(new AdmissionError('a member does not join')),
      secureInbound: async (connection, options) => {
        const secured = await inner.secureInbound(connection, options);
        const channel = new Channel(secured, swarm, selfOf(components), options);
        await channel.verify('joiner');
        await channel.prove('listener');
        await channel.write(await answer(channel.remote, await channel.read()));
        await channel.untilClosed();
        throw new JoinDone('the join was answered');
      },
    };
  };

/** Asks to join, once per connection, and gives the answer to `onAnswer`; the connection then fails as planned. */
export const joinDialler =
  (swarm: SwarmIdentity, question: Uint8Array, onAnswer: (answer: Uint8Array) => void) =>
  (components: NoiseComponents): ConnectionEncrypter => {
    const inner = secure(components);
    return {
      protocol: joinProtocol(swarm),
      secureInbound: () => Promise.reject(new AdmissionError('a joiner answers nobody')),
      secureOutbound: async (connection, options) => {
        const secured = await inner.secureOutbound(connection, options);
        const channel = new Channel(secured, swarm, selfOf(components), options);
        await channel.prove('joiner');
        await channel.verify('listener');
        await channel.write(question);
        onAnswer(await channel.read());
        throw new JoinDone('the join was answered');
      },
    };
  };

/** Keeps libp2p's services from dialling others than members. */
export const gaterOf = (isMember: (id: NodeId) => boolean): ConnectionGater => ({
  denyDialPeer: (peer) => {
    const id = nodeIdOfPeer(peer);
    return id === undefined || !isMember(id);
  },
});
