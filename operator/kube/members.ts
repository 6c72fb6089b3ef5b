/** The nodes' admin HTTP. */
import { Agent, request } from 'node:http';
import type { NodeStatus } from '../plan/index.ts';
import { PORTS } from '../specs/index.ts';

/** A node as it is reached. */
export interface NodeAddress {
  readonly ip: string;
  readonly token: string;
}

/** A node said no, or something that cannot be understood. */
export class NodeError extends Error {
  override readonly name = 'NodeError';
  readonly code: string;
  /** MySQL's number, where a statement failed. */
  readonly errno: number | undefined;

  constructor(code: string, message: string, errno?: number) {
    super(message);
    this.code = code;
    this.errno = errno;
  }
}

const STATUS_MS = 2_000;
const ORDER_MS = 60_000;
const agent = new Agent({ keepAlive: true, maxSockets: 4, timeout: 30_000 });

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

function ask(
  node: NodeAddress,
  method: string,
  path: string,
  body: object | undefined,
  timeoutMs: number,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const outgoing = request(
      {
        agent,
        host: node.ip,
        port: PORTS.http,
        path,
        method,
        signal: AbortSignal.timeout(timeoutMs),
        headers: {
          authorization: `Bearer ${node.token}`,
          ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        },
      },
      (response) => {
        let all = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => (all += part));
        response.on('error', reject);
        response.on('end', () => {
          try {
            resolve({ status: response.statusCode ?? 0, body: JSON.parse(all) });
          } catch {
            reject(new NodeError('garbled', `${method} ${path} of ${node.ip} was answered with no JSON`));
          }
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(text);
  });
}

async function order(node: NodeAddress, path: string, body: object): Promise<unknown> {
  const answer = await ask(node, 'POST', path, body, ORDER_MS);
  if (answer.status === 200) return answer.body;
  const { error } = (answer.body ?? {}) as { error?: { code?: string; message?: string; errno?: number } };
  throw new NodeError(
    error?.code ?? String(answer.status),
    error?.message ?? `answered ${answer.status}`,
    error?.errno,
  );
}

/** Undefined when the node does not say it in time. */
export async function nodeStatus(node: NodeAddress): Promise<NodeStatus | undefined> {
  try {
    const { status, body } = await ask(node, 'GET', '/v1/status', undefined, STATUS_MS);
    return status === 200 ? (body as NodeStatus) : undefined;
  } catch {
    return undefined;
  }
}

export type SqlValue = string | number | null;

/** Runs one statement; gives its rows. Rejects with NodeError, or with the system's error. */
export async function runSql(
  node: NodeAddress,
  sql: string,
  params?: readonly SqlValue[],
): Promise<readonly SqlValue[][]> {
  const { results } = (await order(node, '/v1/sql', { sql, ...(params && { params }) })) as {
    results: readonly { readonly rows?: SqlValue[][] }[];
  };
  return results[0]?.rows ?? [];
}

const TOKEN_MINUTES = 10;

export async function joinToken(node: NodeAddress): Promise<string> {
  return String((await runSql(node, `SELECT p2pdb_join_token(${TOKEN_MINUTES}, 1)`))[0]?.[0]);
}

export const found = (node: NodeAddress): Promise<unknown> => order(node, '/v1/join', { found: true });
export const join = (node: NodeAddress, token: string): Promise<unknown> => order(node, '/v1/join', { token });
export const drain = (node: NodeAddress, id: string): Promise<unknown> => order(node, '/v1/drain', { id });
export const leave = (node: NodeAddress, id: string): Promise<unknown> => order(node, '/v1/leave', { id });
export const recover = (node: NodeAddress, id: string, founder: string, without: readonly string[]): Promise<unknown> =>
  order(node, '/v1/recover', { id, founder, leave: without });
