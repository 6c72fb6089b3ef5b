/** User variables and system variables. */
import { SqlError, type SqlType } from '../types/index.ts';
import { Bound, COERCIBILITY, type Binder } from './bound.ts';
import { callInternal, typeKey } from './call.ts';
import type { Compiler } from './compiler.ts';
import { convertValue } from './conversions.ts';
import { text } from './literals.ts';

export function userVariable(c: Compiler, name: string): Bound {
  c.volatile = true;
  const type = c.settings.userVariableType(name) ?? { kind: 'null' };
  const read: Binder = (x) => x.session.userVariable(name)?.value ?? null;
  if (!c.assignsVariables)
    return new Bound(() => c.param(read), { type, nullable: true, coercibility: COERCIBILITY.implicit, bind: read });
  const dynamic: SqlType = type.kind === 'null' ? text(65535, c.settings.collation) : type;
  return callInternal(
    c,
    `@${name}:${typeKey(dynamic)}`,
    [],
    { type: dynamic, nullable: true, coercibility: COERCIBILITY.implicit },
    (x) => () => {
      const variable = x.session.userVariable(name);
      return variable ? convertValue(variable.value, variable.type, dynamic, x) : null;
    },
    false,
  );
}

export function assignVariable(c: Compiler, name: string, value: Bound): Bound {
  c.volatile = true;
  const type = value.type.kind === 'timestamp' ? ({ kind: 'datetime', fsp: value.type.fsp } as SqlType) : value.type;
  return callInternal(
    c,
    `@${name}:=${typeKey(type)}`,
    [value],
    { type, nullable: value.nullable, coercibility: COERCIBILITY.implicit },
    (x) => (v) => {
      x.session.setUserVariable(name, v, type);
      return v;
    },
    false,
  );
}

export function systemVariable(
  c: Compiler,
  name: string,
  scope: 'global' | 'session' | 'persist' | 'persistOnly' | undefined,
): Bound {
  const lower = name.toLowerCase();
  const type = c.settings.systemVariable(lower);
  if (!type) throw new SqlError(1193, 'HY000', `Unknown system variable '${name}'`);
  const where = scope === 'global' ? 'global' : 'session';
  const bind: Binder = (x) => x.session.systemVariable(lower, where);
  return new Bound(() => c.param(bind), { type, nullable: true, coercibility: COERCIBILITY.system, bind });
}
