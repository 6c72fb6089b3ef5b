/** One statement's results among those of a text with several. */
import type { ColumnDefinition, OkResult, ResultSink, WireValue } from '../server/index.ts';

export class MoreSink implements ResultSink {
  private readonly sink: ResultSink;
  /** Another statement follows. */
  private readonly more: boolean;
  failed = false;

  constructor(sink: ResultSink, more: boolean) {
    this.sink = sink;
    this.more = more;
  }

  columns(columns: readonly ColumnDefinition[]): void {
    this.sink.columns(columns);
  }

  row(values: readonly WireValue[]): boolean {
    return this.sink.row(values);
  }

  drained(): Promise<void> {
    return this.sink.drained();
  }

  end(warnings: number, more: boolean): void {
    this.sink.end(warnings, more || this.more);
  }

  ok(result: OkResult, more: boolean): void {
    this.sink.ok(result, more || this.more);
  }

  error(error: Parameters<ResultSink['error']>[0]): void {
    this.failed = true;
    this.sink.error(error);
  }

  requestFile(name: string): AsyncIterable<Uint8Array> {
    return this.sink.requestFile(name);
  }
}
