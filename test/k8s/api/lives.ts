/**
 * Operators that die: each life of one is the real thing in this process, and after so many steps, which are writes to the API server
 * and orders to nodes, nothing of it reaches anybody any more. What was sent last is done, and its answer changes nothing.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import { Operator } from '../../../operator/kube/index.ts';

interface Life {
  stepsLeft: number;
  readonly end: AbortController;
  /** Such as `PATCH /apis/apps/v1/namespaces/default/statefulsets/c` or `POST /v1/join`. */
  readonly steps: string[];
}

const lives = new AsyncLocalStorage<Life>();
const lifeOf = new WeakMap<ClientRequest, Life>();
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** The Lease and what is told to people change no cluster. */
const isStep = ({ method, path }: ClientRequest): boolean =>
  method !== 'GET' && !/\/(?:leases|events)(?:[/?]|$)/.test(path);

/** Before it is sent: the dead say nothing. */
function begun(message: unknown): void {
  const { request } = message as { request: ClientRequest };
  const life = lives.getStore();
  if (!life) return;
  lifeOf.set(request, life);
  if (life.end.signal.aborted) request.destroy(new Error('this operator is dead'));
  else if (isStep(request)) {
    // Several may be under way: who comes too late is not sent.
    if (life.stepsLeft === 0) request.destroy(new Error('this operator is dead'));
    else {
      life.stepsLeft--;
      life.steps.push(`${request.method} ${request.path.split('?')[0] ?? ''}`);
    }
  }
}

/** When it is answered, and before anybody here hears it. */
function answered(message: unknown): void {
  const { request } = message as { request: ClientRequest };
  const life = lifeOf.get(request);
  if (life && isStep(request) && life.stepsLeft === 0) life.end.abort();
}

export interface Deaths {
  readonly steps: readonly string[];
  readonly lives: number;
}

/**
 * Operators follow one another, each for one step, until all is as asked. What takes several, such as a token and the use of it, is not
 * done so: who dies where others died before lives a step longer.
 */
export async function dieAfterEach(isDone: () => Promise<boolean>, limitMs: number): Promise<Deaths> {
  subscribe('http.client.request.created', begun);
  subscribe('http.client.response.finish', answered);
  const steps: string[] = [];
  const start = performance.now();
  let count = 0;
  let length = 1;
  try {
    while (!(await isDone())) {
      if (performance.now() - start > limitMs) throw new Error(`after ${count} lives not done:\n${steps.join('\n')}`);
      const life: Life = { stepsLeft: length, end: new AbortController(), steps: [] };
      count++;
      await live(life);
      const recent = steps.slice(-2 * length - 2);
      length = life.steps.every((step) => recent.includes(step)) ? length + 1 : 1;
      steps.push(...life.steps);
    }
    return { steps, lives: count };
  } finally {
    unsubscribe('http.client.request.created', begun);
    unsubscribe('http.client.response.finish', answered);
  }
}

/** So long may a life find nothing to do before its end comes all the same. */
const CALM_MS = 1_500;

async function live(life: Life): Promise<void> {
  const operator = lives.run(
    life,
    () =>
      new Operator({
        version: '0.0.0-test',
        image: 'p2pdb:test',
        namespace: undefined,
        home: 'default',
        identity: 'mortal',
        isDryRun: false,
        log: silent,
      }),
  );
  let before = life.steps.length;
  const idle = setInterval(() => {
    if (life.steps.length === before) life.end.abort();
    before = life.steps.length;
  }, CALM_MS);
  try {
    await lives.run(life, () => operator.run(life.end.signal));
  } finally {
    clearInterval(idle);
    life.end.abort();
  }
}
