/** Gathers the reports of a turn of the event loop, in order, and hands them over as a whole. */
import type { Link } from './link.ts';
import type { Report } from './messages.ts';

/** What left the queues is told when it is so much, or so late: it is not worth waking another thread for. */
const SENT_BYTES = 256 << 10;
const SENT_MS = 50;

export class Outbox {
  private readonly post: (reports: readonly Report[]) => void;
  private reports: Report[] = [];
  private readonly receiving = new Set<Link>();
  private readonly sent = new Map<Link, number>();
  private sentTotal = 0;
  private sentTimer: NodeJS.Timeout | undefined;
  private scheduled = false;

  constructor(post: (reports: readonly Report[]) => void) {
    this.post = post;
  }

  add(report: Report): void {
    this.reports.push(report);
    this.schedule();
  }

  /** A link holds messages. */
  received(link: Link): void {
    this.receiving.add(link);
    this.schedule();
  }

  sentBytes(link: Link, bytes: number): void {
    this.sent.set(link, (this.sent.get(link) ?? 0) + bytes);
    this.sentTotal += bytes;
    if (this.sentTotal >= SENT_BYTES) this.schedule();
    else this.sentTimer ??= setTimeout(() => this.flush(), SENT_MS);
  }

  /** The last of a link: its messages first. */
  down(link: Link, reason: string): void {
    this.collect(link);
    this.receiving.delete(link);
    this.sent.delete(link);
    this.add({ kind: 'down', link: link.number, reason });
  }

  /** Nothing comes over it any more but what came already. */
  switched(link: Link): void {
    this.collect(link);
    this.add({ kind: 'switched', link: link.number });
  }

  private collect(link: Link): void {
    const chunk = link.take();
    if (chunk) this.reports.push({ kind: 'messages', link: link.number, chunk });
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.flush());
  }

  flush(): void {
    this.scheduled = false;
    clearTimeout(this.sentTimer);
    this.sentTimer = undefined;
    this.sentTotal = 0;
    for (const link of this.receiving) this.collect(link);
    this.receiving.clear();
    for (const [link, bytes] of this.sent) this.reports.push({ kind: 'sent', link: link.number, bytes });
    this.sent.clear();
    if (this.reports.length === 0) return;
    const { reports } = this;
    this.reports = [];
    this.post(reports);
  }
}
