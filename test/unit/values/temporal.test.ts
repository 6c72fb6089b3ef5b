import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  addInterval,
  dateOfDayNumber,
  dateTimeOfNumber,
  dayNumber,
  EPOCH_DAY,
  formatDateTime,
  formatTime,
  FUZZY,
  intervalOfText,
  isTimeZone,
  localSeconds,
  parseDateTime,
  parseTime,
  partsOf,
  REAL_DATES,
  roundDateTime,
  secondsOf,
  utcSeconds,
  weekdayOf,
  weekOf,
} from '../../../node/sql/values/index.ts';

const show = (text: string, rules = FUZZY): string | undefined => {
  const parsed = parseDateTime(text, rules);
  return parsed && `${formatDateTime(parsed.value, parsed.places)}${parsed.truncated ? ' …' : ''}`;
};

describe('dates of texts', () => {
  const cases: readonly [text: string, value: string | undefined][] = [
    ['2010-1-2', '2010-01-02 00:00:00'],
    ['10-1-2 3:4', '2010-01-02 03:04:00'],
    ['99-12-31', '1999-12-31 00:00:00'],
    ['20100102105916', '2010-01-02 10:59:16'],
    ['100102', '2010-01-02 00:00:00'],
    ['20100102T102030.5', '2010-01-02 10:20:30.5'],
    ['2010^01^02T10+20+30.5', '2010-01-02 10:20:30.5'],
    ['201001021020', '2020-10-01 02:10:20'],
    ['2010-01-02 10', '2010-01-02 10:00:00'],
    ['2010-01-02abc', '2010-01-02 00:00:00 …'],
    ['2010', undefined],
    ['abc', undefined],
    ['', undefined],
    ['2010-13-02', undefined],
    ['2010-02-30', undefined],
    ['2010-01-02 25:00:00', undefined],
    ['2010-01-02 10:20:30-00:00', undefined],
    ['2010-01-02 10:20:30+15:00', undefined],
    ['0000-00-00', '0000-00-00 00:00:00'],
    ['2010-00-00', '2010-00-00 00:00:00'],
  ];
  for (const [text, value] of cases) it(`'${text}'`, () => assert.equal(show(text), value));

  it('with offsets and nanoseconds', () => {
    assert.equal(parseDateTime('2010-01-02 10:20:30+05:00', FUZZY)?.offset, 18000);
    assert.equal(parseDateTime('2010-01-02 10:20:30.9999999', FUZZY)?.roundUp, true);
  });

  it('by the rules of the sql_mode', () => {
    assert.equal(show('0000-00-00', REAL_DATES), undefined);
    assert.equal(show('2010-00-00', REAL_DATES), undefined);
    assert.equal(show('2010-02-30', { ...FUZZY, invalidDates: true }), '2010-02-30 00:00:00');
  });
});

describe('dates of numbers', () => {
  it('have two or four digits of the year', () => {
    const date = (n: number): string | undefined => {
      const parsed = dateTimeOfNumber(n, 0, REAL_DATES);
      return parsed && formatDateTime(parsed.value, 0);
    };
    assert.equal(date(20100102), '2010-01-02 00:00:00');
    assert.equal(date(691231), '2069-12-31 00:00:00');
    assert.equal(date(700101), '1970-01-01 00:00:00');
    assert.equal(date(100102105916), '2010-01-02 10:59:16');
    assert.equal(date(20101301), undefined);
    assert.equal(date(99), undefined);
  });
});

describe('times of texts', () => {
  const cases: readonly [text: string, value: string | undefined][] = [
    ['10:20:30', '10:20:30'],
    ['10', '00:00:10'],
    ['1020', '00:10:20'],
    ['1 10:20:30', '34:20:30'],
    ['1 10', '34:00:00'],
    ['-10:20', '-10:20:00'],
    ['900:00:00', '838:59:59'],
    ['10:60:00', undefined],
    ['abc', undefined],
    ['2010-01-02 10:20:30', '10:20:30'],
    ['123:45', '123:45:00'],
  ];
  for (const [text, value] of cases) {
    it(`'${text}'`, () => {
      const parsed = parseTime(text);
      assert.equal(parsed && formatTime(parsed.micros, 0), value);
    });
  }
});

const years = fc.date({
  min: new Date('0001-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59Z'),
  noInvalidDate: true,
});

