import { dateOfDayNumber, dayNumber, daysInMonth, EPOCH_DAY, LAST_DAY } from './calendar.ts';
import type { SqlMode } from './context.ts';

/** A date and time in parts; any of them may be zero where MySQL allows zero dates. */
export interface DateTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly micros: number;
}

export const ZERO_DATETIME: DateTime = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0, micros: 0 };

export const MICROS_PER_SECOND = 1_000_000;
export const MICROS_PER_DAY = 86_400 * MICROS_PER_SECOND;
/** '838:59:59.000000', the end of TIME's range. */
export const TIME_MAX = (838 * 3600 + 59 * 60 + 59) * MICROS_PER_SECOND;

const pad2 = (n: number): string => (n < 10 ? `0${n}` : String(n));
const TWO: readonly string[] = Array.from({ length: 100 }, (_, n) => pad2(n));

function pad4(n: number): string {
  return n >= 1000 ? String(n) : String(n).padStart(4, '0');
}

function fraction(micros: number, fsp: number): string {
  if (fsp <= 0) return '';
  return `.${String(micros).padStart(6, '0').slice(0, fsp)}`;
}

export function formatDate(d: { readonly year: number; readonly month: number; readonly day: number }): string {
  return `${pad4(d.year)}-${TWO[d.month] as string}-${TWO[d.day] as string}`;
}

/** The text of a date and time with `fsp` digits of the second's fraction; more digits are cut off, not rounded. */
export function formatDateTime(d: DateTime, fsp: number): string {
  return `${formatDate(d)} ${TWO[d.hour] as string}:${TWO[d.minute] as string}:${TWO[d.second] as string}${fraction(d.micros, fsp)}`;
}

/** The text of a TIME. */
export function formatTime(micros: number, fsp: number): string {
  const size = Math.abs(micros);
  const seconds = Math.floor(size / MICROS_PER_SECOND);
  const hours = Math.floor(seconds / 3600);
  const text = `${micros < 0 ? '-' : ''}${pad2(hours)}:${TWO[Math.floor(seconds / 60) % 60] as string}:${TWO[seconds % 60] as string}`;
  return text + fraction(size % MICROS_PER_SECOND, fsp);
}

function digits(text: string, from: number, to: number): number {
  let n = 0;
  for (let i = from; i < to; i++) n = n * 10 + text.charCodeAt(i) - 48;
  return n;
}

/** The parts of canonical text, as SQLite holds dates and datetimes. */
export function partsOf(text: string): DateTime {
  const timed = text.length > 10;
  const places = text.length - 20;
  return {
    year: digits(text, 0, 4),
    month: digits(text, 5, 7),
    day: digits(text, 8, 10),
    hour: timed ? digits(text, 11, 13) : 0,
    minute: timed ? digits(text, 14, 16) : 0,
    second: timed ? digits(text, 17, 19) : 0,
    micros: places > 0 ? digits(text, 20, text.length) * 10 ** (6 - places) : 0,
  };
}

/**
 * Whole seconds since 1970 of the date as if it were UTC; zero months and days count as TO_DAYS counts them. Microseconds
 * stay apart: doubles count them exactly until the year 2255 only.
 */
export function secondsOf(d: DateTime): number {
  return (dayNumber(d.year, d.month, d.day) - EPOCH_DAY) * 86_400 + (d.hour * 60 + d.minute) * 60 + d.second;
}

export function timeOfDay(d: DateTime): number {
  return ((d.hour * 60 + d.minute) * 60 + d.second) * MICROS_PER_SECOND + d.micros;
}

/** The date of whole seconds since 1970; zeros outside the years 0 to 9999. */
export function dateTimeOfSeconds(seconds: number, micros = 0): DateTime {
  const days = Math.floor(seconds / 86_400);
  const rest = seconds - days * 86_400;
  const [year, month, day] = dateOfDayNumber(days + EPOCH_DAY);
  return {
    year,
    month,
    day,
    hour: Math.floor(rest / 3600),
    minute: Math.floor(rest / 60) % 60,
    second: rest % 60,
    micros,
  };
}

