/** The network's side in a thread of its own, so that a busy owner never loses its peers. */
import { Worker } from 'node:worker_threads';
import type { OpenHost } from './client.ts';
import { transferables, type Command, type Report } from './messages.ts';

export const openThread: OpenHost = (onReports, onEnd) => {
  const name = import.meta.url.endsWith('.ts') ? './network.worker.ts' : './network.worker.js';
  const worker = new Worker(new URL(name, import.meta.url), { name: 'p2pdb network' });
  worker.on('message', (reports: readonly Report[]) => onReports(reports));
  worker.on('error', (error) => onEnd(error as Error));
  return {
    post: (commands: readonly Command[]) => worker.postMessage(commands, transferables(commands)),
    close: async () => {
      await worker.terminate();
    },
  };
};
