// Client programs in other languages: each runs the same scenario, plain, over TLS, and compressed where it can.
// They are installed by setup.sh; what a machine cannot install is skipped with the reason.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { cache, environmentOf, here, missing, run, setUp } from './programs.ts';
import { startTarget, type Target } from './target.ts';

let target: Target;
before(async () => {
  target = await startTarget();
  await setUp();
});
after(() => target.close());

const EXPECTED = {
  insertId: 1,
  rows: [[1, 'Grüße 🙂', '12.50', '2024-02-29 12:34:56.123456', '00ff10', '9007199254740993']],
  error: 1146,
};

type Mode = 'plain' | 'TLS' | 'compressed';
interface Client {
  readonly name: string;
  readonly command: readonly string[];
  readonly modes: readonly Mode[];
}

const python = path.join(cache, 'python/bin/python');
const jars = (name: string): string => path.join(cache, 'java', name, '*');
const java = (jar: string, scheme: string): string[] => [
  'java',
  '-cp',
  jars(jar),
  path.join(here, 'java/Client.java'),
  scheme,
];
const clients: readonly Client[] = [
  { name: 'pymysql', command: [python, path.join(here, 'python/client.py'), 'pymysql'], modes: ['plain', 'TLS'] },
  {
    name: 'mysqlclient',
    command: [python, path.join(here, 'python/client.py'), 'mysqlclient'],
    modes: ['plain', 'TLS'],
  },
  { name: 'go', command: [path.join(cache, 'go-client')], modes: ['plain', 'TLS', 'compressed'] },
  { name: 'connector-j', command: java('mysql', 'mysql'), modes: ['plain', 'TLS', 'compressed'] },
  { name: 'mariadb-java', command: java('mariadb', 'mariadb'), modes: ['plain', 'TLS', 'compressed'] },
  { name: 'php', command: ['php', path.join(here, 'php/client.php')], modes: ['plain', 'TLS', 'compressed'] },
];

describe('client programs', () => {
  for (const { name, command, modes } of clients) {
    for (const mode of modes) {
      it(`${name}, ${mode}`, { timeout: 120_000 }, async (t) => {
        const reason = missing(name);
        if (reason !== undefined) {
          t.skip(reason);
          return;
        }
        const env = environmentOf(target);
        if (mode === 'TLS') env['DB_TLS'] = '1';
        if (mode === 'compressed') env['DB_COMPRESS'] = '1';
        const [program, ...argv] = command;
        const { stdout } = await run(program as string, argv, { env, maxBuffer: 1 << 24 });
        const { more, ...outcome } = JSON.parse(stdout) as typeof EXPECTED & { more?: number[] };
        // Java prints numbers of rows as they are; PHP's ids may be numbers or text.
        outcome.rows = outcome.rows.map(([id, ...rest]) => [Number(id), ...rest]);
        assert.deepEqual(outcome, EXPECTED);
        if (more !== undefined)
          assert.ok(
            more.every((difference) => difference === 0),
            String(more),
          );
      });
    }
  }

  for (const flags of [[], ['--ssl'], ['--compress']]) {
    it(`the mariadb command line ${flags.join(' ')}`, async (t) => {
      const reason = missing('mariadb');
      if (reason !== undefined) {
        t.skip(reason);
        return;
      }
      const login = [
        '-h127.0.0.1',
        `-P${target.port}`,
        `-u${target.user}`,
        `-p${target.password}`,
        '--default-character-set=utf8mb4',
        ...flags,
      ];
      const sql = `
        DROP TABLE IF EXISTS clients_t;
        CREATE TABLE clients_t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(100), d DECIMAL(10,2), dt DATETIME(6), b BLOB, n BIGINT);
        INSERT INTO clients_t (s, d, dt, b, n) VALUES ('Grüße 🙂', 12.5, '2024-02-29 12:34:56.123456', x'00ff10', 9007199254740993);
        SELECT id, s, d, dt, b, n FROM clients_t ORDER BY id;
        SELECT 1`;
      const { stdout } = await run('mariadb', [...login, '--binary-as-hex', '-e', sql, 'test']);
      assert.equal(
        stdout,
        'id\ts\td\tdt\tb\tn\n1\tGrüße 🙂\t12.50\t2024-02-29 12:34:56.123456\t0x00FF10\t9007199254740993\n1\n1\n',
      );
      await assert.rejects(
        run('mariadb', [...login, '-e', 'SELECT * FROM missing_table', 'test']),
        /ERROR 1146 \(42S02\)/,
      );
    });
  }
});
