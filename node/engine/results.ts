/** Result sets: SQLite's values become the wire's, with the client's reading speed in view. */
import { wireValue, type ResultColumn, type SqliteValue } from '../sql/index.ts';
import type { ColumnDefinition, ResultSink, WireValue } from '../server/index.ts';
import { columnDefinition } from './column-definitions.ts';
import type { EngineSession } from './session.ts';

/** A result set's columns and how SQLite's values become the wire's; made once for each plan. */
export interface ResultShape {
  readonly definitions: readonly ColumnDefinition[];
  readonly mappers: readonly (((value: SqliteValue) => WireValue) | undefined)[];
  readonly identity: boolean;
}

const shapes = new WeakMap<readonly ResultColumn[], Map<string, ResultShape>>();

/** Sends a result set, waiting where the client reads slowly. */
export function sendRows(
  session: EngineSession,
  columns: readonly ResultColumn[],
  rows: readonly (readonly SqliteValue[])[],
  sink: ResultSink,
  more: boolean,
): Promise<void> | undefined {
  const shape = shapeOf(session, columns);
  sink.columns(shape.definitions);
  const width = columns.length;
  let values: readonly WireValue[];
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as SqliteValue[];
    if (shape.identity) {
      if (row.length > width) row.length = width;
      values = row;
    } else {
      const mapped = new Array<WireValue>(width);
      for (let j = 0; j < width; j++) {
        const mapper = shape.mappers[j];
        const value = row[j] as SqliteValue;
        mapped[j] = mapper ? mapper(value) : value;
      }
      values = mapped;
    }
    if (!sink.row(values)) return sendSlowly(session, shape, rows, i + 1, sink, more);
  }
  sink.end(session.state.warningCount, more);
  return undefined;
}

async function sendSlowly(
  session: EngineSession,
  shape: ResultShape,
  rows: readonly (readonly SqliteValue[])[],
  from: number,
  sink: ResultSink,
  more: boolean,
): Promise<void> {
  let room = false;
  for (let i = from; i < rows.length; i++) {
    if (!room) await sink.drained();
    const row = rows[i] as SqliteValue[];
    room = sink.row(shape.definitions.map((_, j) => shape.mappers[j]?.(row[j] ?? null) ?? row[j] ?? null));
  }
  sink.end(session.state.warningCount, more);
}

export function shapeOf(session: EngineSession, columns: readonly ResultColumn[]): ResultShape {
  const zone = session.state.timeZone;
  let byZone = shapes.get(columns);
  if (!byZone) shapes.set(columns, (byZone = new Map<string, ResultShape>()));
  let shape = byZone.get(zone);
  if (!shape) {
    const mappers = columns.map((c) => wireValue(c.type, zone === 'SYSTEM' ? '+00:00' : zone));
    shape = {
      definitions: columns.map((c) => columnDefinition(session.core.catalog, c)),
      mappers,
      identity: mappers.every((m) => m === undefined),
    };
    byZone.set(zone, shape);
  }
  return shape;
}
