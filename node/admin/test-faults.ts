/** POST /v1/test/partition {"cut": [names]}: which other members this node neither hears nor talks to from now on. */
import { json, type RequestHandler, type Router } from 'express';
import { HttpError } from './errors.ts';

/** What an administrator may break on purpose; only there on a node that was started with `allow_test_faults`. */
export interface TestFaults {
  /** Public keys of the other members by name. */
  others(): ReadonlyMap<string, string>;
  /** Public keys of the members to cut off; all others are heard again. */
  setCut(ids: readonly string[]): void;
}

export function testFaultRoutes(faults: TestFaults): (v1: Router, administrator: RequestHandler) => void {
  return (v1, administrator) => {
    v1.post('/test/partition', administrator, json(), (request, response) => {
      const names = namesIn(request.body);
      const ids = names.map((name) => {
        const id = faults.others().get(name);
        if (id === undefined) throw new HttpError(400, 'unknown_member', `There is no other member '${name}'`);
        return id;
      });
      faults.setCut(ids);
      response.json({ cut: names });
    });
  };
}

function namesIn(body: unknown): string[] {
  const { cut } = (body ?? {}) as { cut?: unknown };
  if (!Array.isArray(cut) || !cut.every((name): name is string => typeof name === 'string')) {
    throw new HttpError(400, 'bad_request', 'Expected {"cut": [names of members]}');
  }
  return cut;
}
