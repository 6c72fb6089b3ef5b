/** Who may use /v1: the bearer of the node's token, or a database user by HTTP Basic. */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { type Account, LoginThrottle, PasswordCache, verifyPassword } from '../server/index.ts';
import { HttpError } from './errors.ts';
import type { AdminPorts } from './ports.ts';

export type Principal = { readonly kind: 'token' } | { readonly kind: 'account'; readonly account: Account };

/** Reads the token, or makes one that only this user of the machine can read. */
export async function nodeToken(file: string): Promise<string> {
  try {
    const token = (await readFile(file, 'utf8')).trim();
    if (token !== '') return token;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  await mkdir(path.dirname(file), { recursive: true });
  const token = randomBytes(32).toString('base64url');
  await writeFile(file, `${token}\n`, { mode: 0o600 });
  return token;
}

const same = (a: string, b: string): boolean =>
  timingSafeEqual(hash('sha256', a, 'buffer'), hash('sha256', b, 'buffer'));

const plainAddress = (address: string): string => (address.startsWith('::ffff:') ? address.slice(7) : address);

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

/** Express' place for what belongs to one request. */
export function principalOf(response: Response): Principal {
  return (response.locals as { principal: Principal }).principal;
}

/** What of the engine tells users apart. */
export type Accounts = Pick<AdminPorts['engine'], 'findAccount' | 'caughtUp'>;

export function authorize(accounts: Accounts, token: string): RequestHandler {
  const throttle = new LoginThrottle();
  const cache = new PasswordCache();

  const identify = async (request: Request): Promise<Principal | undefined> => {
    const [scheme, credentials = ''] = (request.headers.authorization ?? '').split(' ', 2);
    const address = plainAddress(request.socket.remoteAddress ?? '');
    if (scheme?.toLowerCase() === 'bearer') return same(credentials, token) ? { kind: 'token' } : undefined;
    if (scheme?.toLowerCase() !== 'basic') return undefined;
    if (!request.secure && !isLoopback(address)) {
      throw new HttpError(
        403,
        'tls_required',
        'A password is only taken over TLS: set http_tls, or use the node’s token',
      );
    }
    const pair = Buffer.from(credentials, 'base64').toString('utf8');
    const colon = pair.indexOf(':');
    if (colon < 0) return undefined;
    const [user, password] = [pair.slice(0, colon), pair.slice(colon + 1)];
    let account = accounts.findAccount(user, address);
    let good = await verifyPassword(account, password, cache);
    if (!good) {
      // Another node may have acknowledged the account, or its new password, a moment ago.
      await accounts.caughtUp();
      const known = accounts.findAccount(user, address);
      if (known !== account) good = await verifyPassword((account = known), password, cache);
    }
    if (!good || account === undefined || account.locked || account.passwordExpired) return undefined;
    return { kind: 'account', account };
  };

  return async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    const address = plainAddress(request.socket.remoteAddress ?? '');
    if (request.headers.authorization !== undefined) {
      const wait = throttle.delay(address);
      if (wait > 0) await sleep(wait, undefined, { ref: false });
    }
    const principal = await identify(request);
    if (principal === undefined) {
      if (request.headers.authorization !== undefined) throttle.failed(address);
      response.setHeader('WWW-Authenticate', 'Basic realm="p2pdb", charset="UTF-8"');
      throw new HttpError(401, 'unauthorized', 'A database user (HTTP Basic) or the node’s token (Bearer) is needed');
    }
    throttle.succeeded(address);
    (response.locals as { principal: Principal }).principal = principal;
    next();
  };
}

/** For what more than one's own data is seen or changed by. */
export function requireAdministrator(ports: Pick<AdminPorts, 'mayAdminister'>): RequestHandler {
  return (_request, response, next) => {
    const principal = principalOf(response);
    if (principal.kind === 'account' && !ports.mayAdminister(principal.account)) {
      throw new HttpError(403, 'forbidden', `User '${principal.account.user}' lacks the privilege for this`);
    }
    next();
  };
}
