/** SET: system and user variables, NAMES, CHARACTER SET, TRANSACTION. */
import {
  collationNamed,
  decimalFromSqlite,
  defaultCollation,
  formatDecimal,
  SqlError,
  type Expr,
  type SetItem,
  type SqliteValue,
  type SqlType,
  type Statement,
} from '../sql/index.ts';
import { globalWasSet } from './closed.ts';
import { evaluate } from './prepared.ts';
import type { EngineSession } from './session.ts';
import { ok, type StatementContext } from './statement-context.ts';
import type { Isolation } from './transaction.ts';
import { checkValue, displayValue, findVariable, type VariableDefinition } from './variables.ts';
import { commitTransaction } from './commit-transaction.ts';

type VariableItem = Extract<SetItem, { kind: 'variable' }>;

export function runSet(x: StatementContext, statement: Extract<Statement, { kind: 'set' }>): Promise<void> | undefined {
  const exprs: Expr[] = [];
  const places = statement.items.map((item) => {
    const value = item.kind === 'variable' || item.kind === 'userVariable' ? item.value : undefined;
    if (!value || value.kind === 'word' || value.kind === 'default') return -1;
    // A bare name is a word: SET sql_mode = ANSI.
    if (item.kind === 'variable' && value.kind === 'column' && value.table === undefined) return -1;
    return exprs.push(value) - 1;
  });
  const apply = (values: readonly SqliteValue[], types: readonly SqlType[]): Promise<void> | undefined => {
    let done: Promise<void> | undefined;
    statement.items.forEach((item, i) => {
      const place = places[i] ?? -1;
      const value = place < 0 ? null : (values[place] ?? null);
      done = setOne(x, item, place, value, types[place]) ?? done;
    });
    return done ? done.then(() => ok(x)) : ok(x);
  };
  if (exprs.length === 0) return apply([], []);
  return evaluate(x, exprs, apply);
}

function setOne(
  x: StatementContext,
  item: SetItem,
  place: number,
  value: SqliteValue,
  type: SqlType | undefined,
): Promise<void> | undefined {
  const { session } = x;
  switch (item.kind) {
    case 'userVariable':
      session.setUserVariable(item.variable.name, value, type ?? { kind: 'null' });
      return undefined;
    case 'names':
      setNames(session, item.charset, item.collation);
      return undefined;
    case 'characterSet': {
      const charset = item.charset === undefined ? 'utf8mb4' : checkCharset(item.charset);
      setVariable(session, 'character_set_client', charset);
      setVariable(session, 'character_set_results', charset);
      setVariable(session, 'character_set_connection', String(session.state.variables.get('character_set_database')));
      setVariable(session, 'collation_connection', String(session.state.variables.get('collation_database')));
      return undefined;
    }
    case 'column':
      throw new SqlError(1193, 'HY000', `Unknown system variable '${item.column.name}'`);
    case 'variable':
      return setSystemVariable(x, item, place, value, type);
  }
}

function checkCharset(name: string): string {
  const lower = name.toLowerCase() === 'utf8' ? 'utf8mb3' : name.toLowerCase();
  if (lower !== 'binary' && defaultCollation(lower) === undefined)
    throw new SqlError(1115, '42000', `Unknown character set: '${name}'`);
  return lower;
}

function setNames(session: EngineSession, charset: string | undefined, collation: string | undefined): void {
  const name = charset === undefined ? 'utf8mb4' : checkCharset(charset);
  if (collation !== undefined) {
    const known = collationNamed(collation.toLowerCase());
    if (!known) throw new SqlError(1273, 'HY000', `Unknown collation: '${collation}'`);
    if (known.charset !== name)
      throw new SqlError(1253, '42000', `COLLATION '${collation}' is not valid for CHARACTER SET '${name}'`);
  }
  for (const variable of ['character_set_client', 'character_set_connection', 'character_set_results'])
    setVariable(session, variable, name);
  setVariable(session, 'collation_connection', collation?.toLowerCase() ?? defaultCollation(name) ?? 'binary');
}

function setVariable(session: EngineSession, name: string, value: string | number): void {
  session.state.variables.set(name, value);
  session.state.changed();
  const tracked = String(session.state.variables.get('session_track_system_variables')).split(',');
  const definition = findVariable(name);
  if (definition && (tracked.includes(name) || tracked.includes('*'))) {
    session.noteChange({ kind: 'variable', name, value: displayValue(definition, value) });
  }
}

/** A session has what was so when it began. */
const OF_THE_LOGIN = new Set(['max_allowed_packet', 'net_buffer_length']);

