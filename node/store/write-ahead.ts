/**
 * SQLite's write-ahead log of the state file, and when its pages move into the file. That takes long where they are very many: after
 * long work a thread of its own does it.
 */
import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';

const CACHE_KIB = 65536;
const LONG_WORK_CACHE_KIB = 16384;
/** A COMMIT that finds so many pages in the write-ahead log moves them into the file. */
const CHECKPOINT_PAGES = 4000;
const PAGE_BYTES = 4096;

export class WriteAhead {
  private readonly db: DatabaseSync;
  private readonly file: string;
  /** Long work was done since the state was published. */
  private hadLongWork = false;
  private checkpointing: Worker | undefined;

  /** Sets the connection up for it. */
  constructor(db: DatabaseSync, file: string) {
    this.db = db;
    this.file = file;
    db.exec(
      `PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA cache_size=-${CACHE_KIB}; PRAGMA wal_autocheckpoint=${CHECKPOINT_PAGES}`,
    );
  }

  /** COMMIT writes what SQLite has not yet: little, where its cache is small. */
  expectLongWork(): void {
    if (this.hadLongWork) return;
    this.hadLongWork = true;
    this.db.exec(`PRAGMA cache_size=-${LONG_WORK_CACHE_KIB}; PRAGMA wal_autocheckpoint=0`);
  }

  /** The state's transaction was ended. */
  published(): void {
    if (!this.hadLongWork) return;
    this.hadLongWork = false;
    this.db.exec(`PRAGMA cache_size=-${CACHE_KIB}`);
    if (this.checkpointing) return;
    const pages = (statSync(`${this.file}-wal`, { throwIfNoEntry: false })?.size ?? 0) / PAGE_BYTES;
    if (pages > 2 * CHECKPOINT_PAGES) this.checkpointBeside();
    else this.db.exec(`PRAGMA wal_autocheckpoint=${CHECKPOINT_PAGES}`);
  }

  private checkpointBeside(): void {
    const name = import.meta.url.endsWith('.ts') ? './checkpoint.worker.ts' : './checkpoint.worker.js';
    const worker = new Worker(new URL(name, import.meta.url), {
      workerData: { file: this.file },
      name: 'p2pdb checkpoint',
    });
    this.checkpointing = worker;
    worker.unref();
    // One that fails leaves it to the next COMMIT.
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      this.checkpointing = undefined;
      if (this.db.isOpen && !this.hadLongWork) this.db.exec(`PRAGMA wal_autocheckpoint=${CHECKPOINT_PAGES}`);
    });
  }

  /** Resolves when the thread that moves pages has ended. */
  async checkpointed(): Promise<void> {
    const { checkpointing } = this;
    if (!checkpointing) return;
    const ended = new Promise<void>((resolve) => void checkpointing.once('exit', () => resolve()));
    // Where nothing else is left to do, the process would end in front of it.
    checkpointing.ref();
    await ended;
  }

  /** Ends that thread where it is. */
  stop(): void {
    void this.checkpointing?.terminate();
  }
}
