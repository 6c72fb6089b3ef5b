/** The far end of a LOCAL INFILE: parts come as they are read, and no more of them than there is room for. */
import { encodeFileTaken } from './codec.ts';
import { Kind } from './frames.ts';
import type { Lane } from './outbox.ts';

/** Bytes of a file that may be on their way or wait to be read. */
export const FILE_WINDOW_BYTES = 1024 * 1024;
/** Read bytes are reported so many at once. */
const REPORT_BYTES = FILE_WINDOW_BYTES / 4;

export class IncomingFile {
  private readonly lane: Lane;
  private parts: Uint8Array[] = [];
  private waiting = 0;
  private unreported = 0;
  private isWanted = true;
  private isEnded = false;
  private failure: Error | undefined;
  private wake: () => void = () => undefined;

  constructor(lane: Lane) {
    this.lane = lane;
  }

  /** The end of the file has not come yet. */
  get isOpen(): boolean {
    return !this.isEnded && this.failure === undefined;
  }

  /** False: more came than there was room for. */
  add(part: Uint8Array): boolean {
    if (!this.isOpen) return false;
    this.waiting += part.length;
    if (this.waiting - part.length >= FILE_WINDOW_BYTES) return false;
    if (this.isWanted) this.parts.push(part);
    else this.report(part.length);
    this.wake();
    return true;
  }

  end(): void {
    this.isEnded = true;
    this.wake();
  }

  /** The client's end could not go on, or is gone. */
  fail(error: Error): void {
    if (!this.isOpen) return;
    this.failure = error;
    this.wake();
  }

  async *read(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const part = await this.next();
        if (part === undefined) return;
        yield part;
        this.report(part.length);
      }
    } finally {
      await this.discard();
    }
  }

  /** Whoever stops early has the rest of the file left where it is, and waits for word of that. */
  async discard(): Promise<void> {
    if (!this.isOpen) return;
    this.isWanted = false;
    this.parts = [];
    this.unreported = this.waiting;
    this.sendReport();
    while (this.isOpen) await this.more();
  }

  private async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      if (this.failure !== undefined) throw this.failure;
      const part = this.parts.shift();
      if (part !== undefined || this.isEnded) return part;
      await this.more();
    }
  }

  private more(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve));
  }

  private report(bytes: number): void {
    this.unreported += bytes;
    if (this.unreported >= REPORT_BYTES && this.isOpen) this.sendReport();
  }

  private sendReport(): void {
    this.waiting -= this.unreported;
    this.lane.send(Kind.FILE_TAKEN, encodeFileTaken(this.unreported, this.isWanted));
    this.unreported = 0;
  }
}
