/** What the admin HTTP asks of the rest of the node. */
import type { Account, Engine, Figures } from '../server/index.ts';

type Labels = Readonly<Record<string, string>>;

/** Figures under one name of the metrics page; names start with `p2pdb_`, units are base units. */
export type Family =
  | {
      readonly type: 'counter' | 'gauge';
      readonly name: string;
      readonly help: string;
      readonly samples: readonly { readonly labels?: Labels; readonly value: number }[];
    }
  | {
      readonly type: 'histogram';
      readonly name: string;
      readonly help: string;
      readonly samples: readonly { readonly labels?: Labels; readonly histogram: HistogramFigures }[];
    };

export interface HistogramFigures {
  /** Upper bounds of the buckets, ascending. */
  readonly bounds: readonly number[];
  /** How many fell into each bucket alone; one more at the end, for those above the last bound. */
  readonly counts: ArrayLike<number>;
  readonly sum: number;
}

export interface AdminPorts {
  readonly engine: Engine;
  /** The MySQL front door's counters. */
  readonly server: Figures;
  /** An id for a session without a connection. */
  nextSessionId(): number;
  /** Undefined when the node serves; else why not yet, or not any more. */
  notReady(): string | undefined;
  /** /v1/status, as JSON. */
  status(): object;
  /** More figures: statements, log, replication. Asked at each scrape. */
  figures(): readonly Family[];
  /** Whether the account may see and steer the node through /v1. */
  mayAdminister(account: Account): boolean;
  /** Whom the node's token stands for in /v1/sql. */
  tokenAccount(): Account | undefined;
}
