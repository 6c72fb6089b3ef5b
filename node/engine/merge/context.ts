/** What merging, and whatever else runs for nobody's session, evaluates expressions under: the same on every node. */
import { DEFAULT_LOCALE, type SqliteValue } from '../../sql/index.ts';
import type { Row } from '../../store/index.ts';
import type { EngineCore } from '../core.ts';
import { Dml, type DmlContext } from '../dml.ts';
import {
  DEFAULT_BLOCK_ENCRYPTION_MODE,
  NobodysSession,
  SCHEMA_PACKET_MAX,
  SCHEMA_SQL_MODE,
  SCHEMA_TIME_ZONE,
  type StatementSettings,
} from '../environment.ts';
import type { TableRuntime } from '../table.ts';
import { DirectWriter, type RowWriter } from '../writer.ts';

export class MergeContext {
  private readonly core: EngineCore;
  private readonly settings: StatementSettings;

  constructor(core: EngineCore) {
    this.core = core;
    this.settings = mergeSettings(core.version);
  }

  /** Points expressions at nobody's session. */
  begin(): void {
    this.core.env.begin(this.settings, [], true, () => '[]');
  }

  /** What storing rows of merged transactions needs. */
  rows(writer: RowWriter, foreignKeyChecks: boolean): DmlContext {
    return {
      ...this.core.schemaDmlContext(),
      writer,
      isMerged: true,
      foreignKeyChecks,
      childrenOf: (table) => this.core.catalog.children(table.database, table.name),
      tableNamed: (database, name) => this.core.catalog.table(database, name),
    };
  }

  /** What a row that was written under an older schema takes in a column that was added since. */
  addedValue(rt: TableRuntime, place: number, row: Row): SqliteValue {
    const dml = new Dml(this.rows(new DirectWriter(this.core.state, this.core.locks, undefined), false));
    return this.core.env.atRewriteOf(rt.table, () => dml.added(rt, place, row));
  }
}

/** Expressions of the schema, and values that are merged, mean the same on every node. */
function mergeSettings(version: string): StatementSettings {
  return {
    facts: new NobodysSession(version),
    sqlMode: SCHEMA_SQL_MODE,
    strictMode: true,
    timeZone: SCHEMA_TIME_ZONE,
    divPrecisionIncrement: 4,
    groupConcatMaxLen: 1024,
    defaultWeekFormat: 0,
    timeLocale: DEFAULT_LOCALE,
    blockEncryptionMode: DEFAULT_BLOCK_ENCRYPTION_MODE,
    collation: 'utf8mb4_0900_ai_ci',
    maxAllowedPacket: SCHEMA_PACKET_MAX,
    timestamp: 0,
  };
}
