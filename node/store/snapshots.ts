/**
 * Snapshots of a group: its state as it was published after a block, with what takes back the transactions beyond that block, and how far
 * each author's chain was. A node can go on from one as from its own disk.
 *
 *   snapshots/base-HEIGHT    what this node's log begins from, where it does not begin at the beginning
 *   snapshots/offer-HEIGHT   made for others to take; gone with the next start
 *   snapshots/incoming       being taken from another node
 *
 * each with state.sqlite and, written last, manifest.json.
 */
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { open as openFile } from 'node:fs/promises';
import path from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { decodeEntry, hex, type ChainHead } from '../log/index.ts';
import { StateCorruptError } from './errors.ts';
import { makeFolder, syncFile, syncFolder, writeFileDurably } from './files.ts';
import type { LogBase } from './log-index.ts';
import type { LogStore } from './log-store.ts';
import { registerSortKeys, State, type StatePosition } from './state.ts';

export interface SnapshotManifest extends LogBase {
  readonly format: 1;
  readonly group: string;
  /** Of the state file. */
  readonly bytes: number;
  readonly sha256: string;
}

export interface Snapshot {
  readonly dir: string;
  readonly manifest: SnapshotManifest;
}

const STATE = 'state.sqlite';
const MANIFEST = 'manifest.json';
/** In a base: its rows were found to be what its digests say. */
const CHECKED = 'checked';
/** At a time, so that the disk is not kept from others. */
const PAGES = 512;

export class Snapshots {
  private readonly dir: string;
  private readonly group: string;
  /** The newest first. */
  private bases: Snapshot[];
  private offer: Snapshot | undefined;
  private making: Promise<Snapshot | undefined> | undefined;

  /** Removes what a crash or an earlier run left. */
  constructor(groupDir: string, group: string) {
    this.dir = path.join(groupDir, 'snapshots');
    this.group = group;
    makeFolder(this.dir);
    this.bases = basesIn(this.dir);
    for (const name of readdirSync(this.dir)) {
      const dir = path.join(this.dir, name);
      if (!this.bases.some((base) => base.dir === dir) && !name.startsWith('bad-')) remove(dir);
    }
  }

  /** What the log begins from. */
  get base(): Snapshot | undefined {
    return this.bases[0];
  }

  /** The newest base is good: no older one is needed. */
  dropOlder(): void {
    for (const { dir } of this.bases.splice(1)) remove(dir);
  }

  /** A snapshot of the state as it was published last; undefined while there is no block. One is made at a time. */
  async make(state: State, log: LogStore): Promise<Snapshot | undefined> {
    this.making ??= this.makeOffer(state, log).finally(() => (this.making = undefined));
    return this.making;
  }

  private async makeOffer(state: State, log: LogStore): Promise<Snapshot | undefined> {
    const draft = path.join(this.dir, 'draft');
    remove(draft);
    makeFolder(draft);
    const file = path.join(draft, STATE);
    // A connection of its own, whose transaction sees one published state however long the copy takes.
    const source = new DatabaseSync(state.file, { readOnly: true });
    try {
      registerSortKeys(source);
      source.exec('BEGIN');
      const row = source.prepare("SELECT value FROM meta WHERE name = 'position'").get();
      if (!row) return undefined;
      const position = JSON.parse(String(row['value'])) as StatePosition;
      if (position.height === 0) return undefined;
      const chains = Object.entries(position.final).map(([author, seq]) => this.headAt(log, author, seq));
      const { lamport } = log.chains;
      await backup(source, file, { rate: PAGES });
      const { bytes, sha256 } = await hashFile(file);
      const { height, block } = position;
      const { group } = this;
      const manifest: SnapshotManifest = { format: 1, group, height, block, bytes, sha256, lamport, chains };
      writeFileDurably(path.join(draft, CHECKED), '');
      writeFileDurably(path.join(draft, MANIFEST), JSON.stringify(manifest));
      if (this.offer) remove(this.offer.dir);
      this.offer = this.keep({ dir: draft, manifest }, 'offer-');
      return this.offer;
    } finally {
      source.close();
      remove(draft);
    }
  }

