import { compareJson, findAll, isArray, isObject, memberLeg, printJson, utf8Length } from '../values/index.ts';
import type { Json, JsonPath } from '../values/index.ts';

/** What JSON functions ask of whole values: containment, overlap, search, size. */

/** JSON_CONTAINS: arrays contain the elements of arrays, objects the members of objects, scalars their equals. */
export function contains(target: Json, candidate: Json): boolean {
  if (isArray(target)) {
    const items = isArray(candidate) ? candidate : [candidate];
    return items.every((item) => target.some((own) => !(isArray(item) && !isArray(own)) && contains(own, item)));
  }
  if (isObject(target)) {
    if (!isObject(candidate)) return false;
    for (const [key, value] of candidate) {
      const own = target.get(key);
      if (own === undefined || !contains(own, value)) return false;
    }
    return true;
  }
  return !isArray(candidate) && !isObject(candidate) && compareJson(target, candidate) === 0;
}

export function overlaps(a: Json, b: Json): boolean {
  if (isObject(a) && isObject(b)) {
    for (const [key, value] of a) {
      const other = b.get(key);
      if (other !== undefined && compareJson(value, other) === 0) return true;
    }
    return false;
  }
  const [left, right] = [isArray(a) ? a : [a], isArray(b) ? b : [b]];
  return left.some((x) => right.some((y) => compareJson(x, y) === 0));
}

/** Paths of the strings within a value that match. */
export function search(value: Json, at: string, matches: (text: string) => boolean, found: Set<string>): void {
  if (typeof value === 'string') {
    if (matches(value)) found.add(at);
  } else if (isArray(value)) value.forEach((item, i) => search(item, `${at}[${i}]`, matches, found));
  else if (isObject(value)) for (const [key, item] of value) search(item, at + memberLeg(key), matches, found);
}

/** Values at a path with the text of the path that leads to each. */
export function located(value: Json, path: JsonPath): [string, Json][] {
  let places: [string, Json][] = [['$', value]];
  const below = ([at, json]: [string, Json]): [string, Json][] => {
    if (isArray(json)) return json.map((item, i) => [`${at}[${i}]`, item]);
    return isObject(json) ? [...json].map(([key, item]) => [at + memberLeg(key), item]) : [];
  };
  const deep = (place: [string, Json]): [string, Json][] => [place, ...below(place).flatMap(deep)];
  for (const leg of path.legs) {
    places = places.flatMap((place) => {
      if (leg.kind === 'anyDepth') return deep(place);
      const children = below(place);
      const found = findAll(place[1], { legs: [leg], many: true });
      const hits = children.filter(([, json]) => found.includes(json));
      return hits.length > 0 ? hits : found.includes(place[1]) ? [place] : [];
    });
  }
  return places;
}

/** Bytes of MySQL's binary form of a value, one for its type included. */
export function storageSize(value: Json): number {
  const inlined = (v: Json): boolean =>
    v === null || typeof v === 'boolean' || (typeof v === 'bigint' && v >= -32768n && v <= 65535n);
  const size = (v: Json): number => {
    if (v === null || typeof v === 'boolean') return 1;
    if (typeof v === 'bigint') return v >= -32768n && v <= 65535n ? 2 : v >= -2147483648n && v <= 4294967295n ? 4 : 8;
    if (typeof v === 'number') return 8;
    if (typeof v === 'string') {
      const bytes = utf8Length(v);
      return bytes + (bytes < 128 ? 1 : bytes < 16384 ? 2 : 3);
    }
    if (isArray(v)) return 4 + v.reduce((sum: number, item) => sum + 3 + (inlined(item) ? 0 : size(item)), 0);
    if (isObject(v)) {
      return (
        4 + [...v].reduce((sum, [key, item]) => sum + 4 + utf8Length(key) + 3 + (inlined(item) ? 0 : size(item)), 0)
      );
    }
    return 4 + Math.ceil(printJson(v).length / 2);
  };
  return size(value) + 1;
}

export function member(value: Json, list: Json): boolean {
  return (isArray(list) ? list : [list]).some((item) => compareJson(item, value) === 0);
}
