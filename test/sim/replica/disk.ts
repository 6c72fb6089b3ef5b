/**
 * The disk of a simulated node: the real files, in memory, behind a cache that a crash loses. What is written and not yet synced
 * stays in the cache; of that a crash keeps a prefix, whose end may be torn. It may fill up, and have room again.
 */
import { appendFileSync, existsSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Disk } from '../../../node/engine/index.ts';
import {
  DiskFullError,
  LogStore,
  RecordStore,
  segmentsOf,
  State,
  type Identity,
  type LogItem,
} from '../../../node/store/index.ts';
import { LARGE_BYTES } from '../../../node/store/segment-writer.ts';
import type { Random } from '../kernel/random.ts';

const ALLOCATION_BYTES = 16 << 10;
const RESERVE_BYTES = 16 << 20;

/** What files find that was allocated ahead of their use when the disk filled up. */
const LOG_BYTES_LEFT = 3000;
const VOTES_BYTES_LEFT = 1000;
const PAGES_MAX = 0x7fffffff;

/** The room on a node's disk, over all its starts. What is set aside is for the state, and is always enough. */
export class Room {
  private left: Record<'log' | 'votes', number> = { log: Infinity, votes: Infinity };
  private isFullForState = false;
  private state: State | undefined;

  get isFull(): boolean {
    return this.left.log < Infinity;
  }

  fill(random: Random): void {
    this.left = { log: random.below(LOG_BYTES_LEFT), votes: random.below(VOTES_BYTES_LEFT) };
    this.isFullForState = random.chance(0.5);
    this.bound();
  }

  free(): void {
    this.left = { log: Infinity, votes: Infinity };
    this.isFullForState = false;
    this.bound();
  }

  /** Throws DiskFullError. */
  take(file: 'log' | 'votes', records: readonly Uint8Array[]): void {
    const left = this.left[file] - records.reduce((sum, { length }) => sum + length, 0);
    if (left < 0) throw new DiskFullError(`no space is left for the ${file}`);
    this.left[file] = left;
  }

  /** A state that was opened meets the end of the disk as SQLite has it: it gets no more pages, or fails to commit. */
  confine(state: State): void {
    const { db, reserve } = state;
    const exec = db.exec.bind(db);
    db.exec = (sql) => {
      if (sql === 'COMMIT' && state.hasUnpublished && this.isFullForState && reserve.held)
        throw Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 });
      exec(sql);
    };
    reserve.take = () => {
      reserve.held ||= !this.isFull;
      this.bound();
      return reserve.held;
    };
    reserve.release = () => {
      reserve.held = false;
      this.bound();
    };
    this.state = state;
    this.bound();
  }

  private bound(): void {
    const pages = this.isFullForState && this.state?.reserve.held ? 1 : PAGES_MAX;
    this.state?.db.exec(`PRAGMA max_page_count=${pages}`);
  }

  /** The host is down. */
  crash(): void {
    // What a connection refers to is never collected while its statements are, which the state keeps.
    if (this.state) Reflect.deleteProperty(this.state.db, 'exec');
    this.state = undefined;
  }
}

/** What a disk asks of its host. */
export interface DiskHost {
  readonly room: Room;
  readonly segmentBytes: number;
  /** Something is about to be done that the world can see. False: the host crashed before it. */
  mayAct(): boolean;
  /** It crashed in the middle of its turn: what it does until the turn's end never happened. */
  isDying(): boolean;
  /** Runs work when a sync of the disk is done, unless the host crashed. */
  afterSync(work: () => void): void;
}

const recordsOf = (items: readonly LogItem[]): Uint8Array[] => items.map(({ record }) => record);

export class SimulatedLog extends LogStore {
  private readonly folder: string;
  private readonly host: DiskHost;
  private cached: readonly LogItem[] = [];
  private isClosed = false;

  constructor(folder: string, group: string, identity: Identity, host: DiskHost) {
    super(folder, group, identity);
    this.folder = folder;
    this.host = host;
    this.writer.segmentBytes = host.segmentBytes;
    // Files in memory: growing ahead of the writes costs more than it saves.
    this.writer.allocationBytes = ALLOCATION_BYTES;
  }

