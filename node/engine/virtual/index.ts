/** Relations that the engine makes from what it knows: information_schema and the like. */
import type { VirtualTable } from '../../sql/index.ts';
import type { EngineCore } from '../core.ts';
import type { EngineSession } from '../session.ts';

export function findVirtualTable(database: string, name: string): VirtualTable | undefined {
  void database;
  void name;
  return undefined;
}

export function virtualRows(core: EngineCore, session: EngineSession, name: string): string {
  void core;
  void session;
  void name;
  return '[]';
}
