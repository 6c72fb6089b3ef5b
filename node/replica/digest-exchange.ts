/** A voter that finds another state at a height than the block's proposer has says so; a proposer whom a majority tells the same is wrong. */
import type { NodeId } from '../consensus/index.ts';
import { CborReader, CborWriter, hex } from '../log/index.ts';
import type { Replica } from './replica.ts';

export interface DigestExchangeOptions {
  readonly replica: Pick<Replica, 'digestAt'>;
  readonly voters: () => readonly NodeId[];
  readonly send: (to: NodeId, message: Uint8Array) => void;
  /** The state of this node is not what the majority has. */
  readonly onDamaged: (height: number) => void;
}

export class DigestExchange {
  private readonly options: DigestExchangeOptions;
  /** What voters said of the height that was spoken of last. */
  private said = new Map<NodeId, string>();
  private height = 0;

  constructor(options: DigestExchangeOptions) {
    this.options = options;
  }

  /** Tells a proposer what this node's state after `height` is, which is not what the proposer's is. */
  say(to: NodeId, height: number): void {
    const { replica, send } = this.options;
    const digest = replica.digestAt(height);
    if (digest) send(to, new CborWriter(32).int(height).data(digest).take());
  }

  /** A majority of the voters has one digest after a height, and this node another: then this node's state is damaged. Throws DecodeError. */
  hear(from: NodeId, bytes: Uint8Array): void {
    const { replica, onDamaged } = this.options;
    const reader = new CborReader(bytes);
    const height = reader.int();
    const digest = hex(reader.data());
    const own = replica.digestAt(height);
    const voters = this.options.voters();
    if (!own || hex(own) === digest || !voters.includes(from)) return;
    if (this.height !== height) {
      this.height = height;
      this.said = new Map<NodeId, string>();
    }
    this.said.set(from, digest);
    const same = [...this.said.values()].filter((said) => said === digest).length;
    if (same > Math.floor(voters.length / 2)) onDamaged(height);
  }
}