  override append(items: readonly LogItem[]): void {
    if (this.host.isDying()) return;
    this.host.room.take('log', recordsOf(items));
    this.store(items);
  }

  private store(items: readonly LogItem[]): void {
    this.cached = items;
    if (!this.host.mayAct()) return;
    super.append(items);
    this.cached = [];
    this.host.mayAct();
  }

  override begin(items: readonly LogItem[]): () => void {
    if (this.host.isDying()) return () => undefined;
    this.host.room.take('log', recordsOf(items));
    this.cached = items;
    if (!this.host.mayAct()) return () => undefined;
    return () => {
      if (!this.host.isDying()) this.store(items);
    };
  }

  override appendLater(items: readonly LogItem[], written: () => void, done: (error: Error | undefined) => void): void {
    if (this.host.isDying()) return;
    const write = (): void => {
      this.host.room.take('log', recordsOf(items));
      this.cached = items;
      if (!this.host.mayAct()) return;
      this.host.afterSync(() => {
        super.append(items);
        this.cached = [];
        if (this.host.mayAct()) done(undefined);
      });
      written();
    };
    if (items.reduce((bytes, { record }) => bytes + record.length, 0) < LARGE_BYTES) {
      write();
      return;
    }
    // Only later is it known whether there is room for large records.
    this.host.afterSync(() => {
      try {
        write();
      } catch (error) {
        if (!(error instanceof DiskFullError)) throw error;
        done(error);
      }
    });
  }

  /** A host that is dying closes nothing any more. */
  override close(): void {
    if (this.host.isDying()) return;
    this.isClosed = true;
    super.close();
  }

  /** The host is down. */
  crash(random: Random): void {
    if (this.isClosed) return;
    super.close();
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
  private isClosed = false;

  constructor(file: string, host: DiskHost) {
    super(file);
    this.host = host;
  }

  override append(record: Uint8Array): void {
    if (this.host.isDying()) return;
    this.host.room.take('votes', [record]);
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

  /** What is not synced is there for whoever reads the file next. */
  override close(): void {
    if (this.host.isDying()) return;
    this.isClosed = true;
    this.flush(this.cached.length);
    super.close();
  }

  /** The host is down. */
  crash(random: Random): void {
    if (this.isClosed) return;
    this.flush(random.below(this.cached.length + 1));
    super.close();
  }
}

/** The files of one group. */
interface GroupFiles {
  log?: SimulatedLog;
  records?: SimulatedRecords;
  state?: State;
}

/** All that a node keeps of its groups, from a start to the crash that ends it. */
export class SimulatedDisk implements Disk {
  private readonly host: DiskHost;
  /** By the group's folder; as they were opened last. */
  private readonly groups = new Map<string, GroupFiles>();

  constructor(host: DiskHost) {
    this.host = host;
  }

  private filesIn(groupDir: string): GroupFiles {
    const files = this.groups.get(groupDir) ?? {};
    this.groups.set(groupDir, files);
    return files;
  }

  log(dir: string, group: string, identity: Identity): SimulatedLog {
    return (this.filesIn(path.dirname(dir)).log = new SimulatedLog(dir, group, identity, this.host));
  }

  records(file: string): SimulatedRecords {
    return (this.filesIn(path.dirname(file)).records = new SimulatedRecords(file, this.host));
  }

  /** Room that is set aside costs nothing. */
  state(file: string): State {
    const reserve = path.join(path.dirname(file), 'reserve');
    if (!existsSync(reserve)) {
      writeFileSync(reserve, '');
      truncateSync(reserve, RESERVE_BYTES);
    }
    return (this.filesIn(path.dirname(file)).state = new State(file));
  }

  /** What the host does until the end of its turn must not reach the state files. */
  die(): void {
    for (const { state } of this.groups.values()) if (state) state.publish = () => undefined;
  }

  /** The host is down. The state files are written without sync: a machine that lost its power has none. */
  crash(random: Random): void {
    for (const { log, records, state } of this.groups.values()) {
      const wasOpen = state?.db.isOpen;
      if (wasOpen) state.close();
      log?.crash(random);
      records?.crash(random);
      if (wasOpen && random.chance(0.5)) State.remove(state.file);
    }
  }
}
