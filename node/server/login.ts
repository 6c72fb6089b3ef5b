/** The connection phase: greeting, TLS, proof of the password, session. And COM_CHANGE_USER, which repeats half of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ProtocolError } from './errors.ts';
import { authenticate, DEFAULT_PLUGIN, makeNonce } from './auth/authenticate.ts';
import { Compression } from './compression.ts';
import type { Connection } from './connection.ts';
import { Capability, Status } from './constants.ts';
import {
  isTlsRequest,
  type Login,
  readChangeUser,
  readLogin,
  SERVER_CAPABILITIES,
  writeGreeting,
} from './handshake.ts';
import type { Payload } from './payload.ts';
import type { Account, Session } from './ports.ts';
import { statusBits, writeOk } from './replies.ts';
import type { TLSSocket } from 'node:tls';

const COLLATION_UTF8MB4_0900_AI_CI = 255;

/** Everything up to the OK packet. Throws ProtocolError, the engine's SqlError, MalformedPacket, ConnectionGone. */
export async function login(connection: Connection): Promise<void> {
  const { context } = connection;
  const capabilities =
    SERVER_CAPABILITIES | Capability.COMPRESS | Capability.ZSTD_COMPRESSION | (context.tls ? Capability.SSL : 0);
  connection.nonce = makeNonce();
  const { out } = connection.channel;
  out.beginPacket();
  writeGreeting(out, {
    version: context.engine.version,
    connectionId: connection.id,
    nonce: connection.nonce,
    capabilities,
    collation: COLLATION_UTF8MB4_0900_AI_CI,
    status: Status.AUTOCOMMIT,
    plugin: DEFAULT_PLUGIN,
  });
  out.endPacket();
  connection.channel.flush();

  let payload = await connection.receive();
  if (context.tls && isTlsRequest(payload)) {
    await connection.upgrade();
    payload = await connection.receive();
  }
  const asked = readLogin(payload);
  connection.capabilities = asked.capabilities & capabilities;
  await openSession(connection, asked);

  if ((connection.capabilities & Capability.COMPRESS) !== 0) {
    connection.channel.compression = new Compression('zlib', 6);
  } else if ((connection.capabilities & Capability.ZSTD_COMPRESSION) !== 0) {
    connection.channel.compression = new Compression('zstd', asked.zstdLevel);
  }
}

/** COM_CHANGE_USER. Any failure ends the connection, as in MySQL. */
export async function changeUser(connection: Connection, payload: Payload): Promise<void> {
  const asked = readChangeUser(payload, connection.capabilities);
  connection.statements.clear();
  const old = connection.session as Session;
  // Closed first, so that locks and temporary tables of the old user are gone whatever comes.
  old.onKill = undefined;
  connection.session = undefined;
  old.close();
  await openSession(connection, asked);
}

async function openSession(connection: Connection, asked: Login): Promise<void> {
  const { context, address } = connection;
  const wait = context.throttle.delay(address);
  if (wait > 0) await sleep(wait, undefined, { ref: false });
  let account = context.engine.findAccount(asked.user, address);
  const outcome = await authenticate(connection, context.keys, account, asked, connection.nonce);
  if (outcome.kind === 'unsupported') {
    throw new ProtocolError(
      1251,
      '08004',
      'Client does not support authentication protocol requested by server; consider upgrading MySQL client',
    );
  }
  if (outcome.kind === 'denied') {
    // Another node may have acknowledged the account, or its new password, a moment ago. Who is unknown waits as long as who is not.
    await context.engine.caughtUp();
    const known = context.engine.findAccount(asked.user, address);
    account = known && known !== account && (await outcome.proves(known)) ? known : undefined;
  }
  if (account === undefined || (account.requireTls && !connection.secure)) {
    context.throttle.failed(address);
    context.figures.deniedLogins++;
    const used = outcome.kind === 'accepted' || outcome.passwordUsed ? 'YES' : 'NO';
    context.log.info({ user: asked.user, address }, 'login denied');
    const host = hostName(address);
    throw new ProtocolError(
      1045,
      '28000',
      `Access denied for user '${asked.user}'@'${host}' (using password: ${used})`,
    );
  }
  checkAccount(account, asked, address);
  context.throttle.succeeded(address);
  const session = await context.engine.openSession(connection.id, account, {
    address,
    port: connection.port,
    tlsCipher: connection.secure ? (connection.socket as TLSSocket).getCipher().name : '',
    tlsVersion: connection.secure ? ((connection.socket as TLSSocket).getProtocol() ?? '') : '',
    attributes: asked.attributes,
    database: asked.database,
    collationId: asked.collation,
    interactive: (asked.capabilities & Capability.INTERACTIVE) !== 0,
    foundRows: (asked.capabilities & Capability.FOUND_ROWS) !== 0,
    ignoreSpace: (asked.capabilities & Capability.IGNORE_SPACE) !== 0,
    localInfile: (asked.capabilities & Capability.LOCAL_FILES) !== 0,
  });
  if (connection.mode === 'ended') {
    session.close();
    return;
  }
  session.multiStatements = (asked.capabilities & Capability.MULTI_STATEMENTS) !== 0;
  connection.session = session;
  writeOk(
    connection.channel.out,
    0x00,
    { affectedRows: 0, insertId: 0, warnings: 0, info: '' },
    statusBits(session.status()),
    connection.capabilities,
    session.takeChanges(),
  );
  connection.channel.flush();
}

function checkAccount(account: Account, asked: Login, address: string): void {
  if (account.locked) {
    const who = `'${asked.user}'@'${hostName(address)}'`;
    throw new ProtocolError(3118, 'HY000', `Access denied for user ${who}. Account is locked.`);
  }
  if (account.passwordExpired && (asked.capabilities & Capability.CAN_HANDLE_EXPIRED_PASSWORDS) === 0) {
    throw new ProtocolError(
      1862,
      'HY000',
      'Your password has expired. To log in you must change it using a client that supports expired passwords.',
    );
  }
}

/** MySQL shows the loopback by its name. */
function hostName(address: string): string {
  return address === '127.0.0.1' || address === '::1' ? 'localhost' : address;
}
