// SHOW and DESCRIBE through a real client. The expectations are what MySQL 9 answers to the same statements.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Connection } from 'mysql2/promise';
import { startTestNode, type TestNode } from '../../support/node.ts';

let node: TestNode;
let db: Connection;

before(async () => {
  node = await startTestNode();
  db = await node.connect();
  await db.query('CREATE DATABASE shop');
  await db.query('USE shop');
});
after(() => node.stop());

type Cell = string | number | null;

async function ask(sql: string): Promise<{ columns: string[]; rows: Cell[][] }> {
  const [rows, fields] = await db.query({ sql, rowsAsArray: true });
  return { columns: fields.map((f) => f.name), rows: rows as unknown as Cell[][] };
}

async function createTableOf(sql: string): Promise<string> {
  const name = /TABLE (\S+)/.exec(sql)?.[1] ?? '';
  await db.query(`DROP TABLE IF EXISTS ${name}`);
  await db.query(sql);
  const { rows } = await ask(`SHOW CREATE TABLE ${name}`);
  return String(rows[0]?.[1]);
}

const TAIL = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci';

const CREATED: readonly (readonly [given: string, shown: string])[] = [
  [
    'CREATE TABLE numbers (a tinyint(1), b int(5) zerofill default 3, c bigint(20) unsigned, d dec, e numeric(5), f float(7,3), g double precision unsigned, h bit, i bool default true)',
    `CREATE TABLE \`numbers\` (
  \`a\` tinyint(1) DEFAULT NULL,
  \`b\` int(5) unsigned zerofill DEFAULT '00003',
  \`c\` bigint unsigned DEFAULT NULL,
  \`d\` decimal(10,0) DEFAULT NULL,
  \`e\` decimal(5,0) DEFAULT NULL,
  \`f\` float(7,3) DEFAULT NULL,
  \`g\` double unsigned DEFAULT NULL,
  \`h\` bit(1) DEFAULT NULL,
  \`i\` tinyint(1) DEFAULT '1'
) ${TAIL}`,
  ],
  [
    String.raw`CREATE TABLE texts (a varchar(5) default 'it''s', b char, c text, d varchar(3) charset latin1, e enum('x','y''z') default 'x', f set('p','q') not null default 'q,p', g varchar(20) default 'a\\b\nc"', h json, i varbinary(5) default 0x00ff, j binary(3) default 'a', k mediumblob)`,
    String.raw`CREATE TABLE ${'`texts`'} (
  ${'`a`'} varchar(5) DEFAULT 'it''s',
  ${'`b`'} char(1) DEFAULT NULL,
  ${'`c`'} text,
  ${'`d`'} varchar(3) CHARACTER SET latin1 COLLATE latin1_swedish_ci DEFAULT NULL,
  ${'`e`'} enum('x','y''z') DEFAULT 'x',
  ${'`f`'} set('p','q') NOT NULL DEFAULT 'p,q',
  ${'`g`'} varchar(20) DEFAULT 'a\\b\nc"',
  ${'`h`'} json DEFAULT NULL,
  ${'`i`'} varbinary(5) DEFAULT 0x00FF,
  ${'`j`'} binary(3) DEFAULT 'a\0\0',
  ${'`k`'} mediumblob
) ${TAIL}`,
  ],
  [
    'CREATE TABLE times (a datetime default now() on update now(), b timestamp default current_timestamp, c timestamp null, d timestamp not null, e datetime(6) default current_timestamp(6), f year default 99, g time(2), h date default 20200101)',
    `CREATE TABLE \`times\` (
  \`a\` datetime DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  \`b\` timestamp NULL DEFAULT CURRENT_TIMESTAMP,
  \`c\` timestamp NULL DEFAULT NULL,
  \`d\` timestamp NOT NULL,
  \`e\` datetime(6) DEFAULT CURRENT_TIMESTAMP(6),
  \`f\` year DEFAULT '1999',
  \`g\` time(2) DEFAULT NULL,
  \`h\` date DEFAULT '2020-01-01'
) ${TAIL}`,
  ],
  [
    "CREATE TABLE made (a int, b int as (a+1), c varchar(10) as (concat('x', a)) stored not null, d int default (a*2), e varchar(40) default (uuid()), f int invisible, check (a > 1), constraint aa check (a between 1 and 5 or a is not null) not enforced)",
    `CREATE TABLE \`made\` (
  \`a\` int DEFAULT NULL,
  \`b\` int GENERATED ALWAYS AS ((\`a\` + 1)) VIRTUAL,
  \`c\` varchar(10) GENERATED ALWAYS AS (concat(_utf8mb4'x',\`a\`)) STORED NOT NULL,
  \`d\` int DEFAULT ((\`a\` * 2)),
  \`e\` varchar(40) DEFAULT (uuid()),
  \`f\` int DEFAULT NULL /*!80023 INVISIBLE */,
  CONSTRAINT \`aa\` CHECK (((\`a\` between 1 and 5) or (\`a\` is not null))) /*!80016 NOT ENFORCED */,
  CONSTRAINT \`made_chk_1\` CHECK ((\`a\` > 1))
) ${TAIL}`,
  ],
  [
    "CREATE TABLE keyed (id bigint unsigned not null auto_increment primary key comment 'it''s', a varchar(20) not null, b int, `we``ird` int, unique key ua (a), key kb (b desc, a(5)) comment 'kc', key inv (b) invisible, key bt (`we``ird`) using btree, key fn ((b * 2))) auto_increment=77 comment='c' row_format=dynamic",
    `CREATE TABLE \`keyed\` (
  \`id\` bigint unsigned NOT NULL AUTO_INCREMENT COMMENT 'it''s',
  \`a\` varchar(20) NOT NULL,
  \`b\` int DEFAULT NULL,
  \`we\`\`ird\` int DEFAULT NULL,
  PRIMARY KEY (\`id\`),
  UNIQUE KEY \`ua\` (\`a\`),
  KEY \`kb\` (\`b\` DESC,\`a\`(5)) COMMENT 'kc',
  KEY \`inv\` (\`b\`) /*!80000 INVISIBLE */,
  KEY \`bt\` (\`we\`\`ird\`) USING BTREE,
  KEY \`fn\` (((\`b\` * 2)))
) ENGINE=InnoDB AUTO_INCREMENT=77 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci ROW_FORMAT=DYNAMIC COMMENT='c'`,
  ],
  [
    'CREATE TABLE child (id int primary key, p int, q bigint unsigned, constraint zfk foreign key (q) references keyed (id) on delete set null on update cascade, foreign key (p) references child (id))',
    `CREATE TABLE \`child\` (
  \`id\` int NOT NULL,
  \`p\` int DEFAULT NULL,
  \`q\` bigint unsigned DEFAULT NULL,
  PRIMARY KEY (\`id\`),
  KEY \`zfk\` (\`q\`),
  KEY \`p\` (\`p\`),
  CONSTRAINT \`child_ibfk_1\` FOREIGN KEY (\`p\`) REFERENCES \`child\` (\`id\`),
  CONSTRAINT \`zfk\` FOREIGN KEY (\`q\`) REFERENCES \`keyed\` (\`id\`) ON DELETE SET NULL ON UPDATE CASCADE
) ${TAIL}`,
  ],
  [
    'CREATE TABLE latin (a varchar(10), b varchar(5) charset utf8mb4, c varchar(5) collate latin1_bin) charset latin1',
    `CREATE TABLE \`latin\` (
  \`a\` varchar(10) DEFAULT NULL,
  \`b\` varchar(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci DEFAULT NULL,
  \`c\` varchar(5) CHARACTER SET latin1 COLLATE latin1_bin DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=latin1`,
  ],
  [
    'CREATE TABLE unicode (a varchar(10), b text collate utf8mb4_bin) collate utf8mb4_unicode_ci',
    `CREATE TABLE \`unicode\` (
  \`a\` varchar(10) COLLATE utf8mb4_unicode_ci DEFAULT NULL,
  \`b\` text CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci`,
  ],
];

