/** Where each node listens: on a loopback address of its own where the system has several, else on ports of its own. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';

export interface Place {
  readonly host: string;
  readonly mysql: number;
  readonly peers: number;
  readonly http: number;
}

const ORDINARY = { mysql: 3306, peers: 4001, http: 8080 };
const FIRST_ADDRESS = 10;

/** `free`: takes free ports also where the ordinary ones are. */
export async function choosePlaces(nodes: number, free: boolean): Promise<Place[]> {
  const own = await hasOwnAddresses();
  // All are held until each has its own.
  const held: Server[] = [];
  const port = async (host: string, wanted: number): Promise<number> => {
    const server = (free ? undefined : await listen(host, wanted)) ?? (await listen(host, 0));
    if (server === undefined) throw new Error(`no free port on ${host}`);
    held.push(server);
    return (server.address() as AddressInfo).port;
  };
  try {
    const places: Place[] = [];
    for (let ordinal = 0; ordinal < nodes; ordinal++) {
      const host = own ? `127.0.0.${FIRST_ADDRESS + ordinal}` : '127.0.0.1';
      const shift = own ? 0 : ordinal;
      places.push({
        host,
        mysql: await port(host, ORDINARY.mysql + shift),
        peers: await port(host, ORDINARY.peers + shift),
        http: await port(host, ORDINARY.http + shift),
      });
    }
    return places;
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

/** macOS and others have 127.0.0.1 alone. */
async function hasOwnAddresses(): Promise<boolean> {
  const server = await listen(`127.0.0.${FIRST_ADDRESS}`, 0);
  server?.close();
  return server !== undefined;
}

/** Undefined when the address or the port is not to be had. */
async function listen(host: string, port: number): Promise<Server | undefined> {
  const server = createServer().listen({ host, port, exclusive: true });
  try {
    await once(server, 'listening');
    return server;
  } catch {
    return undefined;
  }
}
