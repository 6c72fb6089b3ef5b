/** What must hold for sync, judged from what lies on disks and what programs reported. */
import type { AuthorId, SyncMessage } from '../../../node/sync/index.ts';
import type { DiskRecord } from '../kernel/disk.ts';
import { ensure } from '../kernel/scenario.ts';
import type { Observer } from '../kernel/world.ts';
import type { LogRecord, SyncNote } from './program.ts';

export class SyncChecker implements Observer {
  /** Bytes of entries that were sent, and how many entries. */
  entryBytes = 0;
  entriesSent = 0;
  snapshots = 0;
  private readonly everDurable = new Map<string, number>();
  private readonly frontiers = new Map<string, Map<AuthorId, number>>();
  /** Next seq that each host may be given of each author, in this run of it. */
  private readonly delivered = new Map<string, Map<AuthorId, number>>();

  frontier(host: string): Map<AuthorId, number> {
    let frontier = this.frontiers.get(host);
    if (!frontier) this.frontiers.set(host, (frontier = new Map<AuthorId, number>()));
    return frontier;
  }

  /** The highest seqs that lie on any of these hosts. */
  union(hosts: readonly string[]): Map<AuthorId, number> {
    const union = new Map<AuthorId, number>();
    for (const host of hosts) {
      for (const [author, seq] of this.frontier(host)) union.set(author, Math.max(seq, union.get(author) ?? 0));
    }
    return union;
  }

  /** Everybody holds what anybody holds. */
  equal(hosts: readonly string[]): boolean {
    const union = this.union(hosts);
    return hosts.every((host) => {
      const frontier = this.frontier(host);
      return [...union].every(([author, seq]) => frontier.get(author) === seq);
    });
  }

  forget(host: string): void {
    this.frontiers.delete(host);
  }

  sent(_from: string, _to: string, about: unknown): void {
    const message = about as SyncMessage;
    if (message.kind !== 'push' && message.kind !== 'entries') return;
    for (const { entries } of message.runs) {
      this.entriesSent += entries.length;
      for (const entry of entries) this.entryBytes += entry.length;
    }
  }

  durable(host: string, records: readonly DiskRecord[]): void {
    const frontier = this.frontier(host);
    for (const { about } of records) {
      const record = about as LogRecord | undefined;
      if (record === undefined) continue;
      const { author, seq } = record.kind === 'entry' ? record.entry : record;
      const before = frontier.get(author) ?? 0;
      if (record.kind === 'entry' && seq !== before + 1) continue;
      frontier.set(author, Math.max(before, seq));
      const key = `${host} ${author}`;
      this.everDurable.set(key, Math.max(seq, this.everDurable.get(key) ?? 0));
    }
  }

  noted(host: string, about: unknown): void {
    const note = about as SyncNote;
    switch (note.kind) {
      case 'started':
        this.delivered.set(host, new Map());
        break;
      case 'durable':
        ensure((this.frontier(host).get(note.author) ?? 0) >= note.seq, () => `${host} counts ${note.seq} as durable`);
        this.delivered.get(host)?.set(note.author, Math.max(note.seq, this.delivered.get(host)?.get(note.author) ?? 0));
        break;
      case 'delivered': {
        const seen = this.delivered.get(host);
        const before = seen?.get(note.author) ?? 0;
        const durable = this.frontier(host).get(note.author) ?? 0;
        ensure(
          note.seq === before + 1 || (note.seq > durable && note.seq <= before),
          () => `${host} is given ${note.author.slice(0, 8)} ${note.seq} after ${before}, and holds ${durable}`,
        );
        // What was refused, and what waited behind it, comes again.
        seen?.set(note.author, note.good ? note.seq : durable);
        break;
      }
      case 'peer-frontier':
        for (const [author, seq] of note.frontier) {
          // An old disk takes back what was true when it was said; the word may still be on its way then.
          const holds = this.everDurable.get(`${note.peer} ${author}`) ?? 0;
          ensure(
            seq <= holds,
            () => `${host} believes that ${note.peer} holds ${author.slice(0, 8)} up to ${seq}: ${holds}`,
          );
        }
        break;
      case 'snapshot':
        this.snapshots++;
        break;
    }
  }

  crashed(): void {
    // What a crash takes away was never reported as durable.
  }
}
