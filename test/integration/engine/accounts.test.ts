/** Accounts, privileges and roles, with connections of several users. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Connection, ConnectionOptions, RowDataPacket } from 'mysql2/promise';
import { startTestNode, type TestNode } from '../../support/node.ts';

let node: TestNode;
let root: Connection;

before(async () => {
  node = await startTestNode();
  root = await node.connect({ multipleStatements: true });
  await root.query(`
    CREATE DATABASE shop; CREATE DATABASE shop_old; CREATE DATABASE other;
    CREATE TABLE shop.item (id INT PRIMARY KEY, name VARCHAR(20), price INT);
    CREATE TABLE shop.secret (id INT PRIMARY KEY, word VARCHAR(20));
    CREATE TABLE other.t (a INT PRIMARY KEY);
    INSERT INTO shop.item VALUES (1, 'tea', 3), (2, 'coffee', 4);
    INSERT INTO shop.secret VALUES (1, 'hush');
  `);
});

after(() => node.stop());

const connect = (user: string, options: ConnectionOptions = {}): Promise<Connection> =>
  node.connect({ user, password: `pw ${user}`, ...options });

/** Makes an account with grants, and connects as it. */
async function account(name: string, ...grants: string[]): Promise<Connection> {
  await root.query(`CREATE USER ${name} IDENTIFIED BY 'pw ${name}'`);
  for (const grant of grants) await root.query(`GRANT ${grant} TO ${name}`);
  return connect(name);
}

const rows = async (c: Connection, sql: string): Promise<unknown[][]> =>
  (await c.query<RowDataPacket[][]>({ sql, rowsAsArray: true }))[0];

async function fails(work: Promise<unknown>, errno: number, message?: string | RegExp): Promise<void> {
  await assert.rejects(work, (error: Error & { errno?: number }) => {
    assert.equal(error.errno, errno, error.message);
    if (typeof message === 'string') assert.equal(error.message, message);
    else if (message) assert.match(error.message, message);
    return true;
  });
}

function allBytes(folder: string): Buffer {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => path.join(folder, name));
  return Buffer.concat(files.filter((f) => statSync(f).isFile()).map((f) => readFileSync(f)));
}

describe('logging in', () => {
  it('checks the password', async () => {
    await account('ann');
    await fails(
      node.connect({ user: 'ann', password: 'wrong' }),
      1045,
      "Access denied for user 'ann'@'localhost' (using password: YES)",
    );
    await fails(node.connect({ user: 'nobody', password: '' }), 1045);
    await fails(node.connect({ user: '', password: '' }), 1045);
  });

  it('takes the most specific host', async () => {
    await root.query(
      "CREATE USER h@'%' IDENTIFIED BY 'any'; CREATE USER h@'127.0.0.0/255.0.0.0' IDENTIFIED BY 'net'; CREATE USER h@'10.%' IDENTIFIED BY 'ten'",
    );
    const net = await node.connect({ user: 'h', password: 'net' });
    assert.deepEqual(await rows(net, 'SELECT CURRENT_USER()'), [['h@127.0.0.0/255.0.0.0']]);
    await root.query("CREATE USER h@localhost IDENTIFIED BY 'local'");
    const local = await node.connect({ user: 'h', password: 'local' });
    assert.deepEqual(await rows(local, 'SELECT CURRENT_USER()'), [['h@localhost']]);
    await fails(node.connect({ user: 'h', password: 'net' }), 1045);
    await root.query(
      "DROP USER h@localhost, h@'127.0.0.0/255.0.0.0'; CREATE USER h@'127.0.0.0/8' IDENTIFIED BY 'cidr'",
    );
    await node.connect({ user: 'h', password: 'cidr' });
    await fails(root.query("CREATE USER h@'1.2.3.4/x'"), 1470);
  });

  it('refuses locked accounts and expired passwords', async () => {
    const own = await account('lou');
    await root.query('ALTER USER lou ACCOUNT LOCK');
    await fails(connect('lou'), 3118);
    assert.deepEqual(await rows(own, 'SELECT 1'), [[1]]);
    await root.query('ALTER USER lou ACCOUNT UNLOCK PASSWORD EXPIRE');
    await fails(connect('lou'), 1862);
  });

  it('keeps a session with an expired password from everything but the change', async () => {
    await account('exp');
    await root.query('ALTER USER exp PASSWORD EXPIRE');
    const own = await connect('exp', { flags: ['CAN_HANDLE_EXPIRED_PASSWORDS'] });
    for (const sql of ['SELECT 1', 'SHOW TABLES FROM shop', 'CREATE TABLE shop.x (a INT)', 'BEGIN']) {
      await fails(
        own.query(sql),
        1820,
        'You must reset your password using ALTER USER statement before executing this statement.',
      );
    }
    await own.query("SET PASSWORD = 'pw exp'");
    assert.deepEqual(await rows(own, 'SELECT 1'), [[1]]);
    await connect('exp');
  });

  it('demands TLS where the account does', async () => {
    await account('tls');
    await root.query('ALTER USER tls REQUIRE SSL');
    await fails(connect('tls'), 1045);
    await connect('tls', { ssl: { rejectUnauthorized: false } });
  });
});

