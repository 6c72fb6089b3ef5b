/**
 * Strict serializability of what really happened: transactions at level `final` read lists, and append to them, so the lists say in the
 * end in which order they took place, and the simulator's checker whether reads and real time agree with it. Linearizable reads between
 * them saw all that had been acknowledged, and nothing that had not begun.
 */
import { checkHistory } from '../sim/replica/history.ts';
import type { Deed } from '../sim/replica/client.ts';
import type { Write } from './clients.ts';
import type { Database, Moment, Work } from './work.ts';

const LISTS = 4;

/** What a linearizable read found in a list; milliseconds of the driver's own clock. */
export interface ListRead {
  readonly database: Database;
  readonly node: string;
  readonly start: number;
  readonly end: number;
  readonly lists: ReadonlyMap<number, readonly string[]>;
}

export const LIST_TABLES = (database: Database): string => `
  CREATE TABLE ${database}.list (id INT PRIMARY KEY, tags LONGTEXT NOT NULL);
  INSERT INTO ${database}.list VALUES ${Array.from({ length: LISTS }, (_, i) => `(${i}, '')`).join(',')}`;

const tagsOf = (text: unknown): string[] => String(text).split(' ').filter(Boolean);

export async function readLists(
  { database, query }: Pick<Moment, 'database' | 'query'>,
  ids?: readonly number[],
): Promise<Map<number, readonly string[]>> {
  const where = ids ? ` WHERE id IN (${ids.join()})` : '';
  const rows = await query(`SELECT id, tags FROM ${database}.list${where}`);
  return new Map(rows.map(({ id, tags }) => [Number(id), tagsOf(tags)]));
}

export const append: Work = {
  level: 'final',
  run: async (moment) => {
    const { database, tag, dice, query } = moment;
    const ids = [...new Set([dice.int(LISTS), dice.int(LISTS)])];
    // It may have read more than it appends to: that is certified, too.
    moment.sees(await readLists(moment, ids));
    await query(`INSERT INTO ${database}.tag (id) VALUES ('${tag}')`);
    for (const id of ids) await query(`UPDATE ${database}.list SET tags = CONCAT(tags, ' ${tag}') WHERE id = ${id}`);
  },
};

/** Throws with the first that no order explains. */
export function checkAppends(
  database: Database,
  writes: readonly Write[],
  reads: readonly ListRead[],
  lists: ReadonlyMap<number, readonly string[]>,
): void {
  const deeds = writes
    .filter((write) => write.database === database && write.kind === 'append')
    .map(({ tag, node, level, start, end = Infinity, outcome, lists: read }): Deed => ({
      tag,
      node,
      level,
      what: 'append',
      start,
      end: outcome === 'acknowledged' ? end : Infinity,
      outcome: outcome === 'unknown' ? 'lost' : outcome,
      txid: '',
      ...(read && { lists: new Map(read) }),
    }));
  checkHistory(deeds, lists, []);
  const byTag = new Map(deeds.map((deed) => [deed.tag, deed]));
  for (const read of reads) {
    if (read.database !== database) continue;
    for (const [id, tags] of lists) {
      const seen = read.lists.get(id) ?? [];
      const wrong =
        seen.some((tag, i) => tag !== tags[i]) ||
        seen.some((tag) => (byTag.get(tag)?.start ?? 0) > read.end) ||
        tags.slice(seen.length).some((tag) => (byTag.get(tag)?.end ?? 0) < read.start);
      if (wrong)
        throw new Error(
          `a linearizable read of ${read.node} from ${read.start} to ${read.end} saw ${seen.length} of list ${id}, up to ${seen.at(-1)}, before ${tags[seen.length]}`,
        );
    }
  }
}