describe('SHOW CREATE TABLE', () => {
  it('keeps options that mean nothing here', async () => {
    await db.query(
      "CREATE TABLE options (a int PRIMARY KEY) CONNECTION='x' CHECKSUM=3 KEY_BLOCK_SIZE=8 COMPRESSION='none' STATS_PERSISTENT=DEFAULT " +
        "ROW_FORMAT=COMPRESSED STATS_SAMPLE_PAGES=7 PACK_KEYS=0 MAX_ROWS=99999999999 MIN_ROWS=2 AVG_ROW_LENGTH=0 COMMENT='c'",
    );
    const warnings = await ask('SHOW WARNINGS');
    assert.deepEqual(warnings.rows, [
      ['Warning', 4074, 'max_rows=99999999999 is outside the valid range [0,4294967295]. 4294967295 will be used.'],
    ]);
    const end = async (): Promise<string> =>
      String((await ask('SHOW CREATE TABLE options')).rows[0]?.[1]).split('_ci')[1] ?? '';
    assert.equal(
      await end(),
      " MIN_ROWS=2 MAX_ROWS=4294967295 PACK_KEYS=0 STATS_SAMPLE_PAGES=7 CHECKSUM=1 ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8 COMPRESSION='none' COMMENT='c' CONNECTION='x'",
    );
    const { rows } = await ask("SELECT CREATE_OPTIONS FROM information_schema.TABLES WHERE TABLE_NAME = 'options'");
    assert.deepEqual(rows, [
      [
        'max_rows=4294967295 min_rows=2 row_format=COMPRESSED stats_sample_pages=7 KEY_BLOCK_SIZE=8 COMPRESSION="none" pack_keys=0 checksum=1',
      ],
    ]);
    await db.query(
      "ALTER TABLE options MAX_ROWS=0 MIN_ROWS=0, PACK_KEYS=DEFAULT, CHECKSUM=0 KEY_BLOCK_SIZE=0 CONNECTION='' COMPRESSION='' STATS_SAMPLE_PAGES=DEFAULT ROW_FORMAT=DEFAULT COMMENT='' AVG_ROW_LENGTH=5",
    );
    assert.equal(await end(), ' AVG_ROW_LENGTH=5');
    await assert.rejects(db.query('CREATE TABLE other (a int) KEY_BLOCK_SIZE=3'), { errno: 1031 });
    await db.query('DROP TABLE options');
  });

  for (const [given, shown] of CREATED) {
    const name = /TABLE (\S+)/.exec(given)?.[1] ?? '';
    it(`of ${name} is MySQL's text, and makes the same table again`, async () => {
      assert.equal(await createTableOf(given), shown);
      await db.query('SET foreign_key_checks = 0');
      assert.equal(await createTableOf(shown.replaceAll('`' + name + '` (\n', `${name} (\n`)), shown);
      await db.query('SET foreign_key_checks = 1');
    });
  }

  it('of a temporary table', async () => {
    await db.query('CREATE TEMPORARY TABLE tmp (a int)');
    const { rows } = await ask('SHOW CREATE TABLE tmp');
    assert.equal(rows[0]?.[1], `CREATE TEMPORARY TABLE \`tmp\` (\n  \`a\` int DEFAULT NULL\n) ${TAIL}`);
    await db.query('DROP TABLE tmp');
  });
});

