/**
 * A node's disk: named files of appended records. A record is durable once its file was synced after it; a crash keeps, of
 * the rest, what happened to reach the platter: a prefix, whose last record may be torn.
 */
import type { Random } from './random.ts';

export interface DiskRecord {
  readonly bytes: Uint8Array;
  /** What the bytes say, for checkers. */
  readonly about: unknown;
}

interface File {
  records: DiskRecord[];
  synced: number;
}

export class Disk {
  private files = new Map<string, File>();

  write(name: string, record: DiskRecord): void {
    this.file(name).records.push(record);
  }

  /** What became durable by it. */
  sync(name: string): DiskRecord[] {
    const file = this.file(name);
    const fresh = file.records.slice(file.synced);
    file.synced = file.records.length;
    return fresh;
  }

  /** Rewrites a file without some of its records, atomically and durably. */
  trim(name: string, keep: (record: DiskRecord) => boolean): void {
    const file = this.file(name);
    file.records = file.records.filter(keep);
    file.synced = file.records.length;
  }

  read(name: string): readonly DiskRecord[] {
    return this.file(name).records;
  }

  durable(name: string): readonly DiskRecord[] {
    const file = this.file(name);
    return file.records.slice(0, file.synced);
  }

  /** What survived although it was not synced. */
  crash(random: Random): DiskRecord[] {
    const survivors: DiskRecord[] = [];
    for (const file of this.files.values()) {
      const reached = file.synced + random.below(file.records.length - file.synced + 1);
      const torn = reached > file.synced && random.chance(0.5);
      file.records = file.records.slice(0, reached);
      const last = file.records.at(-1);
      if (torn && last) {
        file.records[reached - 1] = {
          bytes: last.bytes.subarray(0, random.below(last.bytes.length)),
          about: undefined,
        };
      }
      survivors.push(...file.records.slice(file.synced));
      file.synced = reached;
    }
    return survivors;
  }

  /** A copy of what is durable now. */
  copy(): Disk {
    const copy = new Disk();
    for (const [name, { records, synced }] of this.files) {
      copy.files.set(name, { records: records.slice(0, synced), synced });
    }
    return copy;
  }

  private file(name: string): File {
    let file = this.files.get(name);
    if (!file) this.files.set(name, (file = { records: [], synced: 0 }));
    return file;
  }
}
