/** Signals that ask this process to end. */

/** Signals that come together are one: a terminal and npm both pass Ctrl-C on. */
const SECOND_SIGNAL_MS = 1_000;

/** Whoever asks this process to end: once, and then for good. */
export class Signals {
  readonly first: Promise<string>;
  readonly second: Promise<void>;

  constructor() {
    let ask: (signal: string) => void = () => undefined;
    let insist: () => void = () => undefined;
    this.first = new Promise((resolve) => (ask = resolve));
    this.second = new Promise((resolve) => (insist = resolve));
    let since: number | undefined;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        since ??= performance.now();
        if (performance.now() - since >= SECOND_SIGNAL_MS) insist();
        else ask(signal);
      });
    }
  }
}
