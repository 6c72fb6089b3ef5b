/** What sessions ask of the group: how certain a commit is, reads that miss nothing, the fate of a transaction, conflicts. */
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeId, type NodeId } from '../consensus/index.ts';
import { finish } from '../consistency/index.ts';
import type { Transaction } from '../log/index.ts';
import { decodeEntry, decodeTransaction, hex } from '../log/index.ts';
import { APPLIED, GroupTransaction, RejectedError, type Equivocation } from '../replica/index.ts';
import {
  SqlError,
  type CatalogChange,
  type MemberDef,
  type SqliteValue,
  type TableDef,
  type Warning,
} from '../sql/index.ts';
import { ChangeList } from '../store/index.ts';
import type { EngineCore } from './core.ts';
import { firstVoters, stayOf, type Membership } from './membership.ts';
import { transactionOf } from './merge/index.ts';
import { refuseRows } from './moving.ts';
import { hostedDatabases } from './placement.ts';
import type { EngineSession } from './session.ts';

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

/** Larger entries are proven by hash and signature only. */
const PROOF_BYTES_MAX = 64 << 10;

/** A stay of a node in the group. */
type Stay = Pick<MemberDef, 'id' | 'name'> & { readonly stay: number };

/** Who is to be a member of a database's own group. */
export interface WantedMembers {
  readonly hosts: readonly Stay[];
  /** Ids of those who are no members of the cluster any more. */
  readonly gone: ReadonlySet<string>;
  /** The last stays that are to end, or have. */
  readonly left: readonly Stay[];
}

