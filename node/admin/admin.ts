/** The express application of a node that serves, behind its door. */
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express, type RequestHandler, type Router } from 'express';
import type { Log } from '../server/index.ts';
import { authorize, nodeToken, requireAdministrator } from './authorization.ts';
import { type Door, type DoorOptions, openDoor } from './door.ts';
import { answerErrors } from './errors.ts';
import { metricsPage } from './metrics.ts';
import type { AdminPorts } from './ports.ts';
import { sqlRoute } from './sql.ts';

export interface AdminOptions extends DoorOptions {
  /** File with the token; made when it is not there. */
  readonly tokenFile: string;
  /** A door that is open already; without it, one is opened. */
  readonly door?: Door | undefined;
  /** More of /v1, behind its authorization; `administrator` guards what needs the privilege. */
  readonly routes?: ((v1: Router, administrator: RequestHandler) => void) | undefined;
}

export interface RunningAdmin {
  readonly address: AddressInfo;
  close(): Promise<void>;
}

const BODY_MAX = '16mb';

export async function startAdmin(options: AdminOptions, ports: AdminPorts, log: Log): Promise<RunningAdmin> {
  const app = makeApp(ports, await nodeToken(options.tokenFile), options, log) as RequestListener;
  options.door?.answerBy(app);
  const door = options.door ?? (await openDoor(options, app));
  const { address, port } = door.address;
  log.info({ host: address, port, tls: options.tls !== undefined }, 'admin HTTP is served');
  return door;
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
  v1.use(authorize(ports.engine, token));
  v1.get('/status', administrator, (_request, response) => {
    response.json(ports.status());
  });
  v1.post('/sql', express.json({ limit: BODY_MAX }), sqlRoute(ports));
  options.routes?.(v1, administrator);
  app.use('/v1', v1);

  answerErrors(app, log);
  return app;
}
