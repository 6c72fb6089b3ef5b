/**
 * Isolation of what is read by predicate. A row says which transactions wrote it, one after the other, and each of them says what
 * it made of the row; so of a row that a query did not find is known which of its versions the query may have met: one that does not
 * match, the state before it existed among them. From that follow Adya's dependencies by predicate ("Weak Consistency", 1999, 3.1.4):
 * who read stands behind the writer that began, and before the writer that ended, the stretch of such versions that it met.
 */
import { ensure } from '../kernel/scenario.ts';
import type { Deed } from './client.ts';
import { Precedence } from './precedence.ts';

/** The rows of a table whose column `g` lies between two bounds. */
export interface Predicate {
  readonly table: string;
  readonly low: number;
  readonly high: number;
}

export interface PredicateRead extends Predicate {
  /** Tags of each row that was found, by its id; undefined where they were only counted. */
  readonly found: ReadonlyMap<string, readonly string[]> | undefined;
  readonly count: number;
}

/** A row is made by its id's transaction, and nobody makes it again. */
export interface RowWrite {
  readonly table: string;
  readonly id: string;
  /** The row's tags as they were read; none where it is new. */
  readonly before: readonly string[];
  /** undefined: it was taken away. */
  readonly g: number | undefined;
}

/** A read, and what its session had written and seen before. */
export interface PredicateSight {
  readonly node: string;
  readonly past: ReadonlySet<string>;
  readonly read: PredicateRead;
}

/** The first is that before the row existed; it has no writer. */
interface Version {
  readonly writer: Deed | undefined;
  readonly g: number | undefined;
}

interface Row {
  readonly id: string;
  readonly table: string;
  readonly versions: readonly Version[];
}

/** Versions one after the other, by their places. */
interface Stretch {
  readonly first: number;
  readonly last: number;
}

/** A transaction met the row at some version of one of these stretches. */
interface Meeting {
  readonly reader: Deed;
  readonly row: Row;
  stretches: readonly Stretch[];
}

const matches = ({ low, high }: Predicate, { g }: Version): boolean => g !== undefined && g >= low && g <= high;
const isPrefix = (one: readonly string[], other: readonly string[]): boolean => one.every((tag, i) => tag === other[i]);

/** `present`: tags of the transactions that took place; `rows`: the tags of all rows that there are. */
export function checkPredicates(
  deeds: readonly Deed[],
  present: ReadonlySet<string>,
  rows: ReadonlyMap<string, readonly string[]>,
  sights: readonly PredicateSight[],
): void {
  const done = deeds.filter(
    (deed) => present.has(deed.tag) || (deed.what === 'look' && deed.outcome === 'acknowledged'),
  );
  const history = rowsOf(done, rows);
  checkSerial(done, history);
  checkCausal(done, history, sights);
}

