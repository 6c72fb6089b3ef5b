/** Names of months and days in the languages of lc_time_names. */
import { DAY_NAMES, MONTH_NAMES } from './calendar.ts';
import { LOCALES, TIME_NAMES } from './data/time-names.ts';

export interface TimeNames {
  readonly months: readonly string[];
  readonly shortMonths: readonly string[];
  /** From Monday on. */
  readonly days: readonly string[];
  readonly shortDays: readonly string[];
}

export const DEFAULT_LOCALE = 'en_US';

/** By MySQL's numbers. */
export const TIME_LOCALES: readonly string[] = LOCALES.trim().split(/\s/);

const short = (name: string): string => name.slice(0, 3);

const ENGLISH: TimeNames = {
  months: MONTH_NAMES,
  shortMonths: MONTH_NAMES.map(short),
  days: DAY_NAMES,
  shortDays: DAY_NAMES.map(short),
};

let byLocale: ReadonlyMap<string, TimeNames> | undefined;

export function timeNamesOf(locale: string): TimeNames {
  if (locale === DEFAULT_LOCALE) return ENGLISH;
  byLocale ??= readNames();
  return byLocale.get(locale) ?? ENGLISH;
}

function readNames(): ReadonlyMap<string, TimeNames> {
  const lines = TIME_NAMES.split('\n').filter((line) => line !== '');
  return new Map(
    lines.flatMap((line) => {
      const [locales = '', ...lists] = line.split('|');
      const [months = [], shortMonths = [], days = [], shortDays = []] = lists.map((list) => list.split(','));
      return locales
        .split(' ')
        .map((locale): [string, TimeNames] => [locale, { months, shortMonths, days, shortDays }]);
    }),
  );
}
