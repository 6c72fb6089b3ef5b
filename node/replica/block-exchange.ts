/** Decided blocks between nodes: who is behind asks a peer for those that follow its last one, and again as long as some come. */
import type { NodeId } from '../consensus/index.ts';
import { CborReader, CborWriter, decodeBlockValue, decodeStoredBlock } from '../log/index.ts';
import type { ConsensusDecider } from './decider.ts';
import { ASK_BLOCKS, BLOCKS, BLOCKS_PRUNED } from './kinds.ts';
import type { GroupLog } from './ports.ts';
import type { Replica } from './replica.ts';

const BLOCKS_BYTES_MAX = 1 << 20;

export interface BlockExchangeOptions {
  readonly log: Pick<GroupLog, 'oldestHeight' | 'readBlocks'>;
  readonly replica: Pick<Replica, 'nextHeight'>;
  readonly decider: Pick<ConsensusDecider, 'known'>;
  readonly send: (to: NodeId, kind: number, message: Uint8Array) => void;
}

export class BlockExchange {
  private readonly options: BlockExchangeOptions;

  constructor(options: BlockExchangeOptions) {
    this.options = options;
  }

  /** Asks for the blocks that follow the last one that is known here. */
  ask(peer: NodeId): void {
    const { replica, send } = this.options;
    send(peer, ASK_BLOCKS, new CborWriter(16).int(replica.nextHeight).take());
  }

  /** Throws DecodeError. */
  answer(to: NodeId, question: Uint8Array): void {
    const { log, send } = this.options;
    const height = new CborReader(question).int();
    if (height < log.oldestHeight) {
      send(to, BLOCKS_PRUNED, new Uint8Array());
      return;
    }
    const blocks = height < 1 ? [] : log.readBlocks(height, BLOCKS_BYTES_MAX);
    const writer = new CborWriter(1 << 12).array(blocks.length);
    for (const block of blocks) writer.data(block);
    send(to, BLOCKS, writer.take());
  }

  /** Throws DecodeError. */
  take(from: NodeId, bytes: Uint8Array): void {
    const { replica, decider } = this.options;
    const reader = new CborReader(bytes);
    const before = replica.nextHeight;
    for (let n = reader.array(); n > 0; n--) {
      const { value, certificate } = decodeStoredBlock(reader.data());
      decider.known(decodeBlockValue(value).height, value, certificate);
    }
    if (replica.nextHeight > before) this.ask(from);
  }
}
