/** What sessions ask of the group: how certain a commit is, reads that miss nothing, the fate of a transaction, conflicts. */
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeId, type NodeId } from '../consensus/index.ts';
import { finish } from '../consistency/index.ts';
import type { Transaction } from '../log/index.ts';
import { decodeEntry, decodeTransaction } from '../log/index.ts';
import { APPLIED, GroupTransaction, RejectedError } from '../replica/index.ts';
import { SqlError, type CatalogChange, type SqliteValue, type TableDef, type Warning } from '../sql/index.ts';
import { ChangeList } from '../store/index.ts';
import { refuseOnReadOnlyNode } from './closed.ts';
import type { EngineCore } from './core.ts';
import type { Membership } from './membership.ts';
import { transactionOf } from './merge/index.ts';
import { deadlock } from './locks.ts';
import { refuseRows } from './moving.ts';
import type { EngineSession } from './session.ts';
import { SchemaChanged } from './waits.ts';

export interface MemberInfo {
  readonly name: string;
  readonly id: string;
  readonly isVoter: boolean;
  readonly isSelf: boolean;
  readonly isUp: boolean;
  /** Entries that this node has and the member, as far as known, has not. */
  readonly lag: number;
}

/** What the node knows of its cluster. */
export interface GroupFacts {
  readonly membership: Membership;
  describeMember(id: NodeId): Pick<MemberInfo, 'isUp' | 'lag'>;
  makeToken(secret: Uint8Array, expires: number): string | undefined;
  /** What asks for a decision gets one. */
  majorityInReach(): boolean;
  /** No change of voters is decided that later heights have yet to bring into effect. */
  votersDecide(): boolean;
}

/** Between two looks at whether entries have come: they are ordered sooner or later, and nothing tells of each. */
const ARRIVAL_MS = 5;

type Fate = 'final' | 'conflict' | 'tentative' | 'unknown';

const NOTHING: Transaction = {
  user: '',
  database: '',
  sql: '',
  level: 'final',
  unchecked: false,
  tables: [],
  operations: [],
  reads: [],
};

export class Group {
  private readonly core: EngineCore;
  private readonly facts: GroupFacts;
  private barrier: Promise<void> | undefined;

  constructor(core: EngineCore, facts: GroupFacts) {
    this.core = core;
    this.facts = facts;
  }

  /** Id of this node. */
  get self(): string {
    return this.facts.membership.self;
  }

  /** This node was removed, and knows it: its log says so, or a member did. */
  get isLeft(): boolean {
    const { membership } = this.facts;
    return this.isSaidToBeRemoved || !membership.isMember(membership.self);
  }

  /** It was away then: its log ends before, and nobody sends it more. A removal is for good, so one word is enough. */
  isSaidToBeRemoved = false;

  /** Of whoever is or was a member. */
  nameOf(id: string): string | undefined {
    const { membership } = this.facts;
    return membership.all().find((member) => member.id === id)?.name;
  }

  members(): readonly MemberInfo[] {
    const { membership } = this.facts;
    return membership.current().map(({ id, name, voter }) => ({
      id,
      name,
      isVoter: voter,
      isSelf: id === membership.self,
      ...this.facts.describeMember(nodeId(id)),
    }));
  }

  /** Throws 3101 when no majority is in reach: what needs a decision would wait for nobody knows how long. */
  checkMajority(): void {
    if (this.facts.majorityInReach()) return;
    throw new SqlError(
      3101,
      'HY000',
      'The cluster has no majority in reach of this node: schema changes, accounts and commits at level final need one. Local commits go on.',
    );
  }

  /**
   * Waits for what a commit level demands, p2pdb_commit_timeout seconds at most. What was not confirmed by then may still be: the
   * error says so, and names the transaction.
   */
  confirmed(session: EngineSession, transaction: GroupTransaction, done: Promise<void>): Promise<void> {
    return this.within(
      session,
      done,
      () => `It may be confirmed later; p2pdb_wait_final('${transaction.id}', 0) tells`,
    );
  }

