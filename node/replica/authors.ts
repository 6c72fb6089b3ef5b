/** Whose entries count, and up to where: those of members, and of who was removed or forked what stands in blocks or was rescued. */
import { hex, type Entry } from '../log/index.ts';
import type { Blocks } from './blocks.ts';
import type { GroupLog, ReplicaEvents } from './ports.ts';

/** Up to where an author's entries go. */
export interface AuthorSeq {
  /** In hex. */
  readonly author: string;
  readonly seq: number;
}

export class Authors {
  private readonly log: GroupLog;
  private readonly events: ReplicaEvents;
  private readonly blocks: Blocks;
  /** By author, see stranded(). */
  private readonly lastStranded = new Map<string, number>();

  constructor(log: GroupLog, events: ReplicaEvents, blocks: Blocks) {
    this.log = log;
    this.events = events;
    this.blocks = blocks;
  }

  /** Of entries that were made on a later block than the one here, nobody can tell yet. */
  mayWrite(entry: Entry): boolean {
    const { events, log, blocks } = this;
    const author = hex(entry.author);
    if (events.hasEnded(author)) return false;
    if (entry.height > blocks.height || entry.seq <= events.rescuedSeq(author)) return true;
    const key = entry.genesis?.key ?? log.chains.byAuthor.get(author)?.key;
    return key !== undefined && events.mayWrite(key, entry.height);
  }

  /** Whether what is in the order of an author stays there, though no block has ordered it. */
  mayStay(author: string): boolean {
    const { events, log } = this;
    if (events.hasEnded(author)) return false;
    const key = log.chains.byAuthor.get(author)?.key;
    return (key !== undefined && events.isMember(key)) || events.rescuedSeq(author) > 0;
  }

  /** The seq behind which an author's entries count no more. Infinity for one that may write. */
  endOf(author: string): number {
    const { events, log, blocks } = this;
    if (events.hasEnded(author)) return blocks.finalSeq(author);
    const rescued = events.rescuedSeq(author);
    const key = log.chains.byAuthor.get(author)?.key;
    // One that is no member yet becomes one by a block that is not applied here.
    return rescued > 0 || (key && events.wasRemoved(key)) ? Math.max(rescued, blocks.finalSeq(author)) : Infinity;
  }

  /** An author's entries up to this one are durable here and do not count. */
  strand(author: string, seq: number): void {
    this.lastStranded.set(author, seq);
    this.events.stranded();
  }

  /** Where the durable entries end of those who were removed, and of whom not all count that is here. */
  stranded(): AuthorSeq[] {
    for (const [author, seq] of this.lastStranded)
      if (seq <= this.endOf(author) || this.events.hasEnded(author)) this.lastStranded.delete(author);
    return [...this.lastStranded].map(([author, seq]) => ({ author, seq }));
  }
}
