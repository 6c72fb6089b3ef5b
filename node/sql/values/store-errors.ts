import { shownText, sqlError } from './context.ts';
import type { StoreContext } from './context.ts';

/** What a column's messages name it by. */
export interface Named {
  readonly name: string;
}

function report(ctx: StoreContext, errno: number, message: string, laxErrno = errno, laxMessage = message): void {
  if (ctx.strict) throw sqlError(errno, message);
  ctx.warn('Warning', laxErrno, laxMessage);
}

const truncatedText = (column: Named, ctx: StoreContext): string =>
  `Data truncated for column '${column.name}' at row ${ctx.row}`;
const rangeText = (column: Named, ctx: StoreContext): string =>
  `Out of range value for column '${column.name}' at row ${ctx.row}`;

export function outOfRange(column: Named, ctx: StoreContext): void {
  report(ctx, 1264, rangeText(column, ctx));
}

export function truncated(column: Named, ctx: StoreContext): void {
  report(ctx, 1265, truncatedText(column, ctx));
}

export function truncatedNote(column: Named, ctx: StoreContext): void {
  ctx.warn('Note', 1265, truncatedText(column, ctx));
}

export function tooLong(column: Named, ctx: StoreContext): void {
  report(ctx, 1406, `Data too long for column '${column.name}' at row ${ctx.row}`, 1265, truncatedText(column, ctx));
}

export function bitsTooLong(column: Named, ctx: StoreContext): void {
  report(ctx, 1406, `Data too long for column '${column.name}' at row ${ctx.row}`, 1264, rangeText(column, ctx));
}

/** 1366: `kind` is integer, decimal, DOUBLE or string. */
export function incorrect(kind: string, text: string, column: Named, ctx: StoreContext): void {
  report(ctx, 1366, `Incorrect ${kind} value: '${shownText(text)}' for column '${column.name}' at row ${ctx.row}`);
}

/** 1366 in strict mode, a mere note otherwise. */
export function incorrectOrNote(kind: string, text: string, column: Named, ctx: StoreContext): void {
  if (!ctx.strict) truncatedNote(column, ctx);
  else incorrect(kind, text, column, ctx);
}

/** 1292: `kind` is date, datetime or time. Outside strict mode it matters whether it was a date at all. */
export function incorrectTime(kind: string, text: string, isTime: boolean, column: Named, ctx: StoreContext): void {
  const message = `Incorrect ${kind} value: '${shownText(text)}' for column '${column.name}' at row ${ctx.row}`;
  report(ctx, 1292, message, isTime ? 1264 : 1265, isTime ? rangeText(column, ctx) : truncatedText(column, ctx));
}

/** The note that a DATE column gives where a time of day is lost, and a TIME column where a date is. */
export function partLost(kind: string, text: string, column: Named, ctx: StoreContext): void {
  if (!ctx.strict) truncatedNote(column, ctx);
  else ctx.warn('Note', 1292, `Incorrect ${kind} value: '${text}' for column '${column.name}' at row ${ctx.row}`);
}

/** The context in which readers warn: strict mode makes errors of their warnings. */
export function readingContext(ctx: StoreContext): StoreContext {
  if (!ctx.strict) return ctx;
  return {
    strict: true,
    sqlMode: ctx.sqlMode,
    timeZone: ctx.timeZone,
    row: ctx.row,
    nowUtcMicros: () => ctx.nowUtcMicros(),
    warn: (_level, errno, message) => {
      throw sqlError(errno, message);
    },
  };
}
