/** The network's side in a thread of its own, so that a busy owner never loses its peers. */
import { Worker } from 'node:worker_threads';
import type { HostPort, OpenHost } from './client.ts';
import { transferables, type Command, type Report } from './messages.ts';

function newThread(): Worker {
  const name = import.meta.url.endsWith('.ts') ? './network.worker.ts' : './network.worker.js';
  return new Worker(new URL(name, import.meta.url), { name: 'p2pdb network' });
}

function hostIn(worker: Worker, ...[onReports, onEnd]: Parameters<OpenHost>): HostPort {
  worker.on('message', (reports: readonly Report[]) => onReports(reports));
  worker.on('error', (error) => onEnd(error as Error));
  return {
    post: (commands: readonly Command[]) => worker.postMessage(commands, transferables(commands)),
    close: async () => {
      await worker.terminate();
    },
  };
}

export const openThread: OpenHost = (...events) => hostIn(newThread(), ...events);

/** As openThread, but the first thread is made now: it loads libp2p while its owner does other things. */
export function prepareThread(): OpenHost {
  let ahead: Worker | undefined = newThread();
  // An owner that ends before it needs the thread does not wait for it.
  ahead.unref();
  return (...events) => {
    const worker = ahead ?? newThread();
    ahead = undefined;
    worker.ref();
    return hostIn(worker, ...events);
  };
}