describe('the other SHOW CREATE', () => {
  it('DATABASE', async () => {
    const { columns, rows } = await ask('SHOW CREATE DATABASE IF NOT EXISTS shop');
    assert.deepEqual(columns, ['Database', 'Create Database']);
    assert.deepEqual(rows, [
      [
        'shop',
        "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci */ /*!80016 DEFAULT ENCRYPTION='N' */",
      ],
    ]);
  });

  it('VIEW, with names of its own and without', async () => {
    await db.query('CREATE TABLE vt (a int, b int)');
    await db.query('CREATE VIEW v1 AS SELECT a, b + 1 AS bb FROM vt WHERE b BETWEEN 1 AND 5');
    await db.query('CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW v2 (m) AS SELECT a FROM vt WITH CHECK OPTION');
    const one = await ask('SHOW CREATE VIEW v1');
    assert.deepEqual(one.columns, ['View', 'Create View', 'character_set_client', 'collation_connection']);
    assert.equal(
      one.rows[0]?.[1],
      'CREATE ALGORITHM=UNDEFINED DEFINER=`root`@`localhost` SQL SECURITY DEFINER VIEW `v1` AS select `vt`.`a` AS `a`,(`vt`.`b` + 1) AS `bb` from `vt` where (`vt`.`b` between 1 and 5)',
    );
    const two = await ask('SHOW CREATE TABLE v2');
    assert.equal(
      two.rows[0]?.[1],
      'CREATE ALGORITHM=MERGE DEFINER=`root`@`localhost` SQL SECURITY INVOKER VIEW `v2` (`m`) AS select `vt`.`a` AS `a` from `vt` WITH CASCADED CHECK OPTION',
    );
    await assert.rejects(db.query('SHOW CREATE VIEW vt'), { errno: 1347 });
  });

  const errors: readonly (readonly [sql: string, errno: number])[] = [
    ['SHOW CREATE TABLE nope', 1146],
    ['SHOW CREATE DATABASE nope', 1049],
    ['SHOW CREATE PROCEDURE nope', 1305],
    ['SHOW CREATE TRIGGER nope', 1360],
    ['SHOW CREATE EVENT nope', 1539],
    ['SHOW COLUMNS FROM nope', 1146],
    ['SHOW INDEX FROM nope', 1146],
    ['SHOW TABLES FROM nope', 1049],
    ['SHOW TABLE STATUS FROM nope', 1049],
    ['DESCRIBE nope', 1146],
    ['SHOW BINARY LOGS', 1381],
    ['SHOW GRANTS FOR nope@x', 1141],
    ['SHOW TABLES WHERE nope = 1', 1054],
  ];
  for (const [sql, errno] of errors) it(`${sql} is error ${errno}`, () => assert.rejects(db.query(sql), { errno }));
});

