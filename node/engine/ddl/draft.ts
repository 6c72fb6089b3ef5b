/** A table's definition while CREATE or ALTER builds it: columns, keys and checks are added, changed and dropped, then checked. */
import {
  columnsNamed,
  print,
  SqlError,
  unqualified,
  unsupported,
  type CheckConstraint,
  type CheckDef,
  type ColumnDef,
  type ColumnDefinition,
  type ColumnPlace,
  type ForeignKey,
  type ForeignKeyAction,
  type ForeignKeyDef,
  type IndexDef,
  type IndexDefinition,
  type IndexPartDef,
  type References,
  type TableDef,
  type TableKey,
  type TableOptions,
} from '../../sql/index.ts';
import { makeColumn, type Mutable } from './column.ts';
import type { DraftContext } from './draft-context.ts';
import { checkKeyLength, partOf, sortIndexes, startsWith } from './index-parts.ts';

const ACTIONS: Readonly<Record<string, ForeignKeyAction>> = {
  restrict: 'RESTRICT',
  cascade: 'CASCADE',
  setNull: 'SET NULL',
  noAction: 'NO ACTION',
  setDefault: 'SET DEFAULT',
};

export class TableDraft {
  columns: Mutable<ColumnDef>[];
  indexes: IndexDef[];
  foreignKeys: ForeignKeyDef[];
  checks: CheckDef[];
  options: Mutable<TableOptions>;
  private nextColumnId: number;
  private nextIndexId: number;
  private readonly base: TableDef;
  private readonly x: DraftContext;
  /** Columns whose rows must be made anew: see `build`. */
  rewrites = false;
  /** Columns that the statement says NULL of: they are no part of a primary key. */
  private readonly sayNull = new Set<number>();
  /** Names that columns no longer have. */
  private readonly formerNames: string[] = [];
  private readonly droppedIndexes: IndexDef[] = [];
  autoIncrement: number | undefined;

  constructor(base: TableDef, x: DraftContext) {
    this.base = base;
    this.x = x;
    this.columns = base.columns.map((c) => ({ ...c }));
    this.indexes = [...base.indexes];
    this.foreignKeys = [...base.foreignKeys];
    this.checks = [...base.checks];
    this.options = { ...base.options };
    this.nextColumnId = base.nextColumnId;
    this.nextIndexId = base.nextIndexId;
  }

  private find(name: string): Mutable<ColumnDef> | undefined {
    const lower = name.toLowerCase();
    return this.columns.find((c) => !c.hidden && c.name.toLowerCase() === lower);
  }

  column(name: string, clause = this.base.name): Mutable<ColumnDef> {
    const column = this.find(name);
    if (!column) throw new SqlError(1054, '42S22', `Unknown column '${name}' in '${clause}'`);
    return column;
  }

  // Columns

  addColumn(definition: ColumnDefinition, place?: ColumnPlace): ColumnDef {
    if (this.find(definition.name)) throw new SqlError(1060, '42S21', `Duplicate column name '${definition.name}'`);
    const column = makeColumn(definition, this.nextColumnId++, this.options.collation, this.x.zeroDates);
    this.insertAt(column, place);
    this.noteNull(definition, column);
    this.keysOf(definition, column);
    this.rewrites = true;
    return column;
  }

  /** Adds a column that is made already; it gets the next id. */
  addMade(column: ColumnDef): void {
    if (this.find(column.name)) throw new SqlError(1060, '42S21', `Duplicate column name '${column.name}'`);
    this.columns.push({ ...column, id: this.nextColumnId++ });
  }

  hasColumn(name: string): boolean {
    return this.find(name) !== undefined;
  }

  moveLast(name: string): void {
    const column = this.column(name);
    this.columns.splice(this.columns.indexOf(column), 1);
    this.columns.push(column);
  }

