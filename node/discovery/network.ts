/** Makes a node's network. */
import { NetworkClient, type OpenHost } from './client.ts';
import { NetworkHost } from './host.ts';
import { nodeIdOfKey } from './identity.ts';
import type { Network, NetworkHandler, NetworkOptions } from './ports.ts';
import { openThread } from './thread.ts';

const openHere: OpenHost = (onReports) => {
  const host = new NetworkHost(onReports);
  return { post: (commands) => host.receive(commands), close: () => Promise.resolve() };
};

/**
 * A network that is not started yet. `where`: in a thread of its own, or in the caller's (for tests of many nodes in one
 * process). Throws NetworkError.
 */
export const createNetwork = (
  options: NetworkOptions,
  handler: NetworkHandler,
  where: 'thread' | 'here' = 'thread',
): Network =>
  new NetworkClient(nodeIdOfKey(options.privateKey), options, handler, where === 'thread' ? openThread : openHere);
