/**
 * Indexes of large tables are made by a thread of their own, before the schema change that asks for them: SQLite makes one in a single
 * step. They lie in the state file then, and no definition names them yet: nobody meets them, whatever becomes of the change.
 */
import { Worker } from 'node:worker_threads';
import { createIndexSql, indexName, type TableDef } from '../sql/index.ts';

type IndexDef = TableDef['indexes'][number];

export class IndexBuilder {
  private readonly file: string;
  /** What was made by whom, by the index's name; until the change that it was made for is published. */
  private readonly built = new Map<string, string>();
  private readonly used = new Set<string>();
  private worker: Worker | undefined;

  constructor(file: string) {
    this.file = file;
  }

  /** Resolves when they are there, or could not be made: then the schema change makes them, or says why not. */
  async build(indexes: readonly { readonly table: TableDef; readonly index: IndexDef }[]): Promise<void> {
    const texts = new Map<string, string>();
    for (const { table, index } of indexes) {
      const sql = createIndexSql(table, index);
      if (sql) texts.set(indexName(table, index), sql);
    }
    if (texts.size === 0) return;
    const statements = [...texts].flatMap(([name, sql]) => [`DROP INDEX IF EXISTS ${name}`, sql]);
    if (await this.run(statements)) for (const [name, sql] of texts) this.built.set(name, sql);
  }

  private run(statements: readonly string[]): Promise<boolean> {
    const name = import.meta.url.endsWith('.ts') ? './index.worker.ts' : './index.worker.js';
    const worker = new Worker(new URL(name, import.meta.url), {
      workerData: { file: this.file, statements },
      name: 'p2pdb index',
    });
    this.worker = worker;
    return new Promise((resolve) => {
      worker.on('error', () => resolve(false));
      worker.on('exit', (code) => {
        this.worker = undefined;
        resolve(code === 0);
      });
    });
  }

  /** Whether this very index was made already. */
  has(table: TableDef, index: IndexDef, sql: string): boolean {
    const name = indexName(table, index);
    if (this.built.get(name) !== sql) return false;
    this.used.add(name);
    return true;
  }

  /** Names of those that no change came to use. All are forgotten. */
  settle(): string[] {
    const left = [...this.built.keys()].filter((name) => !this.used.has(name));
    this.built.clear();
    this.used.clear();
    return left;
  }

  /** Before the file is closed. */
  async stop(): Promise<void> {
    await this.worker?.terminate();
  }
}
