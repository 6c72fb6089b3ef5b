/** The nodes of a cluster as text: a line each. */
import type { LocalNode } from './environment.ts';
import type { NodeStatus } from './http.ts';

export interface Row {
  readonly node: LocalNode;
  readonly state: string;
  /** What the node says of itself; undefined while it says nothing. */
  readonly status: NodeStatus | undefined;
}

const UNKNOWN = '–';

/** Columns are parted by two spaces; numbers stand at the right. */
export function tableOf(rows: readonly Row[]): string[] {
  const lines = [
    ['NODE', 'STATE', 'PEERS', 'LAG', 'FINAL', 'ADDRESS'],
    ...rows.map(({ node, state, status }) => [
      node.name,
      state,
      numberText(status?.peers),
      lagText(status?.lag),
      numberText(status?.final?.height),
      `${node.host}:${node.mysql}`,
    ]),
  ];
  const widths = lines.reduce<number[]>((wide, line) => line.map((cell, i) => Math.max(wide[i] ?? 0, cell.length)), []);
  return lines.map((line) =>
    line
      .map((cell, i) => (i >= 2 && i <= 4 ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

const numberText = (value: number | undefined): string => (value === undefined ? UNKNOWN : String(value));

function lagText(lag: NodeStatus['lag']): string {
  if (lag?.entries === undefined) return UNKNOWN;
  if (lag.entries === 0 || lag.seconds === undefined) return String(lag.entries);
  return `${lag.entries} (${lag.seconds.toFixed(1)} s)`;
}
