// What a change of rows does where a key or a parent stands against it. The expectations are MySQL 9.7's answers.
import { dialectTests, type Step } from './support.ts';

const tables: readonly Step[] = [
  ['CREATE TABLE p (id int primary key, u int unique)', 0],
  [
    'CREATE TABLE c (id int primary key, pid int, foreign key (pid) references p (id) on delete cascade on update cascade)',
    0,
  ],
  ['CREATE TABLE r (id int primary key, pid int, foreign key (pid) references p (id))', 0],
  ['INSERT INTO p VALUES (1,1),(2,2),(3,3)', 3],
  ['INSERT INTO c VALUES (1,1),(2,1),(3,2)', 3],
  ['INSERT INTO r VALUES (1,3)', 1],
];

dialectTests({
  'REPLACE leaves the children of a key that stays': [
    ...tables,
    ['REPLACE INTO p VALUES (1,10),(3,30)', 4],
    [
      'SELECT * FROM c',
      [
        ['1', '1'],
        ['2', '1'],
        ['3', '2'],
      ],
    ],
    ['SELECT * FROM p WHERE id = 3', [['3', '30']]],
    // The row with id 2 goes for its other key's sake.
    ['REPLACE INTO p VALUES (9,2)', 2],
    ['SELECT count(*) FROM c WHERE pid = 2', [['0']]],
    ['REPLACE INTO p VALUES (8,30)', 'E1451'],
  ],
  'a missing parent counts before a taken key': [
    ...tables,
    ['INSERT INTO c VALUES (1,99) ON DUPLICATE KEY UPDATE pid = 2', 'E1452'],
    ['INSERT INTO c SELECT 1,99 ON DUPLICATE KEY UPDATE pid = 2', 'E1452'],
    ['INSERT IGNORE INTO c VALUES (1,99) ON DUPLICATE KEY UPDATE pid = 2', 0],
    ['SHOW COUNT(*) WARNINGS', [['1']]],
    ['INSERT IGNORE INTO c VALUES (1,99),(1,2),(7,2)', 1],
    [
      'SELECT * FROM c WHERE id IN (1,7)',
      [
        ['1', '1'],
        ['7', '2'],
      ],
    ],
    ['UPDATE r SET id = 2, pid = 99', 'E1452'],
    ['UPDATE p SET id = 77, u = 1 WHERE id = 3', 'E1451'],
  ],
  'children go before their parents, where joins leave the order open': [
    ...tables,
    ['DELETE p, r FROM p LEFT JOIN r ON r.pid = p.id WHERE p.id = 3', 'E1451'],
    ['DELETE p, r FROM p STRAIGHT_JOIN r ON r.pid = p.id', 'E1451'],
    ['DELETE p, r FROM p JOIN r ON r.pid = p.id', 2],
    ['SELECT id FROM p', [['1'], ['2']]],
    ['SELECT * FROM r', []],
  ],
  'a column without default is told of once, behind its row': [
    ["SET sql_mode = ''", 0],
    ['CREATE TABLE t (id int not null, s varchar(3))', 0],
    ["INSERT INTO t (s) VALUES ('long1'),('b'),('c')", 3],
    [
      'SHOW WARNINGS',
      [
        ['Warning', '1265', "Data truncated for column 's' at row 1"],
        ['Warning', '1364', "Field 'id' doesn't have a default value"],
      ],
    ],
    ['SET sql_mode = DEFAULT', 0],
    ["INSERT INTO t (s) VALUES ('long1')", 'E1406'],
    ["INSERT INTO t (s) VALUES ('a')", 'E1364'],
  ],
  'VALUES(column) is deprecated': [
    ...tables,
    ['INSERT INTO p VALUES (1,1) ON DUPLICATE KEY UPDATE u = VALUES(u) + 9 * VALUES(id)', 2],
    ['SHOW COUNT(*) WARNINGS', [['2']]],
  ],
  // MySQL 9.7 removes and moves rows here that others name: what a row was refused is taken back whole.
  'what IGNORE passes over is taken back with what followed from it': [
    ...tables,
    ['CREATE TABLE x (id int primary key, cid int, foreign key (cid) references c (id))', 0],
    ['INSERT INTO x VALUES (1,2)', 1],
    ['DELETE IGNORE FROM p WHERE id < 3', 1],
    ['SHOW COUNT(*) WARNINGS', [['1']]],
    ['SELECT id FROM p', [['1'], ['3']]],
    ['SELECT id FROM c', [['1'], ['2']]],
    ['BEGIN', 0],
    ['DELETE IGNORE FROM p', 0],
    ['COMMIT', 0],
    ['SELECT id FROM p', [['1'], ['3']]],
    ['SELECT id FROM c', [['1'], ['2']]],
  ],
});
