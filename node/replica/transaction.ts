/** A transaction as the replica knows it: where it stands in the order, what it means, and what its last run did. */
import type { Orderable, Position } from '../consistency/index.ts';
import type { Digest, Entry, Transaction } from '../log/index.ts';
import type { Warning } from '../sql/index.ts';
import type { ChangeList } from '../store/index.ts';

/** What refused a transaction, or a change of it, as keys under which other transactions left what it met. */
export interface Met {
  readonly keys: readonly string[];
  /** What it was where nobody left one of those. */
  readonly otherwise: readonly string[];
}

/** A change of a row that is not there any more: passed over, and listed. */
export interface Dropped {
  readonly table: string;
  /** The key and what was to be written, as JSON for people. */
  readonly key: string;
  readonly image: string;
  readonly met: Met;
}

export type RejectReason =
  | 'duplicate-key'
  | 'foreign-key'
  | 'check'
  | 'rule'
  | 'data'
  | 'certification'
  /** Its tables are on their way to another group. */
  | 'moved'
  /** A schema change that was made on an older schema: its session makes it anew. */
  | 'stale'
  | 'schema';

export type Outcome =
  | {
      readonly kind: 'applied';
      readonly dropped: readonly Dropped[];
      /** Of a schema change, for its session. */
      readonly warnings?: readonly Warning[];
    }
  | {
      readonly kind: 'rejected';
      readonly reason: RejectReason;
      readonly errno: number;
      readonly sqlState: string;
      readonly message: string;
      readonly met?: Met;
    };

export const APPLIED: Outcome = { kind: 'applied', dropped: [] };

export interface Run {
  readonly changes: ChangeList;
  /** What its session meant to change, where rows were not any more as it had seen them. */
  readonly meant?: ChangeList;
  readonly outcome: Outcome;
  /** Of the state's counter of losses: what an earlier epoch did is gone already. */
  readonly epoch: number;
  /** What its changes do to the digest of all rows. */
  readonly digest: Digest;
}

/** A transaction was refused at its place in the order. */
export class RejectedError extends Error {
  override readonly name = 'RejectedError';
  readonly outcome: Extract<Outcome, { kind: 'rejected' }>;

  constructor(outcome: Extract<Outcome, { kind: 'rejected' }>) {
    super(outcome.message);
    this.outcome = outcome;
  }
}

/** Tables, accounts, members and voters all change so. */
export const isSchemaChange = ({ operations }: Transaction): boolean => operations[0]?.kind === 'schema';

/** Of this replica's own transactions, until they are sealed into an entry: behind everything. */
let unsealed = 0;

export class GroupTransaction implements Orderable {
  position: Position;
  readonly finalOnly: boolean;
  readonly exclusive: boolean;
  readonly level: Transaction['level'];
  /** Milliseconds since 1970, of its entry. */
  time: number;
  /** The height that its author had applied. */
  basisHeight: number;
  /** How many changes it makes. */
  readonly size: number;
  /** Its bytes, where they were made before it is sealed. */
  encoded: Uint8Array | undefined;
  /** Of its last run, while the transaction is applied. */
  run: Run | undefined;
  private readonly source: () => Transaction;

  private constructor(
    position: Position,
    level: Transaction['level'],
    finalOnly: boolean,
    exclusive: boolean,
    time: number,
    basisHeight: number,
    size: number,
    source: () => Transaction,
  ) {
    this.position = position;
    this.level = level;
    this.finalOnly = finalOnly;
    this.exclusive = exclusive;
    this.time = time;
    this.basisHeight = basisHeight;
    this.size = size;
    this.source = source;
  }

  /** Its client is answered once other nodes have it, or a block orders it. */
  get needsOthers(): boolean {
    return this.finalOnly || this.level === 'replicated';
  }

  /** This replica's own. It gets its place when its entry is sealed. A schema change is exclusive. */
  static own(
    level: Transaction['level'],
    exclusive: boolean,
    size: number,
    source: () => Transaction,
  ): GroupTransaction {
    const position = { lamport: Infinity, author: '', seq: 0, index: ++unsealed };
    return new GroupTransaction(position, level, level === 'final', exclusive, 0, 0, size, source);
  }

  /** One that lies in an entry. `isAhead`: it waits for its block, whatever its level. */
  static ofEntry(
    position: Position,
    { time, height }: Pick<Entry, 'time' | 'height'>,
    transaction: Transaction,
    isAhead: boolean,
  ): GroupTransaction {
    const { level, operations } = transaction;
    const exclusive = isSchemaChange(transaction);
    return new GroupTransaction(
      position,
      level,
      level === 'final' || exclusive || isAhead,
      exclusive,
      time,
      height,
      operations.length,
      () => transaction,
    );
  }

  /** What it means. Made anew each time for an own one: it is asked for when it is sealed, and when it has to run again. */
  read(): Transaction {
    return this.source();
  }

  /** As users see it: author, seq and index. */
  get id(): string {
    const { author, seq, index } = this.position;
    return `${author.slice(0, 16)}:${seq}:${index}`;
  }
}
