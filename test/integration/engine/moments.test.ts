// Constants beside columns of dates and times: by an index, and exact to the microsecond. MySQL's answers.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { startTestNode, type TestNode } from '../../support/node.ts';
import { dialectTests, type Step } from './support.ts';

const rows: readonly Step[] = [
  ["SET sql_mode = '', time_zone = '+00:00'", 0],
  [
    'CREATE TABLE m (id int PRIMARY KEY, d date, t datetime, t3 datetime(3), ts timestamp NULL, ts6 timestamp(6) NULL, KEY (d), KEY (t), KEY (t3), KEY (ts), KEY (ts6))',
    0,
  ],
  [
    `INSERT INTO m VALUES
      (1, '2026-01-01', '2026-01-01 00:00:00', '2026-01-01 00:00:00.000', '2026-01-01 00:00:00', '2026-01-01 00:00:00.000000'),
      (2, '2026-01-01', '2026-01-01 00:00:01', '2026-01-01 00:00:00.001', '2026-01-01 00:00:01', '2026-01-01 00:00:00.000001'),
      (3, '2026-01-02', '2026-01-02 10:00:00', '2026-01-02 10:00:00.500', '2026-01-02 10:00:00', '2026-01-02 10:00:00.500000'),
      (4, '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00'),
      (5, NULL, NULL, NULL, NULL, NULL)`,
    5,
  ],
];
const ids = (condition: string): string => `SELECT GROUP_CONCAT(id ORDER BY id) FROM m WHERE ${condition}`;
const cases = (found: Readonly<Record<string, string | null>>): Step[] =>
  Object.entries(found).map(([condition, answer]) => [ids(condition), [[answer]]]);

dialectTests({
  'the constant has as many digits': [
    ...rows,
    ...cases({
      "t = '2026-01-01'": '1',
      "t > '2026-01-01'": '2,3',
      "t >= '2026-01-01 00:00:01'": '2,3',
      "t < '2026-01-01 00:00:01'": '1,4',
      "t <> '2026-01-01 00:00:01'": '1,3,4',
      "t3 = '2026-01-01'": '1',
      "t3 > '2026-01-01 00:00:00.000'": '2,3',
      "t3 BETWEEN '2026-01-01' AND '2026-01-02'": '1,2',
      "ts <= '2026-01-01 00:00:01'": '1,2,4',
      "ts6 IN ('2026-01-01', '2026-01-02 10:00:00.5')": '1,3',
      "d = '2026-01-01'": '1,2',
      "d > '2026-01-01 00:00:00'": '3',
      "'2026-01-01' < t": '2,3',
      't = 20260101': '1',
      "t <=> '2026-01-01'": '1',
      "t = '0000-00-00'": '4',
    }),
  ],
  'the constant has more': [
    ...rows,
    ...cases({
      "t = '2026-01-01 00:00:00.5'": null,
      "t > '2026-01-01 00:00:00.5'": '2,3',
      "t < '2026-01-01 00:00:00.5'": '1,4',
      "t BETWEEN '2026-01-01 00:00:00.1' AND '2026-01-02 10:00:00.1'": '2,3',
      "t3 >= '2026-01-01 00:00:00.0005'": '2,3',
      "ts >= '2026-01-01 00:00:00.000001'": '2,3',
      "d >= '2026-01-01 10:00:00'": '3',
      "d < '2026-01-01 10:00:00'": '1,2,4',
      "d = '2026-01-01 10:00:00'": null,
    }),
  ],
  'a TIMESTAMP in another zone': [
    ...rows,
    ["SET time_zone = '+02:00'", 0],
    ...cases({
      "ts = '2026-01-01 02:00:00'": '1',
      "ts > '2026-01-01 02:00:00'": '2,3',
      "ts6 < '2026-01-01 02:00:00.000001'": '1,4',
      "ts < '9999-12-31'": '1,2,3,4',
      "ts > '1000-01-01'": '1,2,3',
      "ts BETWEEN '2026-01-02' AND '2026-01-02 12:00:00'": '3',
    }),
  ],
  'a constant that is no date': [...rows, [ids("t > 'x'"), 'E1525'], [ids('t > NULL'), [[null]]]],
});

describe('a moment in WHERE', () => {
  let node: TestNode;
  let db: Connection;
  before(async () => {
    node = await startTestNode();
    db = await node.connect();
    await db.query('CREATE DATABASE moments');
    await db.query('USE moments');
    await db.query(
      'CREATE TABLE m (id int PRIMARY KEY, d date, t datetime, ts timestamp(3) NULL, KEY (d), KEY (t), KEY (ts))',
    );
  });
  after(() => node.stop());

  for (const condition of [
    "t > '2026-01-01'",
    "t BETWEEN '2026-01-01' AND '2026-02-01 10:00:00'",
    "t >= '2026-01-01' AND t < '2026-01-02'",
    "d < '2026-01-01 10:00:00'",
    "ts > '2026-01-01'",
    't > NOW() - INTERVAL 1 DAY',
    'ts > NOW() - INTERVAL 1 DAY',
  ]) {
    it(`${condition} is a range of the index`, async () => {
      const [rows] = await db.query<RowDataPacket[]>(`EXPLAIN FORMAT=TRADITIONAL SELECT * FROM m WHERE ${condition}`);
      assert.equal(rows[0]?.['type'], 'range');
    });
  }

  it('is one also as a parameter', async () => {
    const [rows] = await db.execute<RowDataPacket[]>('EXPLAIN FORMAT=TRADITIONAL SELECT * FROM m WHERE t > ?', [
      '2026-01-01',
    ]);
    assert.equal(rows[0]?.['type'], 'range');
  });
});
