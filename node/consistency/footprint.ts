/**
 * What a run of a transaction looked at and what it changed, as keys: rows, values of unique keys, parents of foreign keys.
 * Two transactions commute when neither writes what the other touches.
 */
export interface Footprint {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** A schema change: it commutes with nothing. */
  readonly everything?: boolean;
}

/** Who touched which key. */
export class FootprintIndex<N extends { readonly footprint: Footprint | undefined }> {
  private readonly readers = new Map<string, Set<N>>();
  private readonly writers = new Map<string, Set<N>>();

  add(node: N, footprint: Footprint): void {
    for (const key of footprint.reads) put(this.readers, key, node);
    for (const key of footprint.writes) put(this.writers, key, node);
  }

  remove(node: N, footprint: Footprint): void {
    for (const key of footprint.reads) take(this.readers, key, node);
    for (const key of footprint.writes) take(this.writers, key, node);
  }

  /** Calls `found` for each node that does not commute with the footprint; a node may come more than once. */
  conflicting(footprint: Footprint, found: (node: N) => void): void {
    for (const key of footprint.writes) {
      this.readers.get(key)?.forEach(found);
      this.writers.get(key)?.forEach(found);
    }
    for (const key of footprint.reads) this.writers.get(key)?.forEach(found);
  }
}

function put<N>(map: Map<string, Set<N>>, key: string, node: N): void {
  const set = map.get(key);
  if (set) set.add(node);
  else map.set(key, new Set([node]));
}

function take<N>(map: Map<string, Set<N>>, key: string, node: N): void {
  const set = map.get(key);
  if (set?.delete(node) && set.size === 0) map.delete(key);
}
