// mariadb-dump out of a node and back into it: the second dump must equal the first.
import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { Connection } from 'mysql2/promise';
import { ROOT_PASSWORD, startTestNode, type TestNode } from '../../support/node.ts';

const missing = spawnSync('mariadb-dump', ['--version']).error !== undefined;

let node: TestNode;
let db: Connection;

before(async () => {
  node = await startTestNode();
  db = await node.connect();
});
after(() => node.stop());

const SCHEMA = [
  `CREATE TABLE types (id bigint unsigned not null auto_increment primary key, ti tinyint, si smallint unsigned,
    mi mediumint, i int(7) zerofill, bi bigint, de decimal(20,5), fl float, db double, bt bit(9), da date, tm time(3),
    dt datetime(6), ts timestamp null default current_timestamp on update current_timestamp, y year, c char(5),
    v varchar(50) charset latin1, b binary(4), vb varbinary(20), tb tinyblob, bl blob, tx text, lt longtext,
    e enum('a','b''c'), s set('x','y','z'), j json, inv int default 3 invisible, ex varchar(36) default (uuid()),
    key (v), unique (c, si), check (ti < 100)) auto_increment=10 comment='all types'`,
  String.raw`INSERT INTO types (ti,si,mi,i,bi,de,fl,db,bt,da,tm,dt,ts,y,c,v,b,vb,tb,bl,tx,lt,e,s,j) VALUES
    (1,65535,-5,42,-9223372036854775808,123456789012345.12345,1.5,1e100,b'101010101','2020-02-29','-838:59:59.000',
    '2020-01-01 12:34:56.789012','2021-01-01 00:00:00',2024,'ab','é''"\\\n',0x00010203,0xff00,0x00,0x8081,'tëxt\r\n\t',
    'long',2,'x,z','{"a": [1, 2.5, "ü"], "b": null}')`,
  'INSERT INTO types (ti) VALUES (NULL)',
  'CREATE TABLE parent (a int, b int, name varchar(10), primary key (a,b))',
  `CREATE TABLE child (id int primary key, pa int, pb int, self int,
    constraint fk_p foreign key (pa,pb) references parent(a,b) on delete cascade,
    constraint fk_s foreign key (self) references child(id))`,
  "INSERT INTO parent VALUES (1,1,'one'),(1,2,'two')",
  'INSERT INTO child VALUES (1,1,2,null),(2,1,1,1)',
  'CREATE TABLE `odd ``name` (`select` int, `a b` varchar(3))',
  "INSERT INTO `odd ``name` VALUES (1,'x')",
  'CREATE TABLE parts (a int) PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)',
  'INSERT INTO parts VALUES (5),(50)',
  'CREATE VIEW zfirst AS SELECT * FROM types',
  'CREATE VIEW aview AS SELECT p.name, count(*) n FROM parent p JOIN child c ON c.pa=p.a AND c.pb=p.b GROUP BY p.name',
  'CREATE VIEW onview AS SELECT * FROM aview WHERE n > 0',
];

const run = promisify(execFile);
const options = (): string[] => ['-h127.0.0.1', `-P${node.port}`, '-uroot', `-p${ROOT_PASSWORD}`, '--skip-ssl'];

async function dump(database: string, more: readonly string[]): Promise<Buffer> {
  const { stdout } = await run('mariadb-dump', [...options(), '--skip-dump-date', ...more, database], {
    encoding: 'buffer',
  });
  return stdout;
}

async function restore(database: string, text: Buffer): Promise<void> {
  await db.query(`DROP DATABASE IF EXISTS ${database}`);
  await db.query(`CREATE DATABASE ${database}`);
  const client = spawn('mariadb', [...options(), database], { stdio: ['pipe', 'ignore', 'pipe'] });
  let complaint = '';
  client.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  client.stdin.end(text);
  const [code] = (await once(client, 'close')) as [number];
  assert.equal(code, 0, complaint);
}

describe('mariadb-dump', { skip: missing && 'mariadb-dump is not installed' }, () => {
  before(async () => {
    await db.query('CREATE DATABASE original');
    await db.query('USE original');
    for (const sql of SCHEMA) await db.query(sql);
  });

  const ways: readonly (readonly string[])[] = [
    [],
    ['--single-transaction', '--routines', '--triggers', '--events'],
    ['--hex-blob', '--complete-insert', '--skip-extended-insert'],
  ];
  for (const more of ways) {
    it(`with ${more.join(' ') || 'no options'} comes back as it was`, async () => {
      const first = await dump('original', more);
      await restore('copy', first);
      const second = await dump('copy', more);
      const plain = (text: Buffer): string[] =>
        text
          .toString('latin1')
          .replaceAll('`copy`', '`original`')
          .split('\n')
          .filter((l) => !l.startsWith('-- '));
      assert.deepEqual(plain(second), plain(first));
      assert.ok(plain(first).some((l) => l.startsWith('/*!50001 VIEW `onview`')));
    });
  }

  it('takes all databases, and those of the server with them, with locks and without', async () => {
    for (const more of [[], ['--lock-all-tables'], ['--single-transaction']]) {
      const { stdout } = await run('mariadb-dump', [...options(), '--all-databases', ...more], { maxBuffer: 1 << 26 });
      assert.match(stdout, /CREATE DATABASE [^\n]*`original`/);
    }
  });
});
