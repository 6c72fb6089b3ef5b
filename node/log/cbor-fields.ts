/** The fields that messages and records are made of, within bounds: whoever sent them may have sent anything. All throw DecodeError. */
import { DecodeError, type CborReader } from './cbor.ts';

/** The head of an array of so many items. */
export function expectArray(reader: CborReader, length: number): void {
  if (reader.array() !== length) throw new DecodeError(`expected ${length} items at ${reader.offset}`);
}

/** An array of at most `max` items. */
export function readList<T>(reader: CborReader, max: number, item: (reader: CborReader) => T): T[] {
  const length = reader.array();
  if (length > max) throw new DecodeError(`${length} items where ${max} are the most`);
  const items: T[] = [];
  for (let n = 0; n < length; n++) items.push(item(reader));
  return items;
}

export function readNumber(reader: CborReader, min: number, max: number): number {
  const value = reader.int();
  if (value < min || value > max) throw new DecodeError(`a number out of bounds at ${reader.offset}`);
  return value;
}

export function readBool(reader: CborReader): boolean {
  const value = reader.scalar();
  if (typeof value !== 'boolean') throw new DecodeError(`expected a boolean at ${reader.offset}`);
  return value;
}

/** A copy, so that what is kept does not hold on to the message that brought it. */
export function readBytes(reader: CborReader, min: number, max: number): Uint8Array {
  const bytes = reader.data();
  if (bytes.length < min || bytes.length > max) throw new DecodeError(`${bytes.length} bytes at ${reader.offset}`);
  return bytes.slice();
}
