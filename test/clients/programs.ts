/** The programs that setup.sh installs: where they are, which are missing, and what they are told of the server. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Target } from './target.ts';

export const run = promisify(execFile);
export const here = import.meta.dirname;
export const cache = path.join(here, '../../node_modules/.cache/clients');

let status = '';

export async function setUp(): Promise<void> {
  status = '';
  try {
    await run(path.join(here, 'setup.sh'), { timeout: 10 * 60_000 });
  } catch (error) {
    status = `skip all: setup.sh failed: ${(error as Error).message.split('\n')[0] ?? ''}\n`;
  }
  const file = path.join(cache, 'status');
  if (existsSync(file)) status += readFileSync(file, 'utf8');
}

/** Why a program cannot be run here, or undefined. */
export function missing(name: string): string | undefined {
  if (status.includes(`ok ${name}\n`)) return undefined;
  return new RegExp(`^skip (?:${name}|all): (.*)$`, 'm').exec(status)?.[1] ?? 'setup.sh does not know it';
}

export const environmentOf = (target: Target): NodeJS.ProcessEnv => ({
  ...process.env,
  DB_HOST: '127.0.0.1',
  DB_PORT: String(target.port),
  DB_USER: target.user,
  DB_PASSWORD: target.password,
  DB_CA: target.authority,
});