describe('lists', () => {
  before(async () => {
    await db.query('CREATE DATABASE lists');
    await db.query('USE lists');
    await db.query(
      "CREATE TABLE one (id int auto_increment primary key, a varchar(10) not null default 'x', b int, c text, unique (a), key (b, a))",
    );
    await db.query('CREATE TABLE Two (a int not null, unique (a))');
    await db.query('CREATE VIEW seen AS SELECT id FROM one');
  });

  const answers: readonly (readonly [sql: string, columns: readonly string[], rows: readonly (readonly Cell[])[]])[] = [
    [
      'SHOW DATABASES',
      ['Database'],
      [['information_schema'], ['lists'], ['mysql'], ['p2pdb'], ['performance_schema'], ['shop'], ['sys']],
    ],
    ["SHOW DATABASES LIKE 'li%'", ['Database (li%)'], [['lists']]],
    ["SHOW SCHEMAS WHERE `Database` > 'p'", ['Database'], [['p2pdb'], ['performance_schema'], ['shop'], ['sys']]],
    ['SHOW TABLES', ['Tables_in_lists'], [['Two'], ['one'], ['seen']]],
    ["SHOW TABLES LIKE 't%'", ['Tables_in_lists (t%)'], []],
    ["SHOW TABLES LIKE 'T_o'", ['Tables_in_lists (T_o)'], [['Two']]],
    ["SHOW FULL TABLES WHERE Table_type = 'VIEW'", ['Tables_in_lists', 'Table_type'], [['seen', 'VIEW']]],
    [
      "SHOW TABLES FROM information_schema LIKE 'schemata'",
      ['Tables_in_information_schema (SCHEMATA)'],
      [['SCHEMATA']],
    ],
    [
      'DESCRIBE one',
      ['Field', 'Type', 'Null', 'Key', 'Default', 'Extra'],
      [
        ['id', 'int', 'NO', 'PRI', null, 'auto_increment'],
        ['a', 'varchar(10)', 'NO', 'UNI', 'x', ''],
        ['b', 'int', 'YES', 'MUL', null, ''],
        ['c', 'text', 'YES', '', null, ''],
      ],
    ],
    ['DESC one a', ['Field', 'Type', 'Null', 'Key', 'Default', 'Extra'], [['a', 'varchar(10)', 'NO', 'UNI', 'x', '']]],
    ['EXPLAIN Two', ['Field', 'Type', 'Null', 'Key', 'Default', 'Extra'], [['a', 'int', 'NO', 'PRI', null, '']]],
    [
      "SHOW FIELDS FROM one WHERE `Key` = 'MUL'",
      ['Field', 'Type', 'Null', 'Key', 'Default', 'Extra'],
      [['b', 'int', 'YES', 'MUL', null, '']],
    ],
    [
      "SHOW FULL COLUMNS FROM one LIKE 'A'",
      ['Field', 'Type', 'Collation', 'Null', 'Key', 'Default', 'Extra', 'Privileges', 'Comment'],
      [['a', 'varchar(10)', 'utf8mb4_0900_ai_ci', 'NO', 'UNI', 'x', '', 'select,insert,update,references', '']],
    ],
    [
      'SHOW COLUMNS FROM seen',
      ['Field', 'Type', 'Null', 'Key', 'Default', 'Extra'],
      [['id', 'int', 'NO', '', '0', '']],
    ],
    [
      'SHOW KEYS FROM one IN lists WHERE Key_name <> "PRIMARY"',
      [
        'Table',
        'Non_unique',
        'Key_name',
        'Seq_in_index',
        'Column_name',
        'Collation',
        'Cardinality',
        'Sub_part',
        'Packed',
        'Null',
        'Index_type',
        'Comment',
        'Index_comment',
        'Visible',
        'Expression',
      ],
      [
        ['one', 0, 'a', 1, 'a', 'A', 0, null, null, '', 'BTREE', '', '', 'YES', null],
        ['one', 1, 'b', 1, 'b', 'A', 0, null, null, 'YES', 'BTREE', '', '', 'YES', null],
        ['one', 1, 'b', 2, 'a', 'A', 0, null, null, '', 'BTREE', '', '', 'YES', null],
      ],
    ],
    ["SHOW VARIABLES LIKE 'AUTOCOMMIT'", ['Variable_name', 'Value'], [['autocommit', 'ON']]],
    [
      "SHOW GLOBAL VARIABLES WHERE Variable_name = 'version_comment'",
      ['Variable_name', 'Value'],
      [['version_comment', 'P2PDB']],
    ],
    ["SHOW STATUS LIKE 'Threads_connected'", ['Variable_name', 'Value'], [['Threads_connected', '1']]],
    [
      "SHOW CHARACTER SET LIKE 'latin1'",
      ['Charset', 'Description', 'Default collation', 'Maxlen'],
      [['latin1', 'cp1252 West European', 'latin1_swedish_ci', 1]],
    ],
    [
      "SHOW COLLATION WHERE Charset = 'utf8mb4' AND `Default` = 'Yes'",
      ['Collation', 'Charset', 'Id', 'Default', 'Compiled', 'Sortlen', 'Pad_attribute'],
      [['utf8mb4_0900_ai_ci', 'utf8mb4', 255, 'Yes', 'Yes', 0, 'NO PAD']],
    ],
    [
      'SHOW TRIGGERS',
      [
        'Trigger',
        'Event',
        'Table',
        'Statement',
        'Timing',
        'Created',
        'sql_mode',
        'Definer',
        'character_set_client',
        'collation_connection',
        'Database Collation',
      ],
      [],
    ],
    ['SHOW OPEN TABLES', ['Database', 'Table', 'In_use', 'Name_locked'], []],
    ['SHOW PROFILES', ['Query_ID', 'Duration', 'Query'], []],
    ['SHOW COUNT(*) WARNINGS', ['@@session.warning_count'], [[0]]],
  ];
  for (const [sql, columns, rows] of answers) {
    it(sql, async () => {
      const got = await ask(sql);
      assert.deepEqual(got.columns, columns);
      assert.deepEqual(got.rows, rows);
    });
  }

  it("SHOW TABLE STATUS has MySQL's columns", async () => {
    const { columns, rows } = await ask('SHOW TABLE STATUS');
    assert.deepEqual(
      columns,
      'Name Engine Version Row_format Rows Avg_row_length Data_length Max_data_length Index_length Data_free Auto_increment Create_time Update_time Check_time Collation Checksum Create_options Comment'.split(
        ' ',
      ),
    );
    assert.deepEqual(
      rows.map((r) => [r[0], r[1], r[17]]),
      [
        ['Two', 'InnoDB', ''],
        ['one', 'InnoDB', ''],
        ['seen', null, 'VIEW'],
      ],
    );
  });

  it('SHOW WARNINGS tells of the statement before, page by page', async () => {
    await db.query('DROP TABLE IF EXISTS no1, no2');
    const all = await ask('SHOW WARNINGS');
    assert.deepEqual(all.columns, ['Level', 'Code', 'Message']);
    assert.deepEqual(all.rows, [
      ['Note', 1051, "Unknown table 'lists.no1'"],
      ['Note', 1051, "Unknown table 'lists.no2'"],
    ]);
    assert.deepEqual((await ask('SHOW WARNINGS LIMIT 1, 5')).rows, [['Note', 1051, "Unknown table 'lists.no2'"]]);
    assert.deepEqual((await ask('SHOW COUNT(*) WARNINGS')).rows, [[2]]);
    assert.deepEqual((await ask('SHOW ERRORS')).rows, []);
  });

  it('SHOW PROCESSLIST tells of the sessions', async () => {
    const { columns, rows } = await ask('SHOW FULL PROCESSLIST');
    assert.deepEqual(columns, ['Id', 'User', 'Host', 'db', 'Command', 'Time', 'State', 'Info']);
    const own = rows.find((r) => r[7] === 'SHOW FULL PROCESSLIST');
    assert.deepEqual([own?.[1], own?.[3], own?.[4]], ['root', 'lists', 'Query']);
  });
});

