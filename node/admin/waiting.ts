/**
 * A node that waits to be let in: it is alive, not ready, and tells who it is. POST /v1/join, by the bearer of the node's token, ends
 * the waiting: {"found": true} makes it the first member of a new group, {"token": "…"} lets it join by that token.
 */
import express, { type Express } from 'express';
import type { Log } from '../server/index.ts';
import { authorize, nodeToken } from './authorization.ts';
import { type Door, type DoorOptions, openDoor } from './door.ts';
import { answerErrors, HttpError } from './errors.ts';

export type JoinOrder = { readonly kind: 'found' } | { readonly kind: 'token'; readonly token: string };

export type JoinOutcome =
  | { readonly kind: 'joined' }
  /** The members answered, and said no. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** No member answered: it may be tried again. */
  | { readonly kind: 'unreachable'; readonly reason: string };

export interface WaitingPorts {
  /** Who waits; a part of /v1/status. */
  readonly self: object;
  /** Makes the node a member for good, or changes nothing. */
  join(order: JoinOrder): Promise<JoinOutcome>;
}

export interface Waiting {
  readonly door: Door;
  /** The node is a member; until somebody else answers at the door, it says that the node starts. */
  readonly joined: Promise<void>;
}

export async function startWaiting(
  options: DoorOptions & { readonly tokenFile: string },
  ports: WaitingPorts,
  log: Log,
): Promise<Waiting> {
  const token = await nodeToken(options.tokenFile);
  let enter: () => void = () => undefined;
  const joined = new Promise<void>((resolve) => (enter = resolve));
  const door = await openDoor(options, makeApp(ports, token, enter, log));
  const { address, port } = door.address;
  log.info({ host: address, port }, 'the node waits to be let in');
  return { door, joined };
}

type Phase = 'waiting' | 'joining' | 'starting';

const REASONS: Readonly<Record<Phase, string>> = {
  waiting: 'the node waits to be let in',
  joining: 'the node asks to be let in',
  starting: 'the node starts',
};

function makeApp(ports: WaitingPorts, token: string, enter: () => void, log: Log): Express {
  let phase: Phase = 'waiting';
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.get('/healthz', (_request, response) => {
    response.json({ alive: true });
  });
  app.get('/readyz', (_request, response) => {
    response.status(503).json({ ready: false, reason: REASONS[phase] });
  });
  const v1 = express.Router();
  // It has no users yet: only the bearer of the token comes in.
  v1.use(authorize({ findAccount: () => undefined, caughtUp: () => Promise.resolve() }, token));
  v1.get('/status', (_request, response) => {
    response.json({ phase, ...ports.self });
  });
  v1.post('/join', express.json(), async (request, response) => {
    const order = orderIn(request.body);
    if (phase !== 'waiting') throw new HttpError(409, phase === 'joining' ? 'busy' : 'member', REASONS[phase]);
    phase = 'joining';
    let outcome: JoinOutcome | undefined;
    try {
      outcome = await ports.join(order);
    } finally {
      phase = outcome?.kind === 'joined' ? 'starting' : 'waiting';
    }
    if (outcome.kind !== 'joined') {
      throw new HttpError(outcome.kind === 'refused' ? 422 : 502, outcome.kind, outcome.reason);
    }
    response.json({ joined: true });
    enter();
  });
  app.use('/v1', v1);
  answerErrors(app, log);
  return app;
}

function orderIn(body: unknown): JoinOrder {
  const { found, token } = (body ?? {}) as { found?: unknown; token?: unknown };
  if (found === true && token === undefined) return { kind: 'found' };
  if (typeof token === 'string' && token !== '' && found === undefined) return { kind: 'token', token };
  throw new HttpError(400, 'bad_request', 'Expected {"found": true} or {"token": "…"}');
}