  private insertAt(column: Mutable<ColumnDef>, place: ColumnPlace): void {
    if (!place) this.columns.push(column);
    else if (place.kind === 'first') this.columns.unshift(column);
    else this.columns.splice(this.columns.indexOf(this.column(place.column)) + 1, 0, column);
  }

  /** CHANGE and MODIFY: the column keeps its id, unless its values must be converted. */
  changeColumn(name: string, definition: ColumnDefinition, place: ColumnPlace): void {
    const old = this.column(name);
    const other = this.find(definition.name);
    if (other && other !== old) throw new SqlError(1060, '42S21', `Duplicate column name '${definition.name}'`);
    const made = makeColumn(definition, old.id, this.options.collation, this.x.zeroDates);
    this.noteNull(definition, made);
    if (this.indexes.some((i) => i.kind === 'primary' && i.parts.some((p) => p.column === old.id)))
      this.demandValue(made);
    if (
      JSON.stringify(made.type) !== JSON.stringify(old.type) ||
      (old.nullable && !made.nullable) ||
      (made.autoIncrement === true && old.autoIncrement !== true) ||
      JSON.stringify(made.generated) !== JSON.stringify(old.generated)
    )
      this.rewrites = true;
    if (old.name.toLowerCase() !== made.name.toLowerCase()) this.formerNames.push(old.name);
    const at = this.columns.indexOf(old);
    this.columns[at] = made;
    if (place) {
      this.columns.splice(at, 1);
      this.insertAt(made, place);
    }
    this.keysOf(definition, made);
  }

  /** All at once: two columns may take each other's name. */
  renameColumns(renames: readonly { readonly from: string; readonly to: string }[]): void {
    const columns = renames.map(({ from }) => this.column(from));
    for (const [i, { to }] of renames.entries()) {
      const column = columns[i] as Mutable<ColumnDef>;
      if (column.name.toLowerCase() !== to.toLowerCase()) this.formerNames.push(column.name);
      column.name = to;
    }
    for (const { name } of columns)
      if (this.columns.filter((c) => c.name.toLowerCase() === name.toLowerCase()).length > 1)
        throw new SqlError(1060, '42S21', `Duplicate column name '${name}'`);
  }

  /** Expressions name columns by name: a column that one names keeps its own. */
  private mustBeFree(name: string): void {
    const quoted = `\`${name.replaceAll('`', '``')}\``.toLowerCase();
    const isNamedIn = (text: string): boolean => text.toLowerCase().includes(quoted);
    for (const { generated, hidden, default: value } of this.columns) {
      if (generated && isNamedIn(generated.expression)) {
        throw hidden
          ? new SqlError(
              3837,
              'HY000',
              `Column '${name}' has a functional index dependency and cannot be dropped or renamed.`,
            )
          : new SqlError(3108, 'HY000', `Column '${name}' has a generated column dependency.`);
      }
      if (value?.kind === 'expression' && isNamedIn(value.text)) {
        const message = `Column '${name}' of table '${this.base.name}' has a default value expression dependency and cannot be dropped or renamed.`;
        throw new SqlError(3766, 'HY000', message);
      }
    }
    const check = this.checks.find(({ expression }) => isNamedIn(expression));
    if (check) {
      const message = `Check constraint '${check.name}' uses column '${name}', hence column cannot be dropped or renamed.`;
      throw new SqlError(3959, 'HY000', message);
    }
  }