/** Numbers with fractions are for variables that have them. Throws 1232. */
function plainValue({ name, kind }: VariableDefinition, value: SqliteValue, type: SqlType | undefined): SqliteValue {
  if (type?.kind !== 'decimal' && type?.kind !== 'double' && type?.kind !== 'float') return value;
  if (kind !== 'real') throw new SqlError(1232, '42000', `Incorrect argument type to variable '${name}'`);
  if (type.kind !== 'decimal' || value === null || typeof value === 'string') return value;
  return Number(formatDecimal(decimalFromSqlite(value, type)));
}

function setSystemVariable(
  x: StatementContext,
  item: VariableItem,
  place: number,
  evaluated: SqliteValue,
  type: SqlType | undefined,
): Promise<void> | undefined {
  const { session } = x;
  const { core } = session;
  const { variable } = item;
  const definition = findVariable(variable.name);
  if (!definition) throw new SqlError(1193, 'HY000', `Unknown system variable '${variable.name}'`);
  const { name } = definition;
  const global = variable.scope === 'global' || variable.scope === 'persist' || variable.scope === 'persistOnly';
  if (definition.readOnly) throw new SqlError(1238, 'HY000', `Variable '${name}' is a read only variable`);
  if (global && definition.scope === 'session')
    throw new SqlError(1228, 'HY000', `Variable '${name}' is a SESSION variable and can't be used with SET GLOBAL`);
  if (!global && definition.scope === 'global')
    throw new SqlError(1229, 'HY000', `Variable '${name}' is a GLOBAL variable and should be set with SET GLOBAL`);
  if (!global && OF_THE_LOGIN.has(name))
    throw new SqlError(1621, 'HY000', `SESSION variable '${name}' is read-only. Use SET GLOBAL to assign the value`);
  const given = place >= 0 ? evaluated : wordOf(item.value);
  const value =
    given === undefined
      ? defaultValue(session, definition, global)
      : checkValue(definition, plainValue(definition, given, type), (message) =>
          core.env.warn('Warning', 1292, message),
        );
  session.keepWarnings();
  if (global) {
    core.accounts.checkSystemVariables(session);
    const take = (): void => {
      core.globals.set(name, value);
      globalWasSet(session, name, value);
    };
    if (variable.scope === 'global') {
      take();
      return undefined;
    }
    // What is refused, for lack of a majority, is not in force here, either.
    const kept = core.commits.changeCatalog(session, x.text, [{ kind: 'set-global', name, value: String(value) }]);
    return variable.scope === 'persistOnly' ? kept : kept.then(take);
  }
  switch (name) {
    case 'autocommit': {
      setVariable(session, name, value);
      return value === 1 ? commitTransaction(session) : undefined;
    }
    case 'character_set_connection':
      setVariable(session, 'collation_connection', defaultCollation(String(value)) ?? 'binary');
      break;
    case 'collation_connection':
      setVariable(session, 'character_set_connection', collationNamed(String(value))?.charset ?? 'binary');
      break;
    case 'last_insert_id':
    case 'identity':
      session.state.lastInsertId = Number(value);
      break;
    case 'transaction_isolation':
      // Without SESSION it would be for the next transaction only; clients that say so mean the session.
      break;
    default:
      break;
  }
  setVariable(session, name, value);
  return undefined;
}

/** The word of `SET x = ON`; undefined for DEFAULT. */
function wordOf(value: VariableItem['value']): SqliteValue | undefined {
  if (value.kind === 'default') return undefined;
  if (value.kind === 'word') return value.word;
  return value.kind === 'column' ? value.name : null;
}

function defaultValue(session: EngineSession, definition: VariableDefinition, global: boolean): string | number {
  return global ? definition.value : session.core.globals.get(definition.name);
}

const LEVELS: Readonly<Record<string, Isolation>> = {
  readUncommitted: 'READ-UNCOMMITTED',
  readCommitted: 'READ-COMMITTED',
  repeatableRead: 'REPEATABLE-READ',
  serializable: 'SERIALIZABLE',
};

export function runSetTransaction(
  x: StatementContext,
  statement: Extract<Statement, { kind: 'setTransaction' }>,
): undefined {
  const { session } = x;
  const isolation = statement.isolation && LEVELS[statement.isolation];
  const readOnly = statement.access === undefined ? undefined : statement.access === 'readOnly';
  if (statement.scope === undefined) {
    if (session.transaction)
      throw new SqlError(
        1568,
        '25001',
        "Transaction characteristics can't be changed while a transaction is in progress",
      );
    session.state.nextTransaction = {
      ...session.state.nextTransaction,
      ...(isolation && { isolation }),
      ...(readOnly !== undefined && { readOnly }),
    };
    return ok(x);
  }
  const store = statement.scope === 'session' ? session.state.variables : session.core.globals;
  if (statement.scope !== 'session') session.core.accounts.checkSystemVariables(session);
  if (isolation) store.set('transaction_isolation', isolation);
  if (readOnly !== undefined) store.set('transaction_read_only', readOnly ? 1 : 0);
  return ok(x);
}
