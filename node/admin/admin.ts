/** The express application and its server. */
import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler, type Express, type Router } from 'express';
import type { Log, TlsFiles } from '../server/index.ts';
import { authorize, nodeToken, requireAdministrator } from './authorization.ts';
import { HttpError } from './errors.ts';
import { metricsPage } from './metrics.ts';
import type { AdminPorts } from './ports.ts';
import { sqlRoute } from './sql.ts';

export interface AdminOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** File with the token; made when it is not there. */
  readonly tokenFile: string;
  readonly tls?: TlsFiles | undefined;
  /** More of /v1, behind its authorization; `administrator` guards what needs the privilege. */
  readonly routes?: ((v1: Router, administrator: express.RequestHandler) => void) | undefined;
}

export interface RunningAdmin {
  readonly address: AddressInfo;
  close(): Promise<void>;
}

const BODY_MAX = '16mb';

export async function startAdmin(options: AdminOptions, ports: AdminPorts, log: Log): Promise<RunningAdmin> {
  const app = makeApp(ports, await nodeToken(options.tokenFile), options, log);
  const server = await makeServer(app, options.tls);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.host, port: options.port }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  const address = server.address() as AddressInfo;
  log.info({ host: address.address, port: address.port, tls: options.tls !== undefined }, 'admin HTTP is served');
  return {
    address,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        // Whoever still asks for something has a second to get it.
        setTimeout(() => server.closeAllConnections(), 1_000).unref();
      }),
  };
}

async function makeServer(app: Express, tls: TlsFiles | undefined): Promise<Server> {
  const handler = app as unknown as Parameters<typeof createHttpServer>[1];
  if (tls === undefined) return createHttpServer(handler as never);
  const [cert, key] = await Promise.all([readFile(tls.cert), readFile(tls.key)]);
  return createHttpsServer({ cert, key, minVersion: 'TLSv1.2' }, handler as never);
}

function makeApp(ports: AdminPorts, token: string, options: AdminOptions, log: Log): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  const metrics = metricsPage(ports);
  const administrator = requireAdministrator(ports);

  app.get('/healthz', (_request, response) => {
    response.json({ alive: true });
  });
  app.get('/readyz', (_request, response) => {
    const reason = ports.notReady();
    if (reason === undefined) response.json({ ready: true });
    else response.status(503).json({ ready: false, reason });
  });
  app.get('/metrics', async (_request, response) => {
    response.setHeader('Content-Type', metrics.contentType);
    response.end(await metrics.render());
  });

  const v1 = express.Router();
  v1.use(authorize(ports, token));
  v1.get('/status', administrator, (_request, response) => {
    response.json(ports.status());
  });
  v1.post('/sql', express.json({ limit: BODY_MAX }), sqlRoute(ports));
  options.routes?.(v1, administrator);
  app.use('/v1', v1);

  app.use((request, _response, next) => {
    next(new HttpError(404, 'not_found', `There is no ${request.method} ${request.path}`));
  });
  app.use(errorHandler(log));
  return app;
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
