/** What an administrator closes on one node: read_only, super_read_only, offline_mode, require_secure_transport. */
import { SqlError } from '../sql/index.ts';
import type { ClientInfo } from '../server/index.ts';
import type { EngineSession } from './session.ts';

/** Who goes on at a node that is closed to others. */
const ADMINISTRATORS = ['CONNECTION_ADMIN', 'SUPER'];

/** Throws 1290 where this node's clients may change nothing. What other nodes wrote is merged all the same. */
export function refuseOnReadOnlyNode(session: EngineSession): void {
  const { globals, accounts } = session.core;
  if (globals.number('read_only') === 0) return;
  const whole = globals.number('super_read_only') === 1;
  if (!whole && accounts.rightsOf(session).hasGlobal(...ADMINISTRATORS)) return;
  throw new SqlError(
    1290,
    'HY000',
    `The MySQL server is running with the --${whole ? 'super-' : ''}read-only option so it cannot execute this statement`,
  );
}

/** Throws 3159, 3032: who has logged in may not stay. */
export function refuseClient(session: EngineSession, client: ClientInfo): void {
  const { globals, accounts } = session.core;
  if (globals.number('require_secure_transport') === 1 && client.tlsCipher === '')
    throw new SqlError(
      3159,
      'HY000',
      'Connections using insecure transport are prohibited while --require_secure_transport=ON.',
    );
  if (globals.number('offline_mode') === 1 && !accounts.rightsOf(session).hasGlobal(...ADMINISTRATORS))
    throw new SqlError(3032, 'HY000', 'The server is currently in offline mode');
}

/** What follows from SET GLOBAL of one of them: super_read_only includes read_only, and offline_mode ends the sessions of others. */
export function globalWasSet({ core }: EngineSession, name: string, value: string | number): void {
  if (name === 'super_read_only' && value === 1) core.globals.set('read_only', 1);
  if (name === 'read_only' && value === 0) core.globals.set('super_read_only', 0);
  if (name !== 'offline_mode' || value !== 1) return;
  for (const session of core.main.sessions.values())
    if (!core.accounts.rightsOf(session).hasGlobal(...ADMINISTRATORS)) session.kill(true);
}
