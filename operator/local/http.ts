/** Asks a node's admin HTTP. */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import type { LocalNode } from './environment.ts';
import type { Probe } from './plan.ts';

const agent = new Agent({ keepAlive: true, maxSockets: 2 });
const PROBE_MS = 5_000;

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

interface Question {
  readonly method?: 'GET' | 'POST';
  readonly token?: string;
  readonly body?: object;
}

/** Undefined when there is no answer in time. */
function ask({ host, http }: LocalNode, path: string, question: Question = {}): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const text = question.body === undefined ? undefined : JSON.stringify(question.body);
    const outgoing = request(
      {
        agent,
        host,
        port: http,
        path,
        method: question.method ?? 'GET',
        signal: AbortSignal.timeout(PROBE_MS),
        headers: {
          ...(question.token !== undefined && { authorization: `Bearer ${question.token}` }),
          ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        },
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => (body += part));
        response.on('error', () => resolve(undefined));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parsed(body) }));
      },
    );
    outgoing.on('error', () => resolve(undefined));
    outgoing.end(text);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** /healthz and /readyz. */
export async function probe(node: LocalNode): Promise<Probe> {
  const alive = await ask(node, '/healthz');
  if (alive?.status !== 200) return { kind: 'silent' };
  const ready = await ask(node, '/readyz');
  if (ready === undefined) return { kind: 'silent' };
  if (ready.status === 200) return { kind: 'ready' };
  const { reason } = (ready.body ?? {}) as { reason?: unknown };
  return { kind: 'not ready', reason: typeof reason === 'string' ? reason : 'not ready' };
}

/** What a node says of itself at /v1/status, as far as it says it. */
export interface NodeStatus {
  readonly peers?: number;
  /** What it has yet to apply of the others' entries. */
  readonly lag?: { readonly entries?: number; readonly seconds?: number };
  readonly final?: { readonly height?: number };
}

/** Undefined when the node does not answer, or has no token yet. */
export async function statusOf(node: LocalNode): Promise<NodeStatus | undefined> {
  const token = tokenOf(node);
  if (token === undefined) return undefined;
  const answer = await ask(node, '/v1/status', { token });
  return answer?.status === 200 ? (answer.body ?? {}) : undefined;
}

/** Cuts the node off from the members named, and from no others. Gives what went wrong. */
export async function cutOff(node: LocalNode, names: readonly string[]): Promise<string | undefined> {
  const token = tokenOf(node);
  if (token === undefined) return 'has no token yet';
  const answer = await ask(node, '/v1/test/partition', { method: 'POST', token, body: { cut: names } });
  if (answer === undefined) return 'does not answer';
  if (answer.status === 200) return undefined;
  if (answer.status === 404) return 'cannot be cut off: start the cluster with p2pdb up --partition';
  const { error } = (answer.body ?? {}) as { error?: { message?: string } };
  return error?.message ?? `answered ${answer.status}`;
}

function tokenOf({ tokenFile }: LocalNode): string | undefined {
  try {
    return readFileSync(tokenFile, 'utf8').trim();
  } catch {
    return undefined;
  }
}
