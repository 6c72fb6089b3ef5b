/** Makes indexes in a state file, beside the thread that writes it else: nobody changes the state meanwhile. */
import { DatabaseSync } from 'node:sqlite';
import { workerData } from 'node:worker_threads';
import { registerSortKeys } from './state.ts';

const { file, statements } = workerData as { file: string; statements: readonly string[] };
const db = new DatabaseSync(file);
registerSortKeys(db);
db.exec('PRAGMA synchronous=OFF; PRAGMA busy_timeout=1000; PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=0');
try {
  db.exec('BEGIN IMMEDIATE');
  for (const statement of statements) db.exec(statement);
  db.exec('COMMIT; PRAGMA wal_checkpoint(PASSIVE)');
} finally {
  db.close();
}
