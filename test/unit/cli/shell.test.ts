import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StatementReader } from '../../../node/cli/statements.ts';
import { boxes, tabs, vertical } from '../../../node/cli/tables.ts';

const read = (...lines: string[]): unknown[] => {
  const reader = new StatementReader();
  return [...lines.flatMap((line) => reader.feed(line)), ...reader.end()].map((piece) =>
    'command' in piece ? [piece.command, piece.argument] : piece.vertical ? `${piece.sql} \\G` : piece.sql,
  );
};

describe('what is typed', () => {
  it('is cut at the delimiter, outside quotes and comments', () => {
    assert.deepEqual(read('select 1; select 2;'), ['select 1', 'select 2']);
    assert.deepEqual(read('select', '  1', ';'), ['select\n  1']);
    assert.deepEqual(read(`select ';', "a;\\"b", \`c;\`;`), [`select ';', "a;\\"b", \`c;\``]);
    assert.deepEqual(read("select 'it''s; ok';"), ["select 'it''s; ok'"]);
    assert.deepEqual(read('select 1 -- a; b', '+ 1;'), ['select 1 \n+ 1']);
    assert.deepEqual(read('select 1 # a; b', ';'), ['select 1']);
    assert.deepEqual(read('select /* ; ', ' ; */ 1;'), ['select /* ; \n ; */ 1']);
    assert.deepEqual(read('select 5--1;'), ['select 5--1']);
    assert.deepEqual(read('select 1\\G select 2\\g'), ['select 1 \\G', 'select 2']);
    assert.deepEqual(read('select 1'), ['select 1']);
    assert.deepEqual(read("select 'a", "b';"), ["select 'a\nb'"]);
  });

  it('may be a command of the shell', () => {
    assert.deepEqual(read('\\q'), [['q', '']]);
    assert.deepEqual(read('exit;', 'QUIT'), [
      ['q', ''],
      ['q', ''],
    ]);
    assert.deepEqual(read('source /tmp/a b.sql'), [['.', '/tmp/a b.sql']]);
    assert.deepEqual(read('\\. x.sql'), [['.', 'x.sql']]);
    assert.deepEqual(read('use `my db`;'), [['u', 'my db']]);
    assert.deepEqual(read('select 1 \\c', 'select 2;'), [['c', ''], 'select 2']);
  });

  it('obeys another delimiter', () => {
    const reader = new StatementReader();
    const [command] = reader.feed('DELIMITER //');
    assert.deepEqual(command, { command: 'd', argument: '//', line: 1 });
    reader.delimiter = '//';
    assert.deepEqual(reader.feed('create procedure p() begin select 1; end//'), [
      { sql: 'create procedure p() begin select 1; end', vertical: false, line: 2 },
    ]);
  });

  it('shows what is open', () => {
    const reader = new StatementReader();
    assert.equal(reader.continuation, '');
    reader.feed('select');
    assert.equal(reader.continuation, '-');
    reader.feed("'abc");
    assert.equal(reader.continuation, "'");
    reader.clear();
    assert.equal(reader.continuation, '');
  });
});

describe('tables', () => {
  const fields = [
    { name: 'id', numeric: true },
    { name: 'name', numeric: false },
  ];
  it('have boxes as wide as what is in them', () => {
    assert.equal(
      boxes(fields, [
        ['1', 'Ä'],
        ['100', '日本'],
        [null, null],
      ]),
      `+------+------+
| id   | name |
+------+------+
|    1 | Ä    |
|  100 | 日本 |
| NULL | NULL |
+------+------+
`,
    );
  });

  it('stand upright', () => {
    assert.equal(
      vertical(fields, [['1', 'a']]),
      `*************************** 1. row ***************************
  id: 1
name: a
`,
    );
  });

  it('are parted by tabs, with escapes', () => {
    assert.equal(tabs(['a\tb', 'c\\d\n', null]), 'a\\tb\tc\\\\d\\n\tNULL\n');
  });
});
