// information_schema and its neighbours, as clients and object-relational mappers read them; rows as MySQL 9 gives them.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Connection } from 'mysql2/promise';
import { startTestNode, type TestNode } from '../../support/node.ts';

let node: TestNode;
let db: Connection;

before(async () => {
  node = await startTestNode();
  db = await node.connect();
  await db.query('CREATE DATABASE app');
  await db.query('USE app');
  await db.query(`CREATE TABLE parent (id int unsigned NOT NULL AUTO_INCREMENT, code char(3) CHARACTER SET latin1 NOT NULL,
    PRIMARY KEY (id), UNIQUE KEY uc (code))`);
  await db.query(`CREATE TABLE child (id bigint PRIMARY KEY COMMENT 'it''s', pid int unsigned, price decimal(8,2) DEFAULT 1.5,
    at datetime(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), kind enum('a','bcd') DEFAULT 'a', body text,
    twice int AS (pid * 2), f double, CONSTRAINT fk FOREIGN KEY (pid) REFERENCES parent (id) ON DELETE CASCADE,
    CONSTRAINT positive CHECK (price > 0), KEY kb (body(7), price DESC), KEY fn ((pid + 1)))`);
  await db.query('CREATE VIEW seen AS SELECT id, price FROM child WHERE price > 1 WITH CHECK OPTION');
});
after(() => node.stop());

type Cell = string | number | null;

async function rows(sql: string): Promise<Cell[][]> {
  const [found] = await db.query({ sql, rowsAsArray: true });
  return found as unknown as Cell[][];
}

