/** The accounts as one statement will leave them: its steps see each other, and nothing is changed unless all succeed. */
import { SqlError, type Account, type AccountDef, type CatalogChange, type Warning } from '../sql/index.ts';
import { nameOf } from './accounts.ts';
import type { EngineSession } from './session.ts';

export interface AccountName {
  readonly user: string;
  readonly host: string;
}

export class AccountDraft {
  readonly session: EngineSession;
  readonly warnings: Warning[] = [];
  readonly generated: { readonly user: string; readonly host: string; readonly password: string }[] = [];
  /** What the statement touched; undefined: dropped. */
  private readonly touched = new Map<string, AccountDef | undefined>();

  constructor(session: EngineSession) {
    this.session = session;
  }

  private get accounts(): ReadonlyMap<string, AccountDef> {
    return this.session.core.catalog.accounts;
  }

  get(name: AccountName): AccountDef | undefined {
    const key = nameOf(name);
    return this.touched.has(key) ? this.touched.get(key) : this.accounts.get(key);
  }

  all(): AccountDef[] {
    const untouched = [...this.accounts.values()].filter((a) => !this.touched.has(nameOf(a)));
    return [...untouched, ...this.touched.values()].filter((a) => a !== undefined);
  }

  put(account: AccountDef): void {
    this.touched.set(nameOf(account), account);
  }

  drop(name: AccountName): void {
    this.touched.set(nameOf(name), undefined);
  }

  /** The account that a statement names. */
  named(account: Account): AccountName {
    if (account.kind === 'account') return account;
    const { user, host } = this.session.account;
    return { user, host };
  }

  isOwn(name: AccountName): boolean {
    return nameOf(name) === this.session.currentUser;
  }

  note(errno: number, message: string, level: Warning['level'] = 'Note'): void {
    this.warnings.push({ level, errno, message });
  }

  changes(): CatalogChange[] {
    const changes: CatalogChange[] = [];
    for (const [name, account] of this.touched) {
      const before = this.accounts.get(name);
      if (account) changes.push({ kind: 'put-account', account });
      else if (before) changes.push({ kind: 'drop-account', user: before.user, host: before.host });
    }
    return changes;
  }
}

export const quoted = ({ user, host }: AccountName): string => `'${user}'@'${host}'`;
export const ticked = ({ user, host }: AccountName): string => `\`${user}\`@\`${host}\``;
export const parsed = (name: string): AccountName => {
  const at = name.lastIndexOf('@');
  return { user: name.slice(0, at), host: name.slice(at + 1) };
};

/** 1396, for all the accounts that it failed for. */
export function failed(operation: string, names: readonly AccountName[], reason: string): SqlError {
  const tail = reason === '' ? '' : ` (${reason})`;
  return new SqlError(1396, 'HY000', `Operation ${operation} failed for ${names.map(quoted).join(',')}${tail}`);
}
