/** The lanes: a few threads for long SELECTs. A lane whose statement is cancelled is ended and replaced. */
import { Worker } from 'node:worker_threads';
import { SqlError, type SqliteValue, type Warning } from '../../sql/index.ts';
import type { LaneReply, LaneRequest } from './messages.ts';

export interface LaneRun {
  readonly request: LaneRequest;
  /** The thread's snapshot is open. */
  readonly started: () => void;
  /** Rows in order; the thread goes on when the promise resolves, or at once. */
  readonly rows: (rows: SqliteValue[][]) => Promise<void> | undefined;
}

export interface LaneOutcome {
  readonly foundRows: number;
  readonly warnings: readonly Warning[];
  readonly warningCount: number;
}

interface Job extends LaneRun {
  readonly resolve: (outcome: LaneOutcome) => void;
  readonly reject: (error: Error) => void;
  worker: Worker | undefined;
}

export class Lanes {
  private readonly file: string;
  /** So many threads there may be. */
  readonly count: number;
  private idle: Worker[] = [];
  private readonly busy = new Map<Worker, Job>();
  private queue: Job[] = [];
  private closed = false;

  constructor(file: string, count: number) {
    this.file = file;
    this.count = count;
  }

  /** Runs a SELECT; `onCancel` is given what ends it early with the error that it then rejects with. */
  run(work: LaneRun, onCancel: (cancel: (error: SqlError) => void) => void): Promise<LaneOutcome> {
    return new Promise((resolve, reject) => {
      const job: Job = { ...work, resolve, reject, worker: undefined };
      onCancel((error) => this.cancel(job, error));
      this.queue.push(job);
      this.next();
    });
  }

  private next(): void {
    while (this.queue.length > 0 && this.busy.size < this.count) {
      const job = this.queue.shift() as Job;
      const worker = this.idle.pop() ?? this.start();
      job.worker = worker;
      this.busy.set(worker, job);
      worker.ref();
      worker.postMessage(job.request);
    }
  }

  private start(): Worker {
    const name = import.meta.url.endsWith('.ts') ? './lane.worker.ts' : './lane.worker.js';
    const worker = new Worker(new URL(name, import.meta.url), { workerData: { file: this.file }, name: 'p2pdb lane' });
    worker.on('message', (message: LaneReply) => this.received(worker, message));
    worker.on('error', (error) => this.lost(worker, error as Error));
    return worker;
  }

  private received(worker: Worker, message: LaneReply): void {
    const job = this.busy.get(worker);
    if (!job) return;
    switch (message.kind) {
      case 'started':
        job.started();
        break;
      case 'rows': {
        const { taken } = job.request;
        const go = (): void => {
          Atomics.add(taken, 0, 1);
          Atomics.notify(taken, 0);
        };
        const waits = job.rows(message.rows);
        if (waits) void waits.then(go);
        else go();
        break;
      }
      case 'end':
        this.free(worker);
        job.resolve(message);
        break;
      case 'error':
        this.free(worker);
        job.reject(new SqlError(message.errno, message.sqlState, message.message));
        break;
    }
  }

  private free(worker: Worker): void {
    this.busy.delete(worker);
    worker.unref();
    this.idle.push(worker);
    this.next();
  }

  private lost(worker: Worker, error: Error): void {
    const job = this.busy.get(worker);
    this.busy.delete(worker);
    this.idle = this.idle.filter((w) => w !== worker);
    job?.started();
    job?.reject(error);
    if (!this.closed) this.next();
  }

  private cancel(job: Job, error: SqlError): void {
    const waiting = this.queue.indexOf(job);
    if (waiting >= 0) this.queue.splice(waiting, 1);
    const { worker } = job;
    if (worker && this.busy.get(worker) === job) {
      this.busy.delete(worker);
      // SQLite cannot be interrupted from here: the thread ends when it next comes back to JavaScript.
      Atomics.store(job.request.taken, 0, 0x3fffffff);
      Atomics.notify(job.request.taken, 0);
      worker.unref();
      void worker.terminate();
      this.next();
    }
    job.started();
    job.reject(error);
  }

  async close(): Promise<void> {
    this.closed = true;
    const workers = [...this.idle, ...this.busy.keys()];
    for (const job of this.busy.values()) job.reject(new SqlError(1053, '08S01', 'Server shutdown in progress'));
    this.idle = [];
    this.busy.clear();
    await Promise.all(workers.map((w) => w.terminate()));
  }
}
