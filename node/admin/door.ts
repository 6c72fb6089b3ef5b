/** The listening end of the admin HTTP. Who answers behind it may change while it is open. */
import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TlsFiles } from '../server/index.ts';

export interface DoorOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly tls?: TlsFiles | undefined;
}

export interface Door {
  readonly address: AddressInfo;
  /** Requests that come from now on are answered by this. */
  answerBy(listener: RequestListener): void;
  close(): Promise<void>;
}

/** Rejects with the system's error where the address cannot be had, or a file of the certificate not be read. */
export async function openDoor(options: DoorOptions, first: RequestListener): Promise<Door> {
  let listener = first;
  const server = await makeServer((request, response) => listener(request, response), options.tls);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.host, port: options.port }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  return {
    address: server.address() as AddressInfo,
    answerBy: (next) => {
      listener = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        // Whoever still asks for something has a second to get it.
        setTimeout(() => server.closeAllConnections(), 1_000).unref();
      }),
  };
}

async function makeServer(listener: RequestListener, tls: TlsFiles | undefined): Promise<Server> {
  if (tls === undefined) return createHttpServer(listener);
  const [cert, key] = await Promise.all([readFile(tls.cert), readFile(tls.key)]);
  return createHttpsServer({ cert, key, minVersion: 'TLSv1.2' }, listener);
}
