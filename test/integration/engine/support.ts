/** Statements with MySQL's own answers: what a test of the dialect is made of. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Connection } from 'mysql2/promise';
import { startTestNode, type TestNode } from '../../support/node.ts';

/** Rows as texts, the rows that a change affected, or an error's number: `E1054`. */
export type Answer = readonly (readonly (string | null)[])[] | number | `E${number}`;
export type Step = readonly [sql: string, answer: Answer];

export async function answerOf(db: Connection, sql: string): Promise<Answer> {
  try {
    const [result] = await db.query({
      sql,
      rowsAsArray: true,
      typeCast: (field) => field.buffer()?.toString('utf8') ?? null,
    });
    return Array.isArray(result) ? (result as unknown as (string | null)[][]) : result.affectedRows;
  } catch (error) {
    const { errno } = error as { errno?: number };
    if (errno === undefined) throw error;
    return `E${errno}`;
  }
}

/** A test of these steps, in order, in a database of its own. All tests of a file share a node. */
export function dialectTests(tests: Readonly<Record<string, readonly Step[]>>): void {
  let node: TestNode;
  let db: Connection;
  before(async () => {
    node = await startTestNode();
    db = await node.connect({ flags: ['-FOUND_ROWS'] });
  });
  after(() => node.stop());
  for (const [name, steps] of Object.entries(tests)) {
    it(name, async () => {
      await db.query('DROP DATABASE IF EXISTS dialect');
      await db.query('CREATE DATABASE dialect');
      await db.query('USE dialect');
      for (const [sql, answer] of steps) assert.deepEqual(await answerOf(db, sql), answer, sql);
    });
  }
}
