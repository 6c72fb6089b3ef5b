/** The effects of one step, in their order. */
import type { DropReason, Effect } from './events.ts';
import type { NodeId } from './ids.ts';
import type { ConsensusRecord, Message } from './messages.ts';

export class Outbox {
  private effects: Effect[] = [];

  push(effect: Effect): void {
    this.effects.push(effect);
  }

  send(to: NodeId, message: Message): void {
    this.effects.push({ kind: 'send', to, message });
  }

  persist(record: ConsensusRecord, sync: boolean): void {
    this.effects.push({ kind: 'persist', record, sync });
  }

  drop(from: NodeId, reason: DropReason): void {
    this.effects.push({ kind: 'dropped', from, reason });
  }

  take(): Effect[] {
    const taken = this.effects;
    this.effects = [];
    return taken;
  }
}
