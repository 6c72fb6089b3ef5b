/** The peer-to-peer network of a node: who is there, and messages to and from them. See DESIGN.md. */
export { NetworkError, type NetworkErrorCode } from './errors.ts';
export type { OpenHost } from './client.ts';
export { createNetwork, joinSwarm } from './network.ts';
export { isNodeId, nodeIdOf } from './node-id.ts';
export * from './ports.ts';
export { prepareThread } from './thread.ts';
export { makeToken, parseToken, type JoinToken } from './token.ts';