describe('the calendar', () => {
  it('counts days as the Gregorian calendar does', () => {
    fc.assert(
      fc.property(years, (date) => {
        const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
        const days = dayNumber(year, month, day);
        assert.equal(days - EPOCH_DAY, Math.floor(date.getTime() / 86_400_000));
        assert.deepEqual(dateOfDayNumber(days), [year, month, day]);
        assert.equal((weekdayOf(days) + 1) % 7, date.getUTCDay());
      }),
    );
  });

  it('knows the weeks of all eight modes', () => {
    // SELECT WEEK('2008-02-20', mode), WEEK('2000-01-01', mode), WEEK('2024-12-30', mode)
    const weeks = Array.from({ length: 8 }, (_, mode) => [
      weekOf(2008, 2, 20, mode).week,
      weekOf(2000, 1, 1, mode).week,
      weekOf(2024, 12, 30, mode).week,
    ]);
    assert.deepEqual(weeks, [
      [7, 0, 52],
      [8, 0, 53],
      [7, 52, 52],
      [8, 52, 1],
      [8, 0, 53],
      [7, 0, 53],
      [8, 52, 1],
      [7, 52, 53],
    ]);
  });

  it('rounds into the next day, but not past the last', () => {
    const rounded = roundDateTime(partsOf('2019-12-31 23:59:59.999999'), 3);
    assert.equal(rounded && formatDateTime(rounded, 3), '2020-01-01 00:00:00.000');
    assert.equal(roundDateTime(partsOf('9999-12-31 23:59:59.9'), 0), undefined);
  });
});

describe('intervals', () => {
  const add = (date: string, text: string, unit: Parameters<typeof intervalOfText>[1]): string | undefined => {
    const interval = intervalOfText(text, unit);
    const sum = interval && addInterval(partsOf(date), interval, 1);
    return sum && formatDateTime(sum, 6);
  };

  it('of several numbers', () => {
    assert.equal(add('2020-01-31 00:00:00', '0-1', 'YEAR_MONTH'), '2020-02-29 00:00:00.000000');
    assert.equal(add('2020-01-02 00:00:00', '1 2:3:4', 'DAY_SECOND'), '2020-01-03 02:03:04.000000');
    assert.equal(add('2020-01-02 00:00:00', '-1.5', 'SECOND_MICROSECOND'), '2020-01-01 23:59:58.500000');
    assert.equal(add('2020-01-02 00:00:00', '1:1', 'DAY_SECOND'), '2020-01-02 00:01:01.000000');
    assert.equal(add('2020-01-02 00:00:00', '1 2:3:4.5', 'DAY_HOUR'), undefined);
    assert.equal(add('9999-12-31 00:00:00', '1 0', 'DAY_HOUR'), undefined);
  });
});

describe('time zones', () => {
  const at = (text: string): number => secondsOf(partsOf(text));

  it('by offset and by name', () => {
    assert.equal(localSeconds(0, '+05:30'), 19800);
    assert.equal(localSeconds(at('2020-07-01 12:00:00'), 'Europe/Berlin'), at('2020-07-01 14:00:00'));
    assert.equal(localSeconds(at('2020-01-01 12:00:00'), 'America/New_York'), at('2020-01-01 07:00:00'));
    assert.equal(isTimeZone('Mars/Olympus'), false);
    assert.equal(isTimeZone('+14:01'), false);
  });

  it('takes the earlier of two moments, and the change for none', () => {
    assert.deepEqual(utcSeconds(at('2020-10-25 02:30:00'), 'Europe/Berlin'), {
      seconds: at('2020-10-25 00:30:00'),
      inGap: false,
    });
    assert.deepEqual(utcSeconds(at('2020-03-29 02:30:00'), 'Europe/Berlin'), {
      seconds: at('2020-03-29 01:00:00'),
      inGap: true,
    });
  });

  it('comes back to where it set out', () => {
    const zone = fc.constantFrom(
      'Europe/Berlin',
      'America/New_York',
      'Asia/Kolkata',
      'Australia/Lord_Howe',
      'Pacific/Apia',
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2147483647 }), zone, (seconds, name) => {
        const local = localSeconds(seconds, name) as number;
        const back = utcSeconds(local, name);
        // Where a local time comes twice, the earlier moment is as good.
        assert.equal(back?.inGap, false);
        assert.equal(localSeconds(back?.seconds ?? 0, name), local);
        assert.ok((back?.seconds ?? 0) <= seconds);
      }),
      { numRuns: 200 },
    );
  });
});
