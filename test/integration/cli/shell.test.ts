// The shell against the engine without SQL of the protocol's tests.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { runShell } from '../../../node/cli/index.ts';
import { type RunningServer, startServer } from '../../../node/server/index.ts';
import { column, FakeEngine, INT, OK, silentLog, VARCHAR } from '../server/fake-engine.ts';

const engine = new FakeEngine();
let server: RunningServer;
let folder = '';

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'p2pdb-shell-'));
  server = await startServer({ host: '127.0.0.1', port: 0, keyFolder: folder, tls: 'auto' }, engine, silentLog);
  engine.answers.set('select * from t', (sink) => {
    sink.columns([
      column('id', INT),
      column('name', VARCHAR),
      column('raw', { kind: 'binary', family: 'blob', length: 9 }),
    ]);
    sink.row([1, 'Grüße', Buffer.from([1, 255])]);
    sink.row([20, null, null]);
    sink.end(0, false);
  });
  engine.answers.set('none', (sink) => {
    sink.columns([column('id', INT)]);
    sink.end(0, false);
  });
  engine.answers.set('update', (sink) =>
    sink.ok({ ...OK, affectedRows: 2, warnings: 1, info: 'Rows matched: 2' }, false),
  );
  engine.answers.set('bad', (sink) => sink.error({ errno: 1064, sqlState: '42000', message: 'syntax' }));
});
after(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

async function shell(argv: string[], input = '', env: Record<string, string> = {}) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const texts = Promise.all([stdout, stderr].map(async (stream) => (await stream.toArray()).join('')));
  const code = await runShell(['--port', String(server.address.port), ...argv], {
    stdin: Readable.from([input]),
    stdout,
    stderr,
    env: { P2PDB_HISTFILE: path.join(folder, 'history'), ...env },
  });
  stdout.end();
  stderr.end();
  const [out, err] = await texts;
  return { code, out, err };
}
const untimed = (text: string | undefined): string => (text ?? '').replace(/\(\d+\.\d\d sec\)/g, '(T)');

describe('p2pdb sql', () => {
  it('gives lines parted by tabs to other programs', async () => {
    const { code, out, err } = await shell([], 'select * from t;\nupdate;\nnone;\n');
    assert.equal(err, '');
    assert.equal(code, 0);
    assert.equal(out, 'id\tname\traw\n1\tGrüße\t0x01FF\n20\tNULL\tNULL\nid\n');
    assert.equal((await shell(['-N', '-e', 'select * from t'])).out, '1\tGrüße\t0x01FF\n20\tNULL\tNULL\n');
  });

  it('draws boxes, and says what happened', async () => {
    const { out } = await shell(['--table', '-e', 'select * from t; update; none; select * from t\\G']);
    assert.equal(
      untimed(out),
      `+----+-------+--------+
| id | name  | raw    |
+----+-------+--------+
|  1 | Grüße | 0x01FF |
| 20 | NULL  | NULL   |
+----+-------+--------+
2 rows in set (T)

Query OK, 2 rows affected, 1 warning (T)
Rows matched: 2

Empty set (T)

*************************** 1. row ***************************
  id: 1
name: Grüße
 raw: 0x01FF
*************************** 2. row ***************************
  id: 20
name: NULL
 raw: NULL
2 rows in set (T)

`,
    );
  });

  it('stops at an error, or goes on when told to', async () => {
    const stopped = await shell([], 'select 1;\nbad;\nselect 1;\n');
    assert.equal(stopped.code, 1);
    assert.equal(stopped.out, '1\n1\n');
    assert.equal(stopped.err, 'ERROR 1064 (42000) at line 2: syntax\n');
    const forced = await shell(['-f'], 'bad;\nselect 1;\n');
    assert.equal(forced.code, 1);
    assert.equal(forced.out, '1\n1\n');
  });

  it('logs in with a password, over TLS', async () => {
    assert.equal((await shell(['-u', 'sha', '-psecret', '--ssl', '-e', 'select 1'])).code, 0);
    assert.equal((await shell(['-u', 'sha', '-e', 'select 1'], '', { MYSQL_PWD: 'secret' })).code, 0);
    const denied = await shell(['-u', 'sha', '-pwrong', '-e', 'select 1']);
    assert.equal(denied.code, 1);
    assert.match(denied.err ?? '', /^ERROR 1045 \(28000\): Access denied/);
    assert.match((await shell(['--bogus'])).err ?? '', /^p2pdb sql: Unknown option '--bogus'/);
    assert.match((await shell(['--port', '1', '-e', 'select 1'])).err ?? '', /^ERROR 2003/);
  });

  it('runs files and uses databases', async () => {
    const file = path.join(folder, 'some.sql');
    await writeFile(file, 'select 1;\nselect * from t;\n');
    const { out } = await shell(['-N'], `source ${file}\nuse other\nselect 1;\n`);
    assert.equal(out, '1\n1\tGrüße\t0x01FF\n20\tNULL\tNULL\n1\n');
    assert.ok(engine.statements.includes('USE `other`'));
  });
});