/** The date of microseconds since 1970, exact until the year 2255: for the current time. */
export function dateTimeOfMicros(micros: number): DateTime {
  const seconds = Math.floor(micros / MICROS_PER_SECOND);
  return dateTimeOfSeconds(seconds, micros - seconds * MICROS_PER_SECOND);
}

/** The date so many microseconds (at most some months of them) later; undefined outside the calendar. */
export function addMicros(d: DateTime, micros: number): DateTime | undefined {
  const total = timeOfDay(d) + micros;
  const days = Math.floor(total / MICROS_PER_DAY);
  const number = dayNumber(d.year, d.month, d.day) + days;
  const [year, month, day] = dateOfDayNumber(number);
  return month === 0 || number > LAST_DAY ? undefined : { year, month, day, ...clockOf(total - days * MICROS_PER_DAY) };
}

/** Hours and the rest of a number of microseconds that is not negative. */
export function clockOf(micros: number): { hour: number; minute: number; second: number; micros: number } {
  const seconds = Math.floor(micros / MICROS_PER_SECOND);
  return {
    hour: Math.floor(seconds / 3600),
    minute: Math.floor(seconds / 60) % 60,
    second: seconds % 60,
    micros: micros % MICROS_PER_SECOND,
  };
}

/** Rounds (or cuts) a TIME to so many digits behind the second. */
export function roundMicros(micros: number, fsp: number, cut = false): number {
  const unit = 10 ** (6 - fsp);
  if (unit === 1) return micros;
  const size = Math.abs(micros);
  const whole = cut ? Math.floor(size / unit) * unit : Math.floor((size + unit / 2) / unit) * unit;
  return micros < 0 ? -whole : whole;
}

/** Rounds a date and time to so many digits behind the second; undefined where that leaves the calendar. */
export function roundDateTime(d: DateTime, fsp: number, cut = false): DateTime | undefined {
  const micros = roundMicros(d.micros, fsp, cut);
  if (micros < MICROS_PER_SECOND) return micros === d.micros ? d : { ...d, micros };
  return addSecond({ ...d, micros: 0 });
}

function addSecond(d: DateTime): DateTime | undefined {
  if (d.second < 59) return { ...d, second: d.second + 1 };
  if (d.month === 0 || d.day === 0) return undefined;
  return addMicros(d, MICROS_PER_SECOND);
}

/** Which dates count as dates. */
export interface DateRules {
  /** Months and days of zero are allowed. */
  readonly zeroInDate: boolean;
  /** '0000-00-00' is allowed. */
  readonly zeroDate: boolean;
  /** Days up to 31 in every month. */
  readonly invalidDates: boolean;
}

export const FUZZY: DateRules = { zeroInDate: true, zeroDate: true, invalidDates: false };
/** For functions that count days: nothing with a zero in it. */
export const REAL_DATES: DateRules = { zeroInDate: false, zeroDate: false, invalidDates: false };

export function rulesOf(mode: SqlMode): DateRules {
  return { zeroInDate: !mode.noZeroInDate, zeroDate: !mode.noZeroDate, invalidDates: mode.allowInvalidDates };
}

/** Whether a date passes; `notZero` where any part of it, the clock too, is not zero. */
export function isAllowed(d: DateTime, rules: DateRules): boolean {
  if (d.year === 0 && d.month === 0 && d.day === 0 && timeOfDay(d) === 0) return rules.zeroDate;
  if (d.month === 0 || d.day === 0) return rules.zeroInDate;
  return rules.invalidDates || d.day <= daysInMonth(d.year, d.month);
}

export interface ParsedDateTime {
  readonly value: DateTime;
  /** Whether the text gave a time of day. */
  readonly timed: boolean;
  /** Digits of the fraction that the text had, at most 6. */
  readonly places: number;
  /** Whether text was left over behind it. */
  readonly truncated: boolean;
  /** Seconds east of UTC, where the text said so. */
  readonly offset?: number;
  /** The seventh digit of the fraction rounds up. */
  readonly roundUp: boolean;
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;
const isSpace = (code: number): boolean => code === 32 || (code >= 9 && code <= 13);
function isPunctuation(code: number): boolean {
  return (
    (code >= 33 && code <= 47) ||
    (code >= 58 && code <= 64) ||
    (code >= 91 && code <= 96) ||
    (code >= 123 && code <= 126)
  );
}

const CANONICAL = /^\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d(?:\.\d{1,6})?)?$/;
const OFFSET = /^[+-]\d\d:\d\d$/;

