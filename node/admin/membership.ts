/** POST /v1/join, /v1/drain, /v1/leave and /v1/recover of a node that is, or was, a member. */
import { json, type RequestHandler, type Router } from 'express';
import { HttpError } from './errors.ts';

export interface MembershipPorts {
  /** The node's public key. */
  readonly self: string;
  /** Sends clients away for good: not ready from now on, then deaf to them. */
  drain(): void;
  /** Why it cannot leave; undefined when it can. */
  mayNotLeave(): string | undefined;
  /** Sets the data aside at the next start, and ends this process soon. */
  leave(): void;
  /** The group is told by who founded it. */
  readonly founder: string;
  /** Why it cannot go on alone, without these databases; undefined when it can. */
  mayNotRecover(left: readonly string[]): string | undefined;
  /** Makes it the first member of a new group, which begins with its state, at the start that follows soon. */
  recover(): void;
}

export function membershipRoutes(ports: MembershipPorts): (v1: Router, administrator: RequestHandler) => void {
  return (v1, administrator) => {
    v1.post('/join', administrator, () => {
      throw new HttpError(409, 'member', 'The node is a member already');
    });
    v1.post('/drain', administrator, json(), (request, response) => {
      checkNamed(request.body, ports.self);
      ports.drain();
      response.json({ draining: true });
    });
    v1.post('/leave', administrator, json(), (request, response) => {
      checkNamed(request.body, ports.self);
      const reason = ports.mayNotLeave();
      if (reason !== undefined) throw new HttpError(409, 'cannot_leave', reason);
      ports.leave();
      response.json({ left: true });
    });
    v1.post('/recover', administrator, json(), (request, response) => {
      checkNamed(request.body, ports.self);
      const { founder, leave = [] } = request.body as { founder?: unknown; leave?: unknown };
      if (founder !== ports.founder)
        throw new HttpError(409, 'another_group', `This node's group was founded by ${ports.founder}`);
      if (!Array.isArray(leave) || !leave.every((name) => typeof name === 'string'))
        throw new HttpError(400, 'bad_request', 'Expected "leave": names of databases');
      const reason = ports.mayNotRecover(leave);
      if (reason !== undefined) throw new HttpError(409, 'cannot_recover', reason);
      ports.recover();
      response.json({ recovering: true });
    });
  };
}

/** Whoever says it names the node, so that a word for one that had this address before does not reach another. */
function checkNamed(body: unknown, self: string): void {
  const { id } = (body ?? {}) as { id?: unknown };
  if (typeof id !== 'string') throw new HttpError(400, 'bad_request', 'Expected {"id": the public key of this node}');
  if (id !== self) throw new HttpError(409, 'another_node', 'This node has another public key');
}
