/** What makes tables in several steps: how it holds their database back, and what is left where the node ended in between. */
import type { TableDef } from '../sql/index.ts';
import type { EngineCore } from './core.ts';
import type { Membership } from './membership.ts';

/** Until `work` has ended, whichever way, this node is not done with the tables' database, and nobody else takes them back. */
export async function keepOpen<T>(core: EngineCore, tables: readonly TableDef[], work: () => Promise<T>): Promise<T> {
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const begun = tables.map((table) => ({ table, done }));
  for (const one of begun) core.unfinished.add(one);
  try {
    return await work();
  } finally {
    for (const one of begun) core.unfinished.delete(one);
    resolve();
  }
}

/**
 * Drops what was to be filled by work of this node that has ended, as with an earlier start, or by that of a node that is no member any
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