  dropColumn(name: string): void {
    const column = this.find(name);
    if (!column) throw new SqlError(1091, '42000', `Can't DROP '${name}'; check that column/key exists`);
    if (this.columns.filter((c) => !c.hidden).length === 1)
      throw new SqlError(1090, '42000', "You can't delete all columns with ALTER TABLE; use DROP TABLE instead");
    if (this.foreignKeys.some((f) => f.columns.includes(column.id))) {
      throw new SqlError(
        1828,
        'HY000',
        `Cannot drop column '${name}': needed in a foreign key constraint '${this.foreignKeys.find((f) => f.columns.includes(column.id))?.name ?? ''}'`,
      );
    }
    const mentions = `\`${column.name}\``;
    if (this.columns.some((c) => c !== column && c.generated?.expression.includes(mentions)))
      throw new SqlError(3108, 'HY000', `Column '${name}' has a generated column dependency.`);
    const check = this.checks.find((c) => c.expression.includes(mentions));
    if (check) {
      const others = this.columns.some((c) => c !== column && check.expression.includes(`\`${c.name}\``));
      if (others)
        throw new SqlError(
          3959,
          'HY000',
          `Check constraint '${check.name}' uses column '${name}', hence column cannot be dropped or renamed.`,
        );
      this.checks = this.checks.filter((c) => c !== check);
    }
    this.columns = this.columns.filter((c) => c !== column);
    this.indexes = this.indexes.flatMap((index) => {
      if (!index.parts.some((p) => p.column === column.id)) return [index];
      const parts = index.parts.filter((p) => p.column !== column.id);
      return parts.length > 0 ? [{ ...index, id: this.nextIndexId++, parts }] : [];
    });
    this.rewrites = true;
  }

  /** Keys, checks and references that stand with a column. */
  private keysOf(definition: ColumnDefinition, column: ColumnDef): void {
    const key = (kind: 'primary' | 'unique'): void => {
      const part = partOf(column, { column: column.name, length: undefined }, kind);
      this.putIndex(kind, undefined, [part], {});
    };
    if (definition.type.serial) key('unique');
    for (const a of definition.attributes) {
      if (a.kind === 'primaryKey' || a.kind === 'key') key('primary');
      else if (a.kind === 'unique') key('unique');
      else if (a.kind === 'check') {
        this.addCheck(a.check);
        if (columnsNamed(a.check.expr).some(({ name }) => name.toLowerCase() !== column.name.toLowerCase())) {
          const message = `Column check constraint '${this.checks.at(-1)?.name ?? ''}' references other column.`;
          throw new SqlError(3813, 'HY000', message);
        }
      } else if (a.kind === 'references') this.addReference([column.name], a.references, undefined);
    }
  }

  private noteNull({ attributes }: ColumnDefinition, { id }: ColumnDef): void {
    const saysNull = attributes.some((a) => a.kind === 'null' || (a.kind === 'default' && a.value.kind === 'null'));
    if (saysNull) this.sayNull.add(id);
    else this.sayNull.delete(id);
  }

  /** As a part of the primary key: NULL is no value of it, and so no default. Throws 1171 where the statement says otherwise. */
  private demandValue(column: Mutable<ColumnDef>): void {
    if (this.sayNull.has(column.id))
      throw new SqlError(
        1171,
        '42000',
        'All parts of a PRIMARY KEY must be NOT NULL; if you need NULL in a key, use UNIQUE instead',
      );
    if (column.default?.kind === 'null') delete column.default;
    column.nullable = false;
  }

  // Keys

  addKey(key: TableKey): void {
    switch (key.kind) {
      case 'index':
        return this.addIndex(key);
      case 'foreignKey':
        return this.addForeignKey(key);
      case 'check':
        return this.addCheck(key);
    }
  }

  addIndex(key: IndexDefinition): void {
    const parts = key.parts.map((p): IndexPartDef => {
      const direction = p.direction === 'desc' ? { descending: true } : {};
      if (p.kind === 'exprPart') {
        if (p.expr.kind === 'column') return { column: this.keyColumn(p.expr.name).id, ...direction };
        return { column: this.hiddenColumn(print(unqualified(p.expr))).id, ...direction };
      }
      const column = this.keyColumn(p.column);
      return { ...partOf(column, p, key.type), ...direction };
    });
    const twice = parts.find((p, i) => parts.findIndex((q) => q.column === p.column) !== i);
    if (twice)
      throw new SqlError(
        1060,
        '42S21',
        `Duplicate column name '${this.columns.find((c) => c.id === twice.column)?.name ?? ''}'`,
      );
    this.putIndex(key.type, key.name ?? (key.type === 'primary' ? undefined : key.constraint), parts, {
      comment: key.options.comment ?? '',
      ...(key.options.visible === false && { invisible: true }),
      ...(key.options.using &&
        key.options.using !== 'rtree' && {
          using: key.options.using === 'hash' ? ('HASH' as const) : ('BTREE' as const),
        }),
    });
  }

