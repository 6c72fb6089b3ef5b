/** What crosses between the owner's side (client.ts) and the network's side (host.ts), which may be two threads. */
import type { JoinAnswer, JoinRequest, LogLevel, NetworkOptions, NodeId } from './ports.ts';

/** A link is one stream with one peer; its number is never used again, so that nothing goes astray after a reconnect. */
export type LinkNumber = number;

export type Command =
  | { readonly kind: 'start'; readonly options: NetworkOptions; readonly topics: readonly string[] }
  | { readonly kind: 'stop' }
  | { readonly kind: 'members'; readonly members: readonly NodeId[] }
  /** Whole data frames. */
  | { readonly kind: 'send'; readonly link: LinkNumber; readonly chunk: Uint8Array<ArrayBuffer> }
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
  | { readonly kind: 'up'; readonly link: LinkNumber; readonly peer: NodeId; readonly address: string }
  | { readonly kind: 'down'; readonly link: LinkNumber; readonly reason: string }
  /** Whole data frames. */
  | { readonly kind: 'messages'; readonly link: LinkNumber; readonly chunk: Uint8Array<ArrayBuffer> }
  /** So many bytes left the queue. */
  | { readonly kind: 'sent'; readonly link: LinkNumber; readonly bytes: number }
  | { readonly kind: 'gossip'; readonly topic: string; readonly messages: readonly Uint8Array[]; readonly from: NodeId }
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
