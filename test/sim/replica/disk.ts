/**
 * The disk of a simulated node: the real files, in memory, behind a cache that a crash loses. What is written and not yet synced
 * stays in the cache; of that a crash keeps a prefix, whose end may be torn.
 */
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { LogStore, RecordStore, segmentsOf, type Identity, type LogItem } from '../../../node/store/index.ts';
import type { Random } from '../kernel/random.ts';

const ALLOCATION_BYTES = 16 << 10;

/** What a disk asks of its host. */
export interface DiskHost {
  readonly segmentBytes: number;
  /** Something is about to be done that the world can see. False: the host crashed before it. */
  mayAct(): boolean;
  /** It crashed in the middle of its turn: what it does until the turn's end never happened. */
  isDying(): boolean;
  /** Runs work when a sync of the disk is done, unless the host crashed. */
  afterSync(work: () => void): void;
}

export class SimulatedLog extends LogStore {
  private readonly folder: string;
  private readonly host: DiskHost;
  private cached: readonly LogItem[] = [];

  constructor(folder: string, group: string, identity: Identity, host: DiskHost) {
    super(folder, group, identity);
    this.folder = folder;
    this.host = host;
    this.segmentBytes = host.segmentBytes;
    // Files in memory: growing ahead of the writes costs more than it saves.
    this.allocationBytes = ALLOCATION_BYTES;
  }

  override append(items: readonly LogItem[]): void {
    if (this.host.isDying()) return;
    this.cached = items;
    if (!this.host.mayAct()) return;
    super.append(items);
    this.cached = [];
    this.host.mayAct();
  }

  override begin(items: readonly LogItem[]): () => void {
    if (this.host.isDying()) return () => undefined;
    this.cached = items;
    if (!this.host.mayAct()) return () => undefined;
    return () => this.append(items);
  }

  override appendLater(items: readonly LogItem[], done: (error: Error | undefined) => void): void {
    if (this.host.isDying()) return;
    this.cached = items;
    if (!this.host.mayAct()) return;
    this.host.afterSync(() => {
      super.append(items);
      this.cached = [];
      if (this.host.mayAct()) done(undefined);
    });
  }

  /** The host is down. */
  crash(random: Random): void {
    this.close();
    const bytes = Buffer.concat(this.cached.map((item) => item.record));
    const last = segmentsOf(this.folder).at(-1);
    if (!last) return;
    const file = path.join(this.folder, last.name);
    const reached = random.chance(0.3) ? bytes.length : random.below(bytes.length + 1);
    if (reached > 0) appendFileSync(file, bytes.subarray(0, reached));
    if (random.chance(0.5)) appendFileSync(file, new Uint8Array(random.below(5000)));
  }
}

export class SimulatedRecords extends RecordStore {
  private readonly host: DiskHost;
  private cached: Uint8Array[] = [];

  constructor(file: string, host: DiskHost) {
    super(file);
    this.host = host;
  }

  override append(record: Uint8Array): void {
    if (this.host.isDying()) return;
    this.cached.push(record);
    this.host.mayAct();
  }

  override sync(): void {
    if (!this.host.mayAct()) return;
    this.flush(this.cached.length);
    super.sync();
    this.host.mayAct();
  }

  private flush(count: number): void {
    for (const record of this.cached.splice(0, count)) super.append(record);
  }

  /** The host is down. */
  crash(random: Random): void {
    this.flush(random.below(this.cached.length + 1));
    this.close();
  }
}