  /** Waits so many seconds at most, then rejects with 3101, the likely cause and the advice; KILL ends it, too. */
  async within(
    session: EngineSession | undefined,
    done: Promise<void>,
    advice: () => string,
    seconds = (session?.state.variables ?? this.core.globals).number('p2pdb_commit_timeout'),
    cause = 'too few nodes answer',
  ): Promise<void> {
    const missed = (): SqlError =>
      new SqlError(3101, 'HY000', `Not confirmed within ${seconds} s: ${cause}. ${advice()}`);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(missed()), seconds * 1000);
      if (session) session.state.cancelWait = () => reject(missed());
    });
    try {
      await Promise.race([done, timeout]);
    } finally {
      clearTimeout(timer);
      if (session) session.state.cancelWait = undefined;
    }
  }

  /** Resolves when everything that was decided before the call is applied here: a place in the order is asked for, and waited for. */
  async linearize(
    session: EngineSession | undefined,
    seconds?: number,
    advice = 'The read can be tried again.',
  ): Promise<void> {
    this.checkMajority();
    // Whoever asks before the question has left shares its answer.
    this.barrier ??= this.ask();
    await this.within(session, this.barrier, () => advice, seconds);
  }

  /** Resolves when clients of this node see that height, and of each author so many entries. `session`: who waits, where it is known yet. */
  reached(
    session: EngineSession | undefined,
    height: number,
    frontier: readonly (readonly [string, number])[],
  ): Promise<void> {
    const { replica } = this.core;
    const isHere = (): boolean =>
      replica.height >= height && frontier.every(([author, seq]) => replica.appliedSeq(author) >= seq);
    const arrival = async (): Promise<void> => {
      while (!isHere()) await sleep(ARRIVAL_MS);
      await replica.seen();
    };
    return this.within(session, arrival(), () => 'The statement can be tried again.');
  }

  private ask(): Promise<void> {
    const done = this.core.replica.submit(GroupTransaction.own('final', false, 0, () => NOTHING)).catch(tell);
    setImmediate(() => (this.barrier = undefined));
    return done;
  }

  /** Runs a function that waits. Undefined: it is none of these. */
  async call(
    session: EngineSession,
    name: string,
    args: readonly SqliteValue[],
    onCancel: (cancel: () => void) => void,
  ): Promise<SqliteValue | undefined> {
    if (name === 'P2PDB_WAIT_FINAL') {
      const id = String(args[0] ?? '');
      const group = this.groupOf(id);
      const fate = await group.waitFinal(id, Number(args[1] ?? 0), onCancel);
      session.heardWhileWaiting.push(...group.conflictsOf(id));
      return fate;
    }
    if (name === 'P2PDB_RESOLVE_CONFLICT') {
      const id = String(args[0] ?? '');
      return this.groupOf(id).resolveConflict(session, id, String(args[1] ?? ''));
    }
    if (name === 'P2PDB_JOIN_TOKEN')
      return this.core.roster.joinToken(session, Number(args[0] ?? 0), Number(args[1] ?? 0));
    if (name === 'P2PDB_REMOVE_MEMBER') return this.core.roster.remove(session, String(args[0] ?? ''));
    if (name === 'P2PDB_SET_VOTER') {
      const names = String(args[0] ?? '').split(',');
      return this.core.roster.setVoters(
        session,
        names.map((one) => one.trim()),
        Number(args[1] ?? 0) !== 0,
      );
    }
    return undefined;
  }

  /** Has changes decided as nobody's statement. False: another one was decided first, and they are to be thought of anew. */
  async decide(text: string, changes: readonly CatalogChange[], user = ''): Promise<boolean> {
    return unlessStale(this.core.replica.submit(this.schemaChange(text, changes, user)));
  }

  schemaChange(text: string, changes: readonly CatalogChange[], user: string): GroupTransaction {
    const schema = { text, changes, basis: this.core.machine.schemaCount, strict: true };
    const changed = { changes: new ChangeList(), schema };
    const record = { user, database: '', sql: '', level: 'final', unchecked: false, ...changed } as const;
    return GroupTransaction.own('final', true, 0, () => transactionOf(record));
  }

  /** The group that has a transaction, of those that this node hosts; this one where none has it. */
  private groupOf(id: string): Group {
    return this.core.hosted.find(({ group }) => group.fateOf(id) !== 'unknown')?.group ?? this;
  }

  private async waitFinal(id: string, milliseconds: number, onCancel: (cancel: () => void) => void): Promise<Fate> {
    const deadline = performance.now() + milliseconds;
    let cancelled = false;
    for (;;) {
      const fate = this.fateOf(id);
      const left = deadline - performance.now();
      if (fate === 'final' || fate === 'conflict' || left <= 0 || cancelled) return fate;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        const wake = (): void => {
          clearTimeout(timer);
          resolve();
        };
        onCancel(() => {
          cancelled = true;
          wake();
        });
        void this.core.replica.nextBlock().then(wake);
      });
    }
  }

  /** What became of a transaction that does not stand as it was acknowledged. */
  private conflictsOf(id: string): Warning[] {
    const rows = this.core.state.db
      .prepare('SELECT kind, message, relation, other FROM conflict WHERE tx = ? ORDER BY n')
      .all(id);
    return rows.map(({ kind, message, relation, other }) => {
      const loss = kind === 'rejected' ? 'was rejected' : `lost a change of ${String(relation)}`;
      const winner = other === null ? '' : ` (against transaction '${String(other)}')`;
      return {
        level: 'Warning',
        errno: 3101,
        message: `Transaction '${id}' ${loss}${winner}: ${String(message)}`,
      };
    });
  }

  private fateOf(id: string): Fate {
    const place = this.core.replica.placeOf(id);
    if (!place) return 'unknown';
    if (!place.isFinal) return 'tentative';
    const rejected =
      "SELECT 1 FROM conflict WHERE tx = ? AND kind = 'rejected' UNION ALL SELECT 1 FROM refused WHERE tx = ?";
    return this.core.state.db.prepare(rejected).get(id, id) ? 'conflict' : 'final';
  }

  /**
   * 'retry' runs the transaction's intentions again, now; either way the conflict is listed no more, on every node. That it is not listed
   * is decided after the retry, so that a node which dies in between loses nothing: the retry is made where that can be decided, and once.
   */
  private async resolveConflict(session: EngineSession, id: string, action: string): Promise<SqliteValue> {
    const { core } = this;
    core.accounts.checkGlobal(session, ['SUPER', 'SYSTEM_VARIABLES_ADMIN']);
    refuseOnReadOnlyNode(session);
    if (action !== 'retry' && action !== 'dismiss')
      throw new SqlError(1210, 'HY000', "Incorrect arguments to p2pdb_resolve_conflict: 'retry' or 'dismiss'");
    const isListed = (): boolean => core.state.db.prepare('SELECT 1 FROM conflict WHERE tx = ?').get(id) !== undefined;
    if (!isListed()) throw new SqlError(1032, 'HY000', `There is no conflict of transaction '${id}'`);
    const drop = (): Promise<void> =>
      core.commits.changeCatalog(session, `p2pdb_resolve_conflict('${id}', '${action}')`, [
        { kind: 'drop-conflict', tx: id },
      ]);
    if (action === 'dismiss') {
      await drop();
      return 1;
    }
    this.checkMajority();
    if (this.retrying.has(id)) throw deadlock();
    this.retrying.add(id);
    try {
      await this.retry(id);
      // The statement would be made anew with its retry.
      while (isListed() && !(await unlessChanged(drop())));
    } finally {
      this.retrying.delete(id);
    }
    return 1;
  }
  /** Conflicts whose transactions are being run again. */
  private readonly retrying = new Set<string>();

  private async retry(id: string): Promise<void> {
    const { core } = this;
    const place = core.replica.placeOf(id);
    const signed = place && core.log.read(place.author, place.seq, place.seq, 1)[0];
    const bytes = signed && decodeEntry(signed.body).transactions[place.index];
    if (!bytes) throw new SqlError(1032, 'HY000', `The log does not hold transaction '${id}' any more`);
    while (core.replica.gate.isClosed) await core.replica.gate.opened();
    core.refuseWrites();
    const content: Transaction = { ...decodeTransaction(bytes), level: 'local', reads: [] };
    const tables = content.tables.map((table) => core.catalog.tableById(table.id));
    // Nothing would be done, and it would be listed no more.
    if (tables.includes(undefined))
      throw new SqlError(1146, '42S02', `A table that transaction '${id}' writes is not here any more`);
    refuseRows(core, tables as readonly TableDef[]);
    const { changes, digest, outcome } = finish(core.merger.run(content));
    if (outcome.kind === 'rejected') throw new SqlError(outcome.errno, outcome.sqlState, outcome.message);
    finish(core.stateChanged(changes));
    const transaction = GroupTransaction.own('local', false, changes.length, () => content);
    transaction.run = { changes, outcome: APPLIED, epoch: core.state.epoch, digest };
    try {
      await core.replica.commit(transaction);
    } catch (error) {
      tell(error);
    }
  }
}

/** What a client hears of a transaction that was refused. */
function tell(error: unknown): never {
  if (!(error instanceof RejectedError)) throw error;
  throw new SqlError(error.outcome.errno, error.outcome.sqlState, error.outcome.message);
}

/** As unlessStale(), of a schema change that a session makes. */
async function unlessChanged(done: Promise<void>): Promise<boolean> {
  try {
    await done;
    return true;
  } catch (error) {
    if (!(error instanceof SchemaChanged)) throw error;
    return false;
  }
}

/** False where another schema change came first. */
export async function unlessStale(done: Promise<void>): Promise<boolean> {
  try {
    await done;
    return true;
  } catch (error) {
    if (!(error instanceof RejectedError) || error.outcome.reason !== 'stale') throw error;
    return false;
  }
}
