/** Keeps the group's log as short as the settings ask for, and makes the snapshots by which that is possible. */
import type { SnapshotPort } from '../replica/index.ts';
import type { IncomingSnapshot, LogStore, Snapshot, SnapshotManifest, Snapshots, State } from '../store/index.ts';
import type { Notice } from './state-file.ts';

/** A new node runs a log that is shorter than that: it then has all of the history itself. */
const SHORT_LOG_BYTES = 16 << 20;
/** A snapshot with no more log behind it than that is as good as a new one. */
const FRESH_BYTES = 16 << 20;
const CHECK_MS = 5_000;
/** A snapshot that nobody takes for so long goes; while one is taken, no other is made. */
const UNUSED_MS = 600_000;
const TAKEN_MS = 10_000;

export interface LogKeeperOptions {
  readonly state: State;
  readonly log: LogStore;
  readonly snapshots: Snapshots;
  /** Bytes of log that are kept, at least; undefined for all of it. */
  readonly retention: number | undefined;
  readonly notice: Notice;
}

export class LogKeeper implements SnapshotPort {
  private readonly options: LogKeeperOptions;
  private timer: NodeJS.Timeout | undefined;
  /** Bytes that had been appended when the newest snapshot was made. */
  private madeAt = -Infinity;
  private usedMs = -Infinity;
  private working: Promise<unknown> = Promise.resolve();
  private checking: Promise<void> | undefined;

  constructor(options: LogKeeperOptions) {
    this.options = options;
  }

  /** What the log begins from. */
  get base(): Snapshot | undefined {
    return this.options.snapshots.base;
  }

  start(): void {
    this.timer = setInterval(() => {
      this.checking ??= this.check().finally(() => (this.checking = undefined));
    }, CHECK_MS);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all([this.checking, this.working]);
  }

  async offer(height: number, isNeeded: boolean): Promise<Snapshot | undefined> {
    const { log, snapshots } = this.options;
    if (!isNeeded && log.oldestHeight === 1 && log.bytes < SHORT_LOG_BYTES) return undefined;
    this.usedMs = performance.now();
    const fresh = log.stats.bytes - this.madeAt < FRESH_BYTES ? snapshots.offered : await this.make();
    return fresh && fresh.manifest.height > height ? fresh : undefined;
  }

  readOffered(height: number, offset: number, length: number): Promise<Uint8Array | undefined> {
    this.usedMs = performance.now();
    return this.options.snapshots.readOffered(height, offset, length);
  }

  take(manifest: SnapshotManifest): IncomingSnapshot {
    return this.options.snapshots.take(manifest);
  }

  /** Nothing hangs on one that cannot be made now: the log is kept, and goes by itself. */
  private async make(): Promise<Snapshot | undefined> {
    const { state, log, snapshots, notice } = this.options;
    const bytes = log.stats.bytes;
    const making = snapshots.make(state, log).catch((error: unknown) => {
      notice('no snapshot can be made', { reason: (error as Error).message });
      return undefined;
    });
    this.working = making;
    const made = await making;
    if (made) this.madeAt = bytes;
    return made;
  }

  private async check(): Promise<void> {
    const { log, snapshots, retention, notice } = this.options;
    const unusedMs = performance.now() - this.usedMs;
    if (unusedMs > UNUSED_MS) snapshots.dropOffer();
    if (retention === undefined || unusedMs < TAKEN_MS || log.bytes <= 2 * retention) return;
    try {
      await this.shorten(retention);
    } catch (error) {
      notice('the log cannot be shortened', { reason: (error as Error).message });
    }
  }

  /** Makes a snapshot, and removes what is older than it, but for the newest bytes. */
  async shorten(retention: number): Promise<void> {
    const { log, snapshots } = this.options;
    const { base } = snapshots;
    const made = await this.make();
    if (!made || (base && made.manifest.height <= base.manifest.height)) return;
    log.prune(snapshots.makeBase(made).manifest, retention);
  }
}
