/** The peer-to-peer network of a node: who is there, and messages to and from them. See DESIGN.md. */
export { NetworkError, type NetworkErrorCode } from './errors.ts';
export { isNodeId, nodeIdOf } from './identity.ts';
export { joinSwarm } from './join.ts';
export { createNetwork } from './network.ts';
export * from './ports.ts';
export { makeToken, parseToken, type JoinToken } from './token.ts';
