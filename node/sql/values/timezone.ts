import { MICROS_PER_SECOND, zoneOffset } from './temporal.ts';

/** A zone's offset from UTC over a span of time. */
interface Span {
  readonly from: number;
  readonly to: number;
  readonly offset: number;
}

/** Seconds since 1970 at the start and end of TIMESTAMP's range. */
export const TIMESTAMP_MIN = 1;
export const TIMESTAMP_MAX = 2147483647;
/** CONVERT_TZ, UNIX_TIMESTAMP and FROM_UNIXTIME go on to '3001-01-18 23:59:59' UTC. */
export const UNIX_MAX = 32536771199;

interface Zone {
  readonly format: Intl.DateTimeFormat;
  readonly spans: Span[];
}

const zones = new Map<string, Zone | number | undefined>();

function zoneNamed(name: string): Zone | number | undefined {
  const known = zones.get(name);
  if (known !== undefined || zones.has(name)) return known;
  let zone: Zone | number | undefined;
  const upper = name.toUpperCase();
  if (upper === 'SYSTEM' || upper === 'UTC') zone = 0;
  else if (/^[+-]/.test(name)) zone = zoneOffset(name);
  else {
    try {
      const format = new Intl.DateTimeFormat('en-US', {
        timeZone: name,
        calendar: 'gregory',
        numberingSystem: 'latn',
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
        era: 'short',
      });
      zone = { format, spans: [] };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  zones.set(name, zone);
  return zone;
}

/** Whether MySQL would take it as a time zone, so far as we know its name. */
export function isTimeZone(name: string): boolean {
  return zoneNamed(name) !== undefined;
}

function askOffset(zone: Zone, seconds: number): number {
  const parts: Record<string, string> = {};
  for (const part of zone.format.formatToParts(seconds * 1000)) parts[part.type] = part.value;
  const year = parts.era === 'BC' ? 1 - Number(parts.year) : Number(parts.year);
  const local = new Date(0);
  local.setUTCFullYear(year, Number(parts.month) - 1, Number(parts.day));
  local.setUTCHours(Number(parts.hour), Number(parts.minute), Number(parts.second));
  return Math.round(local.getTime() / 1000) - seconds;
}

const STEP = 20 * 86400;

/** The span around a moment; a span is never longer than the step, so that two changes within it stay rare. */
function spanAt(zone: Zone, seconds: number): Span {
  const { spans } = zone;
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle] as Span).to <= seconds) low = middle + 1;
    else high = middle;
  }
  const found = spans[low];
  if (found !== undefined && found.from <= seconds) return found;

  let from = Math.floor(seconds / STEP) * STEP;
  let to = from + STEP;
  const offset = askOffset(zone, seconds);
  // Looks for the change between a moment with another offset and this one.
  const change = (other: number, own: number): number => {
    while (Math.abs(own - other) > 1) {
      const middle = Math.floor((own + other) / 2);
      if (askOffset(zone, middle) === offset) own = middle;
      else other = middle;
    }
    return Math.max(own, other);
  };
  if (askOffset(zone, from) !== offset) from = change(from, seconds);
  if (askOffset(zone, to - 1) !== offset) to = change(to - 1, seconds);
  const span = { from, to, offset };
  spans.splice(low, 0, span);
  return span;
}

/** Seconds east of UTC of a zone at a moment (seconds since 1970); undefined for an unknown zone. */
export function offsetAt(zoneName: string, seconds: number): number | undefined {
  const zone = zoneNamed(zoneName);
  if (zone === undefined || typeof zone === 'number') return zone;
  return spanAt(zone, seconds).offset;
}

/** Local microseconds of a moment in UTC microseconds. */
export function toLocal(micros: number, zoneName: string): number | undefined {
  const offset = offsetAt(zoneName, Math.floor(micros / MICROS_PER_SECOND));
  return offset === undefined ? undefined : micros + offset * MICROS_PER_SECOND;
}

/** Local seconds of a moment in UTC seconds. */
export function localSeconds(seconds: number, zoneName: string): number | undefined {
  const offset = offsetAt(zoneName, seconds);
  return offset === undefined ? undefined : seconds + offset;
}

export interface Moment {
  /** Since 1970, in UTC. */
  readonly seconds: number;
  /** The local time does not exist: clocks were put forward over it, and this is the moment they were. */
  readonly inGap: boolean;
}

/** The moment of a local time in seconds; of two, the one that MySQL takes (the earlier). */
export function utcSeconds(local: number, zoneName: string): Moment | undefined {
  const zone = zoneNamed(zoneName);
  if (zone === undefined) return undefined;
  if (typeof zone === 'number') return { seconds: local - zone, inGap: false };
  const before = spanAt(zone, local - 86400).offset;
  const after = spanAt(zone, local + 86400).offset;
  for (const offset of before === after ? [before] : [before, after]) {
    const seconds = local - offset;
    if (spanAt(zone, seconds).offset === offset) return { seconds, inGap: false };
  }
  if (before === after) return { seconds: local - spanAt(zone, local - before).offset, inGap: false };
  // Seen with the offset of before the change, the moment lies behind it: the change is where its span begins.
  return { seconds: spanStart(zone, local - before, after), inGap: true };
}

function spanStart(zone: Zone, seconds: number, offset: number): number {
  let start = spanAt(zone, seconds);
  for (;;) {
    const previous = spanAt(zone, start.from - 1);
    if (previous.offset !== offset) return start.from;
    start = previous;
  }
}
