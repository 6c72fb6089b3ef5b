/**
 * Last known addresses of the members, kept from one run to the next in `peers.json`:
 * `{"<node id>": ["<multiaddr>", …], …}`. It only saves searching: a file that is missing or damaged counts as empty.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isNodeId } from './node-id.ts';
import type { NodeId } from './ports.ts';

export const ADDRESSES_MAX = 8;

export class AddressBook {
  private readonly file: string | undefined;
  private readonly addresses = new Map<NodeId, readonly string[]>();
  private changed = false;

  constructor(dataFolder: string | undefined) {
    this.file = dataFolder === undefined ? undefined : path.join(dataFolder, 'peers.json');
    if (this.file === undefined) return;
    let content: unknown;
    try {
      content = JSON.parse(readFileSync(this.file, 'utf8'));
    } catch {
      return;
    }
    if (typeof content !== 'object' || content === null) return;
    for (const [id, known] of Object.entries(content)) {
      if (isNodeId(id) && Array.isArray(known))
        this.addresses.set(id, known.filter((a) => typeof a === 'string').slice(0, ADDRESSES_MAX));
    }
  }

  of(id: NodeId): readonly string[] {
    return this.addresses.get(id) ?? [];
  }

  /** Says whether that is new. */
  set(id: NodeId, addresses: readonly string[]): boolean {
    const kept = addresses.slice(0, ADDRESSES_MAX);
    if (kept.length === 0 || kept.join(' ') === this.of(id).join(' ')) return false;
    this.addresses.set(id, kept);
    this.changed = true;
    return true;
  }

  all(): Record<NodeId, readonly string[]> {
    return Object.fromEntries(this.addresses);
  }

  keepOnly(members: ReadonlySet<NodeId>): void {
    for (const id of this.addresses.keys()) {
      if (members.has(id)) continue;
      this.addresses.delete(id);
      this.changed = true;
    }
  }

  /** Writes the file if there is something new. Throws the file system's error. */
  save(): void {
    if (!this.changed || this.file === undefined) return;
    this.changed = false;
    // No fsync: after a crash the old file does as well.
    writeFileSync(`${this.file}.new`, JSON.stringify(this.all(), undefined, 1) + '\n', {
      mode: 0o600,
    });
    renameSync(`${this.file}.new`, this.file);
  }
}
