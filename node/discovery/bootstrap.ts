/** Addresses at which a first member may be found. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr';
import { NetworkError } from './errors.ts';

export type BootstrapAddress =
  | { readonly kind: 'host'; readonly host: string; readonly port: number }
  | { readonly kind: 'multiaddr'; readonly address: Multiaddr };

const HOST_PORT = /^(?:\[([0-9a-fA-F:.]+)\]|([^:/\s[\]]+)):(\d{1,5})$/;

/** `host:port`, `[IPv6]:port` or a multiaddr. Throws NetworkError. */
export function parseBootstrap(text: string): BootstrapAddress {
  if (text.startsWith('/')) {
    try {
      return { kind: 'multiaddr', address: multiaddr(text) };
    } catch (cause) {
      throw new NetworkError('BAD_OPTIONS', `bootstrap address ${text}: ${(cause as Error).message}`, { cause });
    }
  }
  const match = HOST_PORT.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65535)
    throw new NetworkError('BAD_OPTIONS', `bootstrap address ${text} is neither host:port nor a multiaddr`);
  return { kind: 'host', host, port };
}

const tcpAddress = (host: string, port: number): Multiaddr =>
  multiaddr(`/${isIP(host) === 6 ? 'ip6' : 'ip4'}/${host}/tcp/${port}`);

/** All addresses that it stands for now: a name is looked up at each call. Rejects with the resolver's error. */
export async function resolveBootstrap(bootstrap: BootstrapAddress): Promise<Multiaddr[]> {
  if (bootstrap.kind === 'multiaddr') return [bootstrap.address];
  const { host, port } = bootstrap;
  if (isIP(host) !== 0) return [tcpAddress(host, port)];
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => tcpAddress(address, port));
}
