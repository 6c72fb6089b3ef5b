import { compare, fromNumber, toNumber } from './decimal.ts';
import { isArray, isObject, readJson } from './json.ts';
import type { Json } from './json.ts';

/**
 * Text whose order by code point is MySQL's order of JSON values, so that SQLite can sort and compare by it.
 * Kinds start with their own character; strings and containers end with one below any that can follow.
 */
export function jsonSortKey(text: string): string {
  return keyOf(readJson(text));
}

const view = new DataView(new ArrayBuffer(8));

/** A double's bits, turned so that they sort as unsigned. */
function doubleKey(value: number): string {
  view.setFloat64(0, value === 0 ? 0 : value);
  const bits = view.getBigUint64(0);
  const turned = bits >> 63n === 1n ? ~bits & 0xffffffffffffffffn : bits | 0x8000000000000000n;
  return turned.toString(16).padStart(16, '0');
}

function numberKey(json: Exclude<Json, null | boolean | string>): string {
  if (typeof json === 'number') return doubleKey(json) + '8';
  if (typeof json === 'bigint') {
    // Several integers can share their nearest double: their distance from it tells them apart.
    const double = Number(json);
    const distance = json - BigInt(double);
    return (
      doubleKey(double) +
      (distance === 0n
        ? '8'
        : distance < 0n
          ? `7${(distance + 4096n).toString().padStart(4, '0')}`
          : `9${distance.toString().padStart(4, '0')}`)
    );
  }
  if ('unscaled' in json) {
    const double = toNumber(json);
    const order = compare(json, fromNumber(double));
    return doubleKey(double) + (order === 0 ? '8' : order < 0 ? '7' : '9');
  }
  return '';
}

function keyOf(json: Json): string {
  if (json === null) return '1';
  if (typeof json === 'string') return `3${escape(json)}\x01`;
  if (typeof json === 'boolean') return json ? '61' : '60';
  if (isArray(json)) return `5${json.map(keyOf).join('')}\x01`;
  if (isObject(json)) {
    const members = [...json].map(([key, value]) => `${length(key)}${escape(key)}\x01${keyOf(value)}`);
    return `4${length(members)}${members.join('')}`;
  }
  return `2${numberKey(json)}`;
}

const length = (list: { readonly length: number }): string => list.length.toString(36).padStart(6, '0');

/** U+0000 and U+0001 would be taken for the end. */
function escape(text: string): string {
  return text.replace(/[\0-\x02]/g, (c) => `\x02${String.fromCharCode(c.charCodeAt(0) + 1)}`);
}
