/**
 * A client's session at another node: where a statement concerns a database that this node does not host, the session
 * goes to a node that does, and commands and answers are passed on. What goes between the nodes are messages over a link
 * that others keep. See DESIGN.md.
 */
export { Forwarding } from './forwarding.ts';
export type { ForwardingOptions, MovableSession, RemoteSession, Who } from './ports.ts';
