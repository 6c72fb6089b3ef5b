/** CREATE, ALTER, DROP and RENAME USER, roles, SET PASSWORD, GRANT and REVOKE. Each is done whole or not at all. */
import type { CatalogChange, Statement } from '../sql/index.ts';
import { refuseOnReadOnlyNode } from './closed.ts';
import { AccountDraft } from './account-draft.ts';
import { grantOrRevoke } from './grant-statements.ts';
import { setDefaultRole, setRole } from './role-statements.ts';
import { ok, type StatementContext } from './statement-context.ts';
import { columnsOf } from './show/result.ts';
import { alterUser, createRole, createUser, dropUsers, renameUser, setPassword } from './user-statements.ts';
import { redactPasswords } from '../sql/index.ts';
import { sendRows } from './results.ts';
import { commitTransaction } from './commit-transaction.ts';

export type AccountStatement = Extract<
  Statement,
  {
    kind:
      | 'createUser'
      | 'alterUser'
      | 'dropUser'
      | 'dropRole'
      | 'createRole'
      | 'renameUser'
      | 'grant'
      | 'revoke'
      | 'setPassword'
      | 'setRole'
      | 'setDefaultRole';
  }
>;

const PASSWORD_COLUMNS = columnsOf(
  'user varchar(32)!; host varchar(255)!; password varchar(64)!; auth_factor int!',
).map((c, i) => (i === 2 ? { ...c, name: 'generated password' } : c));

export function runAccountStatement(x: StatementContext, statement: AccountStatement): Promise<void> | undefined {
  const { session } = x;
  // From here on nobody sees the password: not the process list, and not the log.
  if (statement.kind === 'createUser' || statement.kind === 'alterUser' || statement.kind === 'setPassword') {
    session.state.info = redactPasswords(x.text, session.state.parseOptions);
  }
  if (statement.kind === 'setRole') {
    setRole(session, statement.roles);
    return ok(x);
  }
  session.core.refuseWrites();
  refuseOnReadOnlyNode(session);
  const done = commitTransaction(session);
  const run = async (): Promise<void> => {
    await done;
    const draft = new AccountDraft(session);
    await change(draft, statement);
    await finish(x, draft);
  };
  return run();
}

function change(draft: AccountDraft, statement: Exclude<AccountStatement, { kind: 'setRole' }>): Promise<void> | void {
  switch (statement.kind) {
    case 'createUser':
      return createUser(draft, statement);
    case 'alterUser':
      return alterUser(draft, statement);
    case 'setPassword':
      return setPassword(draft, statement);
    case 'createRole':
      return createRole(draft, statement);
    case 'dropUser':
    case 'dropRole':
      return dropUsers(draft, statement);
    case 'renameUser':
      return renameUser(draft, statement);
    case 'grant':
    case 'revoke':
      return grantOrRevoke(draft, statement);
    case 'setDefaultRole':
      return setDefaultRole(draft, statement);
  }
}

async function finish(x: StatementContext, draft: AccountDraft): Promise<void> {
  const { session } = x;
  const changes: readonly CatalogChange[] = draft.changes();
  if (changes.length > 0) await session.core.commits.changeCatalog(session, session.state.info ?? '', changes);
  session.state.warnings = draft.warnings;
  session.state.warningCount = draft.warnings.length;
  if (draft.generated.length === 0) {
    ok(x);
    return;
  }
  session.state.rowCount = -1;
  await sendRows(
    session,
    PASSWORD_COLUMNS,
    draft.generated.map(({ user, host, password }) => [user, host, password, 1]),
    x.sink,
    x.more,
  );
}
