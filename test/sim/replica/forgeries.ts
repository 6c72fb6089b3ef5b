/** What reads as it should, almost: transactions, messages and bytes for a liar to send. */
import { height as heightOf, type Message, type NodeId } from '../../../node/consensus/index.ts';
import { encodeTransaction, type Entry, type Operation, type Transaction } from '../../../node/log/index.ts';
import type { Random } from '../kernel/random.ts';

/** The largest number that JavaScript counts exactly. */
export const FAR = 2 ** 53 - 1;
/** Of the workload's tables, by the order in which they are made, those whose rows no client keeps count of; and those that come later. */
const TABLES = [4, 5, 6, 7, 10];
/** d.parent */
const PARENT = { id: 5, version: 1, columns: [1, 2] };

export class Forgeries {
  private readonly random: Random;
  private readonly isUnchecked: boolean;

  /** `isUnchecked`: see Liar. */
  constructor(random: Random, isUnchecked: boolean) {
    this.random = random;
    this.isUnchecked = isUnchecked;
  }

  get someBytes(): Uint8Array {
    return this.bytes(1 + this.random.below(80));
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.random.below(256));
  }

  /** A row that nobody else counts. */
  get row(): Uint8Array {
    const { random } = this;
    const level = random.pick(['local', 'local', 'replicated', 'final'] as const);
    const key = random.below(30);
    const operation: Operation = {
      kind: 'insert',
      table: 0,
      key,
      values: [key, `liar ${random.below(100)}`],
      mode: random.pick(['plain', 'ignore', 'replace'] as const),
      changes: [],
    };
    return this.transaction([operation], { level, unchecked: false, tables: [PARENT] });
  }

  private transaction(operations: readonly Operation[], more: Partial<Transaction> = {}): Uint8Array {
    const { random } = this;
    return encodeTransaction({
      user: 'root@localhost',
      database: 'd',
      sql: '',
      level: random.pick(['local', 'local', 'replicated', 'final']),
      unchecked: random.chance(0.2) && this.isUnchecked,
      tables: [{ id: random.pick([...TABLES, 99, -1]), version: random.pick([1, 1, 1, 2, 7]), columns: [] }],
      operations,
      reads: [],
      ...more,
    });
  }

  /** An entry that nobody has. */
  get missing(): Entry['parents'][number] {
    const seq = this.random.pick([1, 7, FAR]);
    return { author: this.bytes(this.random.pick([32, 32, 1])), seq, cid: this.bytes(36) };
  }

  /** Reads as a transaction, and makes no sense. */
  get nonsense(): Uint8Array {
    const { random } = this;
    const value = () => random.pick([null, 0, -1, 2 ** 53 - 1, 1.5, 'text', '', new Uint8Array([1, 2]), 10n ** 18n]);
    const values = () => Array.from({ length: random.below(7) }, value);
    const key = () => random.pick([values(), random.below(9), -3, 2 ** 60]);
    const changes = () =>
      Array.from({ length: random.below(3) }, () => {
        const mode = random.pick(['assign', 'add', 'merge'] as const);
        const column = random.pick([0, 1, 2, 3, 9, -1]);
        return mode === 'merge' ? { column, mode, value: value(), base: value() } : { column, mode, value: value() };
      });
    const table = 0;
    const operation = random.pick<() => Operation>([
      () => {
        const mode = random.pick(['plain', 'ignore', 'replace', 'upsert'] as const);
        return {
          kind: 'insert',
          table,
          key: key(),
          values: values(),
          mode,
          changes: mode === 'upsert' ? changes() : [],
        };
      },
      () => ({ kind: 'update', table, key: key(), changes: changes() }),
      () => ({ kind: 'delete', table, key: key() }),
      () => ({ kind: 'move', table, key: key(), newKey: key(), changes: changes() }),
      () => ({
        kind: 'schema',
        text: 'x',
        change: random.pick([
          '',
          '{',
          '{}',
          '[]',
          'null',
          '{"changes":7}',
          '{"changes":[{}]}',
          '{"changes":[null]}',
          '{"changes":[{"kind":"put-table"}]}',
        ]),
        basis: random.below(14),
      }),
    ])();
    const reads = random.chance(0.2)
      ? [{ table, key: random.chance(0.5) ? null : key(), digest: [1, -2] as const }]
      : [];
    return this.transaction([operation], { reads });
  }

  /** Cut off, or with other bytes in it. */
  garbled(bytes: Uint8Array): Uint8Array {
    const { random } = this;
    const broken = bytes.slice(0, random.chance(0.3) ? random.below(bytes.length) : bytes.length);
    for (let n = random.below(4); n > 0 && broken.length > 0; n--)
      broken[random.below(broken.length)] = random.below(256);
    return broken;
  }

  /** Of the turn of another leader, or of one that never was. */
  ofLeader(id: NodeId, up: readonly NodeId[], peers: readonly NodeId[]): Message {
    const { random } = this;
    const ballot = {
      round: random.pick([1, 3, 100, 2 ** 48]),
      node: random.pick([id, id, ...up]),
    };
    const promised = { round: 2 ** 48, node: id };
    const chosen = heightOf(random.pick([0, 5, 2 ** 48]));
    const height = heightOf(1 + random.below(40));
    const successor = random.pick(peers);
    return random.pick<Message>([
      { kind: 'pre-vote', ballot, chosen },
      { kind: 'pre-vote-reply', ballot, granted: true, chosen },
      { kind: 'prepare', ballot, chosen },
      { kind: 'promise', ballot, chosen, accepted: [{ height, ballot, value: this.someBytes }] },
      { kind: 'accept', ballot, height, value: this.someBytes },
      { kind: 'accepted', ballot, height, signature: this.bytes(64) },
      { kind: 'nack', ballot, promised },
      { kind: 'heartbeat', ballot, chosen, ack: true },
      { kind: 'heartbeat-ack', ballot, chosen },
      { kind: 'resign', ballot, successor },
      { kind: 'ask-chosen', from: heightOf(1 + random.below(9)) },
      { kind: 'pruned', oldest: heightOf(1 + random.below(2 ** 40)) },
    ]);
  }
}