/** Two-digit years: 70 to 99 are of the last century. */
export function fullYear(year: number): number {
  return year < 70 ? year + 2000 : year + 1900;
}

const inClock = (d: DateTime): boolean =>
  d.month <= 12 && d.day <= 31 && d.hour <= 23 && d.minute <= 59 && d.second <= 59;

/** A date, with or without time of day, of text in any of MySQL's spellings; undefined where it is none. */
export function parseDateTime(text: string, rules: DateRules): ParsedDateTime | undefined {
  if (CANONICAL.test(text)) {
    const value = partsOf(text);
    if (!inClock(value) || !isAllowed(value, rules)) return undefined;
    return { value, timed: text.length > 10, places: Math.max(0, text.length - 20), truncated: false, roundUp: false };
  }
  return parseLoose(text, rules);
}

/** Fields are year, month, day, hour, minute, second, fraction. */
function parseLoose(text: string, rules: DateRules): ParsedDateTime | undefined {
  const end = text.length;
  let at = 0;
  while (at < end && isSpace(text.charCodeAt(at))) at++;
  if (at === end || !isDigit(text.charCodeAt(at))) return undefined;

  // A run of digits (with a 'T' in it) to the end or to a point has no delimiters: its fields have fixed widths.
  let run = at;
  while (run < end && (isDigit(text.charCodeAt(run)) || text[run] === 'T')) run++;
  const packed = run === end || text[run] === '.';
  const runLength = run - at;
  let width = packed ? (runLength === 4 || runLength === 8 || runLength >= 14 ? 4 : 2) : 4;
  let yearDigits = packed ? width : 0;

  const fields = [0, 0, 0, 0, 0, 0, 0];
  let places = 0;
  let offset: number | undefined;
  let count = 0;
  while (count < 7 && at < end && isDigit(text.charCodeAt(at))) {
    const from = at;
    let value = 0;
    const limit = packed || count === 6 ? width : 7;
    while (at < end && isDigit(text.charCodeAt(at)) && at - from < limit)
      value = value * 10 + text.charCodeAt(at++) - 48;
    if (value > 999999) return undefined;
    fields[count] = value;
    if (count === 0 && !packed) yearDigits = at - from;
    if (count === 6) places = at - from;
    const field = count++;
    width = 2;
    if (at === end) break;
    if (field === 2 && text[at] === 'T') {
      at++;
      continue;
    }
    if (field === 5) {
      if (text[at] === '.') {
        at++;
        width = 6;
        continue;
      }
      break;
    }
    if (field === 6) break;
    while (at < end) {
      const code = text.charCodeAt(at);
      if (isPunctuation(code) || (field === 2 && isSpace(code))) at++;
      else break;
    }
  }
  let roundUp = false;
  if (count === 7 && at < end && isDigit(text.charCodeAt(at))) {
    roundUp = text.charCodeAt(at) >= 53;
    while (at < end && isDigit(text.charCodeAt(at))) at++;
  }
  if (count >= 6 && at < end && (text[at] === '+' || text[at] === '-')) {
    const zone = text.slice(at).trimEnd();
    const seconds = OFFSET.test(zone) ? zoneOffset(zone) : undefined;
    if (seconds === undefined || zone === '-00:00') return undefined;
    offset = seconds;
    at = end;
  }
  const micros = (fields[6] as number) * 10 ** (6 - (places === 0 ? 6 : places));
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = fields;
  let value: DateTime = { year, month, day, hour, minute, second, micros };
  const notZero = year + month + day + hour + minute + second + micros > 0;
  if (yearDigits === 2 && notZero) value = { ...value, year: fullYear(year) };
  if (count < 3 || value.year > 9999 || !inClock(value) || !isAllowed(value, rules)) return undefined;
  while (at < end && isSpace(text.charCodeAt(at))) at++;
  const parsed = { value, timed: count > 3, places, truncated: at < end, roundUp };
  return offset === undefined ? parsed : { ...parsed, offset };
}

