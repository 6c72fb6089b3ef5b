// What parsing costs: µs a statement, for the whole parse and for the shape that finds a cached plan.
import { DEFAULT_PARSE_OPTIONS, parse, shapeOf } from '../../node/sql/index.ts';

const STATEMENTS = [
  'SELECT c FROM sbtest1 WHERE id=50123',
  'SELECT c FROM sbtest1 WHERE id BETWEEN 4000 AND 4099 ORDER BY c',
  'SELECT SUM(k) FROM sbtest1 WHERE id BETWEEN 4000 AND 4099',
  'UPDATE sbtest1 SET k=k+1 WHERE id=50123',
  `UPDATE sbtest1 SET c='${'0123456789-'.repeat(10)}' WHERE id=50123`,
  'DELETE FROM sbtest1 WHERE id=50123',
  `INSERT INTO sbtest1 (id, k, c, pad) VALUES (50123, 50001, '${'0123456789-'.repeat(10)}', '${'0123456789-'.repeat(5)}')`,
  "SELECT o.id, c.name, SUM(l.price * l.amount) AS total FROM orders o JOIN customers c ON c.id = o.customer_id LEFT JOIN order_lines l ON l.order_id = o.id WHERE o.status IN (1, 2, 3) AND c.country = 'NL' GROUP BY o.id, c.name HAVING total > 100 ORDER BY total DESC LIMIT 10",
];

function measure(run: (sql: string) => unknown, sql: string): number {
  const rounds = 100_000;
  for (let i = 0; i < rounds; i++) run(sql);
  const start = process.hrtime.bigint();
  for (let i = 0; i < rounds; i++) run(sql);
  return Number(process.hrtime.bigint() - start) / rounds / 1000;
}

console.log('parse µs  shape µs  statement');
for (const sql of STATEMENTS) {
  const parsing = measure((text) => parse(text), sql);
  const shaping = measure((text) => shapeOf(text, DEFAULT_PARSE_OPTIONS), sql);
  console.log(`${parsing.toFixed(2).padStart(8)}  ${shaping.toFixed(2).padStart(8)}  ${sql.slice(0, 90)}`);
}
