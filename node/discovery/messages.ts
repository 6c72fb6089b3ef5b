/** What crosses between the owner's side (client.ts) and the network's side (host.ts), which may be two threads. */
import type { LaneTicket } from './frames.ts';
import type { JoinAnswer, JoinRequest, LogLevel, NetworkOptions, NodeId } from './ports.ts';

/** A link is one stream with one peer; its number is never used again, so that nothing goes astray after a reconnect. */
export type LinkNumber = number;

/** Where a peer takes messages on a connection of its own: at this address, by this name and secret. */
export interface LaneOffer extends LaneTicket {
  readonly host: string;
}

export type Command =
  | { readonly kind: 'start'; readonly options: NetworkOptions; readonly topics: readonly string[] }
  | { readonly kind: 'stop' }
  | { readonly kind: 'members'; readonly members: readonly NodeId[]; readonly removed: readonly NodeId[] }
  /** Whole data frames. */
  | { readonly kind: 'send'; readonly link: LinkNumber; readonly chunk: Uint8Array<ArrayBuffer> }
  /** Tells the peer where this node's owner takes its lane. */
  | { readonly kind: 'offerLane'; readonly link: LinkNumber; readonly ticket: LaneTicket }
  /** The link is of no use any more. */
  | { readonly kind: 'drop'; readonly link: LinkNumber; readonly reason: string }
  /** So many bytes of data frames were handled. */
  | { readonly kind: 'credit'; readonly link: LinkNumber; readonly bytes: number }
  | { readonly kind: 'subscribe'; readonly topic: string }
  | { readonly kind: 'unsubscribe'; readonly topic: string }
  | { readonly kind: 'announce'; readonly topic: string; readonly messages: readonly Uint8Array[] }
  | { readonly kind: 'joinAnswer'; readonly request: number; readonly answer: JoinAnswer };

export interface LinkFigures {
  readonly link: LinkNumber;
  readonly rttMs: number | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export type Report =
  | { readonly kind: 'started'; readonly addresses: readonly string[] }
  | { readonly kind: 'failed'; readonly code: 'BAD_OPTIONS' | 'LISTEN_FAILED'; readonly message: string }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  /** `takesLane`: the peer can come to this node by a lane. */
  | {
      readonly kind: 'up';
      readonly link: LinkNumber;
      readonly peer: NodeId;
      readonly address: string;
      readonly takesLane: boolean;
    }
  | { readonly kind: 'down'; readonly link: LinkNumber; readonly reason: string }
  | { readonly kind: 'lane'; readonly link: LinkNumber; readonly offer: LaneOffer }
  /** All messages of the peer that come over the link have come. */
  | { readonly kind: 'switched'; readonly link: LinkNumber }
  /** Whole data frames. */
  | { readonly kind: 'messages'; readonly link: LinkNumber; readonly chunk: Uint8Array<ArrayBuffer> }
  /** So many bytes left the queue. */
  | { readonly kind: 'sent'; readonly link: LinkNumber; readonly bytes: number }
  | { readonly kind: 'gossip'; readonly topic: string; readonly messages: readonly Uint8Array[]; readonly from: NodeId }
  /** A member says that this node is none any more. */
  | { readonly kind: 'removed'; readonly by: NodeId }
  | { readonly kind: 'joinRequest'; readonly request: number; readonly content: JoinRequest }
  | { readonly kind: 'figures'; readonly links: readonly LinkFigures[] }
  | {
      readonly kind: 'log';
      readonly level: LogLevel;
      readonly text: string;
      readonly detail: Readonly<Record<string, unknown>>;
    };

/** What must be moved rather than copied when the other side is another thread. */
export const transferables = (all: readonly (Command | Report)[]): ArrayBuffer[] =>
  all.flatMap((m) => (m.kind === 'send' || m.kind === 'messages' ? [m.chunk.buffer] : []));