/** Seconds east of UTC of '+hh:mm', from -13:59 to +14:00. */
export function zoneOffset(text: string): number | undefined {
  const match = /^([+-])(\d\d?):(\d\d)$/.exec(text);
  if (match === null) return undefined;
  const hours = Number(match[2]);
  const minutes = Number(match[3]);
  const seconds = (hours * 60 + minutes) * 60;
  if (minutes > 59) return undefined;
  if (match[1] === '-') return seconds > (13 * 60 + 59) * 60 ? undefined : -seconds;
  return seconds > 14 * 3600 ? undefined : seconds;
}

/** A date of a number such as 20100102, 100102 or 20100102105916; undefined where it is none. */
export function dateTimeOfNumber(whole: number, micros: number, rules: DateRules): ParsedDateTime | undefined {
  let n = whole;
  if (n < 0) return undefined;
  let timed = false;
  if (n === 0 || n >= 10000101000000) {
    if (n > 99999999999999) return undefined;
    timed = n !== 0;
  } else if (n < 101) return undefined;
  else if (n <= 691231) n = (n + 20000000) * 1000000;
  else if (n < 700101) return undefined;
  else if (n <= 991231) n = (n + 19000000) * 1000000;
  else if (n < 10000101 && !rules.zeroInDate) return undefined;
  else if (n <= 99991231) n *= 1000000;
  else if (n < 101000000) return undefined;
  else {
    timed = true;
    if (n <= 691231235959) n += 20000000000000;
    else if (n < 700101000000) return undefined;
    else if (n <= 991231235959) n += 19000000000000;
  }
  const date = Math.floor(n / 1000000);
  const clock = n % 1000000;
  const value: DateTime = {
    year: Math.floor(date / 10000),
    month: Math.floor(date / 100) % 100,
    day: date % 100,
    hour: Math.floor(clock / 10000),
    minute: Math.floor(clock / 100) % 100,
    second: clock % 100,
    micros: timed ? micros : 0,
  };
  if (!inClock(value) || !isAllowed(value, rules)) return undefined;
  return { value, timed, places: 6, truncated: false, roundUp: false };
}

export interface ParsedTime {
  /** Signed microseconds, within TIME's range. */
  readonly micros: number;
  readonly places: number;
  /** Whether it was cut to the range, or text was left over. */
  readonly truncated: boolean;
  /** The date and time, where the text was one. */
  readonly date?: ParsedDateTime;
}

/** To a time of day it is all one whether its month has that day. */
const ANY_DAY: DateRules = { zeroInDate: true, zeroDate: true, invalidDates: true };

