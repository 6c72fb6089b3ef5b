/** SET ROLE and SET DEFAULT ROLE. */
import { SqlError, type AccountDef, type RoleSelection, type SetDefaultRole } from '../sql/index.ts';
import { failed, parsed, ticked, type AccountDraft, type AccountName } from './account-draft.ts';
import { nameOf } from './accounts.ts';
import type { EngineSession } from './session.ts';

export function setRole(session: EngineSession, selection: RoleSelection): void {
  const { accounts, catalog } = session.core;
  const account = catalog.accounts.get(session.currentUser);
  const granted = account ? accounts.grantedRoles(account) : [];
  session.state.activeRoles = selected(parsed(session.currentUser), selection, granted, () =>
    accounts.defaultRoles(session.account),
  );
  session.state.changed();
}

function selected(
  holder: AccountName,
  selection: RoleSelection,
  granted: readonly string[],
  defaults: () => readonly string[],
): readonly string[] {
  switch (selection.kind) {
    case 'none':
      return [];
    case 'all':
      return [...granted];
    case 'default':
      return [...defaults()];
    case 'allExcept': {
      const except = new Set(selection.roles.map((r) => (r.kind === 'account' ? nameOf(r) : '')));
      return granted.filter((role) => !except.has(role));
    }
    case 'roles': {
      const names = selection.roles.map((r) => (r.kind === 'account' ? nameOf(r) : ''));
      checkRolesGranted(names, granted, holder);
      return [...new Set(names)].sort();
    }
  }
}

function checkRolesGranted(names: readonly string[], granted: readonly string[], holder: AccountName): void {
  const missing = names.find((name) => !granted.includes(name));
  if (missing !== undefined)
    throw new SqlError(3530, 'HY000', `${ticked(parsed(missing))} is not granted to ${ticked(holder)}`);
}

/** The default roles that a selection means for an account. */
export function selectRoles(draft: AccountDraft, account: AccountDef, selection: RoleSelection): readonly string[] {
  return selected(account, selection, draft.session.core.accounts.grantedRoles(account), () => account.defaultRoles);
}

export function setDefaultRole(draft: AccountDraft, statement: SetDefaultRole): void {
  const { session } = draft;
  const { accounts } = session.core;
  for (const who of statement.accounts) {
    const name = draft.named(who);
    if (!draft.isOwn(name)) accounts.checkGlobal(session, ['CREATE USER']);
    const account = draft.get(name);
    if (!account) throw failed('SET DEFAULT ROLE', [name], '');
    if (!draft.isOwn(name)) accounts.checkMayTouch(session, account);
    draft.put({ ...account, defaultRoles: selectRoles(draft, account, statement.roles) });
  }
}

export const mandatory = (role: AccountName): SqlError =>
  new SqlError(
    3628,
    'HY000',
    `The role ${ticked(role)} is a mandatory role and can't be revoked or dropped. The restriction can be lifted by excluding the role identifier from the global variable mandatory_roles.`,
  );
