/** What the client programs talk to: a node of ours, or a server that runs already. */
import path from 'node:path';
import { startTestNode } from '../support/node.ts';

export interface Target {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** File with the authority of the server's certificate. */
  readonly authority: string;
  close(): Promise<void>;
}

/** CLIENTS_SERVER (mysql://USER:PASSWORD@127.0.0.1:PORT?ca=FILE, with a database `test`) names a server that runs already. */
export async function startTarget(): Promise<Target> {
  const other = process.env['CLIENTS_SERVER'];
  if (other !== undefined) {
    const { port, username: user, password, searchParams } = new URL(other);
    const authority = searchParams.get('ca') ?? '';
    return { port: Number(port), user, password, authority, close: () => Promise.resolve() };
  }
  const node = await startTestNode();
  const root = await node.connect();
  await root.query('CREATE DATABASE test');
  await root.query("CREATE USER client IDENTIFIED BY 'secret'");
  await root.query('GRANT ALL ON test.* TO client');
  await root.end();
  return {
    port: node.port,
    user: 'client',
    password: 'secret',
    authority: path.join(node.folder, 'tls', 'ca.pem'),
    close: () => node.stop(),
  };
}
