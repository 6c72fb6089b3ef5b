/** What the replica asks of the rooms beside it. */
import type { Applier, Footprint, Steps } from '../consistency/index.ts';
import type { Block, ChainLink } from '../log/index.ts';
import type { LogStore, StatePosition } from '../store/index.ts';
import type { AuthorSeq } from './authors.ts';
import type { GroupTransaction, Run } from './transaction.ts';

/** The group's log, as store/ keeps it on the disk. */
export type GroupLog = Pick<
  LogStore,
  | 'author'
  | 'chains'
  | 'seal'
  | 'unseal'
  | 'append'
  | 'begin'
  | 'appendLater'
  | 'seq'
  | 'seqOf'
  | 'frontier'
  | 'read'
  | 'readBlocks'
  | 'oldestSeq'
  | 'oldestHeight'
  | 'forked'
  | 'holds'
  | 'readEntry'
  | 'readAside'
  | 'follow'
  | 'cutBehind'
>;

/** The state, as the engine keeps it. */
export interface Machine extends Applier<GroupTransaction> {
  /** What an own transaction touched that was run already. */
  footprintOf(run: Run): Steps<Footprint>;
  /** Whether a transaction that was not run takes long, however few its changes: a schema change goes through rows, children follow. */
  isLong(transaction: GroupTransaction): boolean;
  /**
   * Does ahead what a schema change needs and others need not wait for. The state is published, and nobody else changes it. `isAlone`:
   * nothing stands in the state that the change is not to see, and nothing comes before it.
   */
  prepare(transaction: GroupTransaction, isAlone: boolean): Promise<void>;
  /** Schema changes that stand in blocks. */
  readonly schemaCount: number;
  /** Digest of all rows that stand in blocks, 8 bytes. */
  finalDigest(): Uint8Array;
  /** An own transaction was run already. */
  ran(transaction: GroupTransaction): void;
  /** Keeps what takes each transaction back that was run and is not settled. With the next publish(). */
  keepUndo(): void;
  /** Takes back what the stored state holds beyond its last block. */
  undoKept(): void;
  /** The state's transaction was given up: the catalog as it was published. */
  reload(): void;
  /** Everything is in again that was given up, and had been shown to sessions: until then they are told of no change. */
  restored(): void;
  publish(position: StatePosition): void;
  /** Something was done since. */
  readonly hasUnpublished: boolean;
  /** From now on reads see the state as it is published, until the returned function is called. */
  openSnapshot(): () => void;
  /** Tells sessions what long work changed, at its end: they may see it from then on. */
  announce(): Steps<void>;
}

/** Makes blocks. */
export interface Decider {
  /** A vote waits for entries that are not durable yet. */
  readonly isAwaited: boolean;
  /** A peer says that it knows of more blocks than are known here. */
  readonly isBehind: boolean;
  /** There is something to decide, or what was waited for has come; `urgent`: somebody waits for it. */
  progress(urgent: boolean): void;
}

/** What the replica tells of itself. */
export interface ReplicaEvents {
  /**
   * An own entry is being written, or durable: it is to be sent to everybody. Whatever comes, there is no other one with its number.
   * `isAwaited`: somebody waits for more than this node's disk.
   */
  made(own: ChainLink, isAwaited: boolean): void;
  /** Entries that this replica now holds durably. `isAwaited`: somebody waits until a majority does. */
  durable(links: readonly ChainLink[], isAwaited: boolean): void;
  /** Blocks are applied, in this order; who is a member may have changed by the last of them. */
  applied(blocks: readonly Block[]): void;
  /** Whether an entry's author may write now: see Replica. */
  isMember(key: Uint8Array): boolean;
  /** It was a member, and is none now. */
  wasRemoved(key: Uint8Array): boolean;
  /** Whether what it made on a block of that height counts. */
  mayWrite(key: Uint8Array, height: number): boolean;
  /** Nothing of the author counts any more, but what was final when that was decided: it signed two entries with one number. */
  hasEnded(author: string): boolean;
  /** All such authors. */
  ended(): Iterable<string>;
  /** Authors of removed members, and up to which seq what they wrote counts all the same. */
  rescued(): Iterable<AuthorSeq>;
  /** The last of these of an author; 0 where there is none. */
  rescuedSeq(author: string): number;
  /** Entries of a removed member are durable here that do not count: see stranded() of Replica. */
  stranded(): void;
  /** Of the author's entries those behind `seq` do not count here any more. */
  cutBack(author: string, seq: number): void;
  /** A block says that the state after `height` is another one than here. */
  diverged(height: number): void;
}