  private keyColumn(name: string): Mutable<ColumnDef> {
    const column = this.find(name);
    if (!column) throw new SqlError(1072, '42000', `Key column '${name}' doesn't exist in table`);
    return column;
  }

  private hiddenColumn(expression: string): Mutable<ColumnDef> {
    const type = this.x.typeOfExpression(this.build(), expression);
    if (type.kind === 'json')
      throw new SqlError(
        3753,
        'HY000',
        'Cannot create a functional index on an expression that returns a JSON or GEOMETRY value.',
      );
    const id = this.nextColumnId++;
    const column: Mutable<ColumnDef> = {
      id,
      name: `!hidden!${id}`,
      type,
      nullable: true,
      comment: '',
      hidden: true,
      generated: { expression, stored: false },
    };
    this.columns.push(column);
    this.rewrites = true;
    return column;
  }

  private putIndex(
    kind: IndexDef['kind'],
    name: string | undefined,
    parts: readonly IndexPartDef[],
    more: Partial<IndexDef>,
  ): void {
    if (kind === 'primary') {
      if (this.indexes.some((i) => i.kind === 'primary'))
        throw new SqlError(1068, '42000', 'Multiple primary key defined');
      for (const part of parts) {
        const column = this.columns.find((c) => c.id === part.column);
        if (column) this.demandValue(column);
      }
      this.rewrites = true;
    }
    const given = name?.toLowerCase();
    if (given !== undefined && given === 'primary' && kind !== 'primary')
      throw new SqlError(1280, '42000', `Incorrect index name '${name ?? ''}'`);
    if (given !== undefined && this.indexes.some((i) => !i.implied && i.name.toLowerCase() === given))
      throw new SqlError(1061, '42000', `Duplicate key name '${name ?? ''}'`);
    const index: IndexDef = {
      comment: '',
      ...more,
      id: this.nextIndexId++,
      name: kind === 'primary' ? 'PRIMARY' : (name ?? this.indexNameFor(parts)),
      kind,
      parts,
    };
    // An index that a foreign key made for itself gives way to one on the same columns.
    this.indexes = this.indexes.filter((i) => !i.implied || more.implied === true || !startsWith(parts, i.parts));
    this.indexes.push(index);
    sortIndexes(this.indexes, this.columns);
  }

  private indexNameFor(parts: readonly IndexPartDef[]): string {
    const first = this.columns.find((c) => c.id === parts[0]?.column);
    const base = first?.hidden ? 'functional_index' : (first?.name ?? 'key');
    const taken = (name: string): boolean => this.indexes.some((i) => i.name.toLowerCase() === name.toLowerCase());
    if (!taken(base) && base.toLowerCase() !== 'primary') return base;
    for (let n = 2; ; n++) if (!taken(`${base}_${n}`)) return `${base}_${n}`;
  }

  dropIndex(name: string): void {
    const index = this.indexes.find((i) => i.name.toLowerCase() === name.toLowerCase());
    if (!index) throw new SqlError(1091, '42000', `Can't DROP '${name}'; check that column/key exists`);
    this.droppedIndexes.push(index);
    this.indexes = this.indexes.filter((i) => i !== index);
    const hidden = new Set(
      this.columns.filter((c) => c.hidden && index.parts.some((p) => p.column === c.id)).map((c) => c.id),
    );
    if (hidden.size > 0) this.columns = this.columns.filter((c) => !hidden.has(c.id));
    if (index.kind === 'primary' || hidden.size > 0) this.rewrites = true;
  }

