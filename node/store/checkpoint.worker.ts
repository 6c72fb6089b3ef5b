/** Moves what lies in a state's write-ahead log into its file, beside the thread that goes on writing it. */
import { DatabaseSync } from 'node:sqlite';
import { workerData } from 'node:worker_threads';
import { registerSortKeys } from './state.ts';

const { file } = workerData as { file: string };
const db = new DatabaseSync(file);
registerSortKeys(db);
db.exec('PRAGMA synchronous=OFF; PRAGMA wal_checkpoint(PASSIVE)');
db.close();
