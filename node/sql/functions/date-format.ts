import type { Decimal, SqlType } from '../types/index.ts';
import {
  clockOf,
  DAY_NAMES,
  dateOfDayNumber,
  dateReader,
  dayNumber,
  fullYear,
  FUZZY,
  formatDate,
  formatDateTime,
  isAllowed,
  MICROS_PER_SECOND,
  MONTH_NAMES,
  rulesOf,
  timeNamesOf,
  timeOfDay,
  weekdayOf,
  weekOf,
} from '../values/index.ts';
import type { DateTime } from '../values/index.ts';
import { definePrepared } from './definition.ts';
import type { ArgInfo, Call, CallEnv, FunctionDefinition } from './definition.ts';
import { dateOfUnixTime, timeOrDateReader } from './times.ts';
import { charsOf, numberMode, scaleOf, textType } from './types-of-results.ts';

/** DATE_FORMAT's language, both ways. */

const two = (n: number): string => String(n).padStart(2, '0');

function ordinal(n: number): string {
  const suffix = n % 100 >= 11 && n % 100 <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${n}${suffix}`;
}

/** The text of a date by a format; null where it asks for what a zero date does not have. Hours may pass 23. */
function format(pattern: string, d: DateTime, locale: string): string | null {
  let text = '';
  const weekday = (): number | null =>
    d.month === 0 && d.year === 0 && d.day === 0
      ? null
      : d.month === 0 || d.day === 0
        ? null
        : weekdayOf(dayNumber(d.year, d.month, d.day));
  const twelve = (((d.hour % 24) + 11) % 12) + 1;
  const clock = (hour: string): string => `${hour}:${two(d.minute)}:${two(d.second)}`;
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] as string;
    if (c !== '%' || i + 1 === pattern.length) {
      text += c;
      continue;
    }
    const specifier = pattern[++i] as string;
    switch (specifier) {
      case 'a':
      case 'W': {
        const day = weekday();
        if (day === null) return null;
        const { days, shortDays } = timeNamesOf(locale);
        text += (specifier === 'a' ? shortDays : days)[day];
        break;
      }
      case 'b':
      case 'M': {
        const { months, shortMonths } = timeNamesOf(locale);
        const name = (specifier === 'b' ? shortMonths : months)[d.month - 1];
        if (name === undefined) return null;
        text += name;
        break;
      }
      case 'c':
        text += d.month;
        break;
      case 'D':
        text += ordinal(d.day);
        break;
      case 'd':
        text += two(d.day);
        break;
      case 'e':
        text += d.day;
        break;
      case 'f':
        text += String(d.micros).padStart(6, '0');
        break;
      case 'H':
        text += two(d.hour);
        break;
      case 'h':
      case 'I':
        text += two(twelve);
        break;
      case 'i':
        text += two(d.minute);
        break;
      case 'j':
        if (d.month === 0 || d.day === 0) return null;
        text += String(dayNumber(d.year, d.month, d.day) - dayNumber(d.year, 1, 1) + 1).padStart(3, '0');
        break;
      case 'k':
        text += d.hour;
        break;
      case 'l':
        text += twelve;
        break;
      case 'm':
        text += two(d.month);
        break;
      case 'p':
        text += d.hour % 24 < 12 ? 'AM' : 'PM';
        break;
      case 'r':
        text += `${clock(two(twelve))} ${d.hour % 24 < 12 ? 'AM' : 'PM'}`;
        break;
      case 'S':
      case 's':
        text += two(d.second);
        break;
      case 'T':
        text += clock(two(d.hour));
        break;
      case 'U':
      case 'u':
      case 'V':
      case 'v':
      case 'X':
      case 'x': {
        if (d.month === 0 || d.day === 0) return null;
        const mode = { U: 0, u: 1, V: 2, v: 3, X: 2, x: 3 }[specifier];
        const w = weekOf(d.year, d.month, d.day, mode);
        text += specifier === 'X' || specifier === 'x' ? String(w.year).padStart(4, '0') : two(w.week);
        break;
      }
      case 'w': {
        const day = weekday();
        if (day === null) return null;
        text += (day + 1) % 7;
        break;
      }
      case 'Y':
        text += String(d.year).padStart(4, '0');
        break;
      case 'y':
        text += two(d.year % 100);
        break;
      default:
        text += specifier;
    }
  }
  return text;
}

/** The longest text that a format can make. */
function formattedLength(info: ArgInfo): number {
  const { constant } = info;
  if (typeof constant !== 'string') return charsOf(info) * 10;
  const widths: Readonly<Record<string, number>> = {
    M: 64,
    W: 64,
    D: 4,
    Y: 4,
    x: 4,
    X: 4,
    a: 32,
    b: 32,
    j: 3,
    r: 11,
    f: 6,
    w: 1,
    T: 8,
  };
  return constant.replace(/%(.)/gs, (_, c: string) =>
    '.'.repeat(widths[c] ?? ('cdeHhIiklmpSsUuVvy'.includes(c) ? 2 : 1)),
  ).length;
}

/** Digits of a piece of text, at most so many. */
class Cursor {
  at = 0;
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }

  skipBlanks(): void {
    while (/\s/.test(this.text[this.at] ?? '')) this.at++;
  }

  number(most: number): number | undefined {
    const match = /^\d+/.exec(this.text.slice(this.at, this.at + most));
    if (match === null) return undefined;
    this.at += match[0].length;
    return Number(match[0]);
  }

  /** Which of the names, cut to `length`, the next word is, or alone begins like it. */
  name(names: readonly string[], length?: number): number {
    const word = /^[a-z]*/i.exec(this.text.slice(this.at))?.[0].toLowerCase() ?? '';
    const whole = names.map((name) => name.slice(0, length).toLowerCase());
    const begun = whole.filter((name) => name.startsWith(word));
    if (word === '' || (begun.length !== 1 && !whole.includes(word))) throw new Mismatch();
    this.at += word.length;
    return whole.includes(word) ? whole.indexOf(word) : whole.indexOf(begun[0] as string);
  }
}

interface Parsed {
  readonly value: DateTime;
  readonly rest: string;
}

/** The date that a text tells by a format; undefined where it does not fit. */
function parseByFormat(text: string, pattern: string): Parsed | undefined {
  const c = new Cursor(text);
  let [year, month, day, hour, minute, second, micros] = [0, 0, 0, 0, 0, 0, 0];
  let afternoon: boolean | undefined;
  let twelveHours = false;
  let dayOfYear: number | undefined;
  let week: number | undefined;
  let weekday: number | undefined;
  let weekYear: number | undefined;
  let weekMode = 0;
  let weekYearMode = 0;
  const take = (most: number, from: number, to: number): number => {
    const n = c.number(most);
    if (n === undefined || n < from || n > to) throw new Mismatch();
    return n;
  };
  const run = (format: string): void => {
    for (let i = 0; i < format.length; i++) {
      const f = format[i] as string;
      c.skipBlanks();
      if (c.at >= c.text.length) return;
      if (f !== '%' || i + 1 === format.length) {
        if (/\s/.test(f)) continue;
        if (c.text[c.at] !== f) throw new Mismatch();
        c.at++;
        continue;
      }
      const specifier = format[++i] as string;
      switch (specifier) {
        case 'Y':
          {
            const start = c.at;
            year = take(4, 0, 9999);
            if (c.at - start === 2) year = fullYear(year);
          }
          break;
        case 'y':
          year = fullYear(take(2, 0, 99));
          break;
        case 'm':
        case 'c':
          month = take(2, 0, 12);
          break;
        case 'M':
          month = c.name(MONTH_NAMES) + 1;
          break;
        case 'b':
          month = c.name(MONTH_NAMES, 3) + 1;
          break;
        case 'd':
        case 'e':
          day = take(2, 0, 31);
          break;
        case 'D':
          day = take(2, 0, 31);
          c.at += 2;
          break;
        case 'h':
        case 'I':
        case 'l':
          twelveHours = true;
          hour = take(2, 1, 12);
          break;
        case 'k':
        case 'H':
          hour = take(2, 0, 23);
          break;
        case 'i':
          minute = take(2, 0, 59);
          break;
        case 's':
        case 'S':
          second = take(2, 0, 59);
          break;
        case 'f': {
          const digits = /^\d{1,6}/.exec(c.text.slice(c.at));
          if (digits === null) throw new Mismatch();
          c.at += digits[0].length;
          micros = Number(digits[0].padEnd(6, '0'));
          break;
        }
        case 'p': {
          const half = c.text.slice(c.at, c.at + 2).toUpperCase();
          if (half !== 'AM' && half !== 'PM') throw new Mismatch();
          afternoon = half === 'PM';
          c.at += 2;
          break;
        }
        case 'W':
          weekday = c.name(DAY_NAMES) + 1;
          break;
        case 'a':
          weekday = c.name(DAY_NAMES, 3) + 1;
          break;
        case 'w':
          weekday = take(1, 0, 6) || 7;
          break;
        case 'j':
          dayOfYear = take(3, 1, 366);
          break;
        case 'V':
        case 'U':
        case 'v':
        case 'u':
          week = take(2, 0, 53);
          weekMode = { U: 0, u: 1, V: 2, v: 3 }[specifier];
          break;
        case 'X':
        case 'x':
          weekYear = take(4, 0, 9999);
          weekYearMode = specifier === 'X' ? 2 : 3;
          break;
        case 'r':
          run('%I:%i:%S %p');
          break;
        case 'T':
          run('%H:%i:%S');
          break;
        case '.':
          while (/[!-/:-@[-`{-~]/.test(c.text[c.at] ?? '')) c.at++;
          break;
        case '@':
          while (/\p{L}/u.test(c.text[c.at] ?? '')) c.at++;
          break;
        case '#':
          while (/\d/.test(c.text[c.at] ?? '')) c.at++;
          break;
        default:
          if (c.text[c.at] !== specifier) throw new Mismatch();
          c.at++;
      }
    }
  };
  try {
    run(pattern);
  } catch (error) {
    if (error instanceof Mismatch) return undefined;
    throw error;
  }
  if (twelveHours) hour = (hour % 12) + (afternoon === true ? 12 : 0);
  else if (afternoon !== undefined) return undefined;
  if (dayOfYear !== undefined && dayOfYear > 0) {
    [year, month, day] = dateOfDayNumber(dayNumber(year, 1, 1) + dayOfYear - 1);
  }
  if (week !== undefined && weekday !== undefined) {
    const fromMonday = weekMode === 1 || weekMode === 3;
    const strict = weekMode >= 2;
    // %V goes with %X, and %v with %x.
    if (strict ? weekYearMode !== weekMode : weekYearMode !== 0) return undefined;
    const base = weekYear ?? year;
    const first = dayNumber(base, 1, 1);
    const firstWeekday = (first + (fromMonday ? 5 : 6)) % 7;
    let days: number;
    if (fromMonday) days = first + (firstWeekday <= 3 ? 0 : 7) - firstWeekday + (week - 1) * 7 + weekday - 1;
    else days = first + (firstWeekday === 0 ? 0 : 7) - firstWeekday + (week - 1) * 7 + (weekday % 7);
    if (days <= 0) return undefined;
    [year, month, day] = dateOfDayNumber(days);
  }
  const value = { year, month, day, hour, minute, second, micros };
  return { value, rest: c.text.slice(c.at) };
}