describe('accounts', () => {
  it('are made, changed, renamed and dropped', async () => {
    await root.query("CREATE USER a1, a2@localhost IDENTIFIED BY 'x' COMMENT 'two'");
    await fails(
      root.query('CREATE USER a1'),
      1396,
      "Operation CREATE USER failed for 'a1'@'%' (User account already exists)",
    );
    await root.query('CREATE USER IF NOT EXISTS a1');
    assert.deepEqual(await rows(root, 'SHOW WARNINGS'), [['Note', 3163, "Authorization ID 'a1'@'%' already exists."]]);
    await fails(root.query('RENAME USER a1 TO a2@localhost'), 1396, "Operation RENAME USER failed for 'a1'@'%'");
    await root.query('RENAME USER a1 TO a3');
    await fails(
      root.query('DROP USER a3, a1'),
      1396,
      "Operation DROP USER failed for 'a1'@'%' (User account does not exist)",
    );
    await root.query('DROP USER IF EXISTS a3, a1');
    assert.deepEqual(await rows(root, 'SHOW WARNINGS'), [['Note', 3162, "Authorization ID 'a1'@'%' does not exist."]]);
    await fails(root.query("ALTER USER nope IDENTIFIED BY 'x'"), 1396);
    await fails(root.query("SET PASSWORD FOR nope = 'x'"), 1133);
    await fails(root.query("CREATE USER a4 IDENTIFIED WITH nope BY 'x'"), 1524);
    await fails(root.query("CREATE USER a4 IDENTIFIED WITH caching_sha2_password AS 'bad'"), 1827);
    await fails(root.query('CREATE USER a4 FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME 1'), 1235);
    await fails(root.query("CREATE USER a4 ATTRIBUTE 'bad'"), 3982);
    assert.deepEqual(await rows(root, "SELECT user FROM mysql.user WHERE user LIKE 'a_' ORDER BY 1"), [['a2']]);
  });

  it('get random passwords, which work', async () => {
    const [[made]] = (await root.query<RowDataPacket[]>(
      'CREATE USER rnd IDENTIFIED BY RANDOM PASSWORD',
    )) as unknown as [[Record<string, string>]];
    assert.deepEqual(Object.keys(made), ['user', 'host', 'generated password', 'auth_factor']);
    await node.connect({ user: 'rnd', password: String(made['generated password']) });
  });

  it('change their own password, and prove the old one where they name it', async () => {
    const own = await account('sue');
    await fails(own.query("ALTER USER sue IDENTIFIED BY 'n' REPLACE 'wrong'"), 3891);
    await own.query("ALTER USER CURRENT_USER() IDENTIFIED BY 'n' REPLACE 'pw sue'");
    await own.query("SET PASSWORD = 'pw sue'");
    await connect('sue');
    await fails(
      own.query('ALTER USER sue ACCOUNT LOCK'),
      1227,
      'Access denied; you need (at least one of) the CREATE USER privilege(s) for this operation',
    );
    await fails(own.query("SET PASSWORD FOR root = 'x'"), 1044, "Access denied for user 'sue'@'%' to database 'mysql'");
  });

  it('with SYSTEM_USER are out of reach for those without', async () => {
    const own = await account('hr', 'CREATE USER ON *.*');
    await fails(own.query("ALTER USER root IDENTIFIED BY 'mine'"), 1227, /SYSTEM_USER/);
    await fails(own.query('DROP USER root'), 1227, /SYSTEM_USER/);
    await own.query('CREATE USER made_by_hr');
    await fails(
      own.query('GRANT SELECT ON *.* TO made_by_hr'),
      1045,
      "Access denied for user 'hr'@'%' (using password: YES)",
    );
  });
});

