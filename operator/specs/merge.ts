/** Lays `over` on `base`: objects field by field, lists of named things by their names, everything else as a whole; null removes. */
export function mergeNamed(base: unknown, over: unknown): unknown {
  if (isNamedList(base) && isNamedList(over)) {
    const merged = base.map((item) => mergeNamed(item, over.find((other) => other.name === item.name) ?? {}));
    return [...merged, ...over.filter((other) => !base.some((item) => item.name === other.name))];
  }
  if (!isObject(base) || !isObject(over)) return over;
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    if (value === null) delete result[key];
    else result[key] = key in base ? mergeNamed(base[key], value) : value;
  }
  return result;
}

interface Named {
  readonly name: string;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

const isNamedList = (value: unknown): value is readonly Named[] => Array.isArray(value) && value.every(isNamed);

const isNamed = (value: unknown): value is Named => isObject(value) && typeof value['name'] === 'string';