/** A TIME of text such as '10:11:12.5', '1 10:11', '101112' or a whole datetime; undefined where it is none. */
export function parseTime(text: string): ParsedTime | undefined {
  let at = 0;
  const end = text.length;
  while (at < end && isSpace(text.charCodeAt(at))) at++;
  const negative = text[at] === '-';
  if (negative) at++;
  if (at === end) return undefined;
  if (end - at >= 12) {
    const date = parseDateTime(text.slice(at), ANY_DAY);
    if (date === undefined && /^\d+[-/.^@]\d+[-/.^@]\d+[ T]\d/.test(text.slice(at))) return undefined;
    if (
      date !== undefined &&
      date.timed &&
      (/^\d+$/.test(text.slice(at)) || /[-/.^@T]\d+[ T]|^\d+T|^\d+\.|^\d{4}:\d+:\d+ /.test(text))
    ) {
      if (date.value.year + date.value.month + date.value.day > 0 || /^\d+-/.test(text.slice(at))) {
        return { micros: timeOfDay(date.value), places: date.places, truncated: date.truncated, date };
      }
    }
  }
  const number = (): number => {
    let value = 0;
    while (at < end && isDigit(text.charCodeAt(at))) value = value * 10 + text.charCodeAt(at++) - 48;
    return value;
  };
  const start = at;
  const first = number();
  if (at === start && !(text[at] === '.' && isDigit(text.charCodeAt(at + 1)))) return undefined;
  // Larger numbers do not fit where MySQL keeps them: those are no times, not times beyond the range.
  if (first > 4294967295) return undefined;
  const afterFirst = at;
  while (at < end && isSpace(text.charCodeAt(at))) at++;
  let parts: [days: number, hours: number, minutes: number, seconds: number];
  const clock = (found: number): number[] => {
    const list: number[] = [];
    for (;;) {
      list.push(number());
      if (found + list.length === 4 || text[at] !== ':' || !isDigit(text.charCodeAt(at + 1))) return list;
      at++;
    }
  };
  if (end - at > 1 && at !== afterFirst && isDigit(text.charCodeAt(at))) {
    const [hours = 0, minutes = 0, seconds = 0] = clock(1);
    parts = [first, hours, minutes, seconds];
  } else if (end - at > 1 && text[at] === ':' && isDigit(text.charCodeAt(at + 1))) {
    at++;
    const [minutes = 0, seconds = 0] = clock(2);
    parts = [0, first, minutes, seconds];
  } else {
    parts = [0, Math.floor(first / 10000), Math.floor(first / 100) % 100, first % 100];
  }
  let micros = 0;
  let places = 0;
  let roundUp = false;
  if (text[at] === '.' && (at + 1 === end || isDigit(text.charCodeAt(at + 1)))) {
    const from = ++at;
    number();
    const part = text.slice(from, at);
    places = Math.min(6, part.length);
    micros = Number(part.slice(0, 6).padEnd(6, '0'));
    roundUp = part.length > 6 && part.charCodeAt(6) >= 53;
  }
  if (/^[eE][+-]?\d/.test(text.slice(at))) return undefined;
  const [days, hours, minutes, seconds] = parts;
  if (minutes > 59 || seconds > 59) return undefined;
  while (at < end && isSpace(text.charCodeAt(at))) at++;
  const total = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * MICROS_PER_SECOND + micros + (roundUp ? 1 : 0);
  if (total > TIME_MAX) return { micros: negative ? -TIME_MAX : TIME_MAX, places, truncated: true };
  return { micros: negative ? -total : total, places, truncated: at < end };
}

/** A TIME of a number such as 101112; undefined where it is none. */
export function timeOfNumber(whole: number, micros: number): ParsedTime | undefined {
  const size = Math.abs(whole);
  if (size > 8385959) {
    if (whole < 10000000000) return undefined;
    const date = dateTimeOfNumber(whole, micros, FUZZY);
    return date === undefined ? undefined : { micros: timeOfDay(date.value), places: 6, truncated: false, date };
  }
  const seconds = size % 100;
  const minutes = Math.floor(size / 100) % 100;
  if (seconds > 59 || minutes > 59) return undefined;
  const total = ((Math.floor(size / 10000) * 60 + minutes) * 60 + seconds) * MICROS_PER_SECOND + micros;
  return { micros: clipTime(whole < 0 ? -total : total), places: 6, truncated: Math.abs(total) > TIME_MAX };
}

export function clipTime(micros: number): number {
  return micros > TIME_MAX ? TIME_MAX : micros < -TIME_MAX ? -TIME_MAX : micros;
}

/** A datetime as a number, YYYYMMDDhhmmss. */
export function numberOfDateTime(d: DateTime): number {
  return numberOfDate(d) * 1000000 + (d.hour * 100 + d.minute) * 100 + d.second;
}

export function numberOfDate(d: { readonly year: number; readonly month: number; readonly day: number }): number {
  return (d.year * 100 + d.month) * 100 + d.day;
}

/** A TIME as a number, hhmmss, without its fraction. */
export function numberOfTime(micros: number): number {
  const c = clockOf(Math.abs(micros));
  const n = (c.hour * 100 + c.minute) * 100 + c.second;
  return micros < 0 ? -n : n;
}
