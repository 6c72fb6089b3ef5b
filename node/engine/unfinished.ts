/** Statements that make a table in several steps: what holds its database back, and what is left where the node ended in between. */
import type { TableDef } from '../sql/index.ts';
import type { EngineCore } from './core.ts';
import type { Membership } from './membership.ts';

/** Until `work` has ended, whichever way, this node is not done with the table's database, and nobody else takes the table back. */
export async function keepOpen(core: EngineCore, table: TableDef, work: () => Promise<void>): Promise<void> {
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const one = { table, done };
  core.unfinished.add(one);
  try {
    await work();
  } finally {
    core.unfinished.delete(one);
    resolve();
  }
}

/**
 * Drops what was to be filled by statements of this node that ended with an earlier start, or by those of a node that is no member any
 * more. Rejects when it can decide no more.
 */
export async function dropAbandoned(core: EngineCore, membership: Membership): Promise<void> {
  if (core.isDroppingAbandoned || !membership.isAdmitted) return;
  core.isDroppingAbandoned = true;
  try {
    for (let table = abandoned(core, membership); table; table = abandoned(core, membership))
      await core.group.decide(`table ${table.database}.${table.name}: nobody fills it any more`, [
        { kind: 'drop-table', id: table.id },
      ]);
  } finally {
    core.isDroppingAbandoned = false;
  }
}

function abandoned({ catalog, unfinished }: EngineCore, membership: Membership): TableDef | undefined {
  const isFilled = ({ id, filledBy = '' }: TableDef): boolean =>
    filledBy === membership.self ? [...unfinished].some(({ table }) => table.id === id) : membership.isMember(filledBy);
  return [...catalog.unnamed.values()].find((table) => !isFilled(table));
}
