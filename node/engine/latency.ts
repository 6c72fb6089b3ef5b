/** How long statements and commits take: counted at the cost of a few comparisons, since it stands in the way of each. */

/** 50 µs to 10 s, about two buckets for each power of ten. */
const BOUNDS: readonly number[] = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

export class LatencyHistogram {
  /** Upper bounds of the buckets, in seconds. */
  readonly bounds = BOUNDS;
  /** How many fell into each bucket alone; one more at the end. */
  readonly counts = new Float64Array(BOUNDS.length + 1);
  sum = 0;

  observe(seconds: number): void {
    const bounds = this.bounds;
    let bucket = 0;
    while (bucket < bounds.length && seconds > (bounds[bucket] as number)) bucket++;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sum += seconds;
  }
}

/** Histograms by a word. */
export class Latencies {
  readonly by = new Map<string, LatencyHistogram>();

  constructor(words: readonly string[] = []) {
    for (const word of words) this.by.set(word, new LatencyHistogram());
  }

  observe(word: string, seconds: number): void {
    let histogram = this.by.get(word);
    if (!histogram) this.by.set(word, (histogram = new LatencyHistogram()));
    histogram.observe(seconds);
  }
}
