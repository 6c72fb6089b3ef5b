/**
 * A map that may have millions of keys. JavaScript's own moves all that it has, in one go, whenever it has doubled: with a million keys
 * that takes a tenth of a second. This one grows part by part.
 */
const PARTS = 1024;
/** With fewer it is one map. */
const SMALL = 4096;

export class WideMap<K extends string | number | bigint, V> {
  private parts: Map<K, V>[] = [new Map<K, V>()];
  size = 0;

  private partOf(key: K): Map<K, V> {
    return this.parts[this.parts.length === 1 ? 0 : placeOf(key)] as Map<K, V>;
  }

  get(key: K): V | undefined {
    return this.partOf(key).get(key);
  }

  has(key: K): boolean {
    return this.partOf(key).has(key);
  }

  set(key: K, value: V): void {
    const part = this.partOf(key);
    const before = part.size;
    part.set(key, value);
    this.size += part.size - before;
    if (this.parts.length === 1 && this.size > SMALL) this.split();
  }

  private split(): void {
    const [all] = this.parts;
    this.parts = Array.from({ length: PARTS }, () => new Map<K, V>());
    for (const [key, value] of all ?? []) this.partOf(key).set(key, value);
  }

  delete(key: K): boolean {
    const isGone = this.partOf(key).delete(key);
    if (isGone) this.size--;
    return isGone;
  }

  clear(): void {
    this.parts = [new Map<K, V>()];
    this.size = 0;
  }

  /** In no particular order. Keys may be deleted meanwhile. */
  *[Symbol.iterator](): Generator<[K, V], void, undefined> {
    for (const part of this.parts) yield* part;
  }

  *keys(): Generator<K, void, undefined> {
    for (const part of this.parts) yield* part.keys();
  }
}

/** By its last characters, where texts of one kind differ most, or its low bits. */
function placeOf(key: string | number | bigint): number {
  if (typeof key === 'number') return key & (PARTS - 1);
  if (typeof key === 'bigint') return Number(BigInt.asUintN(10, key));
  let place = 0;
  for (let i = Math.max(0, key.length - 4); i < key.length; i++) place = place * 37 + key.charCodeAt(i);
  return place & (PARTS - 1);
}
