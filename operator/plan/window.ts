/** Maintenance windows: when pods that run may be restarted. */
import type { ClusterSpec } from '../api/index.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;

export type Window = { readonly isOpen: true } | { readonly isOpen: false; readonly opensInMs: number };

/** `now`: milliseconds since 1970. Without a window it is always open. */
export function windowOf({ maintenanceWindow }: Pick<ClusterSpec, 'maintenanceWindow'>, now: number): Window {
  if (maintenanceWindow === undefined) return { isOpen: true };
  const { days, start, minutes } = maintenanceWindow;
  const [hour = 0, minute = 0] = start.split(':').map(Number);
  const midnight = Math.floor(now / DAY_MS) * DAY_MS;
  let opensInMs = Infinity;
  // One that opened yesterday may still be open; the next one opens within a week.
  for (let day = -1; day <= 7; day++) {
    const opens = midnight + day * DAY_MS + (hour * 60 + minute) * MINUTE_MS;
    const name = DAYS[new Date(opens).getUTCDay()] as (typeof DAYS)[number];
    if (days !== undefined && !days.includes(name)) continue;
    if (opens <= now && now < opens + minutes * MINUTE_MS) return { isOpen: true };
    if (opens > now) opensInMs = Math.min(opensInMs, opens - now);
  }
  return { isOpen: false, opensInMs };
}
