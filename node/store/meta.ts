/** Single values that the state file keeps by name. */
import type { DatabaseSync } from 'node:sqlite';

export class Meta {
  private readonly db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.db = db;
  }

  get(name: string): string | number | undefined {
    const row = this.db.prepare('SELECT value FROM meta WHERE name = ?').get(name);
    return row?.['value'] as string | number | undefined;
  }

  set(name: string, value: string | number): void {
    this.db.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)').run(name, value);
  }

  delete(name: string): void {
    this.db.prepare('DELETE FROM meta WHERE name = ?').run(name);
  }
}
