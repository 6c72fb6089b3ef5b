/** Counters of the front door, for the metrics page. Plain numbers: counting must cost nothing. */
export interface Figures {
  /** Connections open now, logged in or not. */
  connections: number;
  accepted: number;
  /** Refused by max_connections. */
  refused: number;
  /** Ended before a login succeeded, and ended without COM_QUIT afterwards. */
  abortedConnects: number;
  abortedClients: number;
  deniedLogins: number;
  bytesReceived: number;
  bytesSent: number;
  /** Commands by name: query, execute, prepare, other. */
  queries: number;
  executions: number;
  preparations: number;
  otherCommands: number;
  malformedPackets: number;
}

export const newFigures = (): Figures => ({
  connections: 0,
  accepted: 0,
  refused: 0,
  abortedConnects: 0,
  abortedClients: 0,
  deniedLogins: 0,
  bytesReceived: 0,
  bytesSent: 0,
  queries: 0,
  executions: 0,
  preparations: 0,
  otherCommands: 0,
  malformedPackets: 0,
});
