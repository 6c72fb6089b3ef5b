/** Schema changes on the side that has a majority, while data is written on the other under the older schema. */
import { afterChange, type MergeCase } from './case.ts';

const t = ['create table t (id int primary key, v int)', 'insert into t values (1, 10), (2, 20)'];
const insert = 'insert into t values (3, 30)';
const bump = 'update t set v = v + 1 where id = 1';

export const SCHEMA: readonly MergeCase[] = [
  afterChange(
    'a column is added',
    { schema: t, A: [insert, bump], B: ['alter table t add c int default 7'] },
    {
      shows: {
        t: [
          [1, 11, 7],
          [2, 20, 7],
          [3, 30, 7],
        ],
      },
    },
  ),
  afterChange(
    'a column is added in front, without a default',
    { schema: t, A: [insert, bump], B: ['alter table t add c varchar(9) not null first'] },
    {
      shows: {
        'select * from t order by id': [
          ['', 1, 11],
          ['', 2, 20],
          ['', 3, 30],
        ],
      },
    },
  ),
  afterChange(
    'columns are added whose defaults ask for the time',
    {
      schema: t,
      A: [insert, bump],
      B: ['alter table t add c timestamp(6) default current_timestamp(6), add d datetime(6) default (now(6))'],
    },
    {
      shows: {
        'select id, v, (select count(distinct c, d) from t) from t order by id': [
          [1, 11, 1],
          [2, 20, 1],
          [3, 30, 1],
        ],
      },
    },
  ),
  afterChange(
    'a column is added, and later its default is left to chance',
    {
      schema: t,
      A: [insert],
      B: [
        'alter table t add c char(36), add d char(36) not null',
        'alter table t alter c set default (uuid()), alter d set default (uuid())',
      ],
    },
    {
      shows: {
        t: [
          [1, 10, null, ''],
          [2, 20, null, ''],
          [3, 30, null, ''],
        ],
      },
    },
  ),
  afterChange(
    'a time becomes a moment of the day of the change',
    {
      schema: ['create table t (id int primary key, v time)', "insert into t values (1, '10:00:00')"],
      A: ["insert into t values (3, '11:00:00')"],
      B: [['set timestamp = 1000000000', 'alter table t modify v datetime', 'set timestamp = default']],
    },
    {
      shows: {
        t: [
          [1, '2001-09-09 10:00:00'],
          [3, '2001-09-09 11:00:00'],
        ],
      },
    },
  ),
  afterChange(
    'a generated column is added',
    { schema: t, A: [insert, bump], B: ['alter table t add c int as (v * 2) stored, add d int as (v + 1) virtual'] },
    {
      shows: {
        t: [
          [1, 11, 22, 12],
          [2, 20, 40, 21],
          [3, 30, 60, 31],
        ],
      },
    },
  ),
  afterChange(
    'a column is dropped',
    {
      schema: ['create table t (id int primary key, v int, w int)', 'insert into t values (1, 10, 100)'],
      A: [
        'insert into t values (3, 30, 300)',
        'update t set v = 5, w = 6 where id = 1',
        'update t set v = 7 where id = 1',
      ],
      B: ['alter table t drop column v'],
    },
    {
      shows: {
        t: [
          [1, 6],
          [3, 300],
        ],
      },
    },
  ),
  afterChange(
    'a column is dropped, another of its name is added',
    {
      schema: t,
      A: [insert, bump],
      B: ['alter table t drop column v', 'alter table t add v int default 1'],
    },
    {
      shows: {
        t: [
          [1, 1],
          [2, 1],
          [3, 1],
        ],
      },
    },
  ),
  afterChange(
    'a column is renamed',
    { schema: t, A: [insert, bump], B: ['alter table t rename column v to w'] },
    {
      shows: {
        'select id, w from t order by id': [
          [1, 11],
          [2, 20],
          [3, 30],
        ],
      },
    },
  ),
  afterChange(
    'columns change places',
    { schema: t, A: [insert, bump], B: ['alter table t modify v int first'] },
    {
      shows: {
        'select * from t order by id': [
          [11, 1],
          [20, 2],
          [30, 3],
        ],
      },
    },
  ),
  afterChange(
    'a number becomes text',
    { schema: t, A: [insert, 'update t set v = 5 where id = 1'], B: ['alter table t modify v varchar(20)'] },
    {
      shows: {
        t: [
          [1, '5'],
          [2, '20'],
          [3, '30'],
        ],
      },
    },
  ),
  afterChange(
    'an integer that is added to becomes a decimal',
    { schema: t, A: [insert, bump], B: ['alter table t modify v decimal(10,2)'] },
    {
      shows: {
        t: [
          [1, '11.00'],
          [2, '20.00'],
          [3, '30.00'],
        ],
      },
    },
  ),
  afterChange(
    'a number does not fit the narrower type',
    { schema: t, A: ['insert into t values (3, 300)', bump], B: ['alter table t modify v tinyint'] },
    {
      shows: {
        t: [
          [1, 11],
          [2, 20],
        ],
      },
      rejected: ['A1'],
    },
  ),
  afterChange(
    'a column that may not be NULL any more',
    {
      schema: t,
      A: ['insert into t values (3, null)', 'update t set v = null where id = 1'],
      B: ['alter table t modify v int not null'],
    },
    {
      shows: {
        t: [
          [1, 10],
          [2, 20],
        ],
      },
      rejected: ['A1', 'A2'],
    },
  ),
  afterChange(
    'a unique index is added',
    {
      schema: t,
      A: ['insert into t values (3, 20)', 'insert into t values (4, 40)'],
      B: ['alter table t add unique (v)'],
    },
    {
      shows: {
        t: [
          [1, 10],
          [2, 20],
          [4, 40],
        ],
      },
      rejected: ['A1'],
    },
  ),
  afterChange(
    'a CHECK is added',
    { schema: t, A: ['insert into t values (3, -1)', bump], B: ['alter table t add check (v > 0)'] },
    {
      shows: {
        t: [
          [1, 11],
          [2, 20],
        ],
      },
      rejected: ['A1'],
    },
  ),
  afterChange(
    'a foreign key is added',
    {
      schema: [...t, 'create table p (id int primary key)', 'insert into p values (10), (20), (30)'],
      A: [insert, bump],
      B: ['alter table t add foreign key (v) references p (id)'],
    },
    {
      shows: {
        t: [
          [1, 10],
          [2, 20],
          [3, 30],
        ],
      },
      rejected: ['A2'],
    },
  ),
  afterChange(
    'the table is renamed',
    { schema: t, A: [insert, bump], B: ['rename table t to u'] },
    {
      shows: {
        u: [
          [1, 11],
          [2, 20],
          [3, 30],
        ],
      },
    },
  ),
  afterChange(
    'the table is emptied',
    { schema: t, A: [insert, bump], B: ['truncate table t'] },
    { shows: { t: [[3, 30]] }, dropped: ['A2'] },
  ),
  afterChange(
    'the table is dropped',
    {
      schema: [...t, 'create table u (id int primary key)'],
      A: [[insert, 'insert into u values (1)'], bump],
      B: ['drop table t'],
    },
    { shows: { u: [[1]] }, dropped: ['A1', 'A2'] },
  ),
  afterChange(
    'the table is dropped, another of its name is made',
    { schema: t, A: [insert, bump], B: ['drop table t', 'create table t (id int primary key, v int)'] },
    { shows: { t: [] }, dropped: ['A1', 'A2'] },
  ),
  afterChange(
    'an index is dropped and another one added',
    {
      schema: ['create table t (id int primary key, v int, key k (v))', 'insert into t values (1, 10)'],
      A: [insert, bump],
      B: ['alter table t drop key k, add key l (v, id)'],
    },
    { shows: { 'select id from t where v >= 11 order by v': [[1], [3]] } },
  ),
  afterChange(
    'the primary key moves to another column: rows are still found by what they were known by',
    {
      schema: [
        'create table t (a int primary key, b int not null, v int)',
        'insert into t values (1, 2, 10), (2, 1, 20)',
      ],
      A: ['update t set v = v + 1 where a = 1', 'insert into t values (3, 3, 30)'],
      B: ['alter table t drop primary key, add primary key (b)'],
    },
    {
      shows: {
        'select * from t order by a': [
          [1, 2, 11],
          [2, 1, 20],
          [3, 3, 30],
        ],
      },
    },
  ),
  afterChange(
    'a table without a primary key gets one',
    {
      schema: [
        'create table t (a int, v int)',
        'insert into t values (30, 0)',
        'insert into t values (2, 0)',
        'insert into t values (1, 0)',
      ],
      A: ['update t set v = 5 where a = 30', 'insert into t values (4, 0)'],
      B: ['alter table t add primary key (a)'],
    },
    {
      shows: {
        t: [
          [1, 0],
          [2, 0],
          [4, 0],
          [30, 0],
        ],
      },
      dropped: ['A1'],
    },
  ),
  afterChange(
    'a primary key becomes text',
    { schema: t, A: [insert, bump], B: ['alter table t modify id varchar(9)'] },
    {
      shows: {
        t: [
          ['1', 11],
          ['2', 20],
          ['3', 30],
        ],
      },
    },
  ),
  afterChange(
    'the collation of the primary key becomes stricter',
    {
      schema: ['create table t (id varchar(9) primary key, v int)', "insert into t values ('a', 1)"],
      A: ["update t set v = 2 where id = 'A'"],
      B: ['alter table t modify id varchar(9) collate utf8mb4_bin', "insert into t values ('A', 9)"],
    },
    {
      shows: {
        'select * from t order by v': [
          ['a', 2],
          ['A', 9],
        ],
      },
    },
  ),
  afterChange(
    'rows of a table with a text key lose their key on every node alike',
    {
      schema: ['create table t (id varchar(9) primary key, v int)', "insert into t values ('x', 1)"],
      A: ["insert into t values ('a', 1), ('c', 1)"],
      B: ["insert into t values ('b', 2)", 'alter table t drop primary key', "update t set v = 7 where id = 'b'"],
    },
    {
      shows: {
        t: [
          ['a', 1],
          ['b', 7],
          ['c', 1],
          ['x', 1],
        ],
      },
    },
  ),
  afterChange(
    'merge rules change',
    {
      schema: t,
      A: ['update t set v = 15 where id = 1'],
      B: ['update t set v = 17 where id = 1', "alter table t modify v int comment 'p2pdb:merge=max'"],
    },
    {
      shows: {
        t: [
          [1, 15],
          [2, 20],
        ],
      },
    },
  ),
  afterChange(
    'an addition to what became text, and one to what became a larger number',
    {
      schema: ['create table t (id int primary key, v int, w int unsigned)', 'insert into t values (1, 10, 10)'],
      A: ['update t set v = v + 1 where id = 1', 'update t set w = w - 4 where id = 1'],
      B: ['alter table t modify v varchar(9), modify w bigint unsigned'],
    },
    { shows: { t: [[1, '10', 6]] }, rejected: ['A1'] },
  ),
  afterChange(
    'rows of a table with a text key are counted on every node alike',
    {
      schema: ['create table t (id varchar(9) primary key)', "insert into t values ('x')"],
      A: ["insert into t values ('a'), ('c')"],
      B: ["insert into t values ('m'), ('b')", 'alter table t add n int auto_increment unique'],
    },
    {
      shows: {
        "select id, n from t where id not in ('a', 'c') order by id": [
          ['b', 1],
          ['m', 2],
          ['x', 3],
        ],
      },
    },
  ),
];
