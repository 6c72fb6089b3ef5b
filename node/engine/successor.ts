/**
 * The first member of a new group, made of a member of an old one whose majority is lost. It has another key, so nothing of the old
 * group is ever believed in the new one; its state is the old one's as it stands, in which all is final that no block had ordered.
 */
import { constants, copyFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { nodeId, type NodeId } from '../consensus/index.ts';
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
import {
  genesisFile,
  groupFolder,
  keepGenesis,
  Membership,
  readGenesis,
  type Genesis,
  type Predecessor,
} from './membership.ts';
import type { OpenedGroup } from './open.ts';
import { newGroupName, placementOn } from './placement.ts';

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
export async function settle({ core }: Pick<OpenedGroup, 'core'>): Promise<Remainder> {
  const { replica, log, state } = core;
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  for (let before = -1; before !== replica.height;) {
    before = replica.height;
    await turn();
    await replica.drained();
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

/** Of the group that all nodes host, and, by name, of those of single databases that this node hosts. */
export interface Remainders {
  readonly main: Remainder;
  readonly own: ReadonlyMap<string, Remainder>;
}

/**
 * Makes, in an empty folder, the data of the new group's first member of that in `dir`, which stays as it is. Databases with a group of
 * their own go along where this node hosts them, in a new group each; the others are not there any more. Throws StateCorruptError.
 */
export function makeSuccessor(dir: string, to: string, { main, own }: Remainders): Predecessor {
  const old = nodeId(hex(loadIdentity(dir).publicKey));
  const heir: Heir = { dir, to, old, id: hex(loadIdentity(to).publicKey) };
  const renamed = new Map([...own.keys()].map((group) => [group, newGroupName()]));
  const { predecessor, height } = succeed(heir, 'main', 'main', main, undefined, (state, self) => {
    // Who was given one was invited to the old group.
    for (const hash of [...state.catalog.tokens.keys()]) state.applyCatalog({ kind: 'drop-token', hash });
    stay(state);
    for (const database of [...state.catalog.databases.values()]) {
      if (!database.placement) continue;
      const group = renamed.get(database.placement.group);
      if (group === undefined) state.applyCatalog({ kind: 'drop-database', name: database.name });
      else
        state.applyCatalog({ kind: 'put-database', database: { ...database, placement: placementOn(group, [self]) } });
    }
  });
  for (const [group, next] of renamed) {
    const remainder = own.get(group);
    if (remainder) succeed(heir, group, next, remainder, height, stay);
  }
  syncFolder(path.join(to, 'groups'));
  syncFolder(to);
  return predecessor;
}

/** Databases that were on their way to another group are here yet. */
function stay(state: State): void {
  for (const { move: _, home: __, ...database } of [...state.catalog.databases.values()])
    state.applyCatalog({ kind: 'put-database', database });
}

/** The new member, and the one that it was. */
interface Heir {
  readonly dir: string;
  readonly to: string;
  readonly old: NodeId;
  readonly id: string;
}

/** A group of one, with the state of another group. `since`: block of `main` with which it is there. */
function succeed(
  { dir, to, old: oldSelf, id }: Heir,
  group: string,
  next: string,
  { lamport }: Remainder,
  since: number | undefined,
  change: (state: State, self: { readonly name: string; readonly id: string }) => void,
): { readonly predecessor: Predecessor; readonly height: number } {
  const from = groupFolder(dir, group);
  const groupDir = groupFolder(to, next);
  makeFolder(path.join(groupDir, 'log'));
  const old = readGenesis(genesisFile(from));
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
  const self = { name: membership.find(oldSelf)?.name ?? 'node', id };
  const predecessor: Predecessor = {
    founder: old.members[0]?.id ?? '',
    member: oldSelf,
    height: position.height,
    digest: hex(digestBytes(state.digests.total)),
  };
  const genesis: Genesis = {
    members: [self],
    voters: [id],
    slots: membership.slots,
    predecessor,
    ...(since !== undefined && { since }),
  };
  const block = hex(logCrypto.sha256(new Uint8Array(Buffer.from(JSON.stringify(genesis)))));
  const height = position.height + 1;
  const slot = membership.nextSlot();
  state.begin();
  state.db.exec('DELETE FROM undo');
  for (const member of membership.all())
    state.applyCatalog({ kind: 'put-member', member: { ...member, voter: false, removed: true } });
  state.applyCatalog({ kind: 'put-member', member: { ...self, slot, voter: true, removed: false } });
  change(state, self);
  const voters = [{ from: height, voters: [id] }];
  state.publish({ height, block, final: {}, schema: position.schema + 1, voters });
  state.close();
  syncFile(file);
  new Snapshots(groupDir, next).begin(file, { height, block, chains: [], lamport });
  keepGenesis(genesisFile(groupDir), () => genesis);
  for (const folder of [path.join(groupDir, 'log'), groupDir]) syncFolder(folder);
  return { predecessor, height };
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
