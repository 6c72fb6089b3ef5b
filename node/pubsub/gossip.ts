/**
 * Gossip on libp2p's gossipsub: what is said in a short while goes out as one message, so many a second at most. It costs
 * 100 to 500 µs of CPU a message at each end and each hop, whatever its size, and its queues are bounded: it tells that there
 * is something new; what must arrive goes another way.
 *
 * A message: 8 bytes that no other message of the swarm has, then each announcement as its length (4 bytes, big endian) and
 * its bytes. Messages are not signed: what they announce is signed itself, and only members have connections.
 */
import { hash, randomBytes } from 'node:crypto';
import {
  TopicValidatorResult,
  type GossipsubMessage,
  type GossipsubOpts,
  type GossipSub,
} from '@chainsafe/libp2p-gossipsub';
import type { PeerId } from '@libp2p/interface';

/** How long announcements gather. */
const GATHER_MS = 10;
const MESSAGES_PER_SECOND_MAX = 100;
const BURST_MAX = 20;
const MESSAGE_BYTES_MAX = 512 << 10;
/** What waits for one topic beyond this is dropped, oldest first. */
const WAITING_BYTES_MAX = 4 << 20;
const NONCE_BYTES = 8;

/** Settings of gossipsub, which is installed under the name that it had before: `@chainsafe/libp2p-gossipsub` is `@libp2p/gossipsub`. */
export const gossipOptions: Partial<GossipsubOpts> = {
  globalSignaturePolicy: 'StrictNoSign',
  // Content and nonce.
  msgIdFn: (message) => hash('sha256', message.data, 'buffer').subarray(0, 20),
  floodPublish: false,
  allowPublishToZeroTopicPeers: true,
  doPX: false,
  // Whole swarms run on one machine.
  scoreParams: { IPColocationFactorWeight: 0 },
  maxOutboundBufferSize: 4 << 20,
  maxInboundDataLength: 2 << 20,
};

export interface GossipContext {
  readonly pubsub: GossipSub;
  /** Goes before each topic's name. */
  readonly prefix: string;
  readonly isMember: (peer: PeerId) => boolean;
  /** `from` passed it on. */
  readonly onMessages: (topic: string, messages: readonly Uint8Array[], from: PeerId) => void;
  readonly onError: (error: Error) => void;
}

interface Waiting {
  messages: Uint8Array[];
  bytes: number;
}

export class Gossip {
  private readonly context: GossipContext;
  private readonly waiting = new Map<string, Waiting>();
  private timer: NodeJS.Timeout | undefined;
  private tokens = BURST_MAX;
  private refilledAt = performance.now();
  private readonly nonce = randomBytes(NONCE_BYTES);

  constructor(context: GossipContext) {
    this.context = context;
    context.pubsub.addEventListener('gossipsub:message', this.onMessage);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.waiting.clear();
    this.context.pubsub.removeEventListener('gossipsub:message', this.onMessage);
  }

  subscribe(topic: string): void {
    const { pubsub, prefix, isMember } = this.context;
    pubsub.topicValidators.set(prefix + topic, (peer, message) =>
      isMember(peer) && splitMessage(message.data) ? TopicValidatorResult.Accept : TopicValidatorResult.Reject,
    );
    pubsub.subscribe(prefix + topic);
  }

  unsubscribe(topic: string): void {
    const { pubsub, prefix } = this.context;
    pubsub.unsubscribe(prefix + topic);
    pubsub.topicValidators.delete(prefix + topic);
  }

  announce(topic: string, messages: readonly Uint8Array[]): void {
    let one = this.waiting.get(topic);
    if (!one) this.waiting.set(topic, (one = { messages: [], bytes: 0 }));
    for (const message of messages) {
      one.messages.push(message);
      one.bytes += 4 + message.length;
    }
    while (one.bytes > WAITING_BYTES_MAX) one.bytes -= 4 + (one.messages.shift() as Uint8Array).length;
    this.timer ??= setTimeout(() => this.publishDue(), GATHER_MS);
  }

  private publishDue(): void {
    this.timer = undefined;
    const now = performance.now();
    this.tokens = Math.min(BURST_MAX, this.tokens + ((now - this.refilledAt) * MESSAGES_PER_SECOND_MAX) / 1000);
    this.refilledAt = now;
    for (const [topic, one] of this.waiting) {
      if (this.tokens < 1) break;
      this.tokens--;
      this.publish(topic, this.takeMessage(one));
      // Behind the others, so that topics take turns.
      this.waiting.delete(topic);
      if (one.messages.length > 0) this.waiting.set(topic, one);
    }
    if (this.waiting.size > 0) this.timer = setTimeout(() => this.publishDue(), GATHER_MS);
  }

  private takeMessage(one: Waiting): Uint8Array {
    let count = 0;
    let bytes = 0;
    for (const message of one.messages) {
      if (count > 0 && bytes + 4 + message.length > MESSAGE_BYTES_MAX) break;
      bytes += 4 + message.length;
      count++;
    }
    one.bytes -= bytes;
    const whole = Buffer.allocUnsafe(NONCE_BYTES + bytes);
    this.nonce.writeUInt32BE((this.nonce.readUInt32BE(4) + 1) >>> 0, 4);
    whole.set(this.nonce);
    let at = NONCE_BYTES;
    for (const message of one.messages.splice(0, count)) {
      at = whole.writeUInt32BE(message.length, at);
      whole.set(message, at);
      at += message.length;
    }
    return whole;
  }

  private publish(topic: string, message: Uint8Array): void {
    this.context.pubsub.publish(this.context.prefix + topic, message).catch(this.context.onError);
  }

  private readonly onMessage = (event: CustomEvent<GossipsubMessage>): void => {
    const { msg, propagationSource } = event.detail;
    const { prefix, onMessages } = this.context;
    const messages = msg.topic.startsWith(prefix) ? splitMessage(msg.data) : undefined;
    if (messages) onMessages(msg.topic.slice(prefix.length), messages, propagationSource);
  };
}

/** The announcements of a message as views, or undefined for bytes that are none. */
export function splitMessage(bytes: Uint8Array): Uint8Array[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: Uint8Array[] = [];
  let at = NONCE_BYTES;
  while (at + 4 <= bytes.length) {
    const start = at + 4;
    at = start + view.getUint32(at);
    messages.push(bytes.subarray(start, at));
  }
  return at === bytes.length ? messages : undefined;
}
