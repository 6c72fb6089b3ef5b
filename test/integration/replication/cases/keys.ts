/** Primary keys, and tables without one. */
import { either, ordered, type MergeCase } from './case.ts';

const two = ['create table t (id int primary key, v int)', 'insert into t values (1, 10), (2, 20)'];

export const KEYS: readonly MergeCase[] = [
  // Rows that move.
  ordered(
    'a row that moves keeps what the other side changed before',
    { schema: two, A: ['update t set id = 5 where id = 1'], B: ['update t set v = 11 where id = 1'] },
    {
      shows: {
        t: [
          [2, 20],
          [5, 10],
        ],
      },
      dropped: ['B1'],
    },
    {
      shows: {
        t: [
          [2, 20],
          [5, 11],
        ],
      },
    },
  ),
  ordered(
    'two rows move to one key',
    { schema: two, A: ['update t set id = 5 where id = 1'], B: ['update t set id = 5 where id = 2'] },
    {
      shows: {
        t: [
          [2, 20],
          [5, 10],
        ],
      },
      rejected: ['B1'],
    },
    {
      shows: {
        t: [
          [1, 10],
          [5, 20],
        ],
      },
      rejected: ['A1'],
    },
  ),
  ordered(
    'one row moves to two keys',
    { schema: two, A: ['update t set id = 5 where id = 1'], B: ['update t set id = 6 where id = 1'] },
    {
      shows: {
        t: [
          [2, 20],
          [5, 10],
        ],
      },
      dropped: ['B1'],
    },
    {
      shows: {
        t: [
          [2, 20],
          [6, 10],
        ],
      },
      dropped: ['A1'],
    },
  ),
  ordered(
    'a key that a row left has a new row',
    {
      schema: two,
      A: ['update t set id = 5 where id = 1', 'insert into t values (1, 100)'],
      B: ['update t set v = 7 where id = 1'],
    },
    {
      shows: {
        t: [
          [1, 7],
          [2, 20],
          [5, 10],
        ],
      },
    },
    {
      shows: {
        t: [
          [1, 100],
          [2, 20],
          [5, 7],
        ],
      },
    },
  ),
  either(
    'two rows change places while both are added to',
    {
      schema: two,
      A: [
        ['update t set id = -1 where id = 1', 'update t set id = 1 where id = 2', 'update t set id = 2 where id = -1'],
      ],
      B: ['update t set v = v + 1'],
    },
    {
      shows: {
        t: [
          [1, 21],
          [2, 11],
        ],
      },
    },
  ),
  ordered(
    'a row that moves and is deleted',
    {
      schema: two,
      A: [['update t set id = 5 where id = 1', 'delete from t where id = 5']],
      B: ['delete from t where id = 1'],
    },
    { shows: { t: [[2, 20]] } },
    { shows: { t: [[2, 20]] }, dropped: ['A1'] },
  ),
  ordered(
    'a part of a composite key changes',
    {
      schema: ['create table t (a int, b varchar(9), v int, primary key (a, b))', "insert into t values (1, 'x', 10)"],
      A: ["update t set b = 'y' where a = 1"],
      B: ["update t set v = v + 1 where a = 1 and b = 'x'"],
    },
    { shows: { t: [[1, 'y', 10]] }, dropped: ['B1'] },
    { shows: { t: [[1, 'y', 11]] } },
  ),

  // Keys of all kinds.
  either(
    'a key that only its collation tells from the other is the same row',
    {
      schema: ['create table t (id varchar(9) primary key, v int, w int)', "insert into t values ('a', 1, 1)"],
      A: ["update t set id = 'A', v = 2 where id = 'a'"],
      B: ["update t set w = 5 where id = 'a'"],
    },
    { shows: { t: [['A', 2, 5]] } },
  ),
  ordered(
    'text keys that are equal without accents and case',
    {
      schema: ['create table t (id varchar(20) primary key, v int)'],
      A: ["insert into t values ('résumé', 1)"],
      B: ["insert into t values ('RESUME', 2)"],
    },
    { shows: { t: [['résumé', 1]] }, rejected: ['B1'] },
    { shows: { t: [['RESUME', 2]] }, rejected: ['A1'] },
  ),
  either(
    'text keys that differ by case under a collation that minds it',
    {
      schema: ['create table t (id varchar(20) collate utf8mb4_0900_as_cs primary key, v int)'],
      A: ["insert into t values ('a', 1)"],
      B: ["insert into t values ('A', 2)"],
    },
    {
      shows: {
        t: [
          ['a', 1],
          ['A', 2],
        ],
      },
    },
  ),
  ordered(
    'text keys that differ by blanks at the end, padded',
    {
      schema: ['create table t (id varchar(20) collate utf8mb4_general_ci primary key, v int)'],
      A: ["insert into t values ('a', 1)"],
      B: ["insert into t values ('a  ', 2)"],
    },
    { shows: { t: [['a', 1]] }, rejected: ['B1'] },
    { shows: { t: [['a  ', 2]] }, rejected: ['A1'] },
  ),
  either(
    'text keys that differ by blanks at the end, not padded',
    {
      schema: ['create table t (id varchar(20) primary key, v int)'],
      A: ["insert into t values ('a', 1)"],
      B: ["insert into t values ('a ', 2)"],
    },
    {
      shows: {
        t: [
          ['a', 1],
          ['a ', 2],
        ],
      },
    },
  ),
  ordered(
    'composite keys',
    {
      schema: ['create table t (a int, b varchar(9), v int, primary key (b, a))'],
      A: ["insert into t values (1, 'x', 1)", "insert into t values (2, 'x', 1)"],
      B: ["insert into t values (1, 'X', 2)", "insert into t values (1, 'y', 2)"],
    },
    {
      shows: {
        'select * from t order by a, b': [
          [1, 'x', 1],
          [1, 'y', 2],
          [2, 'x', 1],
        ],
      },
      rejected: ['B1'],
    },
    {
      shows: {
        'select * from t order by a, b': [
          [1, 'X', 2],
          [1, 'y', 2],
          [2, 'x', 1],
        ],
      },
      rejected: ['A1'],
    },
  ),
  either(
    'neighbouring keys beyond 2^53',
    {
      schema: ['create table t (id bigint primary key, v int)'],
      A: ['insert into t values (9007199254740993, 1)'],
      B: ['insert into t values (9007199254740992, 2), (9007199254740994, 2)'],
    },
    {
      shows: {
        t: [
          ['9007199254740992', 2],
          ['9007199254740993', 1],
          ['9007199254740994', 2],
        ],
      },
    },
  ),
  ordered(
    'keys of BIGINT UNSIGNED beyond the signed range',
    {
      schema: ['create table t (id bigint unsigned primary key, v int)'],
      A: ['insert into t values (18446744073709551615, 1)', 'insert into t values (1, 1)'],
      B: ['insert into t values (18446744073709551615, 2)', 'insert into t values (9223372036854775808, 2)'],
    },
    {
      shows: {
        t: [
          [1, 1],
          ['9223372036854775808', 2],
          ['18446744073709551615', 1],
        ],
      },
      rejected: ['B1'],
    },
    {
      shows: {
        t: [
          [1, 1],
          ['9223372036854775808', 2],
          ['18446744073709551615', 2],
        ],
      },
      rejected: ['A1'],
    },
  ),
  ordered(
    'keys of dates, bytes and decimals',
    {
      schema: ['create table t (d date, b varbinary(9), n decimal(30,2), v int, primary key (d, b, n))'],
      A: ["insert into t values ('2024-01-01', x'00', 1.5, 1)"],
      B: [
        "insert into t values ('2024-01-01', x'00', 1.50, 2)",
        "insert into t values ('2024-01-01', x'0000', 1.5, 2)",
      ],
    },
    {
      shows: {
        'select hex(b), v from t order by 1': [
          ['00', 1],
          ['0000', 2],
        ],
      },
      rejected: ['B1'],
    },
    {
      shows: {
        'select hex(b), v from t order by 1': [
          ['00', 2],
          ['0000', 2],
        ],
      },
      rejected: ['A1'],
    },
  ),
  either(
    'rows by a composite key, updated and deleted',
    {
      schema: [
        'create table t (a int, b varchar(9), v int, w int, primary key (a, b))',
        "insert into t values (1, 'x', 0, 0), (1, 'y', 0, 0), (2, 'x', 0, 0)",
      ],
      A: ["update t set v = v + 1 where b = 'x'", "delete from t where a = 1 and b = 'y'"],
      B: ['update t set w = 5, v = v + 10 where a = 2', "update t set v = v + 10 where a = 1 and b = 'x'"],
    },
    {
      shows: {
        t: [
          [1, 'x', 11, 0],
          [2, 'x', 11, 5],
        ],
      },
    },
  ),
  either(
    'AUTO_INCREMENT and values given by hand',
    {
      schema: ['create table t (id int auto_increment primary key, v int)'],
      A: ['insert into t (v) values (1), (1)', 'insert into t values (100, 1)', 'insert into t (v) values (1)'],
      B: ['insert into t (v) values (2)', 'insert into t values (200, 2)', 'insert into t (v) values (2)'],
    },
    { shows: { 'select count(*), count(distinct id), sum(v) from t': [[7, 7, 10]] } },
  ),

  // No primary key.
  either(
    'columns of a row without a key',
    {
      schema: ['create table t (a int, b int)', 'insert into t values (1, 1), (1, 1)'],
      A: ['update t set a = 2 where a = 1'],
      B: ['update t set b = b + 4 where b = 1'],
    },
    {
      shows: {
        t: [
          [2, 5],
          [2, 5],
        ],
      },
    },
  ),
  either(
    'equal rows without a key, deleted here and inserted there',
    {
      schema: ['create table t (v int)', 'insert into t values (1), (1), (2)'],
      A: ['delete from t where v = 1'],
      B: ['insert into t values (1)'],
    },
    { shows: { t: [[1], [2]] } },
  ),
  ordered(
    'a row without a key that is gone',
    {
      schema: ['create table t (v int)', 'insert into t values (1)'],
      A: ['delete from t'],
      B: ['update t set v = 3'],
    },
    { shows: { t: [] }, dropped: ['B1'] },
    { shows: { t: [] } },
  ),
  ordered(
    'a unique key on a table without a primary key',
    {
      schema: ['create table t (u int unique, v int)'],
      A: ['insert into t values (1, 1), (null, 1)'],
      B: ['insert into t values (1, 2)', 'insert into t values (null, 2)'],
    },
    {
      shows: {
        'select * from t order by u, v': [
          [null, 1],
          [null, 2],
          [1, 1],
        ],
      },
      rejected: ['B1'],
    },
    {
      shows: {
        'select * from t order by u, v': [
          [null, 2],
          [1, 2],
        ],
      },
      rejected: ['A1'],
    },
  ),
];