describe('privileges', () => {
  it('of tables', async () => {
    const c = await account('t1', 'SELECT, INSERT ON shop.item');
    assert.equal((await rows(c, 'SELECT * FROM shop.item')).length, 2);
    await c.query("INSERT INTO shop.item VALUES (3, 'milk', 1)");
    await fails(
      c.query('UPDATE shop.item SET price = 1'),
      1142,
      "UPDATE command denied to user 't1'@'localhost' for table 'item'",
    );
    await fails(
      c.query('DELETE FROM shop.item'),
      1142,
      "DELETE command denied to user 't1'@'localhost' for table 'item'",
    );
    await fails(c.query("REPLACE INTO shop.item VALUES (3, 'milk', 1)"), 1142, /DELETE command/);
    await fails(
      c.query('SELECT * FROM shop.secret'),
      1142,
      "SELECT command denied to user 't1'@'localhost' for table 'secret'",
    );
    // Whoever may not see a table does not learn whether it exists.
    await fails(c.query('SELECT * FROM shop.nothing'), 1142);
    for (const sql of [
      'SELECT * FROM shop.item JOIN shop.secret USING (id)',
      'SELECT (SELECT count(*) FROM shop.secret)',
      'SELECT * FROM (SELECT 1 FROM shop.secret) d',
      'WITH c AS (SELECT * FROM shop.secret) SELECT * FROM c',
      'SELECT 1 UNION SELECT word FROM shop.secret',
      'INSERT INTO shop.item (id, name) SELECT id + 9, word FROM shop.secret',
      'SELECT * FROM shop.item FOR UPDATE',
      'SELECT id FROM shop.item WHERE name IN (SELECT word FROM shop.secret)',
      'CREATE TABLE shop.n SELECT * FROM shop.item',
      'CHECK TABLE shop.secret',
    ]) {
      if (sql.endsWith('UPDATE')) await fails(c.query(sql), sql.startsWith('SELECT') ? 1142 : 0, /locking clause/);
      else await fails(c.query(sql), 1142);
    }
    await fails(c.query('USE other'), 1044, "Access denied for user 't1'@'%' to database 'other'");
    await fails(c.query('USE nowhere'), 1044);
    await fails(connect('t1', { database: 'other' }), 1044);
    await c.query('USE shop');
    await fails(c.execute('SELECT * FROM secret WHERE id = ?', [1]), 1142);
    await root.query('DELETE FROM shop.item WHERE id = 3');
  });

  it('of columns', async () => {
    const c = await account('c1', 'SELECT (id, name), INSERT (id), UPDATE (price) ON shop.item');
    assert.equal((await rows(c, 'SELECT id, name FROM shop.item')).length, 2);
    assert.deepEqual(await rows(c, 'SELECT count(*) FROM shop.item'), [[2]]);
    const column = (command: string, name: string): string =>
      `${command} command denied to user 'c1'@'localhost' for column '${name}' in table 'item'`;
    await fails(c.query('SELECT price FROM shop.item'), 1143, column('SELECT', 'price'));
    await fails(c.query('SELECT id FROM shop.item ORDER BY price'), 1143, column('SELECT', 'price'));
    await fails(c.query('SELECT id FROM shop.item WHERE price > 3'), 1143, column('SELECT', 'price'));
    await fails(
      c.query('SELECT * FROM shop.item'),
      1142,
      "SELECT command denied to user 'c1'@'localhost' for table 'item'",
    );
    await fails(c.query("INSERT INTO shop.item (id, name) VALUES (9, 'x')"), 1143, column('INSERT', 'name'));
    await fails(c.query("INSERT INTO shop.item VALUES (9, 'x', 1)"), 1142);
    await c.query('UPDATE shop.item SET price = 5 WHERE id = 1');
    await fails(c.query("UPDATE shop.item SET name = 'x'"), 1143, column('UPDATE', 'name'));
    await fails(c.query('UPDATE shop.item SET price = price + 1'), 1143, column('SELECT', 'price'));
    await fails(c.query('UPDATE shop.item i JOIN shop.secret s USING (id) SET i.price = 1'), 1142, /secret/);
  });

  it('of databases, by pattern', async () => {
    const c = await account('d1', 'SELECT, CREATE, INSERT ON `shop%`.*');
    await rows(c, 'SELECT * FROM shop.secret');
    await c.query('CREATE TABLE shop_old.x (a INT)');
    await fails(c.query('DROP TABLE shop_old.x'), 1142, "DROP command denied to user 'd1'@'localhost' for table 'x'");
    await fails(c.query('SELECT * FROM other.t'), 1142);
    const escaped = await account('d2', 'SELECT ON `shop\\_old`.*');
    await rows(escaped, 'SELECT * FROM shop_old.x');
    await fails(escaped.query('SELECT * FROM shop.item'), 1142);
    assert.deepEqual(await rows(escaped, 'SHOW DATABASES'), [
      ['information_schema'],
      ['performance_schema'],
      ['shop_old'],
    ]);
    await root.query('DROP TABLE shop_old.x');
  });

  it('of schema statements', async () => {
    const c = await account('s1', 'SELECT ON shop.*');
    const table = (command: string, name: string): string =>
      `${command} command denied to user 's1'@'localhost' for table '${name}'`;
    const cases: [string, number, string][] = [
      ['CREATE DATABASE q', 1044, "Access denied for user 's1'@'%' to database 'q'"],
      ['DROP DATABASE shop', 1044, "Access denied for user 's1'@'%' to database 'shop'"],
      ['ALTER DATABASE shop CHARSET utf8mb4', 1044, "Access denied for user 's1'@'%' to database 'shop'"],
      ['CREATE TABLE shop.n (a INT)', 1142, table('CREATE', 'n')],
      ['CREATE TABLE shop.n SELECT * FROM shop.item', 1142, table('INSERT, CREATE', 'n')],
      ['CREATE TEMPORARY TABLE shop.n (a INT)', 1044, "Access denied for user 's1'@'%' to database 'shop'"],
      ['ALTER TABLE shop.item ADD x INT', 1142, table('ALTER', 'item')],
      ['CREATE INDEX i ON shop.item (name)', 1142, table('INDEX', 'item')],
      ['DROP INDEX i ON shop.item', 1142, table('INDEX', 'item')],
      ['DROP TABLE shop.item', 1142, table('DROP', 'item')],
      ['TRUNCATE shop.item', 1142, table('DROP', 'item')],
      ['RENAME TABLE shop.item TO shop.thing', 1142, table('DROP, ALTER', 'item')],
      ['CREATE VIEW shop.v AS SELECT 1', 1142, table('CREATE VIEW', 'v')],
      ['LOCK TABLES shop.item READ', 1044, "Access denied for user 's1'@'%' to database 'shop'"],
      ['OPTIMIZE TABLE shop.item', 1142, table('INSERT', 'item')],
      [
        'SET GLOBAL max_connections = 5',
        1227,
        'Access denied; you need (at least one of) the SUPER or SYSTEM_VARIABLES_ADMIN privilege(s) for this operation',
      ],
      [
        'CREATE USER u',
        1227,
        'Access denied; you need (at least one of) the CREATE USER privilege(s) for this operation',
      ],
      [
        'CREATE ROLE u',
        1227,
        'Access denied; you need (at least one of) the CREATE USER, CREATE ROLE privilege(s) for this operation',
      ],
      ['GRANT SELECT ON shop.* TO s1', 1044, "Access denied for user 's1'@'%' to database 'shop'"],
      ['GRANT SELECT ON shop.item TO s1', 1142, table('GRANT', 'item')],
      ['GRANT SELECT ON *.* TO s1', 1045, "Access denied for user 's1'@'%' (using password: YES)"],
      ['SELECT * FROM mysql.user', 1142, table('SELECT', 'user')],
    ];
    for (const [sql, errno, message] of cases) await fails(c.query(sql), errno, message);
    await root.query('GRANT CREATE ON shop.* TO s1');
    await fails(
      c.query('CREATE TABLE shop.n (a INT, FOREIGN KEY (a) REFERENCES shop.item (id))'),
      1142,
      table('REFERENCES', 'item'),
    );
  });

  it('let temporary tables be, once made', async () => {
    const c = await account('tmp', 'CREATE TEMPORARY TABLES ON shop.*');
    await c.query('CREATE TEMPORARY TABLE shop.mine (a INT PRIMARY KEY)');
    await c.query('INSERT INTO shop.mine VALUES (1)');
    await c.query('UPDATE shop.mine SET a = 2');
    assert.deepEqual(await rows(c, 'SELECT * FROM shop.mine'), [[2]]);
    await c.query('DROP TEMPORARY TABLE shop.mine');
  });

  it('decide what is listed', async () => {
    const c = await account('l1', 'SELECT (id) ON shop.item');
    assert.deepEqual(await rows(c, 'SHOW TABLES FROM shop'), [['item']]);
    assert.deepEqual(
      await rows(c, "SELECT table_name FROM information_schema.tables WHERE table_schema IN ('shop', 'other')"),
      [['item']],
    );
    await fails(c.query('SHOW TABLES FROM other'), 1044);
    assert.deepEqual(await rows(c, "SELECT count(*) FROM information_schema.processlist WHERE user <> 'l1'"), [[0]]);
  });

  it('of KILL', async () => {
    const c = await account('k1');
    const [[id]] = (await rows(root, 'SELECT CONNECTION_ID()')) as [[number]];
    await fails(c.query(`KILL ${id}`), 1095, `You are not owner of thread ${id}`);
  });

  it('are passed on with GRANT OPTION only, and no further than they reach', async () => {
    const c = await account('g1', 'SELECT ON shop.item');
    await account('g2');
    await fails(c.query('GRANT SELECT ON shop.item TO g2'), 1142);
    await root.query('GRANT SELECT ON shop.item TO g1 WITH GRANT OPTION');
    await c.query('GRANT SELECT ON shop.item TO g2');
    await fails(c.query('GRANT INSERT ON shop.item TO g2'), 1142);
    await fails(c.query('GRANT SELECT ON shop.* TO g2'), 1044);
    await root.query('GRANT SELECT ON `shop\\_old`.* TO g1 WITH GRANT OPTION');
    await fails(c.query('GRANT SELECT ON `shop_old`.* TO g2'), 1044);
    await root.query('GRANT BACKUP_ADMIN ON *.* TO g1 WITH GRANT OPTION');
    await c.query('GRANT BACKUP_ADMIN ON *.* TO g2');
    await fails(c.query('GRANT ROLE_ADMIN ON *.* TO g2'), 1227);
    await fails(c.query('GRANT SELECT ON *.* TO g2'), 1045);
  });

  it('can be granted where MySQL grants them', async () => {
    await account('w1');
    const cases: [string, number][] = [
      ['GRANT SELECT ON shop.item TO nope', 1410],
      ['GRANT SELECT ON shop.nope TO w1', 1146],
      ['GRANT SELECT (nope) ON shop.item TO w1', 1054],
      ['GRANT SELECT (id) ON shop.* TO w1', 1144],
      ['GRANT SUPER ON shop.* TO w1', 1221],
      ['GRANT RELOAD ON shop.item TO w1', 1144],
      ['GRANT BACKUP_ADMIN ON shop.* TO w1', 3619],
      ['GRANT NONSENSE ON *.* TO w1', 1149],
      ['GRANT SELECT ON information_schema.* TO w1', 1044],
      ['REVOKE SELECT ON shop.item FROM w1', 1147],
      ['REVOKE SELECT ON shop.* FROM w1', 1141],
      ['REVOKE ALL PRIVILEGES, GRANT OPTION FROM nope', 1269],
    ];
    for (const [sql, errno] of cases) await fails(root.query(sql), errno);
    await root.query('REVOKE IF EXISTS SELECT ON shop.item FROM w1');
    assert.deepEqual(await rows(root, 'SHOW WARNINGS'), [
      ['Warning', 1147, "There is no such grant defined for user 'w1' on host '%' on table 'item'"],
    ]);
  });

  it('are taken back from open sessions at once', async () => {
    const c = await account('r1', 'ALL ON shop.*');
    await rows(c, 'SELECT * FROM shop.item');
    const [prepared] = [await c.prepare('SELECT * FROM shop.item')];
    await prepared.execute([]);
    await root.query('REVOKE SELECT ON shop.* FROM r1');
    await fails(c.query('SELECT * FROM shop.item'), 1142);
    await fails(prepared.execute([]), 1142);
    await c.query("UPDATE shop.item SET name = 'tea' WHERE 1 = 1 LIMIT 0");
    await root.query('REVOKE ALL PRIVILEGES, GRANT OPTION FROM r1');
    await fails(c.query('DELETE FROM shop.item'), 1142);
    await root.query('DROP USER r1');
    await fails(c.query('SELECT * FROM shop.item'), 1142);
  });

  it('are shown by SHOW GRANTS', async () => {
    const c = await account(
      'show1',
      'ALL ON shop.*',
      'SELECT (id), UPDATE (id), DELETE ON shop.item',
      'PROCESS ON *.*',
    );
    await root.query('REVOKE DROP ON shop.* FROM show1');
    const listed = (await rows(c, 'SHOW GRANTS')).map(([text]) => text);
    assert.deepEqual(listed, [
      'GRANT PROCESS ON *.* TO `show1`@`%`',
      'GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, REFERENCES, INDEX, ALTER, CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, EVENT, TRIGGER ON `shop`.* TO `show1`@`%`',
      'GRANT SELECT (`id`), UPDATE (`id`), DELETE ON `shop`.`item` TO `show1`@`%`',
    ]);
  });
});

