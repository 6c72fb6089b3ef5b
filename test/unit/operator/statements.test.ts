/** Statements between what a database shall be and what it is. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Database } from '../../../operator/api/index.ts';
import { databaseStatements } from '../../../operator/sql/statements.ts';

describe('statements of a database', () => {
  const shop = (spec: object): Database =>
    ({ metadata: { name: 'shop' }, spec: { cluster: 'c', characterSet: 'utf8mb4', ...spec } }) as Database;
  const seen = { characterSet: 'utf8mb4', collation: 'utf8mb4_0900_ai_ci', comment: undefined };

  it('make it with its comment', () => {
    assert.deepEqual(databaseStatements(shop({ comment: "it's \\ here" }), undefined), [
      "CREATE DATABASE IF NOT EXISTS `shop` CHARACTER SET utf8mb4 COMMENT 'it\\'s \\\\ here'",
    ]);
  });

  it('change what differs, and nothing else', () => {
    assert.deepEqual(databaseStatements(shop({}), { ...seen, comment: 'of another time' }), []);
    assert.deepEqual(databaseStatements(shop({ comment: 'a' }), { ...seen, comment: 'a' }), []);
    assert.deepEqual(databaseStatements(shop({ comment: '' }), { ...seen, comment: 'a' }), [
      "ALTER DATABASE `shop` CHARACTER SET utf8mb4 COMMENT ''",
    ]);
    assert.deepEqual(databaseStatements(shop({ collation: 'utf8mb4_bin' }), seen), [
      'ALTER DATABASE `shop` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
    ]);
  });
});