  private headAt(log: LogStore, author: string, seq: number): ChainHead {
    const key = log.chains.byAuthor.get(author)?.key;
    const [signed] = log.read(author, seq, seq, 0);
    if (key && signed) {
      const { lamport } = decodeEntry(signed.body);
      return { author, key: hex(key), seq, cid: hex(signed.cid), lamport };
    }
    const head = this.base?.manifest.chains.find((chain) => chain.author === author && chain.seq === seq);
    if (!head) throw new Error(`the log has no entry ${seq} of ${author}, which is final`);
    return head;
  }

  /** Gives a folder the name by which it counts. */
  private keep({ dir, manifest }: Snapshot, prefix: 'offer-' | 'base-'): Snapshot {
    const name = path.join(this.dir, `${prefix}${manifest.height}`);
    remove(name);
    renameSync(dir, name);
    syncFolder(this.dir);
    return { dir: name, manifest };
  }

  dropOffer(): void {
    if (this.offer && !this.making) remove(this.offer.dir);
    this.offer = undefined;
  }

  /** The group begins from a state file that is whole, durable and closed. */
  begin(file: string, base: LogBase): void {
    const dir = path.join(this.dir, 'draft');
    remove(dir);
    makeFolder(dir);
    const copy = path.join(dir, STATE);
    copyFileSync(file, copy, constants.COPYFILE_FICLONE);
    syncFile(copy);
    const { group } = this;
    const manifest = { format: 1, group, ...base, bytes: statSync(copy).size, sha256: hashOfFile(copy) } as const;
    writeFileDurably(path.join(dir, CHECKED), '');
    writeFileDurably(path.join(dir, MANIFEST), JSON.stringify(manifest));
    this.bases = [this.keep({ dir, manifest }, 'base-')];
  }

  /** What others may take: the newest that is there. */
  get offered(): Snapshot | undefined {
    const { offer, base } = this;
    return offer && base && base.manifest.height > offer.manifest.height ? base : (offer ?? base);
  }

  /** From now on the log may begin behind an offer. */
  makeBase(offer: Snapshot): Snapshot {
    if (this.offer?.dir === offer.dir) this.offer = undefined;
    const base = this.keep(offer, 'base-');
    this.bases = [base, ...this.bases.filter(({ dir }) => dir !== base.dir)];
    this.dropOlder();
    return base;
  }

  /** Bytes of an offered snapshot's state; undefined when it is offered no more. */
  async readOffered(height: number, offset: number, length: number): Promise<Uint8Array | undefined> {
    const { offered } = this;
    if (offered?.manifest.height !== height) return undefined;
    const file = await openFile(path.join(offered.dir, STATE), 'r');
    try {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, offered.manifest.bytes - offset)));
      let at = 0;
      while (at < bytes.length) {
        const { bytesRead } = await file.read(bytes, at, bytes.length - at, offset + at);
        if (bytesRead === 0) return undefined;
        at += bytesRead;
      }
      return bytes;
    } finally {
      await file.close();
    }
  }

  /** Begins to take a snapshot from another node. */
  take(manifest: SnapshotManifest): IncomingSnapshot {
    const dir = path.join(this.dir, 'incoming');
    remove(dir);
    makeFolder(dir);
    return new IncomingSnapshot(dir, manifest, () => this.keep({ dir, manifest }, 'base-'));
  }

  /**
   * Puts the base's state in the place of one that is older, or missing. Throws StateCorruptError when the base is not what it says;
   * then it is set aside.
   */
  restore(base: Snapshot, file: string): void {
    const { dir, manifest } = base;
    const source = path.join(dir, STATE);
    if (hashOfFile(source) !== manifest.sha256) this.refuse(base, 'its bytes are not those of its manifest');
    State.remove(file);
    copyFileSync(source, `${file}.new`, constants.COPYFILE_FICLONE);
    renameSync(`${file}.new`, file);
    if (existsSync(path.join(dir, CHECKED))) return;
    const state = new State(file);
    const table = state.mismatchedTable();
    state.close();
    if (table !== undefined) {
      State.remove(file);
      this.refuse(base, `the rows of ${table} are not what their digest says`);
    }
    writeFileDurably(path.join(dir, CHECKED), '');
  }

  private refuse({ dir, manifest }: Snapshot, reason: string): never {
    this.bases = this.bases.filter((base) => base.dir !== dir);
    const kept = path.join(this.dir, `bad-${manifest.height}`);
    remove(kept);
    renameSync(dir, kept);
    throw new StateCorruptError(`the snapshot of block ${manifest.height} is set aside as ${kept}: ${reason}`);
  }
}

