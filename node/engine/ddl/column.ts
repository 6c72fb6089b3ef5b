/** A column's definition, from what a statement says of it. */
import { print, SqlError, sqlTypeOf, unqualified, type ColumnDef, type ColumnDefinition } from '../../sql/index.ts';
import { columnDefault, isNow, type ZeroDates } from './defaults.ts';

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** `tableCollation`: where the column names none. Throws SqlError. */
export function makeColumn(
  definition: ColumnDefinition,
  id: number,
  tableCollation: string,
  zeroDates: ZeroDates,
): Mutable<ColumnDef> {
  const { name } = definition;
  if (name === '' || name.endsWith(' ')) throw new SqlError(1166, '42000', `Incorrect column name '${name}'`);
  if (name.length > 64) throw new SqlError(1059, '42000', `Identifier name '${name}' is too long`);
  let collation: string | undefined;
  for (const a of definition.attributes) if (a.kind === 'collate') collation = a.collation;
  const declared = collation === undefined ? definition.type : { ...definition.type, collation };
  const type = sqlTypeOf(declared, name, tableCollation);
  const column: Mutable<ColumnDef> = { id, name, type, nullable: true, comment: '' };
  if (definition.type.serial) {
    column.nullable = false;
    column.autoIncrement = true;
  }
  for (const a of definition.attributes) {
    switch (a.kind) {
      case 'null':
        column.nullable = true;
        break;
      case 'notNull':
      case 'primaryKey':
        column.nullable = false;
        break;
      case 'autoIncrement':
        if (!['int', 'float', 'double'].includes(type.kind))
          throw new SqlError(1063, '42000', `Incorrect column specifier for column '${name}'`);
        column.autoIncrement = true;
        column.nullable = false;
        break;
      case 'default':
        column.default = columnDefault(column, a.value, a.parens, zeroDates);
        break;
      case 'onUpdate':
        if (!isNow(a.value) || (type.kind !== 'timestamp' && type.kind !== 'datetime'))
          throw new SqlError(1294, 'HY000', `Invalid ON UPDATE clause for '${name}' column`);
        column.onUpdateNow = type.fsp;
        break;
      case 'comment':
        if (a.text.length > 1024)
          throw new SqlError(1629, 'HY000', `Comment for field '${name}' is too long (max = 1024)`);
        column.comment = a.text;
        break;
      case 'generated':
        column.generated = { expression: print(unqualified(a.expr)), stored: a.stored };
        break;
      case 'visible':
        column.invisible = false;
        break;
      case 'invisible':
        column.invisible = true;
        break;
      default:
        break;
    }
  }
  if (column.default?.kind === 'null' && !column.nullable)
    throw new SqlError(1067, '42000', `Invalid default value for '${name}'`);
  if (column.autoIncrement && column.default) throw new SqlError(1067, '42000', `Invalid default value for '${name}'`);
  if (column.generated && (column.default || column.autoIncrement))
    throw new SqlError(
      1221,
      'HY000',
      `Incorrect usage of ${column.default ? 'DEFAULT' : 'AUTO_INCREMENT'} and generated column`,
    );
  if (column.nullable && column.default === undefined && !column.generated && !column.autoIncrement)
    column.default = { kind: 'null' };
  if (!column.invisible) delete column.invisible;
  return column;
}
