// How columns are called that the statement does not name. The expectations are MySQL 9.7's answers.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { startTestNode, type TestNode } from '../../support/node.ts';

let node: TestNode;
before(async () => {
  node = await startTestNode();
});
after(() => node.stop());

const names = async (sql: string, flags: string[]): Promise<string[]> => {
  const db = await node.connect({ flags });
  const [, fields] = await db.query({ sql, rowsAsArray: true });
  await db.end();
  return fields.map((f) => f.name);
};

it('by their text, with what version comments hold', async () => {
  assert.deepEqual(await names('SELECT 1 /* y */ + 2 /* z */, 1 /*!50000 + 1 */, 1 /*!999999 + 1 */ +3', []), [
    '1 /* y */ + 2',
    '1  + 1',
    '1  +3',
  ]);
});

it('without characters beyond the first plane', async () => {
  assert.deepEqual(await names("SELECT concat('𝌆'), '𝌆', null", []), ["concat('?')", '?', 'NULL']);
  await assert.rejects(names("SELECT 1 AS 'x𝌆'", []), { errno: 3854 });
});

it('under IGNORE_SPACE, which clients ask for at login, to the end of the white space behind a word', async () => {
  const sql = 'SELECT a+b , a+1 , a+t.b  , a IS NULL  FROM (SELECT 1 AS a, 2 AS b) t';
  assert.deepEqual(await names(sql, ['IGNORE_SPACE']), ['a+b ', 'a+1', 'a+t.b', 'a IS NULL  ']);
  assert.deepEqual(await names(sql, ['-IGNORE_SPACE']), ['a+b', 'a+1', 'a+t.b', 'a IS NULL']);
  const db = await node.connect({ flags: ['IGNORE_SPACE'] });
  const [rows] = await db.query({ sql: 'SELECT @@sql_mode, count (*) FROM (SELECT 1) t', rowsAsArray: true });
  assert.match(String((rows as unknown as string[][])[0]?.[0]), /^IGNORE_SPACE,ONLY_FULL_GROUP_BY,/);
  await db.end();
});
