/** Bulk load: rows in INSERTs of 1,000, each its own commit. */
import { createConnection } from 'mysql2/promise';
import type { Servers } from './sysbench.ts';

const ROWS = 300_000;
const ROWS_A_STATEMENT = 1000;

/** Rows a second. */
export async function bulkLoad(
  { ports, user, password }: Pick<Servers, 'ports' | 'user' | 'password'>,
  count = ROWS,
): Promise<number> {
  const connection = await createConnection({
    host: '127.0.0.1',
    port: ports[0] as number,
    user,
    password,
    database: 'sbtest',
  });
  await connection.query('drop table if exists bulk');
  await connection.query('create table bulk (id int primary key, k int not null, c varchar(100) not null, key k (k))');
  const statements: string[] = [];
  let seed = 1;
  const next = (): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0);
  for (let first = 1; first <= count; first += ROWS_A_STATEMENT) {
    const rows = Array.from(
      { length: ROWS_A_STATEMENT },
      (_, i) => `(${first + i},${next() % 1_000_000},'${[next(), next(), next(), next(), next(), next()].join('-')}')`,
    );
    statements.push(`insert into bulk values ${rows.join(',')}`);
  }
  const start = performance.now();
  for (const statement of statements) await connection.query(statement);
  const seconds = (performance.now() - start) / 1000;
  await connection.end();
  return count / seconds;
}
