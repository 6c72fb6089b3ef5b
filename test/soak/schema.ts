/** Random schema changes; and tables of which a ledger says whether they are there. */
import type { Dice } from './dice.ts';
import { LOOSE, type Database } from './work.ts';

/** A change of the tables s0 … and the views v0 … of a database, of an account, or of a column or index of the others. */
export function schemaChange(database: Database, dice: Dice): string {
  const t = `${database}.s${dice.int(LOOSE)}`;
  const u = `${database}.s${dice.int(LOOSE)}`;
  const n = (): number => dice.int(3);
  const column = dice.pick([
    'INT',
    "VARCHAR(10) NOT NULL DEFAULT 'q'",
    'INT GENERATED ALWAYS AS (a + 1) STORED',
    'DATETIME(3) DEFAULT CURRENT_TIMESTAMP(3)',
    'TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)',
    'DATE DEFAULT (CURDATE())',
    'JSON',
  ]);
  const key = dice.pick([
    '',
    ', UNIQUE (b)',
    ', KEY (a)',
    ', c INT DEFAULT 5',
    ', CHECK (a < 1000)',
    ', UNIQUE ((a + 1))',
  ]);
  const create = `CREATE TABLE IF NOT EXISTS ${t} (id BIGINT AUTO_INCREMENT PRIMARY KEY, a INT, b VARCHAR(40)${key})`;
  return dice.pick([
    create,
    create,
    create,
    create,
    `CREATE TABLE IF NOT EXISTS ${t} (a INT, b VARCHAR(40)${key})`,
    `CREATE TABLE IF NOT EXISTS ${t} (b VARCHAR(40) PRIMARY KEY, a INT)`,
    `CREATE TABLE ${t} AS SELECT id AS b, d AS a FROM ${database}.tag LIMIT 20`,
    `CREATE TABLE ${t} LIKE ${u}`,
    `DROP TABLE IF EXISTS ${t}`,
    `TRUNCATE TABLE ${t}`,
    `RENAME TABLE ${t} TO ${u}`,
    `RENAME TABLE ${t} TO ${database}.swap, ${u} TO ${t}, ${database}.swap TO ${u}`,
    `ALTER TABLE ${t} ADD COLUMN x${n()} ${column}`,
    `ALTER TABLE ${t} DROP COLUMN x${n()}`,
    `ALTER TABLE ${t} RENAME COLUMN x0 TO x1`,
    `ALTER TABLE ${t} ADD INDEX i${n()} (${dice.pick(['a', 'b', 'a, b'])})`,
    `ALTER TABLE ${t} DROP INDEX i${n()}`,
    `ALTER TABLE ${t} ADD UNIQUE u${n()} (${dice.pick(['a', 'b', 'a, b'])})`,
    `ALTER TABLE ${t} DROP INDEX u${n()}`,
    `ALTER TABLE ${t} MODIFY b VARCHAR(${50 + dice.int(50)})`,
    `ALTER TABLE ${t} MODIFY a ${dice.pick(['INT', 'BIGINT'])}`,
    `ALTER TABLE ${t} ADD CONSTRAINT f${n()} FOREIGN KEY (a) REFERENCES ${database}.parent (id) ON DELETE ${dice.pick(['CASCADE', 'SET NULL'])}`,
    `ALTER TABLE ${t} AUTO_INCREMENT = ${dice.int(10_000)}`,
    `CREATE OR REPLACE VIEW ${database}.v${n()} AS SELECT ${dice.pick(['*', 'a, b', 'a + 1 AS z', 'COUNT(*) AS n'])} FROM ${t}`,
    `DROP VIEW IF EXISTS ${database}.v${n()}`,
    `CREATE USER IF NOT EXISTS u${n()} IDENTIFIED BY 'pw'`,
    `GRANT ${dice.pick(['SELECT', 'ALL', 'SELECT (a), INSERT (b)'])} ON ${t} TO u${n()}`,
    `DROP USER IF EXISTS u${n()}`,
    `ALTER TABLE ${database}.single ADD COLUMN extra INT DEFAULT ${dice.int(10)}`,
    `ALTER TABLE ${database}.single DROP COLUMN extra`,
    `ALTER TABLE ${database}.ruled MODIFY most INT COMMENT 'p2pdb:merge=${dice.pick(['max', 'counter', 'reject'])}'`,
    `ALTER TABLE ${database}.ruled MODIFY weight ${dice.pick(['DOUBLE', 'FLOAT', 'DECIMAL(20,4)'])} NOT NULL DEFAULT 0`,
    `ALTER TABLE ${database}.keyless ${dice.pick(['ADD COLUMN c INT DEFAULT 3', 'DROP COLUMN c', 'ADD id INT AUTO_INCREMENT PRIMARY KEY', 'DROP COLUMN id'])}`,
    `ALTER TABLE ${database}.child ADD INDEX ix (x)`,
    `ALTER TABLE ${database}.child DROP INDEX ix`,
  ]);
}

interface Fate {
  /** Undefined: nobody was told. */
  isThere: boolean | undefined;
  readonly log: string[];
}

/** So many there are before some are dropped. */
const MANY = 8;

/** Tables that one client makes or drops at a time, and what it was told. */
export class Named {
  private readonly fates = new Map<string, Fate>();
  private count = 0;

  async change(database: Database, dice: Dice, node: string, query: (sql: string) => Promise<unknown>): Promise<void> {
    const known = [...this.fates].filter(([name, { isThere }]) => name.startsWith(`${database}.`) && isThere === true);
    const victim = known.length > MANY && dice.chance(0.7) ? dice.pick(known)[0] : undefined;
    const name = victim ?? `${database}.k${++this.count}`;
    const fate = this.fates.get(name) ?? { isThere: false as boolean | undefined, log: [] };
    this.fates.set(name, fate);
    const before = fate.isThere;
    fate.isThere = undefined;
    const sql = victim === undefined ? `CREATE TABLE ${name} (id INT PRIMARY KEY)` : `DROP TABLE ${name}`;
    const note = (said: string): number => fate.log.push(`${new Date().toISOString()} ${sql} at ${node}: ${said}`);
    try {
      await query(sql);
      fate.isThere = victim === undefined;
      note('OK');
    } catch (error) {
      const { errno = 0, message } = error as { errno?: number; message: string };
      note(`${errno} ${message}`);
      if ([1205, 1213, 1235, 1429].includes(errno) || message.startsWith('The cluster has no majority'))
        fate.isThere = before;
      throw error;
    }
  }

  /** What is wrong with these tables of a database, by what clients were told. */
  faults(database: Database, tables: ReadonlySet<string>): string[] {
    return [...this.fates].flatMap(([name, { isThere, log }]) => {
      const [schema = '', table = ''] = name.split('.');
      if (schema !== database || isThere === undefined || tables.has(table) === isThere) return [];
      return [`${name} is ${isThere ? 'not ' : ''}there: ${log.join('; ')}`];
    });
  }
}
