import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  byteLength,
  charLength,
  decodeText,
  encodeText,
  isEncodable,
  utf8Length,
} from '../../../node/sql/values/index.ts';

describe('character sets', () => {
  it('decode what they encode', () => {
    const sets = ['utf8mb4', 'utf16', 'utf16le', 'utf32', 'utf8mb3', 'ucs2', 'latin1', 'ascii'];
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom(...sets), (text, charset) => {
        fc.pre(isEncodable(text, charset));
        const bytes = encodeText(text, charset);
        assert.equal(decodeText(bytes, charset), text);
        assert.equal(byteLength(text, charset), bytes.length);
      }),
    );
  });

  it('count characters and bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.equal(charLength(text), Array.from(text).length);
        assert.equal(utf8Length(text), Buffer.byteLength(text));
      }),
    );
  });

  it('have latin1 as cp1252', () => {
    assert.deepEqual(encodeText('€ é я', 'latin1'), Uint8Array.of(0x80, 0x20, 0xe9, 0x20, 0x3f));
    assert.equal(decodeText(Uint8Array.of(0x80, 0x81, 0xff), 'latin1'), '€\u0081ÿ');
  });

  it('refuse bytes that are none of theirs', () => {
    assert.equal(decodeText(Uint8Array.of(0x41, 0xff), 'utf8mb4'), undefined);
    assert.equal(decodeText(Uint8Array.of(0x80), 'ascii'), undefined);
    assert.equal(decodeText(Uint8Array.of(0xd8, 0x00), 'utf16'), undefined);
  });
});
