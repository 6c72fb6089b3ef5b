import type { IntervalUnit } from './ast.ts';
import type { Parser } from './parser.ts';

const SINGLE: Readonly<Record<string, IntervalUnit>> = {
  MICROSECOND: 'microsecond',
  SECOND: 'second',
  MINUTE: 'minute',
  HOUR: 'hour',
  DAY: 'day',
  WEEK: 'week',
  MONTH: 'month',
  QUARTER: 'quarter',
  YEAR: 'year',
  SQL_TSI_SECOND: 'second',
  SQL_TSI_MINUTE: 'minute',
  SQL_TSI_HOUR: 'hour',
  SQL_TSI_DAY: 'day',
  SQL_TSI_WEEK: 'week',
  SQL_TSI_MONTH: 'month',
  SQL_TSI_QUARTER: 'quarter',
  SQL_TSI_YEAR: 'year',
};

const COMPOUND: Readonly<Record<string, IntervalUnit>> = {
  SECOND_MICROSECOND: 'second_microsecond',
  MINUTE_MICROSECOND: 'minute_microsecond',
  MINUTE_SECOND: 'minute_second',
  HOUR_MICROSECOND: 'hour_microsecond',
  HOUR_SECOND: 'hour_second',
  HOUR_MINUTE: 'hour_minute',
  DAY_MICROSECOND: 'day_microsecond',
  DAY_SECOND: 'day_second',
  DAY_MINUTE: 'day_minute',
  DAY_HOUR: 'day_hour',
  YEAR_MONTH: 'year_month',
};

/** A unit of TIMESTAMPADD and TIMESTAMPDIFF: none of the compound ones. */
export function singleUnit(p: Parser): IntervalUnit {
  const unit = SINGLE[p.t];
  if (unit === undefined) return p.fail();
  p.next();
  return unit;
}

export function intervalUnit(p: Parser): IntervalUnit {
  const unit = SINGLE[p.t] ?? COMPOUND[p.t];
  if (unit === undefined) return p.fail();
  p.next();
  return unit;
}