class Mismatch extends Error {}

/** A day alone makes no date of a time: it counts as so many times 24 hours. */
const DATE_PARTS = /%[abcjMmUuVvWwXxYy]/;
const CLOCK_PARTS = /%[fHhIiklprSsT]/;

function resultOfFormat(info: ArgInfo | undefined): SqlType {
  const { constant } = info as ArgInfo;
  if (typeof constant !== 'string') return { kind: 'datetime', fsp: 6 };
  const fsp = constant.includes('%f') ? 6 : 0;
  if (!CLOCK_PARTS.test(constant)) return { kind: 'date' };
  return DATE_PARTS.test(constant) ? { kind: 'datetime', fsp } : { kind: 'time', fsp };
}

const unixPlaces = (info: ArgInfo): number => (numberMode(info.type) === 'real' ? 6 : Math.min(6, scaleOf(info.type)));

export const dateFormat: readonly FunctionDefinition[] = [
  definePrepared(
    'DATE_FORMAT',
    2,
    ['any', 'text'],
    (args, env) => textType(formattedLength(args[1] as ArgInfo), env.collation),
    (types): Call => {
      const read = dateReader(types[0] as SqlType, FUZZY);
      return (env, value: never, pattern: string) => {
        const date = read(value, env);
        return date === null || pattern === '' ? null : format(pattern, date.value, env.timeLocale);
      };
    },
    { nullable: 'always' },
  ),
  definePrepared(
    'TIME_FORMAT',
    2,
    ['any', 'text'],
    (args, env) => textType(formattedLength(args[1] as ArgInfo), env.collation),
    (types): Call => {
      const read = timeOrDateReader(types[0] as SqlType);
      return (env, value: never, pattern: string) => {
        const source = read(value, env);
        if (source === null || pattern === '') return null;
        if (source.kind === 'date') return format(pattern, source.value, env.timeLocale);
        const text = format(
          pattern,
          { year: 0, month: 0, day: 0, ...clockOf(Math.abs(source.micros)) },
          env.timeLocale,
        );
        return text === null || source.micros >= 0 ? text : `-${text}`;
      };
    },
    { nullable: 'always' },
  ),
  definePrepared(
    'STR_TO_DATE',
    2,
    ['text', 'text'],
    (args) => resultOfFormat(args[1]),
    (_types, result): Call =>
      (env, text: string, pattern: string) => {
        const parsed = parseByFormat(text, pattern);
        const kind = result.kind === 'time' ? 'time' : result.kind === 'date' ? 'date' : 'datetime';
        const wrong = (): null => {
          env.warn(
            'Warning',
            1411,
            `Incorrect ${kind === 'date' ? 'datetime' : kind} value: '${text}' for function str_to_date`,
          );
          return null;
        };
        if (parsed === undefined) return wrong();
        const { value } = parsed;
        if (parsed.rest.trim() !== '') env.warn('Warning', 1292, `Truncated incorrect ${kind} value: '${text}'`);
        const dated = result.kind !== 'time' || value.day > 0;
        if (dated && !isAllowed(value, rulesOf(env.sqlMode))) return wrong();
        if (result.kind === 'time') return timeOfDay(value) + value.day * 86_400 * MICROS_PER_SECOND;
        return result.kind === 'date'
          ? formatDate(value)
          : formatDateTime(value, result.kind === 'datetime' ? result.fsp : 0);
      },
    { nullable: 'always' },
  ),
  definePrepared(
    'FROM_UNIXTIME',
    [1, 2],
    ['decimal', 'text'],
    (args, env) =>
      args.length === 2
        ? textType(formattedLength(args[1] as ArgInfo), env.collation)
        : { kind: 'datetime', fsp: unixPlaces(args[0] as ArgInfo) },
    (types, result): Call => {
      const fsp = result.kind === 'datetime' ? result.fsp : unixPlaces({ type: types[0] as SqlType } as ArgInfo);
      return (env: CallEnv, seconds: Decimal, pattern?: string) => {
        const date = dateOfUnixTime(seconds, fsp, env);
        if (date === undefined) return null;
        return pattern === undefined ? formatDateTime(date, fsp) : format(pattern, date, env.timeLocale);
      };
    },
    { nullable: 'always' },
  ),
];
