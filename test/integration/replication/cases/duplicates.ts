/** Unique keys, and the statements that look for duplicates themselves. */
import { either, ordered, type MergeCase } from './case.ts';

const plain = ['create table t (id int primary key, v int)'];
const upsert = (v: number, change: string): string =>
  `insert into t values (1, ${v}) on duplicate key update ${change}`;

export const DUPLICATES: readonly MergeCase[] = [
  // Unique keys.
  either(
    'NULL is no duplicate',
    {
      schema: ['create table t (id int primary key, a int, b int, unique (a), unique (a, b))'],
      A: ['insert into t values (1, null, 5)'],
      B: ['insert into t values (2, null, 5)'],
    },
    {
      shows: {
        t: [
          [1, null, 5],
          [2, null, 5],
        ],
      },
    },
  ),
  ordered(
    'two rows are given the same unique value',
    {
      schema: ['create table t (id int primary key, u varchar(9) unique)', "insert into t values (1, 'a'), (2, 'b')"],
      A: ["update t set u = 'z' where id = 1"],
      B: ["update t set u = 'Z' where id = 2"],
    },
    {
      shows: {
        t: [
          [1, 'z'],
          [2, 'b'],
        ],
      },
      rejected: ['B1'],
    },
    {
      shows: {
        t: [
          [1, 'a'],
          [2, 'Z'],
        ],
      },
      rejected: ['A1'],
    },
  ),
  ordered(
    'a composite unique key whose parts change on two sides',
    {
      schema: [
        'create table t (id int primary key, a int, b int, unique (a, b))',
        'insert into t values (1, 1, 1), (2, 2, 2)',
      ],
      A: ['update t set a = 1 where id = 2'],
      B: ['update t set b = 1 where id = 2'],
    },
    {
      shows: {
        t: [
          [1, 1, 1],
          [2, 1, 2],
        ],
      },
      rejected: ['B1'],
    },
    {
      shows: {
        t: [
          [1, 1, 1],
          [2, 2, 1],
        ],
      },
      rejected: ['A1'],
    },
  ),
  ordered(
    'a unique value that passes from row to row',
    {
      schema: ['create table t (id int primary key, u int unique, w int)', 'insert into t values (1, 1, 0)'],
      A: [['update t set u = null where id = 1', 'insert into t values (2, 1, 0)']],
      B: ['update t set u = 1, w = 5 where id = 1', 'insert into t values (3, 9, 0)'],
    },
    {
      shows: {
        t: [
          [1, null, 5],
          [2, 1, 0],
          [3, 9, 0],
        ],
      },
    },
    {
      shows: {
        t: [
          [1, null, 5],
          [2, 1, 0],
          [3, 9, 0],
        ],
      },
    },
  ),
  ordered(
    'a unique key on a prefix',
    {
      schema: ['create table t (id int primary key, u varchar(20), unique (u(3)))'],
      A: ["insert into t values (1, 'abcd')"],
      B: ["insert into t values (2, 'ABCx')"],
    },
    { shows: { t: [[1, 'abcd']] }, rejected: ['B1'] },
    { shows: { t: [[2, 'ABCx']] }, rejected: ['A1'] },
  ),
  ordered(
    'a unique key on a generated column',
    {
      schema: [
        'create table t (id int primary key, a int, b int, s int as (a + b) virtual, unique (s))',
        'insert into t (id, a, b) values (1, 1, 1), (2, 5, 5)',
      ],
      A: ['update t set a = 6 where id = 1'],
      B: ['update t set b = 2 where id = 2'],
    },
    {
      shows: {
        t: [
          [1, 6, 1, 7],
          [2, 5, 5, 10],
        ],
      },
      rejected: ['B1'],
    },
    {
      shows: {
        t: [
          [1, 1, 1, 2],
          [2, 5, 2, 7],
        ],
      },
      rejected: ['A1'],
    },
  ),

  // Statements that look for duplicates themselves.
  ordered(
    'upserts that assign',
    { schema: plain, A: [upsert(10, 'v = values(v)')], B: [upsert(20, 'v = values(v)')] },
    { shows: { t: [[1, 20]] } },
    { shows: { t: [[1, 10]] } },
  ),
  either(
    'upserts that add what they would insert',
    { schema: plain, A: [upsert(10, 'v = v + values(v)')], B: [upsert(20, 'v = v + values(v)')] },
    { shows: { t: [[1, 30]] } },
  ),
  ordered(
    'an upsert of a row that is deleted',
    {
      schema: [...plain, 'insert into t values (1, 10), (2, 20)'],
      A: [upsert(1, 'v = v + 1')],
      B: ['delete from t where id = 1'],
    },
    { shows: { t: [[2, 20]] } },
    {
      shows: {
        t: [
          [1, 1],
          [2, 20],
        ],
      },
    },
  ),
  ordered(
    'an upsert and an insert',
    { schema: plain, A: [upsert(1, 'v = v + 5')], B: ['insert into t values (1, 100)'] },
    { shows: { t: [[1, 1]] }, rejected: ['B1'] },
    { shows: { t: [[1, 105]] } },
  ),
  ordered(
    'an upsert that meets another row by each of its keys',
    {
      schema: ['create table t (id int primary key, u int unique, v int)', 'insert into t values (1, 1, 0)'],
      A: ['insert into t values (5, 1, 9) on duplicate key update v = v + 1'],
      B: ['insert into t values (5, 5, 0)'],
    },
    {
      shows: {
        t: [
          [1, 1, 1],
          [5, 5, 0],
        ],
      },
    },
    {
      shows: {
        t: [
          [1, 1, 0],
          [5, 5, 1],
        ],
      },
    },
  ),
  ordered(
    'INSERT IGNORE: the first stays',
    {
      schema: plain,
      A: ['insert ignore into t values (1, 10), (3, 10)'],
      B: ['insert ignore into t values (1, 20), (4, 20)'],
    },
    {
      shows: {
        t: [
          [1, 10],
          [3, 10],
          [4, 20],
        ],
      },
    },
    {
      shows: {
        t: [
          [1, 20],
          [3, 10],
          [4, 20],
        ],
      },
    },
  ),
  ordered(
    'INSERT IGNORE and INSERT',
    { schema: plain, A: ['insert ignore into t values (1, 10)'], B: ['insert into t values (1, 20)'] },
    { shows: { t: [[1, 10]] }, rejected: ['B1'] },
    { shows: { t: [[1, 20]] } },
  ),
  ordered(
    'INSERT IGNORE under a composite key',
    {
      schema: ['create table t (a varchar(9), b int, v int, primary key (a, b))'],
      A: ["insert ignore into t values ('x', 1, 10)"],
      B: ["insert into t values ('X', 1, 20)"],
    },
    { shows: { t: [['x', 1, 10]] }, rejected: ['B1'] },
    { shows: { t: [['X', 1, 20]] } },
  ),
  ordered(
    'REPLACE and an update of one column',
    {
      schema: ['create table t (id int primary key, a int, b int)', 'insert into t values (1, 0, 0)'],
      A: ['replace into t values (1, 5, 5)'],
      B: ['update t set b = 9 where id = 1'],
    },
    { shows: { t: [[1, 5, 9]] } },
    { shows: { t: [[1, 5, 5]] } },
  ),
  ordered(
    'REPLACE by a unique key takes another row away',
    {
      schema: ['create table t (id int primary key, u int unique, w int)', 'insert into t values (1, 7, 0)'],
      A: ['replace into t values (2, 7, 1)'],
      B: ['update t set w = 5 where id = 1'],
    },
    { shows: { t: [[2, 7, 1]] }, dropped: ['B1'] },
    { shows: { t: [[2, 7, 1]] } },
  ),
  ordered(
    'REPLACE on both sides by a unique key',
    {
      schema: ['create table t (id int primary key, u int unique)'],
      A: ['replace into t values (1, 7)'],
      B: ['replace into t values (2, 7)'],
    },
    { shows: { t: [[2, 7]] } },
    { shows: { t: [[1, 7]] } },
  ),
  either(
    'REPLACE in tables without a primary key',
    {
      schema: ['create table t (u int unique, w int)', 'insert into t values (7, 0), (8, 0), (9, 0)'],
      A: ['replace into t values (7, 1)', 'update t set w = w + 10 where u = 7'],
      B: ['replace into t values (8, 2), (9, 2)', 'delete from t where u = 8'],
    },
    {
      shows: {
        t: [
          [7, 11],
          [9, 2],
        ],
      },
    },
  ),
];
