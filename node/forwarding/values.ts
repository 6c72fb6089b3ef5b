/**
 * Values as DAG-CBOR, each exactly as it was: an integer is a number, a number that is no integer a float, a bigint
 * within ±2^53 an array of one, so that it does not come back as a number. A parameter is [ kind, value ].
 */
import { type CborReader, type CborWriter, DecodeError, expectArray, readBool } from '../log/index.ts';
import type { ParameterValue, WireValue } from '../server/index.ts';
import { readChoice } from './columns.ts';

const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

export function writeValue(out: CborWriter, value: WireValue): void {
  if (value === null) out.null();
  else if (typeof value === 'string') out.text(value);
  else if (typeof value === 'number') {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) out.int(value);
    else out.float(value);
  } else if (typeof value === 'bigint') {
    if (value >= -SAFE && value <= SAFE) out.array(1).int(Number(value));
    else out.bigint(value);
  } else out.data(value);
}

export function readValue(from: CborReader): WireValue {
  if (from.nextIsArray) {
    expectArray(from, 1);
    return BigInt(from.int());
  }
  const value = from.scalar();
  if (typeof value === 'boolean') throw new DecodeError(`a boolean at ${from.offset}`);
  return value;
}

export function readInteger(from: CborReader): number | bigint {
  const value = readValue(from);
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value))
    throw new DecodeError(`expected an integer at ${from.offset}`);
  return value as number | bigint;
}

const PARAMETERS = [
  'null',
  'int',
  'double',
  'decimal',
  'string',
  'bytes',
  'date',
  'datetime',
  'time',
] as const satisfies ParameterValue['kind'][];

export function writeParameter(out: CborWriter, parameter: ParameterValue): void {
  const begin = (fields: number): CborWriter => out.array(1 + fields).int(PARAMETERS.indexOf(parameter.kind));
  switch (parameter.kind) {
    case 'null':
      begin(0);
      break;
    case 'int':
      writeValue(begin(2), parameter.value);
      out.bool(parameter.unsigned);
      break;
    case 'double':
      begin(1).float(parameter.value);
      break;
    case 'bytes':
      begin(1).data(parameter.bytes);
      break;
    case 'decimal':
    case 'string':
    case 'date':
    case 'datetime':
    case 'time':
      begin(1).text(parameter.text);
      break;
  }
}

export function readParameter(from: CborReader): ParameterValue {
  const fields = from.array() - 1;
  const kind = readChoice(from, PARAMETERS);
  if (fields !== (kind === 'null' ? 0 : kind === 'int' ? 2 : 1)) throw new DecodeError(`${kind} with ${fields} fields`);
  switch (kind) {
    case 'null':
      return { kind };
    case 'int':
      return { kind, value: readInteger(from), unsigned: readBool(from) };
    case 'double': {
      const value = from.scalar();
      if (typeof value !== 'number') throw new DecodeError(`expected a double at ${from.offset}`);
      return { kind, value };
    }
    case 'bytes':
      return { kind, bytes: from.data() };
    case 'decimal':
    case 'string':
    case 'date':
    case 'datetime':
    case 'time':
      return { kind, text: from.text() };
  }
}
