/** In which class a conversion to a type reads its source. */
import type { ArgClass } from '../functions/index.ts';
import type { SqlType } from '../types/index.ts';

const CLASS_OF: Readonly<Record<SqlType['kind'], ArgClass>> = {
  int: 'int',
  bit: 'int',
  year: 'int',
  decimal: 'decimal',
  float: 'real',
  double: 'real',
  date: 'date',
  time: 'time',
  datetime: 'datetime',
  timestamp: 'datetime',
  string: 'text',
  binary: 'bytes',
  json: 'json',
  enum: 'any',
  set: 'any',
  geometry: 'bytes',
  null: 'any',
};

export const classOf = (type: SqlType): ArgClass => CLASS_OF[type.kind];
