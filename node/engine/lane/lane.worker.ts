/** A lane's thread: runs SELECTs that visit many rows on its own read-only connection to the state file. */
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import {
  Catalog,
  compileStatement,
  SqlError,
  type CatalogChange,
  type SelectPlan,
  type SessionFacts,
  type SqliteValue,
} from '../../sql/index.ts';
import { registerSortKeys } from '../../store/index.ts';
import { makeCompileSettings } from '../compile-settings.ts';
import { Environment } from '../environment.ts';
import { Overlays } from '../overlay.ts';
import { Runner } from '../runner.ts';
import { CHUNK_ROWS, CHUNKS_AHEAD, type LaneReply, type LaneRequest, type SessionSnapshot } from './messages.ts';

const { file } = workerData as { file: string };
const db = new DatabaseSync(file, { readOnly: true });
db.exec('PRAGMA cache_size=-16384; PRAGMA temp_store=MEMORY');
registerSortKeys(db);
const env = new Environment();
const runner = new Runner(db, env);
const overlays = new Overlays(db);
let catalog = new Catalog();
let catalogVersion = -1;

const reply = (message: LaneReply): void => parentPort?.postMessage(message);

parentPort?.on('message', (request: LaneRequest) => {
  try {
    db.exec('BEGIN');
    // The first read opens the snapshot.
    const stored = db.prepare('SELECT definition FROM catalog').all();
    reply({ kind: 'started' });
    if (catalogVersion !== request.catalogVersion) {
      catalog = new Catalog();
      for (const row of stored) catalog.apply(JSON.parse(String(row['definition'])) as CatalogChange);
      catalogVersion = request.catalogVersion;
      runner.forget();
    }
    run(request);
  } catch (error) {
    const { errno, sqlState, message } = error as Partial<SqlError> & Error;
    reply({
      kind: 'error',
      errno: errno ?? 1105,
      sqlState: sqlState ?? 'HY000',
      message: errno === undefined ? `Internal error: ${message}` : message,
    });
  } finally {
    db.exec('ROLLBACK');
    // Those that were made in it are gone.
    overlays.forget();
  }
});

function run(request: LaneRequest): void {
  const overlaid = new Set(request.overlays.map((o) => o.tableId));
  const settings = makeCompileSettings(request.compile, {
    temporaryTable: () => undefined,
    virtualTable: () => undefined,
    overlaid: (table) => overlaid.has(table.id),
    columnDefault: () => {
      throw new SqlError(
        1235,
        '42000',
        "This version of P2PDB doesn't yet support 'DEFAULT(column) in a long-running query'",
      );
    },
    interruptible: true,
  });
  const compiled = compileStatement(catalog, settings, request.statement);
  const plan = compiled?.plan as SelectPlan;
  for (const { tableId, images } of request.overlays) {
    const table = catalog.tableById(tableId);
    if (table) overlays.fill(table, images);
  }
  env.begin({ ...request.run, facts: factsOf(request.session) }, request.slots, false, () => '[]');
  let rows = 0;
  let sent = 0;
  let chunk: SqliteValue[][] = [];
  const send = (): void => {
    reply({ kind: 'rows', rows: chunk });
    chunk = [];
    sent++;
    for (
      let taken = Atomics.load(request.taken, 0);
      sent - taken >= CHUNKS_AHEAD;
      taken = Atomics.load(request.taken, 0)
    )
      Atomics.wait(request.taken, 0, taken);
  };
  for (const row of runner.iterate(plan)) {
    chunk.push(row);
    rows++;
    if (chunk.length >= CHUNK_ROWS) send();
  }
  if (chunk.length > 0) send();
  const foundRows = plan.count === undefined ? rows : Number(runner.value(plan.count));
  reply({ kind: 'end', foundRows, warnings: env.warnings, warningCount: env.warningCount });
}

function factsOf(snapshot: SessionSnapshot): SessionFacts {
  return {
    ...snapshot,
    systemVariable: (name) => snapshot.variables.get(name) ?? null,
    userVariable: (name) => snapshot.userVariables.get(name.toLowerCase()),
    setUserVariable: () => undefined,
    setLastInsertId: () => undefined,
    isHeldByOthers: () => {
      throw new Error('a lane knows no locks');
    },
    call: (name) => {
      throw new SqlError(1235, '42000', `This version of P2PDB doesn't yet support '${name} in a long-running query'`);
    },
  };
}
