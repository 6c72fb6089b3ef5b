/**
 * The rows of a server-side cursor: encoded when the statement runs, handed out by COM_STMT_FETCH. Up to MEMORY_MAX
 * bytes stay in memory, the rest goes to a temporary file that has no name any more.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ColumnSet } from './columns.ts';
import { MAX_PACKET_PAYLOAD } from './constants.ts';
import { Output } from './output.ts';
import type { WireValue } from './ports.ts';
import { writeBinaryRow } from './rows.ts';

const CHUNK = 256 * 1024;
const MEMORY_MAX = 8 * 1024 * 1024;

type Chunk = { readonly bytes: Buffer } | { readonly offset: number; readonly length: number };

export class Cursor {
  readonly #set: ColumnSet;
  readonly #out = new Output();
  #chunks: Chunk[] = [];
  #inMemory = 0;
  #file = -1;
  #fileSize = 0;
  #current: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(set: ColumnSet) {
    this.#set = set;
  }

  add(values: readonly WireValue[]): void {
    this.#out.beginPacket();
    writeBinaryRow(this.#out, this.#set, values);
    this.#out.endPacket();
    if (this.#out.position >= CHUNK) this.#seal();
  }

  #seal(): void {
    const out = this.#out;
    const bytes = out.buffer.subarray(0, out.position);
    if (bytes.length === 0) return;
    if (this.#inMemory + bytes.length <= MEMORY_MAX) {
      this.#chunks.push({ bytes: Buffer.from(bytes) });
      this.#inMemory += bytes.length;
    } else {
      if (this.#file < 0) this.#file = unnamedFile();
      writeSync(this.#file, bytes, 0, bytes.length, this.#fileSize);
      this.#chunks.push({ offset: this.#fileSize, length: bytes.length });
      this.#fileSize += bytes.length;
    }
    out.clear(false);
  }

  /** Copies up to `count` rows into a reply, until it holds `bytesMax`; says how many. */
  fetch(out: Output, count: number): number {
    this.#seal();
    for (let row = 0; row < count; row++) if (!this.#copyRow(out)) return row;
    return count;
  }

  #copyRow(out: Output): boolean {
    if (this.#at >= this.#current.length) {
      const next = this.#chunks.shift();
      if (next === undefined) return false;
      this.#current = 'bytes' in next ? next.bytes : this.#load(next.offset, next.length);
      this.#at = 0;
    }
    // A row of 16 MiB and more is several packets: the last is the first shorter one.
    for (;;) {
      const length = this.#current.readUIntLE(this.#at, 3);
      const end = this.#at + 4 + length;
      const start = out.position;
      out.bytes(this.#current.subarray(this.#at, end));
      out.buffer[start + 3] = out.sequence;
      out.sequence = (out.sequence + 1) & 0xff;
      this.#at = end;
      if (length < MAX_PACKET_PAYLOAD) return true;
    }
  }

  #load(offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(length);
    readSync(this.#file, bytes, 0, length, offset);
    return bytes;
  }

  close(): void {
    this.#chunks = [];
    this.#current = Buffer.alloc(0);
    this.#at = 0;
    this.#out.clear(false);
    if (this.#file >= 0) closeSync(this.#file);
    this.#file = -1;
  }
}

function unnamedFile(): number {
  const folder = mkdtempSync(path.join(tmpdir(), 'p2pdb-cursor-'));
  const file = openSync(path.join(folder, 'rows'), 'w+', 0o600);
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // Some systems keep the name of an open file; their clean-up of temporary files removes it.
  }
  return file;
}
