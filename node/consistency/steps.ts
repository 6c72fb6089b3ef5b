/**
 * Work that may be long, as a generator: it yields where it may pause. Who runs it decides whether others have their turn there. What
 * it works on is not to be touched by anybody else before it has ended.
 */
export type Steps<T> = Generator<undefined, T, undefined>;

/** So many rows or keys between two places where work may pause. */
export const STEP_ROWS = 100;

/** Runs it to its end, here and now. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const next = steps.next();
    if (next.done === true) return next.value;
  }
}
