/** Whether an object is what the operator wants it to be. */
import { amountOf } from '../api/index.ts';
import { digestOf, hashOf, HASH_ANNOTATION, type KubeObject } from '../specs/index.ts';

/** The object with the hash of itself, by which is seen that something was taken out of it. */
export function stamped(object: KubeObject): KubeObject {
  const annotations = { ...object.metadata.annotations, [HASH_ANNOTATION]: hashOf(object) };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

/** `desired` is stamped. What the API server or others added is no difference; what others changed is one. */
export const differs = (desired: KubeObject, observed: KubeObject | undefined): boolean =>
  observed === undefined || !isWithin(desired, observed);

function isWithin(part: unknown, whole: unknown): boolean {
  if (Array.isArray(part)) {
    if (!Array.isArray(whole) || part.length !== whole.length) return false;
    return part.every((item, i) => isWithin(item, whole[i]));
  }
  if (part !== null && typeof part === 'object') {
    const isThere = whole !== null && typeof whole === 'object';
    return Object.entries(part).every(([key, value]) => {
      const there = isThere ? (whole as Record<string, unknown>)[key] : undefined;
      // The API server leaves out what is empty.
      return value === undefined || (there === undefined ? isEmpty(value) : isWithin(value, there));
    });
  }
  return part === whole || isSameAmount(part, whole) || (typeof part === 'string' && digestOf(part) === whole);
}

const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === false ||
  value === '' ||
  (typeof value === 'object' && Object.values(value).every(isEmpty));

/** 1.5Ti is kept as 1536Gi. */
const isSameAmount = (a: unknown, b: unknown): boolean =>
  typeof a === 'string' && typeof b === 'string' && amountOf(a) === amountOf(b);
