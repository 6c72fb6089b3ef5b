/** What a node says of itself, and what an administrator closes on it: read_only, super_read_only, offline_mode, require_secure_transport. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import type { Connection } from 'mysql2/promise';
import { startTestNode, type TestNode } from '../../support/node.ts';
import { answerOf } from './support.ts';

let node: TestNode;
let root: Connection;
let plain: Connection;

const asPlain = (): Promise<Connection> => node.connect({ user: 'plain', password: 'pw', database: 'shop' });
const errno = (number: number) => (error: unknown) => (error as { errno?: number }).errno === number;

before(async () => {
  node = await startTestNode();
  root = await node.connect();
  for (const sql of [
    'CREATE DATABASE shop',
    'CREATE TABLE shop.t (a INT PRIMARY KEY)',
    "CREATE USER plain IDENTIFIED BY 'pw'",
    'GRANT ALL ON shop.* TO plain',
  ])
    await root.query(sql);
  plain = await asPlain();
});
after(() => node.stop());

describe('read_only', () => {
  it('is for all but administrators, temporary tables aside', async () => {
    await root.query('SET GLOBAL read_only = 1');
    assert.equal(await answerOf(plain, 'INSERT INTO t VALUES (1)'), 'E1290');
    assert.equal(await answerOf(plain, 'CREATE TABLE u (a INT)'), 'E1290');
    assert.deepEqual(await answerOf(plain, 'SELECT * FROM t'), []);
    assert.equal(await answerOf(plain, 'CREATE TEMPORARY TABLE mine (a INT)'), 0);
    assert.equal(await answerOf(plain, 'INSERT INTO mine VALUES (1)'), 1);
    assert.equal(await answerOf(root, 'INSERT INTO shop.t VALUES (2)'), 1);
    await root.query('SET GLOBAL read_only = 0');
    assert.equal(await answerOf(plain, 'INSERT INTO t VALUES (3)'), 1);
  });

  it('is for them, too, as super_read_only, and takes back what is open', async () => {
    await plain.query('BEGIN');
    await plain.query('INSERT INTO t VALUES (10)');
    await root.query('SET GLOBAL super_read_only = 1');
    assert.deepEqual(await answerOf(root, 'SELECT @@read_only, @@super_read_only'), [['1', '1']]);
    assert.equal(await answerOf(plain, 'COMMIT'), 'E1290');
    for (const sql of ['INSERT INTO shop.t VALUES (11)', 'DROP TABLE shop.t', "CREATE USER other IDENTIFIED BY 'pw'"])
      assert.equal(await answerOf(root, sql), 'E1290', sql);
    await root.query('SET GLOBAL read_only = 0');
    assert.deepEqual(await answerOf(root, 'SELECT @@read_only, @@super_read_only'), [['0', '0']]);
    assert.deepEqual(await answerOf(root, 'SELECT a FROM shop.t WHERE a >= 10'), []);
  });
});

describe('logins', () => {
  it('need TLS under require_secure_transport', async () => {
    await root.query('SET GLOBAL require_secure_transport = 1');
    await assert.rejects(asPlain(), errno(3159));
    const secure = await node.connect({ ssl: { rejectUnauthorized: false } });
    await secure.query('SET GLOBAL require_secure_transport = 0');
    await asPlain();
  });

  it('are for administrators under offline_mode, which ends the sessions of others', async () => {
    const ended = once((plain as unknown as { connection: NodeJS.EventEmitter }).connection, 'end');
    await root.query('SET GLOBAL offline_mode = 1');
    await ended;
    await assert.rejects(asPlain(), errno(3032));
    await node.connect();
    await root.query('SET GLOBAL offline_mode = 0');
    await asPlain();
  });
});

it('tells who it is by server_uuid and server_id, which stay, and by hostname', async () => {
  const other = await startTestNode(['--name', 'paris']);
  const who = 'SELECT @@server_uuid, @@server_id, @@hostname';
  const [mine] = (await answerOf(root, who)) as string[][];
  const [theirs] = (await answerOf(await other.connect(), who)) as string[][];
  await other.restart();
  assert.deepEqual(await answerOf(await other.connect(), who), [theirs]);
  await other.stop();
  assert.match(String(theirs?.[0]), /^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-8[\da-f]{3}-[\da-f]{12}$/);
  assert.notEqual(theirs?.[0], mine?.[0]);
  assert.notEqual(theirs?.[1], mine?.[1]);
  assert.equal(theirs?.[2], 'paris');
});

it('logs slow statements, and all where it is asked to, without passwords', async () => {
  const lines: [slow: boolean, sql: string][] = [];
  node.node.engine.core.statementLog.onStatement = (slow, { sql }) => lines.push([slow, sql]);
  const [[, earlier]] = (await answerOf(root, "SHOW GLOBAL STATUS LIKE 'Slow_queries'")) as [[string, string]];
  const c = await node.connect({ multipleStatements: true });
  await c.query('SET GLOBAL slow_query_log = 1; SET long_query_time = 0.02; DO SLEEP(0.03); DO 1');
  await c.query('SET long_query_time = 10; SET GLOBAL general_log = 1');
  await c.query("CREATE USER logged IDENTIFIED BY 'hush hush'");
  await c.execute('SELECT ? + 1', [1]);
  await c.query('SET GLOBAL slow_query_log = 0; SET GLOBAL general_log = 0; DO 2');
  assert.deepEqual(lines.slice(0, 2), [
    [true, 'DO SLEEP(0.03)'],
    [false, 'SET GLOBAL general_log = 1'],
  ]);
  assert.match(lines[2]?.[1] ?? '', /^CREATE USER logged IDENTIFIED/);
  assert.ok(!lines.some(([, sql]) => sql.includes('hush')));
  assert.deepEqual(
    lines.slice(3).map(([, sql]) => sql),
    ['SELECT ? + 1', 'SET GLOBAL slow_query_log = 0'],
  );
  const [[, later]] = (await answerOf(root, "SHOW GLOBAL STATUS LIKE 'Slow_queries'")) as [[string, string]];
  assert.equal(Number(later), Number(earlier) + 1);
});
