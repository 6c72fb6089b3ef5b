/** Two by two, so that the depth grows as slowly as it can. */
export function balanced<T>(operands: readonly T[], join: (left: T, right: T) => T): T {
  let level = operands;
  while (level.length > 1)
    level = level.flatMap((left, i) => {
      if (i % 2 === 1) return [];
      const right = level[i + 1];
      return [right === undefined ? left : join(left, right)];
    });
  return level[0] as T;
}
