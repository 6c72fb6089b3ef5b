import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseBootstrap } from '../../../node/discovery/bootstrap.ts';
import { isNodeId, makeToken, nodeIdOf, parseToken } from '../../../node/discovery/index.ts';
import { decodeAnswer, decodeQuestion, encodeAnswer, encodeQuestion } from '../../../node/discovery/join-messages.ts';
import { splitMessage } from '../../../node/pubsub/gossip.ts';

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const PLAIN = { noNullPrototype: true };

describe('join tokens', () => {
  it('say what they were made of', () => {
    const token = fc
      .record({
        id: fc.string(),
        bootstrap: fc.array(fc.string()),
        secret: fc.uint8Array({ maxLength: 32 }),
        expires: fc.nat(),
        key,
      })
      .map(({ id, key, ...rest }) => ({ swarm: { id, key }, ...rest }));
    fc.assert(fc.property(token, (made) => assert.deepEqual(parseToken(makeToken(made)), made)));
  });

  it('that are damaged are told apart', () => {
    const text = makeToken({
      swarm: { id: 'x', key: new Uint8Array(32) },
      bootstrap: ['a:1'],
      secret: new Uint8Array(16),
      expires: 1,
    });
    for (let n = 0; n < text.length - 1; n++)
      assert.throws(() => parseToken(text.slice(0, n)), { name: 'NetworkError', code: 'BAD_TOKEN' });
    fc.assert(
      fc.property(fc.string(), (other) => {
        assert.throws(() => parseToken(other), { code: 'BAD_TOKEN' });
      }),
    );
  });
});

describe('join questions and answers', () => {
  it('come out as they went in', () => {
    fc.assert(
      fc.property(fc.record({ name: fc.string(), secret: fc.uint8Array() }, PLAIN), (question) =>
        assert.deepEqual(decodeQuestion(encodeQuestion(question)), question),
      ),
    );
    const answer = fc.oneof(
      fc.record(
        {
          kind: fc.constant('accepted' as const),
          welcome: fc.uint8Array({ maxLength: 40 }).map((b) => new Uint8Array(b)),
          members: fc.array(key.map(nodeIdOf)),
          addresses: fc.array(fc.string()),
        },
        PLAIN,
      ),
      fc.record({ kind: fc.constant('refused' as const), reason: fc.string() }, PLAIN),
    );
    fc.assert(fc.property(answer, (made) => assert.deepEqual(decodeAnswer(encodeAnswer(made)), made)));
  });

  it('that are none are undefined', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        assert.equal(decodeQuestion(bytes), undefined);
        assert.equal(decodeAnswer(bytes), undefined);
        splitMessage(bytes);
      }),
    );
  });
});

describe('node ids', () => {
  it('are 64 digits of hex', () => {
    fc.assert(fc.property(key, (bytes) => isNodeId(nodeIdOf(bytes))));
    assert.equal(isNodeId('A'.repeat(64)), false);
    assert.equal(isNodeId('ab'), false);
  });
});

describe('bootstrap addresses', () => {
  it('are host:port, [IPv6]:port or multiaddrs', () => {
    assert.deepEqual(parseBootstrap('db-0.db:4001'), { kind: 'host', host: 'db-0.db', port: 4001 });
    assert.deepEqual(parseBootstrap('10.0.0.1:4001'), { kind: 'host', host: '10.0.0.1', port: 4001 });
    assert.deepEqual(parseBootstrap('[::1]:4001'), { kind: 'host', host: '::1', port: 4001 });
    const parsed = parseBootstrap('/dns4/db/tcp/4001');
    assert.equal(parsed.kind === 'multiaddr' && parsed.address.toString(), '/dns4/db/tcp/4001');
    for (const bad of ['db', 'db:', 'db:0', 'db:70000', '::1:4001', ':4001', '/nonsense/x', 'a b:1', ''])
      assert.throws(() => parseBootstrap(bad), { code: 'BAD_OPTIONS' }, bad);
  });
});
