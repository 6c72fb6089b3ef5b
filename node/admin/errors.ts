/** Errors of the admin HTTP: a status, and JSON that says what was wrong. */
import type { ErrorRequestHandler, Express } from 'express';
import type { Log } from '../server/index.ts';

export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly code: string;
  readonly details: object;

  constructor(status: number, code: string, message: string, details: object = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

/** Put behind all routes: what no route takes, and what a route throws. */
export function answerErrors(app: Express, log: Log): void {
  app.use((request, _response, next) => {
    next(new HttpError(404, 'not_found', `There is no ${request.method} ${request.path}`));
  });
  app.use(errorHandler(log));
}

function errorHandler(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const { status, code, message, details } = describe(error);
    if (status >= 500 && !(error instanceof HttpError)) {
      log.error({ err: error, path: request.path }, 'an admin request failed unexpectedly');
    }
    response.status(status).json({ error: { code, message, ...details } });
  };
}

function describe(error: unknown): { status: number; code: string; message: string; details: object } {
  if (error instanceof HttpError) return error;
  // What express' own readers of bodies say.
  const { status, type, message } = error as { status?: number; type?: string; message?: string };
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return { status, code: type ?? 'bad_request', message: message ?? 'Bad request', details: {} };
  }
  return { status: 500, code: 'internal', message: 'Internal error', details: {} };
}