const answers: readonly (readonly [name: string, sql: string, rows: readonly (readonly Cell[])[]])[] = [
  [
    'SCHEMATA',
    'SELECT * FROM information_schema.schemata ORDER BY schema_name',
    [
      ['def', 'app', 'utf8mb4', 'utf8mb4_0900_ai_ci', null, 'NO'],
      ['def', 'information_schema', 'utf8mb3', 'utf8mb3_general_ci', null, 'NO'],
      ['def', 'mysql', 'utf8mb4', 'utf8mb4_0900_ai_ci', null, 'NO'],
      ['def', 'p2pdb', 'utf8mb4', 'utf8mb4_0900_ai_ci', null, 'NO'],
      ['def', 'performance_schema', 'utf8mb4', 'utf8mb4_0900_ai_ci', null, 'NO'],
      ['def', 'sys', 'utf8mb4', 'utf8mb4_0900_ai_ci', null, 'NO'],
    ],
  ],
  [
    'TABLES',
    "SELECT table_name, table_type, engine, version, row_format, table_collation, table_comment FROM Information_Schema.Tables WHERE table_schema = 'app' ORDER BY 1",
    [
      ['child', 'BASE TABLE', 'InnoDB', 10, 'Dynamic', 'utf8mb4_0900_ai_ci', ''],
      ['parent', 'BASE TABLE', 'InnoDB', 10, 'Dynamic', 'utf8mb4_0900_ai_ci', ''],
      ['seen', 'VIEW', null, null, null, null, 'VIEW'],
    ],
  ],
  [
    'COLUMNS',
    `SELECT column_name, ordinal_position, column_default, is_nullable, data_type, character_maximum_length, character_octet_length,
       numeric_precision, numeric_scale, datetime_precision, character_set_name, collation_name, column_type, column_key, extra, generation_expression
     FROM information_schema.columns WHERE table_schema = 'app' AND table_name = 'child' ORDER BY ordinal_position`,
    [
      ['id', 1, null, 'NO', 'bigint', null, null, 19, 0, null, null, null, 'bigint', 'PRI', '', ''],
      ['pid', 2, null, 'YES', 'int', null, null, 10, 0, null, null, null, 'int unsigned', 'MUL', '', ''],
      ['price', 3, '1.50', 'YES', 'decimal', null, null, 8, 2, null, null, null, 'decimal(8,2)', '', '', ''],
      [
        'at',
        4,
        'CURRENT_TIMESTAMP(3)',
        'YES',
        'datetime',
        null,
        null,
        null,
        null,
        3,
        null,
        null,
        'datetime(3)',
        '',
        'DEFAULT_GENERATED on update CURRENT_TIMESTAMP(3)',
        '',
      ],
      [
        'kind',
        5,
        'a',
        'YES',
        'enum',
        3,
        12,
        null,
        null,
        null,
        'utf8mb4',
        'utf8mb4_0900_ai_ci',
        "enum('a','bcd')",
        '',
        '',
        '',
      ],
      [
        'body',
        6,
        null,
        'YES',
        'text',
        65535,
        65535,
        null,
        null,
        null,
        'utf8mb4',
        'utf8mb4_0900_ai_ci',
        'text',
        'MUL',
        '',
        '',
      ],
      [
        'twice',
        7,
        null,
        'YES',
        'int',
        null,
        null,
        10,
        0,
        null,
        null,
        null,
        'int',
        '',
        'VIRTUAL GENERATED',
        '(`pid` * 2)',
      ],
      ['f', 8, null, 'YES', 'double', null, null, 22, null, null, null, null, 'double', '', '', ''],
    ],
  ],
  [
    'COLUMNS of a view',
    "SELECT column_name, column_default, is_nullable, column_type FROM information_schema.columns WHERE table_name = 'seen' ORDER BY ordinal_position",
    [
      ['id', null, 'NO', 'bigint'],
      ['price', '1.50', 'YES', 'decimal(8,2)'],
    ],
  ],
  [
    'STATISTICS',
    `SELECT index_name, non_unique, seq_in_index, column_name, collation, sub_part, nullable, index_type, expression
     FROM information_schema.statistics WHERE table_schema = 'app' AND table_name = 'child' ORDER BY index_name, seq_in_index`,
    [
      ['fk', 1, 1, 'pid', 'A', null, 'YES', 'BTREE', null],
      ['fn', 1, 1, null, 'A', null, 'YES', 'BTREE', '(`pid` + 1)'],
      ['kb', 1, 1, 'body', 'A', 7, 'YES', 'BTREE', null],
      ['kb', 1, 2, 'price', 'D', null, 'YES', 'BTREE', null],
      ['PRIMARY', 0, 1, 'id', 'A', null, '', 'BTREE', null],
    ],
  ],
  [
    'KEY_COLUMN_USAGE',
    `SELECT constraint_name, table_name, column_name, ordinal_position, position_in_unique_constraint, referenced_table_schema, referenced_table_name, referenced_column_name
     FROM information_schema.key_column_usage WHERE constraint_schema = 'app' ORDER BY table_name, constraint_name`,
    [
      ['fk', 'child', 'pid', 1, 1, 'app', 'parent', 'id'],
      ['PRIMARY', 'child', 'id', 1, null, null, null, null],
      ['PRIMARY', 'parent', 'id', 1, null, null, null, null],
      ['uc', 'parent', 'code', 1, null, null, null, null],
    ],
  ],
  [
    'TABLE_CONSTRAINTS',
    "SELECT constraint_name, table_name, constraint_type, enforced FROM information_schema.table_constraints WHERE table_schema = 'app' ORDER BY 2, 1",
    [
      ['fk', 'child', 'FOREIGN KEY', 'YES'],
      ['positive', 'child', 'CHECK', 'YES'],
      ['PRIMARY', 'child', 'PRIMARY KEY', 'YES'],
      ['PRIMARY', 'parent', 'PRIMARY KEY', 'YES'],
      ['uc', 'parent', 'UNIQUE', 'YES'],
    ],
  ],
  [
    'REFERENTIAL_CONSTRAINTS',
    'SELECT constraint_name, unique_constraint_schema, unique_constraint_name, match_option, update_rule, delete_rule, table_name, referenced_table_name FROM information_schema.referential_constraints',
    [['fk', 'app', 'PRIMARY', 'NONE', 'NO ACTION', 'CASCADE', 'child', 'parent']],
  ],
  [
    'CHECK_CONSTRAINTS',
    'SELECT constraint_schema, constraint_name, check_clause FROM information_schema.check_constraints',
    [['app', 'positive', '(`price` > 0)']],
  ],
  [
    'VIEWS',
    "SELECT view_definition, check_option, is_updatable, definer, security_type FROM information_schema.views WHERE table_schema = 'app'",
    [
      [
        'select `app`.`child`.`id` AS `id`,`app`.`child`.`price` AS `price` from `app`.`child` where (`app`.`child`.`price` > 1)',
        'CASCADED',
        'YES',
        'root@localhost',
        'DEFINER',
      ],
    ],
  ],
  [
    'VIEW_TABLE_USAGE',
    'SELECT view_name, table_schema, table_name FROM information_schema.view_table_usage',
    [['seen', 'app', 'child']],
  ],
  [
    'COLLATIONS',
    "SELECT * FROM information_schema.collations WHERE collation_name IN ('latin1_bin', 'utf8mb4_0900_ai_ci', 'utf8mb4_unicode_ci') ORDER BY id",
    [
      ['latin1_bin', 'latin1', 47, '', 'Yes', 1, 'PAD SPACE'],
      ['utf8mb4_unicode_ci', 'utf8mb4', 224, '', 'Yes', 8, 'PAD SPACE'],
      ['utf8mb4_0900_ai_ci', 'utf8mb4', 255, 'Yes', 'Yes', 0, 'NO PAD'],
    ],
  ],
  [
    'KEYWORDS',
    "SELECT * FROM information_schema.keywords WHERE word IN ('SELECT', 'ACCOUNT')",
    [
      ['ACCOUNT', 0],
      ['SELECT', 1],
    ],
  ],
  ['relations without rows', 'SELECT count(*) FROM information_schema.routines', [[0]]],
  [
    'mysql.user',
    "SELECT DISTINCT user, plugin, select_priv, grant_priv, account_locked FROM mysql.user WHERE user = 'root'",
    [['root', 'caching_sha2_password', 'Y', 'Y', 'N']],
  ],
  ['the tables of mysql', "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'mysql'", [[37]]],
  [
    'session variables',
    "SELECT * FROM performance_schema.session_variables WHERE variable_name = 'autocommit'",
    [['autocommit', 'ON']],
  ],
  [
    'what mysqld_exporter asks of files',
    'SELECT event_name, count_read, sum_number_of_bytes_read FROM performance_schema.file_summary_by_event_name',
    [],
  ],
  [
    'what performance_schema measures in MySQL',
    "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'performance_schema' AND table_name LIKE 'events%'",
    [[42]],
  ],
  ['table names keep their case', "SELECT table_name FROM information_schema.tables WHERE table_name = 'CHILD'", []],
  [
    'column names do not',
    "SELECT column_name FROM information_schema.columns WHERE table_schema = 'app' AND column_name = 'PRICE' AND table_name = 'child'",
    [['price']],
  ],
];

