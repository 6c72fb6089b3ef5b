/** Clients that wait for more than this node's disk: for a majority's, or for a block. */
import type { Own } from './batch.ts';
import { RejectedError, type GroupTransaction } from './transaction.ts';

export class Waiters {
  private readonly final = new Map<GroupTransaction, Own>();
  private replicated: { readonly seq: number; readonly own: Own }[] = [];
  private replicatedSeq = 0;

  get count(): number {
    return this.final.size + this.replicated.length;
  }

  /** Its entry, with this number, is durable here. `alone`: nobody else has to hold it. */
  durable(own: Own, seq: number, alone: boolean): void {
    const { level, finalOnly } = own.transaction;
    if (finalOnly) this.final.set(own.transaction, own);
    else if (level === 'replicated' && !alone && seq > this.replicatedSeq) this.replicated.push({ seq, own });
    else own.resolve();
  }

  /** A majority of the voters holds this node's entries up to `seq`. How many waited for that. */
  majorityHas(seq: number): number {
    if (seq <= this.replicatedSeq) return 0;
    this.replicatedSeq = seq;
    const confirmed = this.replicated.filter((waiter) => waiter.seq <= seq);
    if (confirmed.length === 0) return 0;
    this.replicated = this.replicated.filter((waiter) => waiter.seq > seq);
    for (const { own } of confirmed) own.resolve();
    return confirmed.length;
  }

  /** It stands in an applied block. Whether somebody waited for it. */
  settled(transaction: GroupTransaction): boolean {
    const own = this.final.get(transaction);
    if (!own) return false;
    this.final.delete(transaction);
    const outcome = transaction.run?.outcome;
    if (outcome?.kind === 'rejected') own.reject(new RejectedError(outcome));
    else own.resolve();
    return true;
  }
}