const remove = (dir: string): void => rmSync(dir, { recursive: true, force: true });

/** The newest first. */
const basesIn = (folder: string): Snapshot[] =>
  readdirSync(folder)
    .map((name) => path.join(folder, name))
    .filter((dir) => path.basename(dir).startsWith('base-') && existsSync(path.join(dir, MANIFEST)))
    .map((dir) => ({ dir, manifest: JSON.parse(readFileSync(path.join(dir, MANIFEST), 'utf8')) as SnapshotManifest }))
    .sort((a, b) => b.manifest.height - a.manifest.height);

/** What the log of a group's folder begins from; undefined when it begins at the beginning. */
export function baseOf(groupDir: string): LogBase | undefined {
  const dir = path.join(groupDir, 'snapshots');
  return existsSync(dir) ? basesIn(dir)[0]?.manifest : undefined;
}

/** A snapshot on its way from another node. */
export class IncomingSnapshot {
  readonly manifest: SnapshotManifest;
  private readonly dir: string;
  private readonly fd: number;
  private readonly adopt: () => void;
  private readonly hash = createHash('sha256');
  /** Bytes that are here. */
  received = 0;

  constructor(dir: string, manifest: SnapshotManifest, adopt: () => void) {
    this.dir = dir;
    this.manifest = manifest;
    this.adopt = adopt;
    this.fd = openSync(path.join(dir, STATE), 'w', 0o600);
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += writeSync(this.fd, bytes, at, bytes.length - at, this.received + at);
    this.hash.update(bytes);
    this.received += bytes.length;
  }

  /** All is here: the next start goes on from it. False when it is not what its manifest says. */
  finish(): boolean {
    if (this.hash.digest('hex') !== this.manifest.sha256) {
      this.drop();
      return false;
    }
    fsyncSync(this.fd);
    closeSync(this.fd);
    writeFileDurably(path.join(this.dir, MANIFEST), JSON.stringify(this.manifest));
    this.adopt();
    return true;
  }

  drop(): void {
    closeSync(this.fd);
    remove(this.dir);
  }
}

/** The height that a state file stands at; −1 where there is none that can be read. */
export function heightOfState(file: string): number {
  if (!existsSync(file)) return -1;
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file);
    registerSortKeys(db);
    const row = db.prepare("SELECT value FROM meta WHERE name = 'position'").get();
    return row ? (JSON.parse(String(row['value'])) as StatePosition).height : 0;
  } catch {
    return -1;
  } finally {
    db?.close();
  }
}

const CHUNK_BYTES = 1 << 20;

/** Makes a file durable, and hashes it while others have their turn. */
async function hashFile(file: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  const handle = await openFile(file, 'r+');
  try {
    await handle.sync();
    for await (const chunk of handle.createReadStream({ highWaterMark: CHUNK_BYTES, autoClose: false }))
      hash.update(chunk as Buffer);
  } finally {
    await handle.close();
  }
  return { bytes: statSync(file).size, sha256: hash.digest('hex') };
}

function hashOfFile(file: string): string {
  const hash = createHash('sha256');
  const fd = openSync(file, 'r');
  const chunk = new Uint8Array(CHUNK_BYTES);
  try {
    for (let read = readSync(fd, chunk); read > 0; read = readSync(fd, chunk)) hash.update(chunk.subarray(0, read));
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}