describe('roles', () => {
  it('are granted, made active, and taken back', async () => {
    await root.query(
      'CREATE ROLE reader, writer; GRANT SELECT ON shop.* TO reader; GRANT INSERT ON shop.* TO writer; GRANT reader TO writer',
    );
    const c = await account('ro', 'writer');
    await fails(c.query('SELECT * FROM shop.item'), 1142);
    await c.query('SET ROLE writer');
    assert.deepEqual(await rows(c, 'SELECT CURRENT_ROLE()'), [['`writer`@`%`']]);
    assert.equal((await rows(c, 'SELECT * FROM shop.item')).length, 2);
    await c.query('SET ROLE NONE');
    await fails(c.query('SELECT * FROM shop.item'), 1142);
    await fails(c.query('SET ROLE reader'), 3530, '`reader`@`%` is not granted to `ro`@`%`');
    await c.query('SET DEFAULT ROLE ALL TO ro');
    const again = await connect('ro');
    assert.equal((await rows(again, 'SELECT * FROM shop.item')).length, 2);
    await root.query('REVOKE reader FROM writer');
    await fails(again.query('SELECT * FROM shop.item'), 1142);
    await fails(root.query('GRANT writer TO writer'), 4027);
    await root.query('GRANT reader TO writer');
    await fails(root.query('GRANT writer TO reader'), 4027);
    await fails(root.query('GRANT nope TO ro'), 3523, 'Unknown authorization ID `nope`@`%`');
    await fails(
      c.query('GRANT writer TO ro'),
      1227,
      'Access denied; you need (at least one of) the WITH ADMIN, ROLE_ADMIN, SUPER privilege(s) for this operation',
    );
    await root.query('GRANT writer TO ro WITH ADMIN OPTION');
    await account('ro2');
    await c.query('GRANT writer TO ro2');
    await fails(node.connect({ user: 'writer', password: '' }), 3118);
    await root.query('DROP ROLE writer');
    assert.deepEqual(await rows(root, "SELECT from_user FROM mysql.role_edges WHERE to_user LIKE 'ro%'"), []);
    await fails(again.query("INSERT INTO shop.item VALUES (7, 'x', 1)"), 1142);
  });

  it('can all be active at the login, and be mandatory', async () => {
    await root.query('CREATE ROLE duty; GRANT SELECT ON other.* TO duty');
    await account('ma');
    await root.query("SET GLOBAL mandatory_roles = 'duty'; SET GLOBAL activate_all_roles_on_login = ON");
    const c = await connect('ma');
    await rows(c, 'SELECT * FROM other.t');
    await fails(root.query('REVOKE duty FROM ma'), 3628);
    await fails(root.query('DROP ROLE duty'), 3628);
    await root.query("SET GLOBAL mandatory_roles = ''; SET GLOBAL activate_all_roles_on_login = OFF");
    await root.query('DROP ROLE duty');
    await fails(c.query('SELECT * FROM other.t'), 1142);
  });
});