  renameIndex(from: string, to: string): void {
    const at = this.indexes.findIndex((i) => i.name.toLowerCase() === from.toLowerCase());
    const index = this.indexes[at];
    if (!index) throw new SqlError(1176, '42000', `Key '${from}' doesn't exist in table '${this.base.name}'`);
    if (this.indexes.some((i) => i !== index && i.name.toLowerCase() === to.toLowerCase()))
      throw new SqlError(1061, '42000', `Duplicate key name '${to}'`);
    this.indexes[at] = { ...index, name: to };
  }

  indexVisible(name: string, visible: boolean): void {
    const at = this.indexes.findIndex((i) => i.name.toLowerCase() === name.toLowerCase());
    const index = this.indexes[at];
    if (!index) throw new SqlError(1176, '42000', `Key '${name}' doesn't exist in table '${this.base.name}'`);
    const { invisible: _invisible, ...rest } = index;
    this.indexes[at] = visible ? rest : { ...rest, invisible: true };
  }

  // Foreign keys and checks

  private addForeignKey(key: ForeignKey): void {
    this.addReference(key.columns, key.references, key.name ?? undefined, key.indexName);
  }

  private addReference(
    names: readonly string[],
    references: References,
    name: string | undefined,
    indexName?: string,
  ): void {
    const columns = names.map((n) => this.keyColumn(n).id);
    const referenced = references.columns;
    if (referenced && referenced.length !== columns.length)
      throw new SqlError(
        1239,
        '42000',
        `Incorrect foreign key definition for '${name ?? 'foreign key without name'}': Key reference and table reference don't match`,
      );
    const numbers = this.foreignKeys.map((f) =>
      Number(new RegExp(`^${escapeRegExp(this.base.name)}_ibfk_(\\d+)$`).exec(f.name)?.[1] ?? 0),
    );
    const fkName = name ?? `${this.base.name}_ibfk_${Math.max(0, ...numbers) + 1}`;
    if (this.foreignKeys.some((f) => f.name.toLowerCase() === fkName.toLowerCase()))
      throw new SqlError(1826, 'HY000', `Duplicate foreign key constraint name '${fkName}'`);
    const onDelete = ACTIONS[references.onDelete ?? 'noAction'] ?? 'NO ACTION';
    const onUpdate = ACTIONS[references.onUpdate ?? 'noAction'] ?? 'NO ACTION';
    if (onDelete === 'SET NULL' || onUpdate === 'SET NULL') {
      const strict = columns.map((id) => this.columns.find((c) => c.id === id)).find((c) => c && !c.nullable);
      if (strict)
        throw new SqlError(
          1830,
          'HY000',
          `Column '${strict.name}' cannot be NOT NULL: needed in a foreign key constraint '${fkName}' SET NULL`,
        );
    }
    if (onDelete === 'SET DEFAULT' || onUpdate === 'SET DEFAULT') throw unsupported('SET DEFAULT');
    this.foreignKeys.push({
      id: this.foreignKeys.reduce((n, f) => Math.max(n, f.id), 0) + 1,
      name: fkName,
      columns,
      referencedDatabase: references.table.schema ?? this.base.database,
      referencedTable: references.table.name,
      referencedColumns: referenced ?? [],
      onDelete,
      onUpdate,
    });
    const parts = columns.map((column) => ({ column }));
    if (!this.indexes.some((i) => i.kind !== 'fulltext' && startsWith(i.parts, parts))) {
      this.putIndex(
        'index',
        indexName ??
          (name !== undefined && !this.indexes.some((i) => i.name.toLowerCase() === name.toLowerCase())
            ? name
            : undefined),
        parts,
        { implied: true },
      );
    }
  }

  dropForeignKey(name: string): void {
    const before = this.foreignKeys.length;
    this.foreignKeys = this.foreignKeys.filter((f) => f.name.toLowerCase() !== name.toLowerCase());
    if (this.foreignKeys.length === before)
      throw new SqlError(1091, '42000', `Can't DROP '${name}'; check that column/key exists`);
  }

