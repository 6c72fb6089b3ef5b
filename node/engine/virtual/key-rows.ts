/** information_schema: keys and constraints. */
import { columnById, type IndexDef, type TableDef } from '../../sql/index.ts';
import type { EngineCore } from '../core.ts';
import { dictionaryText, schemaExpression } from './columns.ts';
import { rowEstimate, tablesSeen } from './relations.ts';
import type { RowSource, VirtualRow, VirtualValue } from './rows.ts';

/** A part of an index, as SHOW INDEX and STATISTICS list it. */
export interface IndexPartFacts {
  readonly index: IndexDef;
  readonly place: number;
  readonly column: string | null;
  readonly expression: string | null;
  readonly direction: 'A' | 'D' | null;
  readonly cardinality: number | null;
  readonly length: number | null;
  readonly nullable: boolean;
  readonly type: 'BTREE' | 'FULLTEXT' | 'SPATIAL';
}

const INDEX_TYPES = { fulltext: 'FULLTEXT', spatial: 'SPATIAL' } as const;

export function indexFacts(core: EngineCore, table: TableDef): IndexPartFacts[] {
  const rows = rowEstimate(core, table);
  return table.indexes.flatMap((index) =>
    index.parts.map((part, i): IndexPartFacts => {
      const column = columnById(table, part.column);
      const generated = column?.hidden ? column.generated : undefined;
      const type = index.kind === 'fulltext' || index.kind === 'spatial' ? INDEX_TYPES[index.kind] : 'BTREE';
      return {
        index,
        place: i + 1,
        column: generated ? null : (column?.name ?? null),
        expression: generated ? dictionaryText(schemaExpression(generated.expression)) : null,
        direction: type === 'FULLTEXT' ? null : part.descending ? 'D' : 'A',
        cardinality: cardinality(index, i, rows),
        length: part.length ?? (type === 'SPATIAL' ? 32 : null),
        nullable: column?.nullable ?? true,
        type,
      };
    }),
  );
}

/** Distinct values of the index's first columns. Nothing is known of the spread: a unique key has one row a value. */
function cardinality(index: IndexDef, place: number, rows: number): number {
  const whole = place === index.parts.length - 1;
  if (whole && (index.kind === 'primary' || index.kind === 'unique')) return rows;
  return Math.ceil(rows / (whole ? 2 : 4));
}

export const statistics: RowSource = (core, session) =>
  tablesSeen(core, session).flatMap((t) =>
    indexFacts(core, t).map((p): VirtualRow => [
      'def',
      t.database,
      t.name,
      p.index.kind === 'primary' || p.index.kind === 'unique' ? 0 : 1,
      t.database,
      p.index.name,
      p.place,
      p.column,
      p.direction,
      p.cardinality,
      p.length,
      null,
      p.nullable ? 'YES' : '',
      p.type,
      '',
      p.index.comment,
      p.index.invisible ? 'NO' : 'YES',
      p.expression,
    ]),
  );

const isKey = (index: IndexDef): boolean => index.kind === 'primary' || index.kind === 'unique';

export const keyColumnUsage: RowSource = (core, session) =>
  tablesSeen(core, session).flatMap((t) => {
    const row = (
      name: string,
      column: string | null,
      place: number,
      referenced: readonly VirtualValue[],
    ): VirtualRow => [...['def', t.database, name, 'def', t.database, t.name], column, place, ...referenced];
    const keys = t.indexes.filter(isKey).flatMap((index) =>
      index.parts.map((part, i) => {
        const column = columnById(t, part.column);
        return row(index.name, column?.hidden ? null : (column?.name ?? null), i + 1, [null, null, null, null]);
      }),
    );
    const foreign = t.foreignKeys.flatMap((f) =>
      f.columns.map((id, i) =>
        row(f.name, columnById(t, id)?.name ?? null, i + 1, [
          i + 1,
          f.referencedDatabase,
          f.referencedTable,
          f.referencedColumns[i] ?? null,
        ]),
      ),
    );
    return [...keys, ...foreign];
  });

export const tableConstraints: RowSource = (core, session) =>
  tablesSeen(core, session).flatMap((t) => {
    const row = (name: string, kind: string, enforced = 'YES'): VirtualRow => [
      'def',
      t.database,
      name,
      t.database,
      t.name,
      kind,
      enforced,
    ];
    return [
      ...t.indexes.filter(isKey).map((i) => row(i.name, i.kind === 'primary' ? 'PRIMARY KEY' : 'UNIQUE')),
      ...t.foreignKeys.map((f) => row(f.name, 'FOREIGN KEY')),
      ...t.checks.map((c) => row(c.name, 'CHECK', c.enforced ? 'YES' : 'NO')),
    ];
  });

export const tableConstraintsExtensions: RowSource = (core, session) =>
  tablesSeen(core, session).flatMap((t) =>
    t.indexes.map((i): VirtualRow => ['def', t.database, i.name, t.name, null, null]),
  );

export const checkConstraints: RowSource = (core, session) =>
  tablesSeen(core, session).flatMap((t) =>
    t.checks.map((c): VirtualRow => ['def', t.database, c.name, dictionaryText(schemaExpression(c.expression))]),
  );

export const referentialConstraints: RowSource = (core, session) =>
  tablesSeen(core, session).flatMap((t) =>
    t.foreignKeys.map((f): VirtualRow => {
      const parent = core.engineOf(f.referencedDatabase).catalog.table(f.referencedDatabase, f.referencedTable);
      return [
        ...['def', t.database, f.name, 'def', f.referencedDatabase],
        parent ? referencedKey(parent, f.referencedColumns) : null,
        ...['NONE', f.onUpdate, f.onDelete, t.name, f.referencedTable],
      ];
    }),
  );

/** The unique key of the parent that begins with the columns. */
function referencedKey(parent: TableDef, columns: readonly string[]): string | null {
  const ids = columns.map((name) => parent.columns.find((c) => c.name.toLowerCase() === name.toLowerCase())?.id);
  const fits = (index: IndexDef): boolean => ids.every((id, i) => index.parts[i]?.column === id);
  return (parent.indexes.find((i) => isKey(i) && fits(i)) ?? parent.indexes.find(fits))?.name ?? null;
}
