// What nodes wrote while they were cut off from each other, put together through real nodes: the state is that of one serial
// run of the intentions in the order that the log shows, on every node.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { TestCluster, type Ordered } from '../../support/cluster.ts';
import type { MergeCase } from './cases/case.ts';
import { DUPLICATES } from './cases/duplicates.ts';
import { KEYS } from './cases/keys.ts';
import { RELATIONS } from './cases/relations.ts';
import { SCHEMA } from './cases/schema.ts';
import { VALUES } from './cases/values.ts';

const ROOMS: Readonly<Record<string, readonly MergeCase[]>> = {
  values: VALUES,
  keys: KEYS,
  duplicates: DUPLICATES,
  relations: RELATIONS,
  'schema changes': SCHEMA,
};

/** Nodes 0 and 1 write A and B; where node 2 stands decides whose transactions a block orders first. */
const CUTS = {
  'A is behind': [[0], [1, 2]],
  'B is behind': [[0, 2], [1]],
  'all are alone': [[0], [1], [2]],
} as const;
type CutName = keyof typeof CUTS;

const TEXT = { dateStrings: true, supportBigNumbers: true, bigNumberStrings: true, jsonStrings: true } as const;

async function run(c: Connection, work: MergeCase['A']): Promise<void> {
  for (const transaction of work) {
    if (typeof transaction === 'string') {
      await c.query(transaction);
      continue;
    }
    await c.query('begin');
    for (const statement of transaction) await c.query(statement);
    await c.query('commit');
  }
}

async function rowsOf(c: Connection, source: string): Promise<(string | null)[][]> {
  const sql = source.startsWith('select') ? source : `select * from ${source} order by 1`;
  const [rows] = await c.query<RowDataPacket[][]>({ sql, rowsAsArray: true });
  return (rows as (string | number | bigint | Buffer | null)[][]).map((row) =>
    row.map((v) => (v === null ? null : Buffer.isBuffer(v) ? v.toString('hex') : String(v))),
  );
}

describe('merging through real nodes', { timeout: 300_000 }, () => {
  let cluster: TestCluster;
  let databases = 0;

  before(async () => {
    cluster = await TestCluster.start();
  });
  after(() => cluster.stop());

  for (const [cutName, groups] of Object.entries(CUTS) as [CutName, readonly (readonly number[])[]][]) {
    describe(cutName, () => {
      const cases = Object.entries(ROOMS).flatMap(([room, list]) =>
        list
          .filter(({ needsMajority }) => !needsMajority || cutName === 'A is behind')
          .map((one) => ({ room, one, database: `m${databases++}` })),
      );
      /** What a side's statements said, by database. */
      const failures = new Map<string, string>();
      let authors: readonly string[] = [];
      let marks: readonly number[] = [];
      let order: readonly Ordered[] = [];

      before(async () => {
        for (const { one, database } of cases) {
          const c = await cluster.connect(0, { multipleStatements: true });
          await c.query(`create database ${database}; use ${database}`);
          for (const statement of one.schema) await c.query(statement);
          await c.end();
        }
        const statuses = await cluster.settled();
        authors = statuses.map(({ author }) => author);
        marks = statuses.map(({ log }) => log.seq);
        await cluster.cut(...groups);
        for (const { one, database } of cases) {
          for (const [node, work] of [one.A, one.B].entries()) {
            const c = await cluster.connect(node, { database });
            try {
              await run(c, work);
            } catch (error) {
              failures.set(database, `${node === 0 ? 'A' : 'B'}: ${(error as Error).message}`);
            }
            await c.end();
          }
        }
        if (cutName !== 'all are alone')
          await cluster.until(([majority]) => majority?.tentative === 0, 'the majority has not ordered all', [
            cutName === 'A is behind' ? 1 : 0,
          ]);
        await cluster.heal();
        await cluster.settled();
        order = cluster.order(2);
      });

      it('all nodes have one state', async () => {
        await cluster.converged();
      });

      for (const { room, one, database } of cases) {
        it(`${room}: ${one.name}`, async (t) => {
          assert.equal(failures.get(database), undefined);
          const names = new Map<string, string>();
          const count = [0, 0];
          for (const { position, id, content } of order) {
            const side = authors.indexOf(position.author);
            if (content.database !== database || position.seq <= (marks[side] ?? 0)) continue;
            names.set(id, `${side === 0 ? 'A' : 'B'}${(count[side] = (count[side] ?? 0) + 1)}`);
          }
          const sides = [...names.values()].map(([side]) => side).join('');
          if (!/^(A*B*|B*A*)$/.test(sides))
            return t.skip(`the order is ${sides}: neither side stands before the other`);
          const shown = sides.startsWith('A') ? one.aFirst : one.bFirst;
          for (let node = 0; node < cluster.size; node++) {
            const c = await cluster.connect(node, { ...TEXT, database });
            for (const [source, rows] of Object.entries(shown.shows)) {
              const expected = rows.map((row) => row.map((v) => (v === null ? null : String(v))));
              assert.deepEqual(await rowsOf(c, source), expected, `${source} on node ${node}, order ${sides}`);
            }
            const listed = await rowsOf(c, 'select distinct kind, tx, other_tx from p2pdb.conflicts');
            const listedAs = (kind: string): string[] =>
              listed
                .flatMap(([k, tx]) => (k === kind && names.has(tx ?? '') ? [names.get(tx ?? '') ?? ''] : []))
                .sort();
            assert.deepEqual(listedAs('rejected'), shown.rejected ?? [], `rejected on node ${node}, order ${sides}`);
            assert.deepEqual(listedAs('dropped'), shown.dropped ?? [], `dropped on node ${node}, order ${sides}`);
            for (const [, tx, other] of listed) {
              const loser = names.get(tx ?? '');
              if (loser === undefined) continue;
              const winner = loser.startsWith('A') ? 'B' : 'A';
              const against = names.get(other ?? '') ?? null;
              if (shown.consequences?.includes(loser)) assert.equal(against, null, `${loser} on node ${node}`);
              else assert.equal(against?.[0], winner, `${loser} on node ${node}, against ${String(against ?? other)}`);
            }
            await c.end();
          }
        });
      }
    });
  }
});
