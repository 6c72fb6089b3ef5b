/** Asks to be a member of a swarm. */
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import { joinDialler } from './admission.ts';
import { parseBootstrap, resolveBootstrap } from './bootstrap.ts';
import { NetworkError } from './errors.ts';
import { privateKeyOf } from './identity.ts';
import { decodeAnswer, encodeQuestion, JOIN_MS_MAX } from './join-messages.ts';
import type { JoinAnswer } from './ports.ts';
import { parseToken } from './token.ts';

/** See joinSwarm(). */
export async function askToJoin(
  token: string,
  privateKey: Uint8Array,
  name: string,
  elsewhere: readonly string[],
): Promise<JoinAnswer> {
  const { swarm, secret, expires, ...named } = parseToken(token);
  const bootstrap = [...new Set([...named.bootstrap, ...elsewhere])];
  if (expires <= Date.now())
    throw new NetworkError('TOKEN_EXPIRED', `the join token expired at ${new Date(expires).toISOString()}`);
  let answer: JoinAnswer | undefined;
  const dialler = await createLibp2p({
    privateKey: await privateKeyOf(privateKey),
    transports: [tcp()],
    connectionEncrypters: [
      joinDialler(swarm, encodeQuestion({ name, secret }), (bytes) => {
        answer = decodeAnswer(bytes);
      }),
    ],
    streamMuxers: [yamux()],
    connectionManager: { dialTimeout: JOIN_MS_MAX, addressDialTimeout: JOIN_MS_MAX, reconnectRetries: 0 },
    connectionGater: { denyDialMultiaddr: () => false },
  });
  const failures: unknown[] = [];
  try {
    for (const entry of bootstrap) {
      for (const address of await resolveBootstrap(parseBootstrap(entry)).catch(() => [])) {
        try {
          await dialler.dial(address, { signal: AbortSignal.timeout(JOIN_MS_MAX) });
        } catch (error) {
          // A join always ends so; only then is known whether there was an answer.
          failures.push(error);
        }
        if (answer) return answer;
      }
    }
  } finally {
    await dialler.stop();
  }
  throw new NetworkError('JOIN_UNREACHABLE', `no member answered at ${bootstrap.join(', ')}`, {
    cause: new AggregateError(failures, 'the attempts'),
  });
}
