/** A line of the cluster's table, and what it is measured with. */
import { loadavg } from 'node:os';
import type { Galera } from './galera.ts';
import type { Ours } from './ours.ts';
import type { Rqlite } from './rqlite.ts';

export interface Bench {
  readonly ours: Ours;
  /** Undefined: there is none on this machine. */
  readonly galera: Galera | undefined;
  readonly rqlite: Rqlite | undefined;
  readonly seconds: number;
  /** Seconds of the same load before each measurement, which do not count. */
  readonly warmup: number;
  readonly rounds: number;
  /** Transactions that each side of a cut commits by itself. */
  readonly divergent: number;
}

export interface Measured {
  readonly ours: string;
  readonly theirs?: string;
  /** Ours over theirs, or, of times, theirs over ours. */
  readonly ratio?: number;
}

export interface Measurement {
  readonly what: string;
  readonly peer: 'Galera' | 'rqlite' | '';
  readonly least: string;
  readonly aim: string;
  run(bench: Bench): Promise<Measured>;
}

export const TABLE_HEAD = [
  '| what | peer | theirs | P2PDB | ratio | at least | aim | load |',
  '| --- | --- | --- | --- | --- | --- | --- | --- |',
];

export function tableLine({ what, peer, least, aim }: Measurement, { ours, theirs, ratio }: Measured): string {
  const cells = [
    what,
    peer,
    theirs ?? (peer === '' ? '' : 'skipped'),
    ours,
    ratio === undefined ? '' : ratio.toFixed(2),
    least,
    aim,
    (loadavg()[0] as number).toFixed(1),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** Of times: the value that this part of them does not pass. */
export function percentile(times: readonly number[], part: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN;
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

export const milliseconds = (ms: number): string => `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