describe('views', () => {
  it('read with the rights of their definer, or of their user', async () => {
    const maker = await account('maker', 'SELECT, CREATE VIEW ON shop.*');
    await maker.query('CREATE VIEW shop.words AS SELECT word FROM shop.secret');
    await maker.query('CREATE SQL SECURITY INVOKER VIEW shop.open_words AS SELECT word FROM shop.secret');
    await fails(maker.query("CREATE DEFINER = 'root'@'%' VIEW shop.w2 AS SELECT 1"), 1227);
    const user = await account('viewer', 'SELECT ON shop.words', 'SELECT ON shop.open_words');
    assert.deepEqual(await rows(user, 'SELECT * FROM shop.words'), [['hush']]);
    await fails(user.query('SELECT * FROM shop.open_words'), 1356);
    await fails(user.query('SELECT * FROM shop.secret'), 1142);
    await root.query('REVOKE SELECT ON shop.* FROM maker');
    await fails(user.query('SELECT * FROM shop.words'), 1356, /definer\/invoker of view lack rights/);
    await fails(root.query('SELECT * FROM shop.words'), 1356);
    await root.query('DROP USER maker');
    assert.match(String((await rows(root, 'SHOW WARNINGS'))[0]?.[2]), /referenced as a definer/);
    await fails(
      root.query('SELECT * FROM shop.words'),
      1449,
      "The user specified as a definer ('maker'@'%') does not exist",
    );
    await root.query('DROP VIEW shop.words, shop.open_words');
  });
});

