// The admin HTTP over real sockets, against the engine without SQL of the protocol's tests.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { request } from 'node:https';
import { networkInterfaces, tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type AdminPorts, type RunningAdmin, startAdmin } from '../../../node/admin/index.ts';
import { LatencyHistogram } from '../../../node/engine/index.ts';
import { type RunningServer, startServer } from '../../../node/server/index.ts';
import { BIGINT, column, FakeEngine, INT, OK, silentLog, VARCHAR } from '../server/fake-engine.ts';

const engine = new FakeEngine();
let ports: AdminPorts;
const histogram = new LatencyHistogram();
let folder = '';
let server: RunningServer;
let admin: RunningAdmin;
let notReady: string | undefined;
let token = '';

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'p2pdb-admin-'));
  server = await startServer({ host: '127.0.0.1', port: 0, keyFolder: folder, tls: 'auto' }, engine, silentLog);
  ports = {
    engine,
    server: server.figures,
    nextSessionId: () => server.nextSessionId(),
    notReady: () => notReady,
    status: () => ({ node: 'n1' }),
    figures: () => [
      { type: 'gauge', name: 'p2pdb_up', help: 'Up.', samples: [{ labels: { a: 'b' }, value: 1 }] },
      {
        type: 'histogram',
        name: 'p2pdb_statement_seconds',
        help: 'Statements.',
        samples: [{ labels: { kind: 'select' }, histogram }],
      },
    ],
    mayAdminister: (account) => account.user === 'root',
    tokenAccount: () => engine.findAccount('root'),
  };
  const tokenFile = path.join(folder, 'admin.token');
  admin = await startAdmin({ host: '127.0.0.1', port: 0, tokenFile }, ports, silentLog);
  token = (await readFile(tokenFile, 'utf8')).trim();
  assert.equal((await stat(tokenFile)).mode & 0o777, 0o600);
});
after(async () => {
  await admin.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

interface Reply {
  status: number;
  body: Record<string, unknown> & { error?: { code: string; message: string; errno?: number } };
  text: string;
}

async function ask(url: string, init: RequestInit = {}): Promise<Reply> {
  const response = await fetch(`http://127.0.0.1:${admin.address.port}${url}`, init);
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true;
  return { status: response.status, body: (isJson ? JSON.parse(text) : {}) as Reply['body'], text };
}

const basic = (user: string, password: string) => ({
  Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});
const bearer = () => ({ Authorization: `Bearer ${token}` });
const sql = (body: unknown, headers: Record<string, string> = bearer()) =>
  ask('/v1/sql', {
    method: 'POST',
    headers: { ...headers, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });

describe('health and metrics', () => {
  it('says that it lives and whether it serves', async () => {
    assert.equal((await ask('/healthz')).status, 200);
    assert.deepEqual((await ask('/readyz')).body, { ready: true });
    notReady = 'catching up';
    const reply = await ask('/readyz');
    notReady = undefined;
    assert.equal(reply.status, 503);
    assert.deepEqual(reply.body, { ready: false, reason: 'catching up' });
  });

  it('shows its figures to Prometheus', async () => {
    histogram.observe(0.00007);
    histogram.observe(0.3);
    histogram.observe(60);
    for (let i = 0; i < 2; i++) {
      const { text } = await ask('/metrics');
      assert.match(text, /^# TYPE p2pdb_mysql_connections gauge$/m);
      assert.match(text, /^p2pdb_mysql_connections 0$/m);
      assert.match(text, /^p2pdb_mysql_commands_total\{command="query"\} 0$/m);
      assert.match(text, /^p2pdb_up\{a="b"\} 1$/m);
      assert.match(text, /^p2pdb_statement_seconds_bucket\{kind="select",le="0.0001"\} 1$/m);
      assert.match(text, /^p2pdb_statement_seconds_bucket\{kind="select",le="\+Inf"\} 3$/m);
      assert.match(text, /^p2pdb_statement_seconds_count\{kind="select"\} 3$/m);
      assert.match(text, /^p2pdb_process_cpu_user_seconds_total /m);
    }
  });
});

describe('/v1', () => {
  it('lets in the token and users with the privilege only', async () => {
    assert.equal((await ask('/v1/status')).status, 401);
    assert.deepEqual((await ask('/v1/status', { headers: bearer() })).body, { node: 'n1' });
    assert.equal((await ask('/v1/status', { headers: basic('root', '') })).status, 200);
    assert.equal((await ask('/v1/status', { headers: { Authorization: 'Bearer wrong' } })).status, 401);
    assert.equal((await ask('/v1/status', { headers: basic('nobody', 'x') })).status, 401);
    for (let i = 0; i < 2; i++) {
      const reply = await ask('/v1/status', { headers: basic('sha', 'secret') });
      assert.equal(reply.status, 403);
      assert.equal(reply.body.error?.code, 'forbidden');
    }
    assert.equal((await ask('/v1/status', { headers: basic('native', 'secret') })).status, 403);
    assert.equal((await ask('/v1/other', { headers: bearer() })).status, 404);
  });

  it('runs statements', async () => {
    engine.answers.set('values', (sink, _session) => {
      sink.columns([column('i', INT), column('b', BIGINT), column('s', VARCHAR)]);
      sink.row([1, 2n ** 60n, null]);
      sink.end(1, true);
      sink.ok({ ...OK, affectedRows: 2, info: 'done' }, false);
    });
    const reply = await sql({ sql: 'values' }, basic('sha', 'secret'));
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(reply.body['results'], [
      {
        columns: [
          { name: 'i', type: 'int', nullable: true },
          { name: 'b', type: 'int', nullable: true },
          { name: 's', type: 'string', nullable: true },
        ],
        rows: [[1, '1152921504606846976', null]],
        rowCount: 1,
        truncated: false,
        warnings: 1,
      },
      { affectedRows: 2, insertId: 0, info: 'done', warnings: 0 },
    ]);
    assert.equal(engine.sessions.size, 0);
  });

  it('binds parameters', async () => {
    let seen: unknown;
    engine.answers.set('insert ?,?,?', (sink, _session, parameters) => {
      seen = parameters;
      sink.ok(OK, false);
    });
    await sql({ sql: 'insert ?,?,?', params: [1, 'x', 0.5] });
    assert.deepEqual(seen, [
      { kind: 'int', value: 1, unsigned: false },
      { kind: 'string', text: 'x' },
      { kind: 'double', value: 0.5 },
    ]);
    assert.match((await sql({ sql: 'insert ?,?,?', params: [1] })).body.error?.message ?? '', /3 placeholders/);
    assert.equal(engine.prepared, 0);
  });

  it('says clearly what is wrong', async () => {
    engine.answers.set('bad', (sink) => sink.error({ errno: 1146, sqlState: '42S02', message: 'no table' }));
    const bad = await sql({ sql: 'bad' });
    assert.equal(bad.status, 400);
    assert.equal(bad.body.error?.errno, 1146);
    assert.equal((await sql({})).body.error?.code, 'bad_request');
    assert.equal((await sql({ sql: 'x', params: [{}] })).status, 400);
    assert.equal((await sql({ sql: 'x', database: 'missing' })).body.error?.errno, 1049);
    const broken = await ask('/v1/sql', {
      method: 'POST',
      headers: { ...bearer(), 'Content-Type': 'application/json' },
      body: '{',
    });
    assert.equal(broken.status, 400);
  });

  it('bounds an answer', async () => {
    engine.answers.set('long', (sink) => {
      sink.columns([column('i', INT)]);
      for (let i = 0; i < 20_000; i++) sink.row([i]);
      sink.end(0, false);
    });
    const [result] = (await sql({ sql: 'long' })).body['results'] as [
      { rows: unknown[]; rowCount: number; truncated: boolean },
    ];
    assert.equal(result.rows.length, 10_000);
    assert.equal(result.rowCount, 20_000);
    assert.equal(result.truncated, true);
  });

  it('takes a password from elsewhere over TLS only', async (t) => {
    const outside = Object.values(networkInterfaces())
      .flat()
      .find((address) => address?.family === 'IPv4' && !address.internal)?.address;
    if (outside === undefined) {
      t.skip('this machine has the loopback only');
      return;
    }
    const tokenFile = path.join(folder, 'admin.token');
    const open = await startAdmin({ host: '0.0.0.0', port: 0, tokenFile }, ports, silentLog);
    const reply = await fetch(`http://${outside}:${open.address.port}/v1/status`, { headers: basic('root', '') });
    assert.equal(reply.status, 403);
    assert.equal(((await reply.json()) as { error: { code: string } }).error.code, 'tls_required');
    assert.equal((await fetch(`http://${outside}:${open.address.port}/v1/status`, { headers: bearer() })).status, 200);
    await open.close();

    const tls = { cert: path.join(folder, 'server-cert.pem'), key: path.join(folder, 'server-key.pem') };
    const secure = await startAdmin({ host: '0.0.0.0', port: 0, tokenFile, tls }, ports, silentLog);
    const ca = await readFile(path.join(folder, 'ca.pem'));
    const status = await new Promise((resolve, reject) => {
      const options = { host: outside, port: secure.address.port, ca, servername: 'localhost', path: '/v1/status' };
      request({ ...options, headers: basic('root', '') }, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end();
    });
    assert.equal(status, 200);
    await secure.close();
  });
});
