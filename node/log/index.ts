/** The signed, hash-linked log: entries, transactions and segments as bytes. Pure; the disk is an adapter in store/. */
export * from './block.ts';
export * from './cbor-fields.ts';
export { CborReader, CborWriter, DecodeError } from './cbor.ts';
export * from './chain.ts';
export * from './entry.ts';
export * from './segment.ts';
export * from './transaction.ts';
