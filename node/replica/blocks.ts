/** The chain of a group's blocks on one node: up to where it is applied, what was decided behind that, and the digests. */
import {
  decodeBlockValue,
  DecodeError,
  encodeBlockValue,
  hex,
  sameBytes,
  unhex,
  type Block,
  type Cut,
} from '../log/index.ts';
import { logCrypto, type StatePosition } from '../store/index.ts';

/** Heights whose digests are kept to be compared. */
const DIGESTS_KEPT = 1000;

/** A block that was decided. */
export interface Chosen {
  readonly block: Block;
  readonly value: Uint8Array;
}

export class Blocks {
  private readonly group: string;
  /** Of the last block that is applied. */
  height: number;
  /** SHA-256 of its value, in hex; '' where there is none. */
  hash: string;
  private readonly final: Map<string, number>;
  private readonly chosen = new Map<number, Chosen>();
  private readonly digests = new Map<number, Uint8Array>();

  constructor(group: string, { height, block, final }: StatePosition) {
    this.group = group;
    this.height = height;
    this.hash = block;
    this.final = new Map(Object.entries(final));
  }

  /** Up to where applied blocks ordered an author's entries. */
  finalSeq(author: string): number {
    return this.final.get(author) ?? 0;
  }

  /** False when the block is known. Throws DecodeError. */
  decided(height: number, value: Uint8Array): boolean {
    if (height <= this.height || this.chosen.has(height)) return false;
    this.chosen.set(height, { block: decodeBlockValue(value), value });
    return true;
  }

  /** A block that was decided and is not applied. */
  at(height: number): Chosen | undefined {
    return this.chosen.get(height);
  }

  /** The one to be applied next. */
  get next(): Chosen | undefined {
    return this.chosen.get(this.height + 1);
  }

  /** The lowest height of which this replica does not know the block. */
  get nextHeight(): number {
    let height = this.height + 1;
    while (this.chosen.has(height)) height++;
    return height;
  }

  /** The next one is applied. */
  applied({ block, value }: Chosen): void {
    this.chosen.delete(block.height);
    for (const { author, seq } of block.cut) this.final.set(author, seq);
    this.height = block.height;
    this.hash = hex(logCrypto.sha256(value));
  }

  /** Value of the block that orders these behind the last one. */
  encode(cut: readonly Cut[], time: number): Uint8Array {
    const { group, height, head } = this;
    const digest = this.digests.get(height) ?? null;
    return encodeBlockValue({ group, height: height + 1, prev: head, cut, digestHeight: height, digest, time });
  }

  private get head(): Uint8Array | null {
    return this.hash === '' ? null : unhex(this.hash);
  }

  /** A block that follows the last one, or why it gets no vote: see Voting. */
  follower(value: Uint8Array): Block | 'later' | 'never' | 'differs' {
    let block: Block;
    try {
      block = decodeBlockValue(value);
    } catch (error) {
      if (error instanceof DecodeError) return 'never';
      throw error;
    }
    if (block.group !== this.group || block.height <= this.height) return 'never';
    if (block.height > this.height + 1) return 'later';
    if (!sameBytes(block.prev, this.head)) return 'never';
    if (block.cut.some(({ author, seq }) => seq <= this.finalSeq(author))) return 'never';
    return this.differs(block) ? 'differs' : block;
  }

  /** The state after a block, which has that digest, is settled. */
  settled(height: number, digest: Uint8Array): void {
    this.digests.set(height, digest);
    this.digests.delete(height - DIGESTS_KEPT);
  }

  /** Digest of the state after a block, while it is remembered. */
  digestAt(height: number): Uint8Array | undefined {
    return this.digests.get(height);
  }

  /** Whether a block names another digest than this replica's. */
  differs({ digestHeight, digest }: Block): boolean {
    const here = this.digests.get(digestHeight);
    return here !== undefined && digest !== null && !sameBytes(here, digest);
  }

  /** Where the state stands, for it to be stored. */
  get position(): Pick<StatePosition, 'height' | 'block' | 'final'> {
    return { height: this.height, block: this.hash, final: Object.fromEntries(this.final) };
  }
}
