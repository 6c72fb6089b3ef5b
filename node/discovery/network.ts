/** Makes a node's network. */
import { NetworkClient, type OpenHost } from './client.ts';
import { NetworkHost } from './host.ts';
import { nodeIdOf, privateKeyOf } from './identity.ts';
import type { Network, NetworkHandler, NetworkOptions } from './ports.ts';
import { openThread } from './thread.ts';

const openHere: OpenHost = (onReports) => {
  const host = new NetworkHost(onReports);
  return { post: (commands) => host.receive(commands), close: () => Promise.resolve() };
};

/**
 * A network that is not started yet. `where`: in a thread of its own, or in the caller's (for tests of many nodes in one
 * process). Rejects with NetworkError.
 */
export async function createNetwork(
  options: NetworkOptions,
  handler: NetworkHandler,
  where: 'thread' | 'here' = 'thread',
): Promise<Network> {
  const { publicKey } = await privateKeyOf(options.privateKey);
  return new NetworkClient(nodeIdOf(publicKey.raw), options, handler, where === 'thread' ? openThread : openHere);
}
