/** Time, as the replica needs it: a port, so that the simulator's time drives the same code. */
export interface Clock {
  /** Milliseconds since 1970; may jump. Decides nothing. */
  now(): number;
  /** Milliseconds that only grow. */
  elapsed(): number;
  /** Runs `work` at the end of the turn. */
  defer(work: () => void): void;
  /** Runs `work` after some milliseconds; the returned function prevents it. */
  after(milliseconds: number, work: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  defer: (work) => void setImmediate(work),
  after: (milliseconds, work) => {
    const timer = setTimeout(work, milliseconds);
    return () => clearTimeout(timer);
  },
};
