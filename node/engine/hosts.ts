/** Host parts of account names: which address each stands for, and which of several comes first. */
import { BlockList, isIPv4, isIPv6, SocketAddress } from 'node:net';
import { likeMatches, wildcardAt } from './privileges.ts';

/** IPv4 inside IPv6 as IPv4; IPv6 in its shortest form. */
export function normalAddress(address: string): string {
  const inner = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
  if (!isIPv6(inner)) return inner.toLowerCase();
  return new SocketAddress({ address: inner, family: 'ipv6' }).address;
}

export const isLoopback = (address: string): boolean =>
  address === '::1' || (isIPv4(address) && address.startsWith('127.'));

/** How MySQL names a client in its messages. */
export const hostOf = (address: string): string => (isLoopback(normalAddress(address)) ? 'localhost' : address);

interface Host {
  readonly matches: (address: string) => boolean;
  /** Compared part by part, larger first: literal names, then networks by the length of their prefix, then patterns. */
  readonly rank: readonly [number, number];
}

const known = new Map<string, Host>();

function host(pattern: string): Host {
  let found = known.get(pattern);
  if (!found) {
    if (known.size > 10_000) known.clear();
    known.set(pattern, (found = parse(pattern.toLowerCase())));
  }
  return found;
}

function parse(pattern: string): Host {
  if (pattern === '%' || pattern === '') return { matches: () => true, rank: [0, 0] };
  const [base = '', mask] = pattern.split('/');
  if (mask !== undefined) return network(base, mask);
  if (isIPv4(pattern) || isIPv6(pattern)) {
    const literal = normalAddress(pattern);
    return { matches: (address) => address === literal, rank: [4, 0] };
  }
  if (pattern === 'localhost') return { matches: isLoopback, rank: [3, 0] };
  const at = wildcardAt(pattern);
  // Names of hosts are not looked up: only the client's address counts.
  return {
    matches: (address) => likeMatches(pattern, address),
    rank: at === Number.POSITIVE_INFINITY ? [3, 0] : [1, at],
  };
}

/** 192.168.1.0/255.255.255.0, 192.168.1.0/24, fd00::/8 */
function network(base: string, mask: string): Host {
  const bits = isIPv4(mask) ? prefixOf(mask) : /^\d+$/.test(mask) ? Number(mask) : undefined;
  const family = isIPv4(base) ? 'ipv4' : isIPv6(base) ? 'ipv6' : undefined;
  if (bits === undefined || family === undefined || bits > (family === 'ipv4' ? 32 : 128))
    return { matches: () => false, rank: [2, -1] };
  const list = new BlockList();
  list.addSubnet(base, bits, family);
  return { matches: (address) => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4'), rank: [2, bits] };
}

/** Ones at the front of a netmask; undefined when they are not all at the front. */
function prefixOf(mask: string): number | undefined {
  const text = mask
    .split('.')
    .map((n) => Number(n).toString(2).padStart(8, '0'))
    .join('');
  return /^1*0*$/.test(text) ? (text.indexOf('0') < 0 ? 32 : text.indexOf('0')) : undefined;
}

/** Whether a host part can be used: a network must have a base and a mask. */
export function parseHost(pattern: string): boolean {
  return (
    pattern.length <= 255 &&
    (!pattern.includes('/') || network(...(pattern.split('/') as [string, string])).rank[1] >= 0)
  );
}

/** `address` as normalAddress gives it. */
export const hostMatches = (pattern: string, address: string): boolean => host(pattern).matches(address);

/** Sorts the most specific pattern first. */
export function compareHosts(a: string, b: string): number {
  const [x, y] = [host(a).rank, host(b).rank];
  return y[0] - x[0] || y[1] - x[1] || b.length - a.length || (a < b ? -1 : a > b ? 1 : 0);
}
