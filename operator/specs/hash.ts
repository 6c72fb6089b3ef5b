import { createHash } from 'node:crypto';

/** Of the value's JSON with its keys in order: 16 hex digits. */
export const hashOf = (value: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(value, (_key, inner: unknown) => ordered(inner)))
    .digest('hex')
    .slice(0, 16);

function ordered(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Texts longer than this are kept as their digest where they are only compared. */
const LONG = 4096;

/** The text itself while it is short. */
export const digestOf = (text: string): string => (text.length > LONG ? `digest:${hashOf(text)}` : text);
