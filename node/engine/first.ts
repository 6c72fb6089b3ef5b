/** What a group begins with: the first account of the group that all nodes host, the database of another one. */
import { randomBytes } from 'node:crypto';
import { hashCachingSha2Password } from '../server/index.ts';
import type { CatalogChange } from '../sql/index.ts';
import type { EngineCore } from './core.ts';
import type { OpenedGroup, OwnGroupOptions } from './open.ts';

/** A node that joined serves once it has applied its own admission; one of the first makes the accounts with the others. */
export async function becomeReady(
  { core, genesis, membership, self }: Pick<OpenedGroup, 'core' | 'genesis' | 'membership' | 'self'>,
  rootPassword: string | undefined,
): Promise<string | undefined> {
  if (genesis.members.some((member) => member.id === self)) return makeRoot(core, rootPassword);
  // Who was removed before this start is let in no more: it says so to those who ask, and they decide what becomes of its data.
  const isKnown = (): boolean => membership.all().some(({ id }) => id === self);
  while (!isKnown() || core.catalog.accounts.size === 0) await core.replica.nextBlock();
  return undefined;
}

/** The first account. Where several nodes start together, one of them makes it for all. */
async function makeRoot(core: EngineCore, given: string | undefined): Promise<string | undefined> {
  const password = given ?? randomBytes(12).toString('base64url');
  const made = await makeFirst(core, 'CREATE USER root', rootAccounts(password), () => core.catalog.accounts.size > 0);
  return made && given === undefined ? password : undefined;
}

/**
 * What a database's own group begins with: one of those who host it first makes it for all. One that comes with its tables is there once
 * it has all of them. Who comes later serves once it has applied its own admission.
 */
export async function makeDatabase(
  { core, genesis, membership, self }: Pick<OpenedGroup, 'core' | 'genesis' | 'membership' | 'self'>,
  { name, collation, moved }: OwnGroupOptions['database'],
): Promise<void> {
  const isThere = (): boolean => core.catalog.databases.has(name);
  if (!moved && membership.stay === 1 && genesis.members.some(({ id }) => id === self)) {
    const database = { name, collation, comment: '', readOnly: false };
    await makeFirst(core, `CREATE DATABASE ${name}`, [{ kind: 'put-database', database }], isThere);
  }
  while (!isThere() || !membership.isAdmitted) await core.replica.nextBlock();
}

/** Has the changes decided, unless another node was faster. True: they are this node's. */
async function makeFirst(
  core: EngineCore,
  text: string,
  changes: readonly CatalogChange[],
  isThere: () => boolean,
): Promise<boolean> {
  while (!isThere()) if (await core.group.decide(text, changes, 'root@localhost')) return true;
  return false;
}

const rootAccounts = (password: string): CatalogChange[] =>
  ['localhost', '%'].map((host) => ({
    kind: 'put-account',
    account: {
      user: 'root',
      host,
      plugin: 'caching_sha2_password',
      authentication: password === '' ? '' : hashCachingSha2Password(password),
      locked: false,
      passwordExpired: false,
      requireTls: false,
      privileges: { '*': ['ALL', 'GRANT OPTION'] },
      roles: [],
      defaultRoles: [],
    },
  }));
