/** What a machine does to the program on it, and may do at any moment: its clock jumps, its disk becomes slow. */
import { renameSync, writeFileSync } from 'node:fs';

export interface Weather {
  /** The clock that tells the date is ahead by this. */
  readonly clockMs: number;
  /** Each fsync and fdatasync takes so much longer. */
  readonly syncMs: number;
}

const POLL_MS = 100;

/** Options of Node.js: the program lives in the weather that a file says, and that may change. */
export function weatherFrom(file: string): string {
  const code = `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const weather = { clockMs: 0, syncMs: 0 };
    const look = () => {
      try {
        Object.assign(weather, JSON.parse(fs.readFileSync(${JSON.stringify(file)}, 'utf8')));
      } catch {}
    };
    look();
    setInterval(look, ${POLL_MS}).unref();
    const { now } = Date;
    Date.now = () => now() + weather.clockMs;
    globalThis.Date = new Proxy(Date, {
      construct: (target, args, made) => Reflect.construct(target, args.length > 0 ? args : [Date.now()], made),
    });
    const cell = new Int32Array(new SharedArrayBuffer(4));
    for (const name of ['fsync', 'fdatasync']) {
      const sync = fs[name + 'Sync'];
      fs[name + 'Sync'] = (...args) => {
        if (weather.syncMs > 0) Atomics.wait(cell, 0, 0, weather.syncMs);
        return sync(...args);
      };
      const later = fs[name];
      fs[name] = (...args) => (weather.syncMs > 0 ? void setTimeout(later, weather.syncMs, ...args) : later(...args));
    }
    syncBuiltinESMExports();`;
  return `--import=data:text/javascript,${encodeURIComponent(code)}`;
}

/** Whole, whenever it is read. */
export function setWeather(file: string, weather: Weather): void {
  writeFileSync(`${file}.new`, JSON.stringify(weather));
  renameSync(`${file}.new`, file);
}
