/** CREATE, ALTER and DROP DATABASE. */
import { columnCollation, isSystemDatabase, SqlError, type DatabaseDef } from '../../sql/index.ts';
import { ok, type StatementContext } from '../statement-context.ts';
import { firstPlacement, nextPlace } from '../placement.ts';
import { apply, waitForTable, type SchemaStatement } from './apply.ts';

type Of<K extends string> = Extract<SchemaStatement, { kind: K }>;

export function createDatabase(x: StatementContext, statement: Of<'createDatabase'>): Promise<void> | undefined {
  const { name, options } = statement;
  const { core } = x.session;
  if (name === '' || name.length > 64 || name.endsWith(' '))
    throw new SqlError(1102, '42000', `Incorrect database name '${name}'`);
  if (core.catalog.databases.has(name) || isSystemDatabase(name)) {
    if (!statement.ifNotExists) throw new SqlError(1007, 'HY000', `Can't create database '${name}'; database exists`);
    core.env.warn('Note', 1007, `Can't create database '${name}'; database exists`);
    x.session.keepWarnings();
    return ok(x, 1);
  }
  const server = String(core.globals.get('collation_server'));
  const collation = columnCollation(options.charset, options.collation, false, server);
  const comment = options.comment ?? '';
  const placement = firstPlacement(core, comment);
  const database = { name, collation, comment, readOnly: false, ...(placement && { placement }) };
  return apply(x, [{ kind: 'put-database', database }], 1);
}

export function alterDatabase(x: StatementContext, statement: Of<'alterDatabase'>): Promise<void> | undefined {
  const { core } = x.session;
  const name = statement.name ?? x.session.database;
  if (name === '') throw new SqlError(1046, '3D000', 'No database selected');
  const old = core.catalog.databases.get(name);
  if (!old) throw new SqlError(1049, '42000', `Unknown database '${name}'`);
  const { options } = statement;
  const comment = options.comment ?? old.comment;
  const database: DatabaseDef = {
    name,
    collation: columnCollation(options.charset, options.collation, false, old.collation),
    comment,
    readOnly: options.readOnly === undefined ? old.readOnly : options.readOnly === 1,
    ...nextPlace(core, old, comment),
  };
  return apply(x, [{ kind: 'put-database', database }], 1).then(() => {
    if (x.session.database === name) core.use(x.session, name);
  });
}

export function dropDatabase(x: StatementContext, statement: Of<'dropDatabase'>): Promise<void> | undefined {
  const { name } = statement;
  const { core } = x.session;
  if (isSystemDatabase(name)) throw new SqlError(3552, 'HY000', `Access to system schema '${name}' is rejected.`);
  if (!core.catalog.databases.has(name)) {
    if (!statement.ifExists) throw new SqlError(1008, 'HY000', `Can't drop database '${name}'; database doesn't exist`);
    core.env.warn('Note', 1008, `Can't drop database '${name}'; database doesn't exist`);
    x.session.keepWarnings();
    return ok(x);
  }
  const relations = core.catalog.relationsOf(name);
  for (const relation of relations) {
    if (!('indexes' in relation)) continue;
    waitForTable(x, relation);
    const child = core.catalog.children(name, relation.name).find((c) => c.table.database !== name);
    if (child && x.session.state.variables.number('foreign_key_checks') === 1) {
      throw new SqlError(
        3730,
        'HY000',
        `Cannot drop table '${relation.name}' referenced by a foreign key constraint '${child.foreignKey.name}' on table '${child.table.name}'.`,
      );
    }
  }
  for (const [key, table] of x.session.state.temporaryTables) {
    if (table.database !== name) continue;
    core.state.dropTemporary(table);
    x.session.state.temporaryTables.delete(key);
  }
  return apply(x, [{ kind: 'drop-database', name }], relations.length).then(() => {
    if (x.session.database === name) {
      x.session.state.database = '';
      x.session.state.changed();
    }
  });
}
