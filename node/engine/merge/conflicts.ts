/** `p2pdb.conflicts`: transactions that their place in the order refused, and changes that met no row. */
import type { Transaction } from '../../log/index.ts';
import type { GroupTransaction, Outcome } from '../../replica/index.ts';
import type { State } from '../../store/index.ts';
import type { Catalog } from '../../sql/index.ts';
import { printable } from './merger.ts';

const IMAGE_CHARS_MAX = 65536;

export class Conflicts {
  private readonly state: State;
  private readonly catalog: Catalog;

  constructor(state: State) {
    this.state = state;
    this.catalog = state.catalog;
  }

  /** Lists what became of a transaction, if there is something to list. */
  put(transaction: GroupTransaction, content: Transaction, outcome: Outcome): void {
    if (outcome.kind === 'rejected') {
      if (outcome.reason === 'stale') return;
      this.insert(transaction, content, 0, 'rejected', outcome.reason, outcome.message, '', '', this.image(content));
      return;
    }
    outcome.dropped.forEach(({ table, key, image }, n) =>
      this.insert(transaction, content, n, 'dropped', 'row-gone', 'The row is not there any more', table, key, image),
    );
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
    this.state.begin();
    this.state.db
      .prepare(
        'INSERT OR REPLACE INTO conflict(tx, n, kind, reason, message, relation, row_key, image, user, sql, time) VALUES (?,?,?,?,?,?,?,?,?,?,?)',
      )
      .run(
        transaction.id,
        n,
        kind,
        reason,
        message,
        table,
        key,
        image.slice(0, IMAGE_CHARS_MAX),
        user,
        sql,
        transaction.time,
      );
  }

  /** It is undone: nothing became of it yet. */
  remove(transaction: GroupTransaction): void {
    this.state.begin();
    this.state.db.prepare('DELETE FROM conflict WHERE tx = ?').run(transaction.id);
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
