/**
 * The first member of a new group, made of a member of an old one whose majority is lost. It has another key, so nothing of the old
 * group is ever believed in the new one; its state is the old one's as it stands, in which all is final that no block had ordered.
 */
import { constants, copyFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { nodeId } from '../consensus/index.ts';
import { decodeEntry, hex } from '../log/index.ts';
import {
  digestBytes,
  loadIdentity,
  logCrypto,
  makeFolder,
  Snapshots,
  State,
  StateCorruptError,
  syncFile,
  syncFolder,
} from '../store/index.ts';
import { genesisFile, keepGenesis, Membership, readGenesis, type Genesis, type Predecessor } from './membership.ts';
import type { OpenedEngine } from './open.ts';

/** What the log of an old member says that its state does not. */
export interface Remainder {
  /** Highest Lamport time of all entries. */
  readonly lamport: number;
  /** Ids of transactions that were not run here: they wait for a block, or stand behind one whose entries are lost. */
  readonly missing: readonly string[];
  /** Transactions that no block has ordered, and that the state has. */
  readonly kept: number;
  /** Blocks that were decided, and that order entries which are not here. */
  readonly blocks: number;
}

/** Brings the state to all that the folder knows, and gives what it cannot bring there. The engine is to be closed then. */
export async function settle({ core }: OpenedEngine): Promise<Remainder> {
  const { replica, log, state } = core;
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  for (let before = -1; before !== replica.height;) {
    before = replica.height;
    await turn();
    await replica.flushed();
    await turn();
  }
  replica.publish();
  const run = new Set(
    state.db
      .prepare('SELECT tx FROM undo')
      .all()
      .map(({ tx }) => String(tx)),
  );
  const missing: string[] = [];
  for (const [author, last] of log.frontier()) {
    for (let seq = (state.position.final[author] ?? 0) + 1; seq <= last;) {
      const entries = log.read(author, seq, last, READ_BYTES);
      if (entries.length === 0) break;
      for (const { body } of entries) {
        const ids = decodeEntry(body).transactions.map((_, index) => `${author.slice(0, 16)}:${seq}:${index}`);
        missing.push(...ids.filter((id) => !run.has(id)));
        seq++;
      }
    }
  }
  return { lamport: log.chains.lamport, missing, kept: run.size, blocks: replica.nextHeight - 1 - replica.height };
}

const READ_BYTES = 4 << 20;

/** Makes, in an empty folder, the data of the new group's first member of that in `dir`, which stays as it is. Throws StateCorruptError. */
export function makeSuccessor(dir: string, to: string, { lamport }: Remainder): Predecessor {
  const [from, groupDir] = [dir, to].map((folder) => path.join(folder, 'groups', 'main')) as [string, string];
  makeFolder(path.join(groupDir, 'log'));
  const old = readGenesis(genesisFile(from));
  const oldSelf = nodeId(hex(loadIdentity(dir).publicKey));
  const self = hex(loadIdentity(to).publicKey);
  const file = path.join(groupDir, STATE);
  copyState(path.join(from, STATE), file);
  const state = new State(file);
  const { position, catalog } = state;
  const table = state.mismatchedTable();
  if (table !== undefined) {
    state.close();
    throw new StateCorruptError(`the rows of ${table} are not what their digest says`);
  }
  const membership = new Membership(catalog, old, oldSelf);
  const name = membership.find(oldSelf)?.name ?? 'node';
  const predecessor: Predecessor = {
    founder: old.members[0]?.id ?? '',
    member: oldSelf,
    height: position.height,
    digest: hex(digestBytes(state.digests.total)),
  };
  const genesis: Genesis = { members: [{ name, id: self }], voters: [self], slots: membership.slots, predecessor };
  const block = hex(logCrypto.sha256(new Uint8Array(Buffer.from(JSON.stringify(genesis)))));
  const height = position.height + 1;
  const slot = membership.nextSlot();
  state.begin();
  state.db.exec('DELETE FROM undo');
  for (const member of membership.all())
    state.applyCatalog({ kind: 'put-member', member: { ...member, voter: false, removed: true } });
  state.applyCatalog({ kind: 'put-member', member: { id: self, name, slot, voter: true, removed: false } });
  // Who was given one was invited to the old group.
  for (const hash of [...catalog.tokens.keys()]) state.applyCatalog({ kind: 'drop-token', hash });
  const voters = [{ from: height, voters: [self] }];
  state.publish({ height, block, final: {}, schema: position.schema + 1, voters });
  state.close();
  syncFile(file);
  new Snapshots(groupDir, 'main').begin(file, { height, block, chains: [], lamport });
  keepGenesis(genesisFile(groupDir), () => genesis);
  for (const folder of [path.join(groupDir, 'log'), groupDir, path.dirname(groupDir), to]) syncFolder(folder);
  return predecessor;
}

const STATE = 'state.sqlite';

/** The file is closed: what SQLite keeps beside it goes into it first. */
function copyState(from: string, to: string): void {
  const db = new DatabaseSync(from);
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
  State.remove(to);
  copyFileSync(from, to, constants.COPYFILE_FICLONE);
}
