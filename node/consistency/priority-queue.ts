/** The least item first. Those that it is made with are sorted once; those that come later go through a binary heap. */
export class PriorityQueue<T> {
  private readonly first: readonly T[];
  private at = 0;
  private readonly heap: T[] = [];
  private readonly compare: (a: T, b: T) => number;

  constructor(compare: (a: T, b: T) => number, items: Iterable<T> = []) {
    this.compare = compare;
    this.first = [...items].sort(compare);
  }

  push(item: T): void {
    const { heap, compare } = this;
    let at = heap.length;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up] as T;
      if (compare(parent, item) <= 0) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = item;
  }

  pop(): T | undefined {
    const { first, heap, compare } = this;
    const isFromHeap = heap.length > 0 && (this.at === first.length || compare(heap[0] as T, first[this.at] as T) < 0);
    return isFromHeap ? this.popHeap() : first[this.at++];
  }

  private popHeap(): T | undefined {
    const { heap } = this;
    const least = heap[0];
    const last = heap.pop();
    if (heap.length > 0) this.sink(last as T);
    return least;
  }

  /** Puts an item where the first one of the heap was. */
  private sink(item: T): void {
    const { heap, compare } = this;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && compare(heap[child + 1] as T, heap[child] as T) < 0) child++;
      if (compare(item, heap[child] as T) <= 0) break;
      heap[at] = heap[child] as T;
      at = child;
    }
    heap[at] = item;
  }
}