/** Who lacks more entries gets no vote yet. While others write, nobody is known to lack none. */
const VOTER_LAG = 100;
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

  /** Waits so many seconds at most, then rejects with 3101 and the advice; KILL ends it, too. */
  async within(
    session: EngineSession | undefined,
    done: Promise<void>,
    advice: () => string,
    seconds = (session?.state.variables ?? this.core.globals).number('p2pdb_commit_timeout'),
  ): Promise<void> {
    const missed = (): SqlError =>
      new SqlError(3101, 'HY000', `Not confirmed within ${seconds} s: too few nodes answer. ${advice()}`);
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
  async linearize(session: EngineSession, seconds?: number): Promise<void> {
    this.checkMajority();
    // Whoever asks before the question has left shares its answer.
    this.barrier ??= this.ask();
    await this.within(session, this.barrier, () => 'The read can be tried again.', seconds);
  }

  /** Resolves when this node has applied that height, and of each author so many entries. `session`: who waits, where it is known yet. */
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
    };
    return isHere() ? Promise.resolve() : this.within(session, arrival(), () => 'The statement can be tried again.');
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
    if (name === 'P2PDB_JOIN_TOKEN') return this.joinToken(session, Number(args[0] ?? 0), Number(args[1] ?? 0));
    if (name === 'P2PDB_REMOVE_MEMBER') return this.changeMember(session, String(args[0] ?? ''), { removed: true });
    if (name === 'P2PDB_SET_VOTER')
      return this.changeMember(session, String(args[0] ?? ''), { voter: Number(args[1] ?? 0) !== 0 });
    return undefined;
  }

  /** A token that lets `uses` nodes join within so many minutes. */
  private async joinToken(session: EngineSession, minutes: number, uses: number): Promise<SqliteValue> {
    this.core.accounts.checkGlobal(session, ['SUPER', 'SYSTEM_VARIABLES_ADMIN']);
    if (!(minutes > 0 && minutes <= 60 * 24 * 365) || !(uses >= 1))
      throw new SqlError(1210, 'HY000', 'Incorrect arguments to p2pdb_join_token: minutes and uses');
    const secret = new Uint8Array(randomBytes(16));
    const expires = Date.now() + Math.round(minutes * 60_000);
    const text = this.facts.makeToken(secret, expires);
    if (text === undefined)
      throw new SqlError(1235, '42000', 'This node has no network: start it with a cluster name and a swarm key');
    const token = { hash: hashOf(secret), expires, uses: Math.floor(uses) };
    await this.core.commits.changeCatalog(session, `p2pdb_join_token(${minutes}, ${uses})`, [
      { kind: 'put-token', token },
    ]);
    return text;
  }

  private async changeMember(
    session: EngineSession,
    name: string,
    change: { readonly removed: true } | { readonly voter: boolean },
  ): Promise<SqliteValue> {
    this.core.accounts.checkGlobal(session, ['SUPER', 'SYSTEM_VARIABLES_ADMIN']);
    const { membership } = this.facts;
    const member = membership.find(name);
    if (!member) throw new SqlError(1032, 'HY000', `There is no member '${name}'`);
    // While the heights that it votes on are decided, it must be there: a majority of two is both.
    if ('removed' in change) {
      // Before it loses its vote, and again when it has: that takes a while.
      this.checkRemovable(member);
      if (member.voter) {
        await this.changeMember(session, name, { voter: false });
        return this.changeMember(session, name, change);
      }
      // Another session may have taken its vote a moment ago, and not have lived to see others decide.
      await this.votersDecide(
        session,
        'Nobody is removed while voters of before decide. The removal can be tried again.',
      );
    }
    const next = { ...member, ...change };
    if ('removed' in change) this.checkRemovable(member);
    else if (!change.voter) this.checkOthersVote(member);
    await this.core.commits.changeCatalog(session, `member ${name}: ${JSON.stringify(change)}`, [
      { kind: 'put-member', member: next },
    ]);
    if (next.voter !== member.voter)
      await this.votersDecide(session, 'The change is decided and takes effect when they do.');
    return 1;
  }

  private checkRemovable(member: MemberDef): void {
    const { membership } = this.facts;
    const orphan = hostedDatabases(this.core.catalog).find(({ placement }) =>
      placement.hosts.every((id) => id === member.id || !membership.isMember(id)),
    );
    if (orphan)
      throw new SqlError(1210, 'HY000', `Nobody else hosts database '${orphan.name}': change its p2pdb:replicas first`);
    this.checkOthersVote(member);
  }

  private checkOthersVote({ id }: MemberDef): void {
    if (!this.facts.membership.current().some((member) => member.voter && member.id !== id))
      throw new SqlError(1210, 'HY000', 'A group needs at least one voter');
  }

  /** Until the new voters decide, the loss of an old one still counts. */
  private votersDecide(session: EngineSession, advice: string): Promise<void> {
    const decided = async (): Promise<void> => {
      while (!this.facts.votersDecide()) await this.core.replica.nextBlock();
    };
    return this.within(session, decided(), () => advice);
  }

  /** A node asks to be a member, by a token's secret. Gives why it is refused, or undefined. */
  async admit(id: string, name: string, secret: Uint8Array): Promise<string | undefined> {
    const { catalog } = this.core;
    const { membership } = this.facts;
    for (;;) {
      if (membership.isMember(id)) return undefined;
      const token = catalog.tokens.get(hashOf(secret));
      if (!token || token.expires <= Date.now()) return 'the token is unknown, used up or expired';
      if (membership.all().some((member) => member.id === id)) return 'it was a member and was removed';
      if (membership.find(name)) return `there is a member '${name}'`;
      const member = { id, name, slot: membership.nextSlot(), voter: false, removed: false };
      const changes: CatalogChange[] = [
        { kind: 'put-member', member },
        token.uses > 1
          ? { kind: 'put-token', token: { ...token, uses: token.uses - 1 } }
          : { kind: 'drop-token', hash: token.hash },
      ];
      await this.decide(`member ${name} joins`, changes);
    }
  }

  /** Has changes decided as nobody's statement. False: another one was decided first, and they are to be thought of anew. */
  async decide(text: string, changes: readonly CatalogChange[], user = ''): Promise<boolean> {
    return unlessStale(this.core.replica.submit(this.schemaChange(text, changes, user)));
  }

  /** What an author signed cannot be of one chain: nothing of it counts any more but what is final when this is decided. */
  async endAuthor({ author, member, tails }: Equivocation): Promise<void> {
    const size = tails.flat().reduce((bytes, { signed }) => bytes + signed.body.length, 0);
    const headers = tails.map((tail) =>
      tail.map(({ entry, signed: { cid, signature, body } }) => ({
        seq: entry.seq,
        cid: hex(cid),
        signature: hex(signature),
        ...(size <= PROOF_BYTES_MAX && { body: Buffer.from(body).toString('base64') }),
      })),
    );
    const ended = { author, member, time: Date.now(), tails: headers };
    while (!this.core.catalog.endedAuthors.has(author))
      await this.decide(`author ${author} signed two entries with one number`, [{ kind: 'end-author', ended }]);
  }

  /**
   * What this node holds of removed members, and no block had ordered by then, is to count all the same: it may have told such a member
   * that it holds it, and who heard that of a majority confirmed it to its client. Rejects when it can decide no more.
   */
  async rescue(): Promise<void> {
    const { replica } = this.core;
    if (this.isRescuing || !this.facts.membership.isAdmitted) return;
    this.isRescuing = true;
    try {
      for (let found = replica.stranded(); found.length > 0; found = replica.stranded())
        await this.decide(
          `entries of removed members count: ${JSON.stringify(found)}`,
          found.map((rescued) => ({ kind: 'rescue-author', rescued })),
        );
    } finally {
      this.isRescuing = false;
    }
  }
  private isRescuing = false;

  private schemaChange(text: string, changes: readonly CatalogChange[], user: string): GroupTransaction {
    const schema = { text, changes, basis: this.core.machine.schemaCount, strict: true };
    const changed = { changes: new ChangeList(), schema };
    const record = { user, database: '', sql: '', level: 'final', unchecked: false, ...changed } as const;
    return GroupTransaction.own('final', true, 0, () => transactionOf(record));
  }

  /**
   * Has the members be as the schema says, one decided change after the other. Whoever it does not name at all stays: another node may
   * know more than this one of who is to come. Rejects when it can decide no more.
   */
  async follow(wanted: WantedMembers): Promise<void> {
    if (this.isFollowing) return;
    this.isFollowing = true;
    try {
      for (;;) {
        const next = this.nextMembers(wanted);
        if (next.length === 0) return;
        const changes = next.map((member) => ({ kind: 'put-member' as const, member }));
        await this.decide(`members: ${JSON.stringify(next)}`, changes);
        while (!this.facts.votersDecide()) await this.core.replica.nextBlock();
      }
    } finally {
      this.isFollowing = false;
    }
  }
  private isFollowing = false;

  /**
   * What changes next: who comes is let in; once all that are to vote have everything, they do, and nobody else, by one change: in
   * between an even number of voters would bear less; then who is gone is let go. Who leaves does so itself, without a vote by then.
   */
  private nextMembers({ hosts, gone, left }: WantedMembers): readonly MemberDef[] {
    const { membership } = this.facts;
    const all = membership.all();
    const isNew = ({ id, stay }: Stay): boolean => {
      const known = all.find((member) => member.id === id);
      return !known || (known.removed && stayOf(known) < stay);
    };
    const coming = hosts.filter(isNew);
    // A stay that ended before it began: no leader who hears late of its end lets it begin.
    const missed = left.filter((one) => isNew(one) && !hosts.some(({ id }) => id === one.id));
    if (coming.length > 0 || missed.length > 0)
      return this.newStays([...coming, ...missed]).map((member, i) => ({ ...member, removed: i >= coming.length }));
    const isLeaving = (member: MemberDef): boolean =>
      left.some(({ id, stay }) => id === member.id && stay >= stayOf(member));
    const current = membership.current();
    const voters = firstVoters(current.filter((member) => !gone.has(member.id) && !isLeaving(member)));
    if (voters.length === 0 || !voters.every((member) => member.voter || this.isInSync(member))) return [];
    const changed = current.filter((member) => member.voter !== voters.includes(member));
    if (changed.length > 0) return changed.map((member) => ({ ...member, voter: !member.voter }));
    return current.filter(({ id }) => gone.has(id)).map((member) => ({ ...member, removed: true }));
  }

  /** Who comes again gives keys of the same class as before. What it wrote before counts no more, whenever it is found. */
  private newStays(stays: readonly Stay[]): readonly Omit<MemberDef, 'removed'>[] {
    const { membership } = this.facts;
    const since = this.core.replica.height;
    let free = membership.nextSlot();
    return stays.map(({ id, name, stay }) => {
      const slot = membership.all().find((member) => member.id === id)?.slot ?? free++;
      return { id, name, slot, voter: false, ...(stay > 1 && { stay, since }) };
    });
  }

  /**
   * This node, which has no vote any more, is a member no more: its last transaction says so. All that it wrote stands in blocks then.
   * Rejects when it cannot be decided now.
   */
  async depart(): Promise<void> {
    const { membership } = this.facts;
    const { replica } = this.core;
    replica.end();
    await replica.flushed();
    while (!membership.isOver) {
      const member = membership.find(membership.self);
      if (!member || member.voter || !this.facts.votersDecide()) return;
      if (replica.isOrdered(membership.self)) {
        const changes: CatalogChange[] = [{ kind: 'put-member', member: { ...member, removed: true } }];
        await unlessStale(replica.submitLast(this.schemaChange(`member ${member.name} leaves`, changes, '')));
      } else await replica.nextBlock();
    }
  }

  private isInSync({ id }: MemberDef): boolean {
    const { isUp, lag } = this.facts.describeMember(nodeId(id));
    return isUp && lag <= VOTER_LAG;
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

  /** 'retry' runs the transaction's intentions again, now; either way the conflict is listed no more, on every node. */
  private async resolveConflict(session: EngineSession, id: string, action: string): Promise<SqliteValue> {
    const { core } = this;
    core.accounts.checkGlobal(session, ['SUPER', 'SYSTEM_VARIABLES_ADMIN']);
    if (action !== 'retry' && action !== 'dismiss')
      throw new SqlError(1210, 'HY000', "Incorrect arguments to p2pdb_resolve_conflict: 'retry' or 'dismiss'");
    if (!core.state.db.prepare('SELECT 1 FROM conflict WHERE tx = ?').get(id))
      throw new SqlError(1032, 'HY000', `There is no conflict of transaction '${id}'`);
    if (action === 'retry') await this.retry(id);
    await core.commits.changeCatalog(session, `p2pdb_resolve_conflict('${id}', '${action}')`, [
      { kind: 'drop-conflict', tx: id },
    ]);
    return 1;
  }

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

/** False where another schema change came first. */
async function unlessStale(done: Promise<void>): Promise<boolean> {
  try {
    await done;
    return true;
  } catch (error) {
    if (!(error instanceof RejectedError) || error.outcome.reason !== 'stale') throw error;
    return false;
  }
}

const hashOf = (secret: Uint8Array): string => createHash('sha256').update(secret).digest('hex');
