/** What two nodes wrote without hearing of each other, and what every node must show once they have met. */

export interface Shown {
  /** Rows by table, in the order of its first column, or by SELECT; values as text, NULL as null, bytes as hex. */
  readonly shows: Readonly<Record<string, readonly (readonly (string | number | null)[])[]>>;
  /** Transactions that end as conflicts: A1 is A's first. */
  readonly rejected?: readonly string[];
  /** Transactions of which a change met no row. */
  readonly dropped?: readonly string[];
  /** Of all these, those that met nothing of the other side's: what they followed was refused. */
  readonly consequences?: readonly string[];
}

/** A transaction: one statement, or several. */
type Work = string | readonly string[];

export interface MergeCase {
  readonly name: string;
  /** Known to both, run first. */
  readonly schema: readonly string[];
  readonly A: readonly Work[];
  readonly B: readonly Work[];
  /** All of A's transactions stand before B's. */
  readonly aFirst: Shown;
  readonly bFirst: Shown;
  /** Only B, with a majority, can do what it does. */
  readonly needsMajority?: true;
}

type History = Pick<MergeCase, 'schema' | 'A' | 'B' | 'needsMajority'>;

/** The order makes no difference. */
export const either = (name: string, history: History, shown: Shown): MergeCase => ({
  name,
  ...history,
  aFirst: shown,
  bFirst: shown,
});

export const ordered = (name: string, history: History, aFirst: Shown, bFirst: Shown): MergeCase => ({
  name,
  ...history,
  aFirst,
  bFirst,
});

/** B's schema change stands in a block before A's transactions, which were made under the older schema. */
export const afterChange = (name: string, history: History, shown: Shown): MergeCase =>
  either(name, { ...history, needsMajority: true }, shown);