describe('information_schema', () => {
  for (const [name, sql, expected] of answers) it(name, async () => assert.deepEqual(await rows(sql), expected));

  it('is a database to use and to describe', async () => {
    const other = await node.connect({ database: 'INFORMATION_SCHEMA' });
    const [[row]] = (await other.query('SELECT count(*) AS n FROM engines')) as unknown as [[{ n: number }]];
    assert.ok(row.n > 0);
    const [described] = (await other.query('DESCRIBE character_sets')) as unknown as [
      { Field: string; Type: string }[],
    ];
    assert.deepEqual(described[0], {
      Field: 'CHARACTER_SET_NAME',
      Type: 'varchar(64)',
      Null: 'NO',
      Key: '',
      Default: null,
      Extra: '',
    });
    await other.end();
  });

  it('is not to be changed', () => assert.rejects(db.query('DELETE FROM information_schema.tables'), { errno: 1044 }));

  it('shows an account only what it has a privilege on', async () => {
    await db.query("CREATE USER reader IDENTIFIED BY 'p'");
    await db.query('GRANT SELECT ON app.parent TO reader');
    const other = await node.connect({ user: 'reader', password: 'p' });
    const [names] = (await other.query(
      "SELECT table_name AS n FROM information_schema.tables WHERE table_schema = 'app'",
    )) as unknown as [{ n: string }[]];
    assert.deepEqual(
      names.map((r) => r.n),
      ['parent'],
    );
    const [databases] = await other.query({ sql: 'SHOW DATABASES', rowsAsArray: true });
    assert.deepEqual(databases, [['app'], ['information_schema'], ['performance_schema']]);
    const [columns] = (await other.query(
      "SELECT DISTINCT table_name AS n FROM information_schema.columns WHERE table_schema = 'app'",
    )) as unknown as [{ n: string }[]];
    assert.deepEqual(
      columns.map((r) => r.n),
      ['parent'],
    );
    await other.end();
  });
});

describe('queries that mappers send', () => {
  it('joins of constraints and their columns', async () => {
    assert.deepEqual(
      await rows(`SELECT DISTINCT kcu.table_name, kcu.column_name, kcu.constraint_name, rc.delete_rule, rc.update_rule, kcu.referenced_table_name
        FROM information_schema.key_column_usage kcu
        INNER JOIN information_schema.referential_constraints rc ON rc.constraint_schema = kcu.constraint_schema AND rc.constraint_name = kcu.constraint_name
        WHERE kcu.table_schema = DATABASE() AND kcu.referenced_table_name IS NOT NULL`),
      [['child', 'pid', 'fk', 'CASCADE', 'NO ACTION', 'parent']],
    );
  });

  it('with placeholders', async () => {
    const [found] = await db.execute(
      'SELECT column_name AS name FROM information_schema.columns WHERE table_schema = ? AND table_name = ? AND column_key = ?',
      ['app', 'child', 'PRI'],
    );
    assert.deepEqual(found, [{ name: 'id' }]);
  });

  it('grouped index columns', async () => {
    assert.deepEqual(
      await rows(`SELECT index_name, GROUP_CONCAT(column_name ORDER BY seq_in_index) FROM information_schema.statistics
        WHERE table_schema = 'app' AND table_name = 'child' AND column_name IS NOT NULL GROUP BY index_name ORDER BY 1`),
      [
        ['fk', 'pid'],
        ['kb', 'body,price'],
        ['PRIMARY', 'id'],
      ],
    );
  });
});