/** Every row that ever was, from what is there and from what those say who took rows away. */
function rowsOf(done: readonly Deed[], rows: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, Row> {
  const byTag = new Map(done.map((deed) => [deed.tag, deed]));
  const removals = new Map<string, Deed>();
  for (const deed of done) {
    for (const { id, g } of deed.writes ?? []) {
      const other = g === undefined ? removals.get(id) : undefined;
      ensure(other === undefined, () => `${deed.tag} and ${other?.tag} both take row ${id} away`);
      if (g === undefined) removals.set(id, deed);
    }
  }
  const made = done.flatMap((deed) => (deed.writes ?? []).filter(({ id }) => id === deed.tag));
  const history = new Map<string, Row>();
  for (const { id, table } of made) {
    const removal = removals.get(id);
    const tags = removal ? [...(writeOf(removal, id)?.before ?? []), removal.tag] : rows.get(id);
    ensure(tags !== undefined, () => `row ${id} was made, and is not there`);
    ensure(!removal || !rows.has(id), () => `row ${id} was taken away by ${removal?.tag}, and is there`);
    const versions: Version[] = [{ writer: undefined, g: undefined }];
    for (const [i, tag] of tags.entries()) {
      const writer = byTag.get(tag);
      const write = writer && writeOf(writer, id);
      ensure(
        writer !== undefined && (write !== undefined || writer.sweep?.table === table),
        () => `row ${id} has ${tag}, which did not write it`,
      );
      const before = write?.before ?? tags.slice(0, i);
      ensure(
        before.length === i && isPrefix(before, tags),
        () => `${tag} read row ${id} as ${before.join(' ')}, and stands behind ${tags.slice(0, i).join(' ')}`,
      );
      versions.push({ writer, g: write ? write.g : versions.at(-1)?.g });
    }
    history.set(id, { id, table, versions });
  }
  for (const id of rows.keys()) ensure(history.has(id), () => `row ${id} is there, and nobody made it`);
  for (const { tag, writes = [] } of done) {
    for (const { id } of writes) {
      const isThere = history.get(id)?.versions.some(({ writer }) => writer?.tag === tag);
      ensure(isThere === true, () => `${tag} wrote row ${id}, and that is lost`);
    }
  }
  return history;
}

const writeOf = (deed: Deed, id: string): RowWrite | undefined => deed.writes?.find((write) => write.id === id);

/** What a transaction read and took place at level `final`, with what changed the rows that it came upon without reading them. */
function readsOf(deed: Deed, history: ReadonlyMap<string, Row>): readonly PredicateRead[] {
  const { sweep, reads = [] } = deed;
  if (!sweep) return reads;
  const found = new Map<string, readonly string[]>();
  for (const { id, versions } of history.values()) {
    const place = versions.findIndex(({ writer }) => writer === deed);
    if (place > 0 && !writeOf(deed, id))
      found.set(
        id,
        versions.slice(1, place).map(({ writer }) => writer?.tag ?? ''),
      );
  }
  return [...reads, { ...sweep, found, count: found.size }];
}

/** Strict serializability: dependencies by row and by predicate make no cycle, together with real time between final transactions. */
function checkSerial(done: readonly Deed[], history: ReadonlyMap<string, Row>): void {
  const part = done.filter(({ reads, writes, sweep }) => reads ?? writes ?? sweep);
  const order = new Precedence(part, ({ tag }) => tag);
  addRealTime(order, part);
  for (const { id, versions } of history.values())
    for (const [i, { writer }] of versions.entries()) {
      const next = versions[i + 1]?.writer;
      if (writer && next) order.add(writer, next, `ww ${id}`);
    }
  const open: Meeting[] = [];
  const counted: { readonly reader: Deed; readonly read: PredicateRead }[] = [];
  for (const reader of part) {
    if (reader.level !== 'final') continue;
    for (const read of readsOf(reader, history)) {
      if (read.found) open.push(...meetings(reader, read, read.found, history));
      else counted.push({ reader, read });
    }
  }
  settle(order, open);
  for (const { reader, read } of counted) checkCount(order, reader, read, history);
}

/** Of those that ended before one began, only those matter that no third one came between. */
function addRealTime(order: Precedence<Deed>, part: readonly Deed[]): void {
  const final = part.filter(({ level }) => level === 'final');
  const ended = final.filter(({ outcome }) => outcome === 'acknowledged');
  for (const deed of final) {
    const earlier = ended.filter(({ end }) => end < deed.start);
    const lastStart = Math.max(...earlier.map(({ start }) => start));
    for (const other of earlier) if (other.end >= lastStart) order.add(other, deed, 'real time');
  }
}

function meetings(
  reader: Deed,
  read: PredicateRead,
  found: ReadonlyMap<string, readonly string[]>,
  history: ReadonlyMap<string, Row>,
): Meeting[] {
  for (const [id, tags] of found) {
    const row = history.get(id);
    const version = row?.versions[tags.length];
    ensure(
      row !== undefined && version !== undefined && isPrefix(tags, tagsOf(row)),
      () => `${reader.tag} read row ${id} as ${tags.join(' ')}, which it never was`,
    );
    ensure(
      row.table === read.table && matches(read, version),
      () => `${reader.tag} found row ${id} as ${tags.join(' ')}, which does not match`,
    );
  }
  const rows = [...history.values()].filter(({ table }) => table === read.table);
  return rows.map((row) => {
    const place = found.get(row.id)?.length;
    const stretches = place === undefined ? stretchesOf(row, read, false) : [{ first: place, last: place }];
    return { reader, row, stretches };
  });
}

const tagsOf = ({ versions }: Row): string[] => versions.slice(1).map(({ writer }) => writer?.tag ?? '');

/** The longest stretches of versions that all match, or all do not. */
function stretchesOf({ versions }: Row, predicate: Predicate, matching: boolean): Stretch[] {
  const stretches: Stretch[] = [];
  for (const [place, version] of versions.entries()) {
    if (matches(predicate, version) !== matching) continue;
    const before = stretches.at(-1);
    if (before?.last === place - 1) stretches[stretches.length - 1] = { first: before.first, last: place };
    else stretches.push({ first: place, last: place });
  }
  return stretches;
}

/** Whether the order leaves a reader room in a stretch. */
function fits(order: Precedence<Deed>, reader: Deed, { versions }: Row, { first, last }: Stretch): boolean {
  const begun = versions[first]?.writer;
  const ended = versions[last + 1]?.writer;
  // What it writes itself it writes after it read.
  return !(begun && order.precedes(reader, begun)) && !(ended && ended !== reader && order.precedes(ended, reader));
}

/** Where one stretch is left, the reader stands there; that may leave others fewer. */
function settle(order: Precedence<Deed>, meetings: readonly Meeting[]): void {
  let open = meetings;
  let isNew = true;
  order.close();
  while (isNew) {
    isNew = false;
    const rest: Meeting[] = [];
    for (const meeting of open) {
      const { reader, row, stretches } = meeting;
      if (stretches.length > 1) meeting.stretches = stretches.filter((stretch) => fits(order, reader, row, stretch));
      const [only, ...others] = meeting.stretches;
      ensure(
        only !== undefined,
        () => `no serial order explains what ${reader.tag} read of row ${row.id}: ${tagsOf(row).join(' ')}`,
      );
      if (others.length > 0) rest.push(meeting);
      else isNew = stand(order, meeting, only) || isNew;
    }
    open = rest;
    if (isNew) order.close();
  }
}

function stand(order: Precedence<Deed>, { reader, row: { id, versions } }: Meeting, { first, last }: Stretch): boolean {
  const begun = versions[first]?.writer;
  const ended = versions[last + 1]?.writer;
  if (begun) order.add(begun, reader, `wr ${id}`);
  if (ended) order.add(reader, ended, `rw ${id}`);
  return begun !== undefined || ended !== undefined;
}

/** A number of rows lies between that of those that must have matched and that of those that may have. */
function checkCount(
  order: Precedence<Deed>,
  reader: Deed,
  read: PredicateRead,
  history: ReadonlyMap<string, Row>,
): void {
  let least = 0;
  let most = 0;
  for (const row of history.values()) {
    if (row.table !== read.table) continue;
    const may = (matching: boolean): boolean =>
      stretchesOf(row, read, matching).some((stretch) => fits(order, reader, row, stretch));
    if (!may(true)) continue;
    most++;
    if (!may(false)) least++;
  }
  ensure(
    read.count >= least && read.count <= most,
    () => `${reader.tag} counted ${read.count} rows where there are ${least} to ${most}`,
  );
}

/** Causal consistency: a read shows of every row the version of all that its session knew of by then, or a later one. */
function checkCausal(
  done: readonly Deed[],
  history: ReadonlyMap<string, Row>,
  sights: readonly PredicateSight[],
): void {
  const byTag = new Map(done.map((deed) => [deed.tag, deed]));
  for (const { node, past, read } of sights) {
    const { found } = read;
    if (!found) continue;
    const known = withCauses([...past, ...[...found.values()].flat()], byTag);
    const where = (): string => `a query of ${node} for ${read.low} to ${read.high} in ${read.table}`;
    ensure(read.count === found.size, () => `${where()} counted ${read.count} rows, and found ${found.size}`);
    for (const row of history.values()) {
      if (row.table !== read.table) continue;
      const tags = found.get(row.id);
      // What a removed member wrote may be seen, and then never have been.
      if (tags?.every((tag) => byTag.has(tag)) === false) continue;
      ensure(
        tags === undefined || isPrefix(tags, tagsOf(row)),
        () => `${where()} found row ${row.id} as ${tags?.join(' ')}, which it never was`,
      );
      ensure(
        tags === undefined || matches(read, row.versions[tags.length] as Version),
        () => `${where()} found row ${row.id} as ${tags?.join(' ')}, which does not match`,
      );
      const least = row.versions.findLastIndex(({ writer }) => writer !== undefined && known.has(writer.tag));
      const isShown =
        tags === undefined
          ? row.versions.some((version, place) => place >= least && !matches(read, version))
          : tags.length >= least;
      ensure(
        isShown,
        () =>
          `${where()} shows row ${row.id} as ${tags?.join(' ') ?? 'none'}, and its session knew of ${row.versions[least]?.writer?.tag}`,
      );
    }
  }
}

/** These, what those who wrote them knew, and so on. */
function withCauses(tags: readonly string[], byTag: ReadonlyMap<string, Deed>): ReadonlySet<string> {
  const known = new Set(tags.filter((tag) => byTag.has(tag)));
  for (const tag of known) for (const cause of byTag.get(tag)?.past ?? []) if (byTag.has(cause)) known.add(cause);
  return known;
}
