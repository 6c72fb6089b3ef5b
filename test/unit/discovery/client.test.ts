import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { NetworkClient, type OpenHost } from '../../../node/discovery/client.ts';
import type { TLSSocket } from 'node:tls';
import { controlFrame, dataFrames, FRAME_HEADER_BYTES, writeDataFrame } from '../../../node/discovery/frames.ts';
import { dialLane } from '../../../node/discovery/lane.ts';
import type { NetworkHandler, NetworkOptions } from '../../../node/discovery/index.ts';
import { nodeIdOf } from '../../../node/discovery/index.ts';
import type { Command, Report } from '../../../node/discovery/messages.ts';

const SELF = nodeIdOf(new Uint8Array(32).fill(1));
const PEER = nodeIdOf(new Uint8Array(32).fill(2));
const options: NetworkOptions = {
  privateKey: new Uint8Array(32),
  listen: { host: '127.0.0.1', port: 0 },
  swarm: { id: 'x', key: new Uint8Array(32) },
  bootstrap: [],
  mdns: false,
  members: [],
  queueBytesMax: 1_000,
};

/** A client, started, whose other side is the test. */
async function started(handler: NetworkHandler): Promise<{
  client: NetworkClient;
  commands: Command[];
  report: (...reports: Report[]) => void;
  end: (error: Error) => void;
}> {
  const commands: Command[] = [];
  let report: (reports: readonly Report[]) => void = () => undefined;
  let end: (error: Error) => void = () => undefined;
  const open: OpenHost = (onReports, onEnd) => {
    report = onReports;
    end = onEnd;
    return { post: (more) => void commands.push(...more), close: () => Promise.resolve() };
  };
  const client = new NetworkClient(SELF, options, handler, open);
  const starting = client.start();
  report([{ kind: 'started', addresses: ['/ip4/127.0.0.1/tcp/1'] }]);
  await starting;
  return { client, commands, report: (...reports) => report(reports), end: (error) => end(error) };
}

const up = { kind: 'up', link: 7, peer: PEER, address: '/ip4/127.0.0.1/tcp/2', takesLane: false } as const;

describe('the owner’s side of the network', () => {
  it('starts the other side anew when that ends by itself, with the members and topics of the moment', async (t) => {
    const seen: string[] = [];
    const { client, commands, report, end } = await started({
      peerUp: () => void seen.push('up'),
      peerDown: () => void seen.push('down'),
      log: (level, text) => void seen.push(`${level}: ${text}`),
    });
    client.setMembers([PEER]);
    client.subscribe('heads');
    await setImmediate();
    report(up);
    commands.length = 0;
    t.mock.timers.enable({ apis: ['setTimeout'] });
    end(new Error('out of memory'));
    t.mock.timers.tick(1_000);
    assert.deepEqual(seen, ['up', 'down', "error: the network's thread ended: out of memory"]);
    assert.deepEqual(commands, [
      { kind: 'start', options: { ...options, members: [PEER], removed: [] }, topics: ['heads'] },
    ]);
    assert.equal(client.send(PEER, new Uint8Array(1)), 'unreachable');
    report({ kind: 'started', addresses: [] }, { ...up, link: 8 });
    assert.equal(client.send(PEER, new Uint8Array(1)), 'queued');
  });

  it('gathers a turn’s messages in one chunk, and counts what waits', async () => {
    let drained = 0;
    const { client, commands, report } = await started({ drained: () => void drained++ });
    report(up);
    commands.length = 0;
    const messages = [1, 2, 3].map((n) => new Uint8Array(200).fill(n));
    for (const message of messages) assert.equal(client.send(PEER, message), 'queued');
    assert.equal(client.send(PEER, new Uint8Array(500)), 'full');
    assert.equal(commands.length, 0);
    await setImmediate();
    const chunk = new Uint8Array(3 * (200 + FRAME_HEADER_BYTES));
    messages.reduce((at, message) => writeDataFrame(chunk, at, message), 0);
    assert.deepEqual(commands, [{ kind: 'send', link: 7, chunk }]);
    report({ kind: 'sent', link: 7, bytes: 100 });
    assert.equal(drained, 0);
    report({ kind: 'sent', link: 7, bytes: chunk.length - 100 });
    assert.equal(drained, 1);
    assert.equal(client.peers()[0]?.queueBytes, 0);
    // A message that is larger than the queue goes when nothing else waits.
    assert.equal(client.send(PEER, new Uint8Array(5_000)), 'queued');
  });

  it('lets nothing of an old link through to a new one', async () => {
    const got: number[] = [];
    const { client, commands, report } = await started({ message: (_, bytes) => void got.push(bytes.length) });
    report(up);
    client.send(PEER, new Uint8Array(3));
    report({ kind: 'down', link: 7, reason: 'cut' }, { ...up, link: 8 });
    commands.length = 0;
    await setImmediate();
    assert.deepEqual(commands, []);
    const chunk = new Uint8Array(FRAME_HEADER_BYTES + 4);
    writeDataFrame(chunk, 0, new Uint8Array(4));
    report({ kind: 'messages', link: 7, chunk }, { kind: 'sent', link: 7, bytes: 8 });
    assert.deepEqual(got, []);
    assert.equal(client.peers()[0]?.queueBytes, 0);
    report({ kind: 'messages', link: 8, chunk });
    assert.deepEqual(got, [4]);
  });

  it('goes over to a lane, in the order of the messages, and gives the link up with it', async () => {
    const got: number[] = [];
    const gotTwo = Promise.withResolvers<void>();
    const message = (_: unknown, bytes: Uint8Array): void => {
      if (got.push(bytes.length) === 2) gotTwo.resolve();
    };
    const { client, commands, report } = await started({ message });
    report({ ...up, takesLane: true });
    await setImmediate();
    const [offer] = commands.splice(0).filter((command) => command.kind === 'offerLane');
    assert.ok(offer);
    const opened = new Promise<TLSSocket>((resolve, reject) => {
      dialLane({ ...offer.ticket, host: '127.0.0.1' }, resolve, reject);
    });
    client.send(PEER, new Uint8Array(3));
    const lane = await opened;
    const chunks = (): Uint8Array[] => commands.flatMap((command) => (command.kind === 'send' ? [command.chunk] : []));
    while (chunks().length < 2) await setImmediate();
    const [message3, last] = chunks();
    assert.equal([...dataFrames(message3 as Uint8Array)][0]?.length, 3);
    assert.deepEqual(last, controlFrame('switch', 0));
    commands.length = 0;
    const came = once(lane, 'data') as Promise<[Uint8Array]>;
    client.send(PEER, new Uint8Array(5));
    assert.equal((await came)[0].length, FRAME_HEADER_BYTES + 5);
    assert.deepEqual(commands, []);
    // What comes by the lane waits for what came over the link before.
    const frame = (length: number): Uint8Array<ArrayBuffer> => {
      const chunk = new Uint8Array(FRAME_HEADER_BYTES + length);
      writeDataFrame(chunk, 0, new Uint8Array(length));
      return chunk;
    };
    await new Promise((resolve) => lane.write(frame(7), resolve));
    report({ kind: 'messages', link: 7, chunk: frame(6) }, { kind: 'switched', link: 7 });
    await gotTwo.promise;
    assert.deepEqual(got, [6, 7]);
    lane.destroy();
    while (commands.length === 0) await setImmediate();
    assert.deepEqual(commands, [{ kind: 'drop', link: 7, reason: 'the peer closed the lane' }]);
    const stopping = client.stop();
    report({ kind: 'stopped' });
    await stopping;
  });
});
