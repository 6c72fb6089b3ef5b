/** Foreign keys, CHECKs, transactions of several statements. */
import { either, ordered, type MergeCase } from './case.ts';

const family = (actions: string): readonly string[] => [
  'create table p (id int primary key)',
  `create table c (id int primary key, p int, v int, foreign key (p) references p (id) ${actions})`,
  'insert into p values (1), (2)',
  'insert into c values (6, 1, 0)',
];
const tree = (action: string): readonly string[] => [
  `create table t (id int primary key, up int, foreign key (up) references t (id) ${action})`,
  'insert into t values (1, null)',
  'insert into t values (2, 1)',
  'insert into t values (3, 2)',
];
const budget = ['create table t (id int primary key, n int, check (n >= 0))', 'insert into t values (1, 10), (2, 0)'];
const take = (n: number): string => `update t set n = n - ${n} where id = 1`;

export const RELATIONS: readonly MergeCase[] = [
  ordered(
    'RESTRICT: a child comes while its parent goes',
    { schema: family(''), A: ['delete from p where id = 2'], B: ['insert into c values (7, 2, 0)'] },
    { shows: { p: [[1]], c: [[6, 1, 0]] }, rejected: ['B1'] },
    {
      shows: {
        p: [[1], [2]],
        c: [
          [6, 1, 0],
          [7, 2, 0],
        ],
      },
      rejected: ['A1'],
    },
  ),
  ordered(
    'RESTRICT: the last child goes, another comes',
    {
      schema: family(''),
      A: ['delete from c where id = 6', 'delete from p where id = 1'],
      B: ['insert into c values (7, 1, 0)'],
    },
    { shows: { p: [[2]], c: [] }, rejected: ['B1'] },
    { shows: { p: [[1], [2]], c: [[7, 1, 0]] }, rejected: ['A2'] },
  ),
  ordered(
    'RESTRICT: a child is given to a parent that goes',
    { schema: family(''), A: ['delete from p where id = 2'], B: ['update c set p = 2 where id = 6'] },
    { shows: { p: [[1]], c: [[6, 1, 0]] }, rejected: ['B1'] },
    { shows: { p: [[1], [2]], c: [[6, 2, 0]] }, rejected: ['A1'] },
  ),
  ordered(
    'RESTRICT: a parent changes its key',
    { schema: family(''), A: ['update p set id = 9 where id = 2'], B: ['insert into c values (7, 2, 0)'] },
    { shows: { p: [[1], [9]], c: [[6, 1, 0]] }, rejected: ['B1'] },
    {
      shows: {
        p: [[1], [2]],
        c: [
          [6, 1, 0],
          [7, 2, 0],
        ],
      },
      rejected: ['A1'],
    },
  ),
  ordered(
    'CASCADE: what the deletion of a parent takes with it',
    {
      schema: family('on delete cascade'),
      A: ['delete from p where id = 1'],
      B: ['update c set v = 9 where id = 6', 'insert into c values (8, 2, 0)'],
    },
    { shows: { p: [[2]], c: [[8, 2, 0]] }, dropped: ['B1'] },
    { shows: { p: [[2]], c: [[8, 2, 0]] } },
  ),
  ordered(
    'CASCADE: a child is given away before its parent goes',
    {
      schema: family('on delete cascade'),
      A: ['delete from p where id = 1'],
      B: ['update c set p = 2 where id = 6'],
    },
    { shows: { p: [[2]], c: [] }, dropped: ['B1'] },
    { shows: { p: [[2]], c: [[6, 2, 0]] } },
  ),
  ordered(
    'CASCADE over two generations',
    {
      schema: [
        'create table g (id int primary key)',
        'create table p (id int primary key, g int, foreign key (g) references g (id) on delete cascade)',
        'create table c (id int primary key, p int, foreign key (p) references p (id) on delete cascade)',
        'insert into g values (1)',
        'insert into p values (2, 1)',
      ],
      A: ['delete from g where id = 1'],
      B: ['insert into c values (3, 2)'],
    },
    { shows: { g: [], p: [], c: [] }, rejected: ['B1'] },
    { shows: { g: [], p: [], c: [] } },
  ),
  ordered(
    'CASCADE that a grandchild forbids',
    {
      schema: [
        'create table g (id int primary key)',
        'create table p (id int primary key, g int, foreign key (g) references g (id) on delete cascade)',
        'create table c (id int primary key, p int, foreign key (p) references p (id))',
        'insert into g values (1)',
        'insert into p values (2, 1)',
      ],
      A: ['delete from g where id = 1'],
      B: ['insert into c values (3, 2)'],
    },
    { shows: { g: [], p: [], c: [] }, rejected: ['B1'] },
    { shows: { g: [[1]], p: [[2, 1]], c: [[3, 2]] }, rejected: ['A1'] },
  ),
  ordered(
    'SET NULL: a child comes while its parent goes',
    {
      schema: family('on delete set null'),
      A: ['delete from p where id = 1'],
      B: ['insert into c values (7, 1, 0)'],
    },
    { shows: { p: [[2]], c: [[6, null, 0]] }, rejected: ['B1'] },
    {
      shows: {
        p: [[2]],
        c: [
          [6, null, 0],
          [7, null, 0],
        ],
      },
    },
  ),
  ordered(
    'ON UPDATE CASCADE: children follow, the new one too',
    {
      schema: family('on update cascade'),
      A: ['update p set id = 9 where id = 1'],
      B: ['insert into c values (7, 1, 0)', 'update c set v = 5 where id = 6'],
    },
    { shows: { p: [[2], [9]], c: [[6, 9, 5]] }, rejected: ['B1'] },
    {
      shows: {
        p: [[2], [9]],
        c: [
          [6, 9, 5],
          [7, 9, 0],
        ],
      },
    },
  ),
  ordered(
    'ON UPDATE SET NULL',
    {
      schema: family('on update set null'),
      A: ['update p set id = 9 where id = 1'],
      B: ['insert into c values (7, 1, 0)'],
    },
    { shows: { p: [[2], [9]], c: [[6, null, 0]] }, rejected: ['B1'] },
    {
      shows: {
        p: [[2], [9]],
        c: [
          [6, null, 0],
          [7, null, 0],
        ],
      },
    },
  ),
  ordered(
    'a tree loses its root while a leaf grows',
    { schema: tree('on delete cascade'), A: ['delete from t where id = 1'], B: ['insert into t values (4, 3)'] },
    { shows: { t: [] }, rejected: ['B1'] },
    { shows: { t: [] } },
  ),
  ordered(
    'a tree whose leaf goes while another grows on it',
    { schema: tree(''), A: ['delete from t where id = 3'], B: ['insert into t values (4, 3)'] },
    {
      shows: {
        t: [
          [1, null],
          [2, 1],
        ],
      },
      rejected: ['B1'],
    },
    {
      shows: {
        t: [
          [1, null],
          [2, 1],
          [3, 2],
          [4, 3],
        ],
      },
      rejected: ['A1'],
    },
  ),
  ordered(
    'a foreign key on a unique key of text',
    {
      schema: [
        'create table p (id int primary key, code varchar(9) unique)',
        'create table c (id int primary key, code varchar(9), foreign key (code) references p (code))',
        "insert into p values (1, 'Abc')",
      ],
      A: ["insert into c values (1, 'abC')"],
      B: ["update p set code = 'other' where id = 1"],
    },
    { shows: { p: [[1, 'Abc']], c: [[1, 'abC']] }, rejected: ['B1'] },
    { shows: { p: [[1, 'other']], c: [] }, rejected: ['A1'] },
  ),
  ordered(
    'a foreign key of two columns',
    {
      schema: [
        'create table p (a int, b varchar(9), primary key (a, b))',
        'create table c (id int primary key, a int, b varchar(9), foreign key (a, b) references p (a, b) on delete cascade)',
        "insert into p values (1, 'x')",
      ],
      A: ["insert into c values (1, 1, 'X')", 'insert into c values (2, 1, null)'],
      B: ["delete from p where a = 1 and b = 'x'"],
    },
    { shows: { p: [], c: [[2, 1, null]] } },
    { shows: { p: [], c: [[2, 1, null]] }, rejected: ['A1'] },
  ),
  ordered(
    'INSERT IGNORE of a child whose parent goes is passed over',
    { schema: family(''), A: ['delete from p where id = 2'], B: ['insert ignore into c values (7, 2, 0)'] },
    { shows: { p: [[1]], c: [[6, 1, 0]] } },
    {
      shows: {
        p: [[1], [2]],
        c: [
          [6, 1, 0],
          [7, 2, 0],
        ],
      },
      rejected: ['A1'],
    },
  ),
  ordered(
    'REPLACE of a parent that keeps its key leaves its children',
    {
      schema: [
        'create table p (id int primary key, v int)',
        'create table c (id int primary key, p int, foreign key (p) references p (id) on delete cascade)',
        'insert into p values (1, 0)',
      ],
      A: ['replace into p values (1, 5)'],
      B: ['insert into c values (7, 1)'],
    },
    { shows: { p: [[1, 5]], c: [[7, 1]] } },
    { shows: { p: [[1, 5]], c: [[7, 1]] } },
  ),
  ordered(
    'REPLACE of a parent by one with another key takes its children with it',
    {
      schema: [
        'create table p (id int primary key, u int unique)',
        'create table c (id int primary key, p int, foreign key (p) references p (id) on delete cascade)',
        'insert into p values (1, 0)',
      ],
      A: ['replace into p values (2, 0)'],
      B: ['insert into c values (7, 1)'],
    },
    { shows: { p: [[2, 0]], c: [] }, rejected: ['B1'] },
    { shows: { p: [[2, 0]], c: [] } },
  ),

  // CHECK.
  ordered(
    'a budget that is spent on both sides',
    { schema: budget, A: [take(4), take(4)], B: [take(5)] },
    {
      shows: {
        t: [
          [1, 2],
          [2, 0],
        ],
      },
      rejected: ['B1'],
    },
    {
      shows: {
        t: [
          [1, 1],
          [2, 0],
        ],
      },
      rejected: ['A2'],
    },
  ),
  ordered(
    'a transfer is refused whole',
    {
      schema: budget,
      A: [[take(8), 'update t set n = n + 8 where id = 2']],
      B: [[take(7), 'update t set n = n + 7 where id = 2']],
    },
    {
      shows: {
        t: [
          [1, 2],
          [2, 8],
        ],
      },
      rejected: ['B1'],
    },
    {
      shows: {
        t: [
          [1, 3],
          [2, 7],
        ],
      },
      rejected: ['A1'],
    },
  ),
  ordered(
    'a CHECK over a generated column and text',
    {
      schema: [
        "create table t (id int primary key, a varchar(9), b varchar(9), s varchar(20) as (concat(a, b)) stored, check (char_length(s) <= 4 and s <> 'abcd'))",
        "insert into t (id, a, b) values (1, 'a', 'b')",
      ],
      A: ["update t set a = 'abc' where id = 1"],
      B: ["update t set b = 'xyz' where id = 1"],
    },
    { shows: { t: [[1, 'abc', 'b', 'abcb']] }, rejected: ['B1'] },
    { shows: { t: [[1, 'a', 'xyz', 'axyz']] }, rejected: ['A1'] },
  ),

  // Transactions.
  ordered(
    'one duplicate refuses all of a transaction',
    {
      schema: ['create table t (id int primary key, v int)', 'insert into t values (1, 0)'],
      A: [['update t set v = v + 1 where id = 1', 'insert into t values (5, 1)', 'insert into t values (6, 1)']],
      B: [['insert into t values (5, 2)', 'update t set v = v + 10 where id = 1']],
    },
    {
      shows: {
        t: [
          [1, 1],
          [5, 1],
          [6, 1],
        ],
      },
      rejected: ['B1'],
    },
    {
      shows: {
        t: [
          [1, 10],
          [5, 2],
        ],
      },
      rejected: ['A1'],
    },
  ),
  either(
    'what a savepoint took back is not there',
    {
      schema: ['create table t (id int primary key)'],
      A: [
        [
          'insert into t values (1)',
          'savepoint s',
          'insert into t values (2)',
          'rollback to s',
          'insert into t values (3)',
          'savepoint u',
          'release savepoint u',
        ],
      ],
      B: ['insert into t values (2)'],
    },
    { shows: { t: [[1], [2], [3]] } },
  ),
  ordered(
    'what followed a refused transaction meets the row that is there',
    {
      schema: ['create table t (id int primary key, v int)'],
      A: ['insert into t values (1, 10)', 'update t set v = v + 1 where id = 1'],
      B: ['insert into t values (1, 100)'],
    },
    { shows: { t: [[1, 11]] }, rejected: ['B1'] },
    { shows: { t: [[1, 101]] }, rejected: ['A1'] },
  ),
  ordered(
    'what followed a refused transaction meets no row',
    {
      schema: ['create table t (id int primary key, u int unique, v int)'],
      A: ['insert into t values (1, 1, 0)', 'update t set v = 5 where id = 1'],
      B: ['insert into t values (2, 1, 0)'],
    },
    { shows: { t: [[1, 1, 5]] }, rejected: ['B1'] },
    { shows: { t: [[2, 1, 0]] }, rejected: ['A1'], dropped: ['A2'], consequences: ['A2'] },
  ),
  either(
    'a row that comes and goes in one transaction',
    {
      schema: ['create table t (id int primary key, v int)', 'insert into t values (2, 0)'],
      A: [['insert into t values (1, 1)', 'update t set v = 2 where id = 1', 'delete from t where id = 1']],
      B: ['update t set v = v + 1 where id = 2'],
    },
    { shows: { t: [[2, 1]] } },
  ),
  ordered(
    'a row is deleted and put back in one transaction',
    {
      schema: ['create table t (id int primary key, a int, b int)', 'insert into t values (1, 1, 1)'],
      A: [['delete from t where id = 1', 'insert into t values (1, 2, 2)']],
      B: ['update t set b = 7 where id = 1'],
    },
    { shows: { t: [[1, 2, 7]] } },
    { shows: { t: [[1, 2, 2]] } },
  ),
  either(
    'all rows are changed while new ones come',
    {
      schema: ['create table t (id int primary key, v int)', 'insert into t values (1, 0), (2, 0)'],
      A: ['update t set v = v + 1'],
      B: ['insert into t values (9, 0)', 'update t set v = v + 10 where id in (1, 9)'],
    },
    {
      shows: {
        t: [
          [1, 11],
          [2, 1],
          [9, 10],
        ],
      },
    },
  ),
  ordered(
    'transactions of thousands of rows',
    {
      schema: [
        'create table t (id int primary key, v int, pad varchar(200))',
        'set @@cte_max_recursion_depth = 10000',
        "insert into t with recursive n (i) as (select 1 union all select i + 1 from n where i < 4000) select i, 0, repeat('x', 200) from n",
      ],
      A: ['update t set v = v + 1', "update t set pad = 'a' where id <= 2000"],
      B: ['update t set v = v + 10 where id > 1000', 'delete from t where id > 3990'],
    },
    { shows: { "select count(*), sum(v), sum(pad = 'a') from t": [[3990, 3990 + 29_900, 2000]] } },
    { shows: { "select count(*), sum(v), sum(pad = 'a') from t": [[3990, 3990 + 29_900, 2000]] }, dropped: ['A1'] },
  ),
];
