/**
 * What became of transactions that their place in the order refused, and of changes that met no row. `p2pdb.conflicts` lists what had
 * its OK before; a refused transaction of level `final` had none: its client was told, and only its fate is kept, for a while.
 */
import type { StatementSync } from 'node:sqlite';
import { STEP_ROWS, type Steps } from '../../consistency/index.ts';
import type { Transaction } from '../../log/index.ts';
import type { GroupTransaction, Outcome } from '../../replica/index.ts';
import type { State } from '../../store/index.ts';
import type { Catalog } from '../../sql/index.ts';
import { printable } from './merger.ts';

const IMAGE_CHARS_MAX = 65536;
/** Fates that are kept for clients which lost their connection, or their patience. */
const REFUSED_MAX = 10_000;

export class Conflicts {
  private readonly state: State;
  private readonly catalog: Catalog;
  private readonly putOther: StatementSync;

  constructor(state: State) {
    this.state = state;
    this.catalog = state.catalog;
    this.putOther = state.db.prepare('UPDATE conflict SET other = ? WHERE tx = ? AND n = ?');
  }

  /** Lists what became of a transaction, if there is something to list. */
  *put(transaction: GroupTransaction, content: Transaction, outcome: Outcome): Steps<void> {
    // It has no id yet, nobody was told OK: it is never sealed, and its client hears of it.
    if (transaction.position.author === '') return;
    if (outcome.kind === 'rejected') {
      if (outcome.reason === 'stale') return;
      if (transaction.level === 'final') {
        this.refuse(transaction.id);
        return;
      }
      this.insert(transaction, content, 0, 'rejected', outcome.reason, outcome.message, '', '', this.image(content));
      return;
    }
    for (const [n, { table, key, image }] of outcome.dropped.entries()) {
      this.insert(transaction, content, n, 'dropped', 'row-gone', 'The row is not there any more', table, key, image);
      if (n % STEP_ROWS === STEP_ROWS - 1) yield;
    }
  }

  private refuse(id: string): void {
    const { state } = this;
    const put = state.db.prepare('INSERT OR REPLACE INTO refused(tx) VALUES (?)');
    const forget = state.db.prepare('DELETE FROM refused WHERE place <= ?');
    state.write(() => forget.run(BigInt(put.run(id).lastInsertRowid) - BigInt(REFUSED_MAX)));
  }

  private insert(
    transaction: GroupTransaction,
    { user, sql }: Transaction,
    n: number,
    kind: string,
    reason: string,
    message: string,
    table: string,
    key: string,
    image: string,
  ): void {
    const put = this.state.db.prepare(
      'INSERT OR REPLACE INTO conflict(tx, n, kind, reason, message, relation, row_key, image, user, sql, time) VALUES (?,?,?,?,?,?,?,?,?,?,?)',
    );
    const { id, time } = transaction;
    const shown = image.slice(0, IMAGE_CHARS_MAX);
    this.state.write(() => put.run(id, n, kind, reason, message, table, key, shown, user, sql, time));
  }

  /** Tells of a conflict, once that is certain, against which transaction it was lost. */
  lostAgainst(tx: string, n: number, other: string): void {
    this.state.write(() => this.putOther.run(other, tx, n));
  }

  /** It is undone: nothing became of it yet. */
  remove(transaction: GroupTransaction): void {
    const relation = transaction.level === 'final' ? 'refused' : 'conflict';
    const remove = this.state.db.prepare(`DELETE FROM ${relation} WHERE tx = ?`);
    this.state.write(() => remove.run(transaction.id));
  }

  private image(content: Transaction): string {
    return JSON.stringify(
      content.operations.slice(0, 100).map((operation) => {
        if (operation.kind === 'schema') return { schema: operation.text };
        const reference = content.tables[operation.table];
        const table = reference && this.catalog.tableById(reference.id);
        const name = (column: number): string =>
          table?.columns.find((c) => c.id === reference?.columns[column])?.name ?? String(column);
        const row =
          operation.kind === 'insert'
            ? Object.fromEntries(operation.values.map((value, i) => [name(i), value]))
            : operation.kind === 'delete'
              ? undefined
              : Object.fromEntries(
                  operation.changes.map((c) => [name(c.column), c.mode === 'add' ? { add: c.value } : c.value]),
                );
        return {
          [operation.kind]: table ? `${table.database}.${table.name}` : String(reference?.id),
          key: operation.key,
          ...(row && { row }),
        };
      }),
      printable,
    );
  }
}
