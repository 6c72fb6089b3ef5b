/**
 * Isolation, judged from what clients read: transactions of level `final` are strictly serializable, and what any query sees has its
 * causes with it. Each final transaction that appends to lists reads them first, so the lists themselves say in which order they
 * took place (Kingsbury and Alvaro, "Elle", 2020).
 */
import { ensure } from '../kernel/scenario.ts';
import type { Deed } from './client.ts';

/** A query that found these tags in the ledger. */
export interface Sight {
  readonly node: string;
  readonly tags: ReadonlySet<string>;
}

/** `censored`: what a removed member had written, and no block had ordered. Who saw it may see it no more. */
export function checkHistory(
  deeds: readonly Deed[],
  lists: ReadonlyMap<number, readonly string[]>,
  sights: readonly Sight[],
  censored: ReadonlySet<string> = new Set(),
): void {
  const byTag = new Map(deeds.map((deed) => [deed.tag, deed]));
  for (const [id, tags] of lists) {
    ensure(new Set(tags).size === tags.length, () => `a tag stands twice in list ${id}: ${tags.join(' ')}`);
    for (const tag of tags) {
      const deed = byTag.get(tag);
      ensure(
        deed !== undefined && deed.outcome !== 'refused',
        () => `list ${id} has ${tag} of ${JSON.stringify(deed)}`,
      );
    }
  }
  for (const deed of deeds) {
    if (deed.outcome !== 'acknowledged') continue;
    for (const [id, read] of deed.lists ?? []) checkAppend(deed, id, read, lists.get(id) ?? []);
  }
  checkOrder(byTag, lists);
  for (const { node, tags } of sights) {
    for (const tag of tags) {
      const missing = byTag.get(tag)?.seen?.find((cause) => !tags.has(cause) && !censored.has(cause));
      ensure(missing === undefined, () => `a query of ${node} saw ${tag}, and not ${missing}, which ${tag} had seen`);
    }
  }
}

/** It stands behind exactly what it read: no update is lost, and none is read that came to nothing. */
function checkAppend({ tag }: Deed, id: number, read: readonly string[], list: readonly string[]): void {
  const before = list.slice(0, list.indexOf(tag));
  ensure(list.includes(tag), () => `${tag} is final, and not in list ${id}: ${list.join(' ')}`);
  ensure(
    before.join(' ') === read.join(' '),
    () => `${tag} read list ${id} as ${read.join(' ')}, and stands behind ${before.join(' ')}`,
  );
}

/**
 * The lists' orders and that of real time make no cycle. Real time orders intervals, so where no transaction comes behind one that began
 * after its end, no longer way of such steps closes a cycle, either.
 */
function checkOrder(byTag: ReadonlyMap<string, Deed>, lists: ReadonlyMap<number, readonly string[]>): void {
  const followers = new Map<string, string[]>();
  const waitsFor = new Map<string, number>();
  for (const tags of lists.values()) {
    for (const [i, tag] of tags.entries()) {
      waitsFor.set(tag, (waitsFor.get(tag) ?? 0) + (i > 0 ? 1 : 0));
      if (i > 0) followers.set(tags[i - 1] as string, [...(followers.get(tags[i - 1] as string) ?? []), tag]);
    }
  }
  /** Of each, who began last of it and of all that come before it. */
  const latest = new Map<string, Deed>();
  const free = [...waitsFor].flatMap(([tag, count]) => (count === 0 ? [tag] : []));
  for (const tag of free) {
    const deed = byTag.get(tag) as Deed;
    const before = latest.get(tag);
    const last = before && before.start > deed.start ? before : deed;
    ensure(deed.end >= last.start, () => `${tag} ended before ${last.tag} began, and comes after it`);
    for (const next of followers.get(tag) ?? []) {
      const known = latest.get(next);
      if (!known || known.start < last.start) latest.set(next, last);
      const count = (waitsFor.get(next) ?? 0) - 1;
      waitsFor.set(next, count);
      if (count === 0) free.push(next);
    }
  }
  const cycle = [...waitsFor].flatMap(([tag, count]) => (count > 0 ? [tag] : []));
  ensure(
    cycle.length === 0,
    () => `no order of transactions explains the lists: ${cycle.join(' ')} wait for each other`,
  );
}
