/** Functions that ask the session: they are parameters, computed when the statement starts, or calls into the engine. */
import { SqlError, type SqlType } from '../types/index.ts';
import { intToSqlite } from '../values/index.ts';
import { Bound, BIGINT, COERCIBILITY, type Binder } from './bound.ts';
import { callInternal, convert, typeKey } from './call.ts';
import type { Compiler } from './compiler.ts';
import type { SessionFacts } from './plan.ts';

const UTF8: SqlType = { kind: 'string', family: 'varchar', length: 288, collation: 'utf8mb3_general_ci' };
const UNSIGNED: SqlType = { kind: 'int', bits: 64, unsigned: true };
const DOUBLE: SqlType = { kind: 'double', unsigned: false };

interface Fact {
  readonly type: SqlType;
  readonly nullable: boolean;
  readonly bind: Binder;
}

const textFact = (read: (s: SessionFacts) => string | null, nullable = false): Fact => ({
  type: UTF8,
  nullable,
  bind: (x) => read(x.session),
});

const user = textFact((s) => s.user);
const database = textFact((s) => s.database || null, true);
const FACTS: Readonly<Record<string, Fact>> = {
  USER: user,
  SESSION_USER: user,
  SYSTEM_USER: user,
  CURRENT_USER: textFact((s) => s.currentUser),
  CURRENT_ROLE: textFact((s) => s.currentRole),
  DATABASE: database,
  SCHEMA: database,
  VERSION: textFact((s) => s.version),
  CONNECTION_ID: { type: UNSIGNED, nullable: false, bind: (x) => x.session.connectionId },
  FOUND_ROWS: { type: BIGINT, nullable: false, bind: (x) => x.session.foundRows },
  ROW_COUNT: { type: BIGINT, nullable: false, bind: (x) => BigInt(x.session.rowCount) },
};

const TOKEN: SqlType = { kind: 'string', family: 'varchar', length: 4096, collation: 'utf8mb4_0900_ai_ci' };
const FATE: SqlType = { kind: 'string', family: 'varchar', length: 16, collation: 'utf8mb4_0900_ai_ci' };

/** Functions that the engine answers, with their result types. */
const ENGINE: Readonly<Record<string, { readonly type: SqlType; readonly arity: readonly [number, number] }>> = {
  GET_LOCK: { type: BIGINT, arity: [2, 2] },
  RELEASE_LOCK: { type: BIGINT, arity: [1, 1] },
  RELEASE_ALL_LOCKS: { type: BIGINT, arity: [0, 0] },
  IS_FREE_LOCK: { type: BIGINT, arity: [1, 1] },
  IS_USED_LOCK: { type: UNSIGNED, arity: [1, 1] },
  SLEEP: { type: BIGINT, arity: [1, 1] },
  P2PDB_WAIT_FINAL: { type: FATE, arity: [2, 2] },
  P2PDB_RESOLVE_CONFLICT: { type: BIGINT, arity: [2, 2] },
  P2PDB_JOIN_TOKEN: { type: TOKEN, arity: [2, 2] },
  P2PDB_REMOVE_MEMBER: { type: BIGINT, arity: [1, 1] },
  P2PDB_SET_VOTER: { type: BIGINT, arity: [2, 2] },
};

export function sessionFunction(c: Compiler, name: string, args: readonly Bound[]): Bound | undefined {
  const fact = FACTS[name];
  if (fact) {
    if (args.length > 0)
      throw new SqlError(1582, '42000', `Incorrect parameter count in the call to native function '${name}'`);
    return new Bound(() => c.param(fact.bind), { ...fact, coercibility: COERCIBILITY.system });
  }
  if (name === 'LAST_INSERT_ID') {
    if (args.length === 0) {
      const bind: Binder = (x) => intToSqlite(BigInt(x.session.lastInsertId));
      return new Bound(() => c.param(bind), { type: UNSIGNED, nullable: false, bind });
    }
    const value = convert(c, args[0] as Bound, UNSIGNED);
    return callInternal(
      c,
      'last-insert-id',
      [value],
      { type: UNSIGNED, nullable: value.nullable },
      (x) => (v) => {
        if (typeof v === 'number' || typeof v === 'bigint') x.session.setLastInsertId(v);
        return v;
      },
      false,
    );
  }
  const engine = ENGINE[name];
  if (!engine) return undefined;
  if (args.length < engine.arity[0] || args.length > engine.arity[1]) {
    throw new SqlError(1582, '42000', `Incorrect parameter count in the call to native function '${name}'`);
  }
  // Seconds may have a fraction; a DECIMAL's own form is its digits without the point.
  const given = args.map((a) => (a.type.kind === 'decimal' ? convert(c, a, DOUBLE) : a));
  c.waits.push({ name, args: given });
  return callInternal(
    c,
    `${name}(${given.map((a) => typeKey(a.type)).join(',')})`,
    given,
    { type: engine.type, nullable: true },
    (x) =>
      (...values) =>
        x.session.call(name, values),
    false,
  );
}
