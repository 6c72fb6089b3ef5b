/** Day numbers, weekdays and weeks, as MySQL counts them (proleptic Gregorian; day 1 is 0000-01-01). */

const MONTH_DAYS = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

export function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || (year % 400 === 0 && year !== 0));
}

export function daysInMonth(year: number, month: number): number {
  return month === 2 && isLeapYear(year) ? 29 : (MONTH_DAYS[month] ?? 31);
}

/** TO_DAYS. Zero months and days go through the same sum, as MySQL lets them. */
export function dayNumber(year: number, month: number, day: number): number {
  if (year === 0 && month === 0) return 0;
  let sum = 365 * year + 31 * (month - 1) + day;
  let y = year;
  if (month <= 2) y--;
  else sum -= Math.trunc((month * 4 + 23) / 10);
  const centuries = Math.trunc((Math.trunc(y / 100) + 1) * 0.75);
  return sum + Math.trunc(y / 4) - centuries;
}

export const EPOCH_DAY = 719528;
/** 9999-12-31. */
export const LAST_DAY = 3652424;

/** FROM_DAYS: year, month and day of a day number; zeros outside the years 0 to 9999. */
export function dateOfDayNumber(days: number): [year: number, month: number, day: number] {
  if (days <= 0 || days >= 3652500) return [0, 0, 0];
  let year = days < 366 ? 0 : Math.trunc((days * 100) / 36525);
  const shift = Math.trunc((Math.trunc((year - 1) / 100) + 1) * 0.75);
  let dayOfYear = days < 366 ? days : days - year * 365 - Math.trunc((year - 1) / 4) + shift;
  let yearDays = isLeapYear(year) ? 366 : 365;
  while (dayOfYear > yearDays) {
    dayOfYear -= yearDays;
    year++;
    yearDays = isLeapYear(year) ? 366 : 365;
  }
  let month = 1;
  for (let length = daysInMonth(year, month); dayOfYear > length; length = daysInMonth(year, month)) {
    dayOfYear -= length;
    month++;
  }
  return [year, month, dayOfYear];
}

/** 0 is Monday. */
export function weekdayOf(days: number): number {
  return (days + 5) % 7;
}

/** 0 is Sunday. */
function weekdayFromSunday(days: number): number {
  return (days + 6) % 7;
}

/** WEEK's number and the year that the week belongs to; mode as WEEK takes it, 0 to 7. */
export function weekOf(
  year: number,
  month: number,
  day: number,
  mode: number,
): { readonly week: number; readonly year: number } {
  const fromMonday = (mode & 1) !== 0;
  let weekYear = (mode & 2) !== 0;
  // Modes count the first week by its first day or by its fourth; MySQL flips this bit for weeks that begin on Sunday.
  const byFirstWeekday = fromMonday ? (mode & 4) !== 0 : (mode & 4) === 0;
  const today = dayNumber(year, month, day);
  let first = dayNumber(year, 1, 1);
  let weekday = fromMonday ? weekdayOf(first) : weekdayFromSunday(first);
  let resultYear = year;
  if (month === 1 && day <= 7 - weekday) {
    if (!weekYear && ((byFirstWeekday && weekday !== 0) || (!byFirstWeekday && weekday >= 4))) {
      return { week: 0, year: resultYear };
    }
    weekYear = true;
    resultYear--;
    const length = isLeapYear(resultYear) ? 366 : 365;
    first -= length;
    weekday = (weekday + 53 * 7 - length) % 7;
  }
  let days: number;
  if ((byFirstWeekday && weekday !== 0) || (!byFirstWeekday && weekday >= 4)) days = today - (first + (7 - weekday));
  else days = today - (first - weekday);
  if (weekYear && days >= 52 * 7) {
    weekday = (weekday + (isLeapYear(resultYear) ? 366 : 365)) % 7;
    if ((!byFirstWeekday && weekday < 4) || (byFirstWeekday && weekday === 0)) return { week: 1, year: resultYear + 1 };
  }
  return { week: Math.trunc(days / 7) + 1, year: resultYear };
}

export const MONTH_NAMES = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;

/** From Monday on. */
export const DAY_NAMES = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;
