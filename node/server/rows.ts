/** Rows of result sets, in the text protocol and in the binary one. */
import type { Charset } from './charsets.ts';
import { type ColumnSet, Encoding } from './columns.ts';
import { formatDouble, formatFixed, formatFloat } from './numbers.ts';
import type { Output } from './output.ts';
import type { ColumnDefinition, WireValue } from './ports.ts';

/** The payload of a row in the text protocol: each value as text with its length, 0xfb for NULL. */
export function writeTextRow(out: Output, set: ColumnSet, values: readonly WireValue[]): void {
  const encodings = set.text;
  for (let i = 0; i < encodings.length; i++) {
    const value = values[i];
    if (value === null || value === undefined) {
      out.u8(0xfb);
    } else if (typeof value === 'number') {
      writeNumber(out, set, i, value);
    } else if (typeof value === 'string') {
      writeString(out, value, set.charset);
    } else if (typeof value === 'bigint') {
      writeAscii(out, pad(value.toString(), set.columns[i] as ColumnDefinition));
    } else {
      out.lengthBytes(value);
    }
  }
}

function writeNumber(out: Output, set: ColumnSet, index: number, value: number): void {
  const encoding = set.text[index] as number;
  if (encoding === Encoding.INTEGER || (encoding === Encoding.PLAIN && Number.isSafeInteger(value))) {
    out.lengthInteger(value);
    return;
  }
  const column = set.columns[index] as ColumnDefinition;
  switch (encoding) {
    case Encoding.FLOAT:
      writeAscii(out, formatFloat(value));
      break;
    case Encoding.FIXED:
      writeAscii(out, formatFixed(value, scaleOf(column)));
      break;
    case Encoding.YEAR:
      writeAscii(out, String(value).padStart(4, '0'));
      break;
    case Encoding.ZEROFILL:
      writeAscii(out, pad(String(value), column));
      break;
    default:
      writeAscii(out, formatDouble(value));
  }
}

const scaleOf = ({ type }: ColumnDefinition): number =>
  (type.kind === 'float' || type.kind === 'double') && type.digits !== undefined ? type.digits[1] : 0;

const pad = (digits: string, { type }: ColumnDefinition): string =>
  type.kind === 'int' && type.zerofill === true ? digits.padStart(type.width ?? 0, '0') : digits;

function writeString(out: Output, value: string, charset: Charset | undefined): void {
  if (charset === undefined || charset.utf8) out.lengthText(value);
  else out.lengthBytes(charset.encode(value));
}

const writeAscii = (out: Output, value: string): void => out.lengthText(value);

/** The payload of a row in the binary protocol: `00`, a bitmap of NULLs that starts at bit 2, then the values. */
export function writeBinaryRow(out: Output, set: ColumnSet, values: readonly WireValue[]): void {
  const encodings = set.binary;
  const bitmapLength = (encodings.length + 9) >> 3;
  out.ensure(1 + bitmapLength);
  const bitmap = out.position + 1;
  // In a loop: a call into the runtime costs more than so few bytes.
  const end = bitmap + bitmapLength;
  for (let at = out.position; at < end; at++) out.buffer[at] = 0;
  out.position = end;
  for (let i = 0; i < encodings.length; i++) {
    const value = values[i];
    if (value === null || value === undefined) {
      const at = bitmap + ((i + 2) >> 3);
      out.buffer[at] = (out.buffer[at] as number) | (1 << ((i + 2) & 7));
      continue;
    }
    switch (encodings[i]) {
      case Encoding.INT8:
        out.u8(Number(value));
        break;
      case Encoding.INT16:
        out.u16(Number(value));
        break;
      case Encoding.INT32:
        out.u32(Number(value));
        break;
      case Encoding.INT64:
        out.u64(typeof value === 'number' || typeof value === 'bigint' ? value : BigInt(String(value)));
        break;
      case Encoding.BINARY_FLOAT:
        out.f32(Number(value));
        break;
      case Encoding.BINARY_DOUBLE:
        out.f64(Number(value));
        break;
      case Encoding.DATETIME:
        writeDateTime(out, String(value));
        break;
      case Encoding.TIME:
        writeTime(out, String(value));
        break;
      default:
        if (typeof value === 'string') writeString(out, value, set.charset);
        else if (typeof value === 'number') writeNumber(out, set, i, value);
        else if (typeof value === 'bigint') writeAscii(out, value.toString());
        else out.lengthBytes(value);
    }
  }
}

/** The digits of `text` from `from` up to `to` as a number; what is not there counts as 0. */
function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i) - 48;
    value = value * 10 + (code >= 0 && code <= 9 ? code : 0);
  }
  return value;
}

/** Microseconds of the fraction that starts at `point`, which may have fewer than six digits. */
const fraction = (text: string, point: number): number =>
  text.charCodeAt(point) === 46 ? digits(text, point + 1, point + 7) : 0;

/** DATE, DATETIME, TIMESTAMP: 0, 4, 7 or 11 bytes, as many as the value needs. */
function writeDateTime(out: Output, text: string): void {
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 7);
  const day = digits(text, 8, 10);
  const hasTime = text.length > 10;
  const hour = hasTime ? digits(text, 11, 13) : 0;
  const minute = hasTime ? digits(text, 14, 16) : 0;
  const second = hasTime ? digits(text, 17, 19) : 0;
  const micro = fraction(text, 19);
  const length = micro > 0 ? 11 : (hour | minute | second) > 0 ? 7 : (year | month | day) > 0 ? 4 : 0;
  out.ensure(12);
  out.u8(length);
  if (length === 0) return;
  out.u16(year);
  out.u8(month);
  out.u8(day);
  if (length === 4) return;
  out.u8(hour);
  out.u8(minute);
  out.u8(second);
  if (length === 11) out.u32(micro);
}

/** TIME: 0, 8 or 12 bytes: sign, days, hours, minutes, seconds, microseconds. */
function writeTime(out: Output, text: string): void {
  const negative = text.startsWith('-');
  const start = negative ? 1 : 0;
  const colon = text.indexOf(':', start);
  const hours = digits(text, start, colon < 0 ? start : colon);
  const minute = digits(text, colon + 1, colon + 3);
  const second = digits(text, colon + 4, colon + 6);
  const micro = fraction(text, colon + 6);
  const length = micro > 0 ? 12 : (hours | minute | second) > 0 ? 8 : 0;
  out.ensure(13);
  out.u8(length);
  if (length === 0) return;
  out.u8(negative ? 1 : 0);
  out.u32(Math.floor(hours / 24));
  out.u8(hours % 24);
  out.u8(minute);
  out.u8(second);
  if (length === 12) out.u32(micro);
}
