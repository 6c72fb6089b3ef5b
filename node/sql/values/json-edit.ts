import { isArray, isObject, objectOf } from './json.ts';
import type { Json, JsonArray } from './json.ts';
import { positionOf } from './json-path.ts';
import type { JsonPath, Leg } from './json-path.ts';

/** What to do where the path's last leg points. */
export interface Edit {
  /** Given the value there; undefined takes it away. */
  readonly existing: (value: Json) => Json | undefined;
  /** The value to put where there is none yet. */
  readonly missing?: Json;
}

/** The document with an edit at a path without wildcards; the same where the path leads nowhere. */
export function editAt(json: Json, path: JsonPath, edit: Edit): Json {
  if (path.legs.length === 0) return edit.existing(json) ?? json;
  return editLeg(json, path.legs, 0, edit) ?? json;
}

function editLeg(json: Json, legs: readonly Leg[], at: number, edit: Edit): Json | undefined {
  const leg = legs[at];
  if (leg === undefined) return edit.existing(json);
  const last = at === legs.length - 1;
  if (leg.kind === 'member') {
    if (!isObject(json)) return json;
    const value = json.get(leg.name);
    if (value === undefined) {
      return last && edit.missing !== undefined ? objectOf([...json, [leg.name, edit.missing]]) : json;
    }
    const changed = editLeg(value, legs, at + 1, edit);
    if (changed === value) return json;
    const members = new Map(json);
    if (changed === undefined) members.delete(leg.name);
    else members.set(leg.name, changed);
    return members;
  }
  if (leg.kind !== 'item') return json;
  if (!isArray(json)) {
    if (positionOf(leg.index, 1) === 0) return editLeg(json, legs, at + 1, edit);
    if (!last || edit.missing === undefined) return json;
    return leg.index.fromLast ? [edit.missing, json] : [json, edit.missing];
  }
  const position = positionOf(leg.index, json.length);
  if (position < 0 || position >= json.length) {
    if (!last || edit.missing === undefined) return json;
    return position < 0 ? [edit.missing, ...json] : [...json, edit.missing];
  }
  const value = json[position] as Json;
  const changed = editLeg(value, legs, at + 1, edit);
  if (changed === value) return json;
  return changed === undefined ? json.toSpliced(position, 1) : json.with(position, changed);
}

/** JSON_ARRAY_INSERT at one path, whose last leg is an array's cell. */
export function insertInArray(json: Json, path: JsonPath, value: Json): Json {
  const cell = path.legs.at(-1);
  if (cell?.kind !== 'item') return json;
  const parent = { legs: path.legs.slice(0, -1), many: false };
  return editAt(json, parent, {
    existing: (array) => {
      if (!isArray(array)) return array;
      const position = positionOf(cell.index, array.length);
      return array.toSpliced(Math.max(0, Math.min(array.length, position)), 0, value);
    },
  });
}

const wrapped = (json: Json): JsonArray => (isArray(json) ? json : [json]);

/** JSON_MERGE_PRESERVE. */
export function mergePreserve(a: Json, b: Json): Json {
  if (isObject(a) && isObject(b)) {
    const members = new Map(a);
    for (const [key, value] of b) {
      const own = members.get(key);
      members.set(key, own === undefined ? value : mergePreserve(own, value));
    }
    return objectOf(members);
  }
  return [...wrapped(a), ...wrapped(b)];
}

/** JSON_MERGE_PATCH, as RFC 7396 has it. */
export function mergePatch(target: Json, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const members = new Map(isObject(target) ? target : []);
  for (const [key, value] of patch) {
    if (value === null) members.delete(key);
    else members.set(key, mergePatch(members.get(key) ?? null, value));
  }
  return objectOf(members);
}