  addCheck(check: CheckConstraint): void {
    const numbers = this.checks.map((c) =>
      Number(new RegExp(`^${escapeRegExp(this.base.name)}_chk_(\\d+)$`).exec(c.name)?.[1] ?? 0),
    );
    const name = check.name ?? `${this.base.name}_chk_${Math.max(0, ...numbers) + 1}`;
    if (this.checks.some((c) => c.name.toLowerCase() === name.toLowerCase()))
      throw new SqlError(3822, 'HY000', `Duplicate check constraint name '${name}'.`);
    this.checks.push({
      id: this.checks.reduce((n, c) => Math.max(n, c.id), 0) + 1,
      name,
      expression: print(unqualified(check.expr)),
      enforced: check.enforced !== false,
    });
    this.rewrites = true;
  }

  dropCheck(name: string): void {
    const before = this.checks.length;
    this.checks = this.checks.filter((c) => c.name.toLowerCase() !== name.toLowerCase());
    if (this.checks.length === before)
      throw new SqlError(3821, 'HY000', `Check constraint '${name}' is not found in the table.`);
  }

  enforceCheck(name: string, enforced: boolean): void {
    const at = this.checks.findIndex((c) => c.name.toLowerCase() === name.toLowerCase());
    const check = this.checks[at];
    if (!check) throw new SqlError(3821, 'HY000', `Check constraint '${name}' is not found in the table.`);
    this.checks[at] = { ...check, enforced };
    if (enforced) this.rewrites = true;
  }

  dropConstraint(name: string): void {
    const lower = name.toLowerCase();
    if (lower === 'primary' || this.indexes.some((i) => i.kind === 'unique' && i.name.toLowerCase() === lower))
      return this.dropIndex(name);
    if (this.foreignKeys.some((f) => f.name.toLowerCase() === lower)) return this.dropForeignKey(name);
    if (this.checks.some((c) => c.name.toLowerCase() === lower)) return this.dropCheck(name);
    throw new SqlError(3940, 'HY000', `Constraint '${name}' does not exist.`);
  }

  // The outcome

  /** Checks what can only be seen of the whole. */
  validate(): void {
    for (const name of this.formerNames) if (!this.find(name)) this.mustBeFree(name);
    this.checkForeignKeyIndexes();
    if (this.columns.every((c) => c.hidden))
      throw new SqlError(4028, 'HY000', 'A table must have at least one visible column.');
    const autos = this.columns.filter((c) => c.autoIncrement);
    const [auto] = autos;
    if (autos.length > 1 || (auto && !this.indexes.some((i) => i.parts[0]?.column === auto.id))) {
      throw new SqlError(
        1075,
        '42000',
        'Incorrect table definition; there can be only one auto column and it must be defined as a key',
      );
    }
    this.indexes = this.indexes.map((index) => checkKeyLength(index, this.columns, this.base, this.x));
    if (this.columns.length > 1017) throw new SqlError(1117, 'HY000', 'Too many columns');
  }

  /** A foreign key's index may go where another one serves it, also one that the same statement makes. */
  private checkForeignKeyIndexes(): void {
    for (const { columns } of this.foreignKeys) {
      const parts = columns.map((column) => ({ column }));
      const serves = (i: IndexDef): boolean => i.kind !== 'fulltext' && startsWith(i.parts, parts);
      const lost = this.droppedIndexes.find(serves);
      if (lost && !this.indexes.some(serves))
        throw new SqlError(1553, 'HY000', `Cannot drop index '${lost.name}': needed in a foreign key constraint`);
    }
  }

  build(): TableDef {
    return {
      ...this.base,
      columns: this.columns,
      indexes: this.indexes,
      foreignKeys: this.foreignKeys,
      checks: this.checks,
      options: this.options,
      nextColumnId: this.nextColumnId,
      nextIndexId: this.nextIndexId,
    };
  }
}

const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
