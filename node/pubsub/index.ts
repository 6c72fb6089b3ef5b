/** Gossip among the members of a swarm. */
export { Gossip, gossipOptions } from './gossip.ts';
