/** p2pdb log verify DIR, p2pdb log show DIR. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { decodeTransaction, hex, type Operation } from '../log/index.ts';
import { readLog, verifyLog } from '../store/index.ts';

/** Accepts a data folder, which has one log of each group, a group's folder, or the log folder itself. */
function logFolders(dir: string): readonly string[] {
  const groups = path.join(dir, 'groups');
  const found = existsSync(groups) ? readdirSync(groups).map((name) => path.join(groups, name, 'log')) : [];
  const logs = [...found, path.join(dir, 'log')].filter((candidate) => existsSync(candidate));
  return logs.length > 0 ? logs : [dir];
}

/** Runs the command; gives the exit code: 0 the log is whole, 1 it is not, 2 wrong use. */
export function runLogCommand(argv: readonly string[], out: { write(text: string): unknown }): number {
  const [command, dir] = argv;
  if ((command !== 'verify' && command !== 'show') || dir === undefined) {
    out.write('p2pdb log verify DIR\np2pdb log show DIR [--from SEQ]\n');
    return 2;
  }
  if (!existsSync(dir)) {
    out.write(`there is no log in ${dir}\n`);
    return 2;
  }
  const folders = logFolders(dir);
  const at = argv.indexOf('--from');
  const from = at < 0 ? 1 : Number(argv[at + 1]);
  const codes = folders.map((folder) => {
    if (folders.length > 1) out.write(`${path.dirname(folder)}\n`);
    return command === 'show' ? show(folder, from, out) : verify(folder, out);
  });
  return Math.max(...codes);
}

function verify(folder: string, out: { write(text: string): unknown }): number {
  const result = verifyLog(folder);
  const covered = `${result.entries} entries and ${result.blocks} blocks with ${result.transactions} transactions in ${result.segments} segments, ${result.bytes} bytes; authors ${result.authors.join(', ')}; newest ${result.lastCid}`;
  if (result.fault !== undefined) {
    out.write(`FAILED: ${result.fault}\nchecked before that: ${covered}\n`);
    return 1;
  }
  if (result.torn)
    out.write(
      `note: ${result.torn.segment} ends with ${result.torn.bytes} bytes of a write that was cut short; the next start removes them\n`,
    );
  if (result.baseHeight !== undefined)
    out.write(`note: what is older than block ${result.baseHeight} may be missing; a snapshot stands for it\n`);
  if (result.waiting > 0)
    out.write(
      `note: ${result.waiting} blocks order entries that this node does not have yet; it fetches them from the others\n`,
    );
  out.write(`ok: every hash, signature and link of ${covered}\n`);
  return 0;
}

function show(folder: string, from: number, out: { write(text: string): unknown }): number {
  for (const record of readLog(folder)) {
    if (record.kind === 'block') {
      const { height, cut, time } = record.block;
      out.write(
        `block ${height}  ${new Date(time).toISOString()}  orders up to ${cut.map((c) => `${c.author.slice(0, 16)}:${c.seq}`).join(', ') || 'nothing new'}\n`,
      );
      continue;
    }
    const { entry, signed } = record;
    if (entry.seq < from) continue;
    out.write(
      `entry ${hex(entry.author).slice(0, 16)}:${entry.seq}  ${new Date(entry.time).toISOString()}  ${hex(signed.cid).slice(8, 24)}…  lamport ${entry.lamport}\n`,
    );
    for (const bytes of entry.transactions) {
      const transaction = decodeTransaction(bytes);
      out.write(`  transaction by ${transaction.user} in ${transaction.database || '-'} (${transaction.level})\n`);
      if (transaction.sql !== '')
        out.write(
          `    sql: ${transaction.sql.length > 200 ? `${transaction.sql.slice(0, 200)} …` : transaction.sql}\n`,
        );
      for (const operation of transaction.operations)
        out.write(
          `    ${describe(
            operation,
            transaction.tables.map((t) => t.id),
          )}\n`,
        );
    }
  }
  return 0;
}

function describe(operation: Operation, tables: readonly number[]): string {
  if (operation.kind === 'schema') return `schema: ${operation.text}`;
  const key = JSON.stringify(operation.key, printable);
  const table = `table ${tables[operation.table] ?? '?'}`;
  switch (operation.kind) {
    case 'insert':
      return `insert ${table} ${key} ${JSON.stringify(operation.values, printable)}`;
    case 'delete':
      return `delete ${table} ${key}`;
    case 'move':
    case 'update': {
      const changes = operation.changes.map(
        (c) =>
          `column ${c.column} ${c.mode === 'add' ? '+=' : c.mode === 'merge' ? 'merges' : '='} ${JSON.stringify(c.value, printable)}`,
      );
      return `${operation.kind} ${table} ${key}${operation.kind === 'move' ? ` to ${JSON.stringify(operation.newKey, printable)}` : ''}: ${changes.join(', ')}`;
    }
  }
}

function printable(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  return value instanceof Uint8Array ? `0x${hex(value)}` : value;
}
