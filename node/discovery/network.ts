/**
 * Makes a node's network, and asks to be let into one. libp2p is loaded where it runs: in the network's thread, and here only for as
 * long a node's life as it takes to join.
 */
import { NetworkClient, type OpenHost } from './client.ts';
import { nodeIdOfKey } from './node-id.ts';
import type { JoinAnswer, Network, NetworkHandler, NetworkOptions } from './ports.ts';
import { openThread } from './thread.ts';

/** A network that is not started yet. `openHost`: where libp2p runs, a thread of its own unless said otherwise. Throws NetworkError. */
export const createNetwork = (
  options: NetworkOptions,
  handler: NetworkHandler,
  openHost: OpenHost = openThread,
): Network => new NetworkClient(nodeIdOfKey(options.privateKey), options, handler, openHost);

/**
 * Asks the members that a token names, then those at other addresses, one after the other, until one answers. The key becomes the
 * node's identity in the swarm; `name` is what it calls itself. Rejects with NetworkError (BAD_TOKEN, TOKEN_EXPIRED, JOIN_UNREACHABLE).
 */
export async function joinSwarm(
  token: string,
  privateKey: Uint8Array,
  name: string,
  elsewhere: readonly string[] = [],
): Promise<JoinAnswer> {
  const { askToJoin } = await import('./join.ts');
  return askToJoin(token, privateKey, name, elsewhere);
}
