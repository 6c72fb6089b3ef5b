/** Passes the questions of joiners on to the owner, and its answers back. */
import { decodeQuestion, encodeAnswer, JOIN_MS_MAX } from './join-messages.ts';
import type { Outbox } from './outbox.ts';
import type { JoinAnswer, NodeId } from './ports.ts';

const WAITING_MAX = 32;

export class JoinDesk {
  private readonly outbox: Outbox;
  private readonly waiting = new Map<number, (answer: JoinAnswer) => void>();
  private nextNumber = 1;

  constructor(outbox: Outbox) {
    this.outbox = outbox;
  }

  readonly ask = async (node: NodeId, question: Uint8Array): Promise<Uint8Array> => {
    const content = decodeQuestion(question);
    if (!content) return encodeAnswer({ kind: 'refused', reason: 'the question cannot be read' });
    if (this.waiting.size >= WAITING_MAX) return encodeAnswer({ kind: 'refused', reason: 'too many joins at once' });
    const request = this.nextNumber++;
    const { promise, resolve } = Promise.withResolvers<JoinAnswer>();
    this.waiting.set(request, resolve);
    const timer = setTimeout(() => resolve({ kind: 'refused', reason: 'no decision in time' }), JOIN_MS_MAX * 0.9);
    this.outbox.add({ kind: 'joinRequest', request, content: { node, ...content } });
    const answer = await promise;
    clearTimeout(timer);
    this.waiting.delete(request);
    return encodeAnswer(answer);
  };

  answer(request: number, answer: JoinAnswer): void {
    this.waiting.get(request)?.(answer);
  }

  close(): void {
    for (const resolve of this.waiting.values()) resolve({ kind: 'refused', reason: 'this node stops' });
  }
}
