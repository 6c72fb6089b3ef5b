/** The log lines of the program. */
import { pino, type Logger } from 'pino';
import type { Config } from './config/index.ts';

/** Bytes of log lines that wait to be written. */
const LOG_WAITING_MAX = 1024 ** 2;

/** The node's log lines, on standard error: standard output is for what the user asked for. */
export function makeLogger(config: Pick<Config, 'logFormat' | 'logLevel'>): Logger {
  // Where standard error is a file on a full disk, lines wait, some are lost, and the node goes on.
  const stream = pino.destination({ dest: 2, sync: true, maxLength: LOG_WAITING_MAX });
  stream.on('error', () => undefined);
  if (config.logFormat === 'json')
    return pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
  const text = { write: (line: string) => stream.write(textLine(JSON.parse(line) as Record<string, unknown>)) };
  return pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime }, text);
}

const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

function textLine({ level, time, msg, err, ...facts }: Record<string, unknown>): string {
  const rest = Object.entries(facts).map(
    ([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const { stack } = (err ?? {}) as { stack?: string };
  const error = err === undefined ? '' : `\n${stack ?? JSON.stringify(err)}`;
  return `${String(time)} ${(LEVELS[level as number] ?? '').padEnd(5)} ${String(msg)}${rest.join('')}${error}\n`;
}