describe('table maintenance', () => {
  before(async () => {
    await db.query('CREATE DATABASE care');
    await db.query('USE care');
    await db.query('CREATE TABLE t (a int primary key, b varchar(10), key (b))');
    await db.query("INSERT INTO t VALUES (1,'x'),(2,'y')");
    await db.query('CREATE VIEW v AS SELECT a FROM t');
  });

  const answers: readonly (readonly [sql: string, rows: readonly (readonly Cell[])[]])[] = [
    ['ANALYZE TABLE t', [['care.t', 'analyze', 'status', 'OK']]],
    [
      'ANALYZE TABLE v',
      [
        ['care.v', 'analyze', 'Error', "'care.v' is not BASE TABLE"],
        ['care.v', 'analyze', 'status', 'Operation failed'],
      ],
    ],
    [
      'CHECK TABLE t, nope',
      [
        ['care.t', 'check', 'status', 'OK'],
        ['care.nope', 'check', 'Error', "Table 'care.nope' doesn't exist"],
        ['care.nope', 'check', 'status', 'Operation failed'],
      ],
    ],
    [
      'OPTIMIZE TABLE t',
      [
        ['care.t', 'optimize', 'note', 'Table does not support optimize, doing recreate + analyze instead'],
        ['care.t', 'optimize', 'status', 'OK'],
      ],
    ],
    ['REPAIR TABLE t', [['care.t', 'repair', 'note', "The storage engine for the table doesn't support repair"]]],
  ];
  for (const [sql, rows] of answers) {
    it(sql, async () => {
      const got = await ask(sql);
      assert.deepEqual(got.columns, ['Table', 'Op', 'Msg_type', 'Msg_text']);
      assert.deepEqual(got.rows, rows);
    });
  }

  it('CHECKSUM TABLE depends on the rows and not on their order', async () => {
    await db.query('CREATE TABLE u (a int, b varchar(10))');
    await db.query("INSERT INTO u VALUES (2,'y'),(1,'x')");
    const first = (await ask('CHECKSUM TABLE u')).rows;
    await db.query('DELETE FROM u');
    await db.query("INSERT INTO u VALUES (1,'x'),(2,'y')");
    assert.deepEqual((await ask('CHECKSUM TABLE u')).rows, first);
    await db.query("INSERT INTO u VALUES (3,'z')");
    assert.notDeepEqual((await ask('CHECKSUM TABLE u')).rows, first);
    assert.deepEqual((await ask('CHECKSUM TABLE nope')).rows, [['care.nope', null]]);
  });

  it('FLUSH TABLES WITH READ LOCK holds off writes and schema changes until UNLOCK TABLES', async () => {
    const other = await node.connect({ database: 'care' });
    await other.query('SET innodb_lock_wait_timeout = 1, lock_wait_timeout = 1');
    await db.query('FLUSH TABLES WITH READ LOCK');
    await db.query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
    await assert.rejects(other.query("INSERT INTO t VALUES (9,'n')"), { errno: 1205 });
    await assert.rejects(other.query('CREATE TABLE fresh (a int)'), { errno: 1205 });
    assert.deepEqual((await other.query('SELECT count(*) AS n FROM t'))[0], [{ n: 2 }]);
    const waiting = other.query("INSERT INTO t VALUES (3,'z')");
    await db.query('UNLOCK TABLES');
    await waiting;
    await other.end();
  });

  it('FLUSH TABLES of tables by name leaves the session those, to be read', async () => {
    await db.query('FLUSH TABLES t WITH READ LOCK');
    await db.query('SELECT * FROM t');
    await assert.rejects(db.query("INSERT INTO t VALUES (9,'n')"), { errno: 1099 });
    await assert.rejects(db.query('SELECT * FROM u'), { errno: 1100 });
    await db.query('UNLOCK TABLES');
    await db.query('SELECT * FROM u');
  });

  it('Max_used_connections stays when connections end', async () => {
    const others = await Promise.all([node.connect(), node.connect(), node.connect()]);
    for (const other of others) await other.end();
    const { rows } = await ask("SHOW GLOBAL STATUS LIKE 'Max_used_connections'");
    assert.ok(Number(rows[0]?.[1]) >= 4);
  });

  it('KILL ends another connection', async () => {
    const other = await node.connect();
    const [[row]] = (await other.query('SELECT CONNECTION_ID() AS id')) as unknown as [[{ id: number }]];
    other.on('error', () => undefined);
    const closed = new Promise<void>((resolve) => void other.on('end', () => resolve()));
    await db.query(`KILL ${row.id}`);
    await closed;
    await assert.rejects(db.query(`KILL ${row.id}`), { errno: 1094 });
  });
});
