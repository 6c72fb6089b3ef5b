/**
 * What goes between two nodes over the one link that they have: messages of the group that all nodes host, as they are; of other
 * groups, under the group's name; and sessions that are at another node than their clients.
 */
import { nodeId, type NodeId } from '../consensus/index.ts';
import type { NodeId as PeerId } from '../discovery/index.ts';
import type { PeeringNetwork } from '../replica/index.ts';

/** The first byte of what is not the group main's; that group's own channels are below. */
const SESSION = 14;
const GROUP = 15;
const SESSION_PREFIX = new Uint8Array([SESSION]);

/** It has to come once, and in its order, or not at all with all that follows on its link. */
export const isOfSession = (message: Uint8Array): boolean => message[0] === SESSION;

export type SendOutcome = 'queued' | 'full' | 'unreachable';

/** Who is told what comes for a group. */
export interface Listener {
  peerUp(id: NodeId): void;
  peerDown(id: NodeId): void;
  message(from: NodeId, bytes: Uint8Array): void;
  gossip(topic: string, bytes: Uint8Array, from: NodeId): void;
  drained(to: NodeId): void;
}

/** Who is told what comes for sessions. */
export type SessionListener = Pick<Listener, 'peerDown' | 'message' | 'drained'>;

export class Channels {
  private readonly sessions: SessionListener;
  private readonly groups = new Map<string, Listener>();
  private readonly up = new Set<NodeId>();
  private cut: ReadonlySet<NodeId> = new Set();
  /** Of the group that all nodes host; once it is there. */
  main: Listener | undefined;
  network: PeeringNetwork | undefined;

  constructor(sessions: SessionListener) {
    this.sessions = sessions;
  }

  /** The network as a group of that name sees it, from now on. */
  open(name: string, listener: Listener): PeeringNetwork {
    this.groups.set(name, listener);
    const prefix = new Uint8Array([GROUP, name.length, ...Buffer.from(name, 'latin1')]);
    return {
      send: (to, message) => this.transmit(to, prefix, message),
      peers: () => this.network?.peers() ?? [],
      subscribe: (topic) => this.network?.subscribe(topic),
      flush: () => this.network?.flush(),
      announce: (topic, bytes) => this.network?.announce(topic, bytes),
    };
  }

  /** Tells a group that has started who is there. */
  introduce(name: string): void {
    for (const id of this.up) this.groups.get(name)?.peerUp(id);
  }

  close(name: string): void {
    this.groups.delete(name);
  }

  sendSession(to: NodeId, message: Uint8Array): SendOutcome {
    if (this.cut.has(to)) return 'unreachable';
    return this.transmit(to as string as PeerId, SESSION_PREFIX, message);
  }

  isUp(id: NodeId): boolean {
    return this.up.has(id) && !this.cut.has(id);
  }

  /** Faults for tests: these nodes' sessions are cut off from this node. */
  setCut(ids: readonly NodeId[]): void {
    this.cut = new Set(ids);
    for (const id of ids) this.sessions.peerDown(id);
  }

  private transmit(to: PeerId, prefix: Uint8Array, message: Uint8Array): SendOutcome {
    if (!this.network) return 'unreachable';
    const framed = new Uint8Array(prefix.length + message.length);
    framed.set(prefix);
    framed.set(message, prefix.length);
    return this.network.send(to, framed);
  }

  // From the network.

  peerUp(id: PeerId): void {
    const node = nodeId(id);
    this.up.add(node);
    this.main?.peerUp(node);
    for (const group of this.groups.values()) group.peerUp(node);
  }

  peerDown(id: PeerId): void {
    const node = nodeId(id);
    this.up.delete(node);
    this.main?.peerDown(node);
    for (const group of this.groups.values()) group.peerDown(node);
    this.sessions.peerDown(node);
  }

  message(id: PeerId, bytes: Uint8Array): void {
    const from = nodeId(id);
    if (isOfSession(bytes)) {
      if (!this.cut.has(from)) this.sessions.message(from, bytes.subarray(1));
    } else if (bytes[0] === GROUP) {
      const end = 2 + (bytes[1] ?? 0);
      // A group that this node does not host, or does not yet: whoever sent it will ask again.
      this.groups.get(Buffer.from(bytes.subarray(2, end)).toString('latin1'))?.message(from, bytes.subarray(end));
    } else this.main?.message(from, bytes);
  }

  gossip(topic: string, bytes: Uint8Array, id: PeerId): void {
    const from = nodeId(id);
    this.main?.gossip(topic, bytes, from);
    for (const group of this.groups.values()) group.gossip(topic, bytes, from);
  }

  drained(id: PeerId): void {
    const to = nodeId(id);
    this.main?.drained(to);
    for (const group of this.groups.values()) group.drained(to);
    this.sessions.drained(to);
  }
}