describe('passwords', () => {
  it('are in no file and in no process list', async () => {
    const secrets = ['Xq7-first', 'Xq7-second', 'Xq7-third', 'Xq7-fourth', 'Xq7-fifth', 'Xq7-sixth'];
    const [a, b, c, d, e, f] = secrets as [string, string, string, string, string, string];
    const own = await account('hush');
    await root.query(
      `CREATE TABLE other.z (a INT); CREATE /* ${a} */ USER z1 IDENTIFIED BY '${a}', z2 IDENTIFIED WITH caching_sha2_password BY "${b}"; DROP TABLE other.z`,
    );
    await root.query(`ALTER USER z1 IDENTIFIED BY '${c}'`);
    await root.query(`SET PASSWORD FOR z2 = '${d}'`);
    await root.query(`PREPARE s FROM 'ALTER USER z2 IDENTIFIED BY ''${e}'''; EXECUTE s`);
    await own.query(`ALTER USER hush IDENTIFIED BY '${f}' REPLACE 'pw hush'`);
    const slow = await node.connect({ multipleStatements: true });
    const sleeping = slow.query(`SELECT SLEEP(0.4); ALTER USER z1 IDENTIFIED BY '${a}'; SELECT SLEEP(0.4)`);
    let seen: string[];
    do seen = (await rows(root, 'SHOW FULL PROCESSLIST')).map((r) => String(r[7]));
    while (!seen.some((text) => text.includes('SLEEP')));
    assert.equal(
      seen.some((text) => secrets.some((s) => text.includes(s))),
      false,
    );
    await sleeping;
    const bytes = allBytes(node.folder);
    for (const secret of [...secrets, 'pw hush']) assert.equal(bytes.includes(secret), false, secret);
    assert.ok(bytes.includes('IDENTIFIED BY <secret>'));
  });
});

describe('after a restart', () => {
  it('accounts are as they were', async () => {
    await account('stay', 'SELECT (id) ON shop.item');
    await node.restart();
    root = await node.connect({ multipleStatements: true });
    const c = await connect('stay');
    assert.equal((await rows(c, 'SELECT id FROM shop.item')).length, 2);
    await fails(c.query('SELECT price FROM shop.item'), 1143);
  });
});
