/** The network's side in the caller's thread: for many nodes in one process. */
import type { OpenHost } from './client.ts';
import { NetworkHost } from './host.ts';

export const openHere: OpenHost = (onReports) => {
  const host = new NetworkHost(onReports);
  return { post: (commands) => host.receive(commands), close: () => Promise.resolve() };
};
