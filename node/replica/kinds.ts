/** The first byte of a message between members says whose it is. */
export const SYNC = 0;
export const CONSENSUS = 1;
export const ASK_BLOCKS = 2;
export const BLOCKS = 3;
export const DIFFERS = 4;
export const PIECE = 5;
export const SNAPSHOT = 6;
export const BLOCKS_PRUNED = 7;
export const STAY = 8;
export const FORK = 9;

/** A message behind the byte that says of what kind it is. */
export function framed(kind: number, message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(message.length + 1);
  bytes[0] = kind;
  bytes.set(message, 1);
  return bytes;
}
