/**
 * The network as the rest of a node sees it: members that are up or down, messages to and from them, gossip, joins.
 * Nothing of libp2p shows here.
 */

declare const nodeIdBrand: unique symbol;
/** Who a node is: its raw 32-byte Ed25519 public key in lower-case hex (64 characters). */
export type NodeId = string & { readonly [nodeIdBrand]: true };

/** The longest message that send() takes. */
export const MESSAGE_BYTES_MAX = 16 << 20;
/** The longest message that announce() takes: a batch of gossip stays below the 1 MiB that the mesh carries. */
export const GOSSIP_BYTES_MAX = 256 << 10;

export interface SwarmIdentity {
  /** Names the swarm in protocol names: 1 to 64 of `a-z A-Z 0-9 . _ -`. */
  readonly id: string;
  /** 32 secret bytes that all nodes of the swarm share. */
  readonly key: Uint8Array;
}

export interface NetworkOptions {
  /** Ed25519: the 32-byte seed, or PKCS#8 DER as `identity.key` holds it. */
  readonly privateKey: Uint8Array;
  /** `host` is an IP address; port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Multiaddrs to tell others in place of the listening ones: behind a load balancer or NAT. */
  readonly announce?: readonly string[];
  readonly swarm: SwarmIdentity;
  /** Where to find a first member: `host:port`, `[IPv6]:port` or a multiaddr. A name is resolved anew at each attempt, to all its addresses. */
  readonly bootstrap: readonly string[];
  /** Finds members on the local network by multicast DNS. */
  readonly mdns: boolean;
  /** Who may talk to this node; itself may be among them. */
  readonly members: readonly NodeId[];
  /** Who was a member and is none any more: is told so. */
  readonly removed?: readonly NodeId[];
  /** Folder that keeps the members' last known addresses (`peers.json`). Without it they are forgotten at the end. */
  readonly dataFolder?: string;
  /** How many bytes may wait for one peer before send() answers 'full'. Default: 16 MiB. */
  readonly queueBytesMax?: number;
}

/** What send() made of a message: it waits its turn, or it was not taken. */
export type SendOutcome = 'queued' | 'full' | 'unreachable';

export interface PeerInfo {
  readonly id: NodeId;
  /** Multiaddr of the connection. */
  readonly address: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Last measured round trip in milliseconds; undefined before the first one. */
  readonly rttMs: number | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Bytes of messages that wait to be sent. */
  readonly queueBytes: number;
}

export interface JoinRequest {
  /** Proven: the connection was made with this key. */
  readonly node: NodeId;
  /** The name that the joining node gives itself; unchecked. */
  readonly name: string;
  /** The token's secret. */
  readonly secret: Uint8Array;
}

export type JoinAnswer =
  | {
      readonly kind: 'accepted';
      readonly members: readonly NodeId[];
      /** Multiaddrs at which members can be reached. */
      readonly addresses: readonly string[];
      /** What the members tell a new one besides. */
      readonly welcome: Uint8Array;
    }
  | { readonly kind: 'refused'; readonly reason: string };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What the network tells its owner. Each is called on the owner's thread, never from inside a call to the network. */
export interface NetworkHandler {
  peerUp?(id: NodeId): void;
  /** What was queued for the peer and not yet received there is lost. */
  peerDown?(id: NodeId): void;
  /**
   * Messages of one peer come in its order. `bytes` is a view of a shared buffer: copy what is kept for long.
   * A returned promise holds the peer back: it may have a few MiB unhandled, then it waits.
   */
  message?(from: NodeId, bytes: Uint8Array): void | Promise<void>;
  /** The queue of a peer, which was full, is half empty. */
  drained?(to: NodeId): void;
  /** `from` is the neighbour that passed the message on, not who made it. */
  gossip?(topic: string, bytes: Uint8Array, from: NodeId): void;
  /** A member, by its own word, counts this node among the removed. Told again with each attempt to reach it. */
  removed?(by: NodeId): void;
  /** Someone with the swarm's key asks to become a member. Whether the token is good is decided here. */
  joinRequest?(request: JoinRequest): Promise<JoinAnswer>;
  log?(level: LogLevel, text: string, detail: Readonly<Record<string, unknown>>): void;
}

export interface Network {
  readonly id: NodeId;
  /** Resolves when the node listens. Rejects with NetworkError. */
  start(): Promise<void>;
  /** Resolves when nothing runs any more; all peers are down then, without being reported. */
  stop(): Promise<void>;
  /** Own multiaddrs, with the peer id. */
  readonly addresses: readonly string[];
  /** Members of now on: others are disconnected and not answered any more, but for who was removed: it is told that. */
  setMembers(members: readonly NodeId[], removed?: readonly NodeId[]): void;
  /** Takes a message for a peer that is up. The bytes must not change afterwards. Throws RangeError above MESSAGE_BYTES_MAX. */
  send(to: NodeId, message: Uint8Array): SendOutcome;
  /** What send() has taken leaves now, and not at the end of the turn. */
  flush(): void;
  /** Takes part in a topic's gossip. */
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /**
   * Tells all who are subscribed, sooner or later and perhaps not at all: what exceeds the rate is dropped, oldest first.
   * The bytes must not change afterwards. Throws RangeError above GOSSIP_BYTES_MAX.
   */
  announce(topic: string, message: Uint8Array): void;
  /** The peers that are up; figures are at most a second old. */
  peers(): readonly PeerInfo[];
}
