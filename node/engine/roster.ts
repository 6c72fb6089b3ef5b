/** Who the members are: what people, nodes that join and the schema want of it, decided; and what counts of those who were. */
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeId } from '../consensus/index.ts';
import { hex } from '../log/index.ts';
import type { Equivocation } from '../replica/index.ts';
import { SqlError, type CatalogChange, type MemberDef, type SqliteValue } from '../sql/index.ts';
import type { EngineCore } from './core.ts';
import { unlessStale, type GroupFacts } from './group.ts';
import { firstVoters, stayOf } from './membership.ts';
import { hostedDatabases, withoutHost, type PlacedDatabase } from './placement.ts';
import type { EngineSession } from './session.ts';

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

/** Who is removed and has no link for so long to a node that decides with the others is not there. */
const APPEARS_MS = 2_000;
const LOOK_MS = 20;

/** Larger entries are proven by hash and signature only. */
const PROOF_BYTES_MAX = 64 << 10;

export class Roster {
  private readonly core: EngineCore;
  private readonly facts: GroupFacts;

  constructor(core: EngineCore, facts: GroupFacts) {
    this.core = core;
    this.facts = facts;
  }

  /** A token that lets `uses` nodes join within so many minutes. */
  async joinToken(session: EngineSession, minutes: number, uses: number): Promise<SqliteValue> {
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

  /** All that are named, by one change: in between, an even number of voters would bear less. */
  async setVoters(session: EngineSession, names: readonly string[], voter: boolean): Promise<SqliteValue> {
    this.core.accounts.checkGlobal(session, ['SUPER', 'SYSTEM_VARIABLES_ADMIN']);
    const members = names.map((name) => this.memberOf(name));
    if (!voter) this.checkOthersVote(members);
    const changes = members.map((member) => ({ kind: 'put-member' as const, member: { ...member, voter } }));
    await this.core.commits.changeCatalog(session, `p2pdb_set_voter('${names.join()}', ${Number(voter)})`, changes);
    if (members.some((member) => member.voter !== voter))
      await this.votersDecide(session, 'The change is decided and takes effect when they do.');
    return 1;
  }

  /**
   * While the heights that a voter votes on are decided, it must be there: a majority of two is both. So it loses its vote first; and where
   * it is there, it hands over the databases that it hosts, or the only vote of a group would go with it.
   */
  async remove(session: EngineSession, name: string): Promise<SqliteValue> {
    this.core.accounts.checkGlobal(session, ['SUPER', 'SYSTEM_VARIABLES_ADMIN']);
    let isThere = false;
    let isAwaited = false;
    for (;;) {
      // Each time anew: what came before took a while.
      const member = this.memberOf(name);
      this.checkRemovable(member);
      // Once seen, it is waited for, whatever becomes of it meanwhile.
      isThere ||= this.isUp(member);
      const isHost = this.databaseOn(member) !== undefined;
      if (isHost && isThere) await this.handOver(session, member);
      else if (isHost && !isAwaited) {
        await this.lookFor(session, member);
        isAwaited = true;
      } else if (member.voter) await this.setVoters(session, [name], false);
      else if (!this.facts.votersDecide())
        // Another session may have taken its vote a moment ago, and not have lived to see others decide.
        await this.votersDecide(
          session,
          'Nobody is removed while voters of before decide. The removal can be tried again.',
        );
      else {
        const change = { kind: 'put-member', member: { ...member, removed: true } } as const;
        await this.core.commits.changeCatalog(session, `p2pdb_remove_member('${name}')`, [change]);
        return 1;
      }
    }
  }

  /**
   * Who is not linked may be there all the same: a node that is cut off, or has just started, is linked to nobody. What it sees counts once
   * something was decided through it, and the links to those who are there had the time to come up.
   */
  private async lookFor(session: EngineSession, member: MemberDef): Promise<void> {
    await this.core.group.linearize(session, undefined, 'The removal can be tried again.');
    const until = performance.now() + APPEARS_MS;
    while (performance.now() < until && !this.isUp(member)) await sleep(LOOK_MS);
  }

  /** A database that a member hosts, or has yet to leave. */
  private databaseOn({ id }: MemberDef): PlacedDatabase | undefined {
    return hostedDatabases(this.core.catalog).find(
      ({ placement: { hosts, leaving = [] } }) => hosts.includes(id) || leaving.includes(id),
    );
  }

  /** Takes all databases away from a member, and waits until it has left them. */
  private async handOver(session: EngineSession, member: MemberDef): Promise<void> {
    const { core } = this;
    let isWanted = true;
    const left = async (): Promise<void> => {
      while (isWanted && this.databaseOn(member)) {
        const next = hostedDatabases(core.catalog)
          .map((database) => withoutHost(core, database, member.id))
          .find((database) => database !== undefined);
        if (next)
          await core.group.decide(`database ${next.name}: without ${member.name}`, [
            { kind: 'put-database', database: next },
          ]);
        else await core.replica.nextBlock();
      }
    };
    const cause = `'${member.name}' has yet to hand over database '${this.databaseOn(member)?.name}'`;
    try {
      await core.group.within(session, left(), () => 'The removal can be tried again.', undefined, cause);
    } finally {
      isWanted = false;
    }
  }

  private memberOf(name: string): MemberDef {
    const member = this.facts.membership.find(name);
    if (!member) throw new SqlError(1032, 'HY000', `There is no member '${name}'`);
    return member;
  }

  private checkRemovable(member: MemberDef): void {
    const { membership } = this.facts;
    const orphan = hostedDatabases(this.core.catalog).find(({ placement }) =>
      placement.hosts.every((id) => id === member.id || !membership.isMember(id)),
    );
    if (orphan)
      throw new SqlError(1210, 'HY000', `Nobody else hosts database '${orphan.name}': change its p2pdb:replicas first`);
    this.checkOthersVote([member]);
  }

  private checkOthersVote(members: readonly MemberDef[]): void {
    if (!this.facts.membership.current().some((member) => member.voter && !members.includes(member)))
      throw new SqlError(1210, 'HY000', 'A group needs at least one voter');
  }

  /** Until the new voters decide, the loss of an old one still counts. */
  private votersDecide(session: EngineSession, advice: string): Promise<void> {
    const decided = async (): Promise<void> => {
      while (!this.facts.votersDecide()) await this.core.replica.nextBlock();
    };
    return this.core.group.within(session, decided(), () => advice);
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
      await this.core.group.decide(`member ${name} joins`, changes);
    }
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
      await this.core.group.decide(`author ${author} signed two entries with one number`, [
        { kind: 'end-author', ended },
      ]);
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
        await this.core.group.decide(
          `entries of removed members count: ${JSON.stringify(found)}`,
          found.map((rescued) => ({ kind: 'rescue-author', rescued })),
        );
    } finally {
      this.isRescuing = false;
    }
  }
  private isRescuing = false;

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
        // Also of a node that writes nothing more: a leader that had yet to hear so may have given it the only vote.
        const change = this.core.group.schemaChange(`members: ${JSON.stringify(next)}`, changes, '');
        await unlessStale(this.core.replica.submitLast(change));
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
        await unlessStale(
          replica.submitLast(this.core.group.schemaChange(`member ${member.name} leaves`, changes, '')),
        );
      } else await replica.nextBlock();
    }
  }

  private isUp({ id }: MemberDef): boolean {
    return this.facts.describeMember(nodeId(id)).isUp;
  }

  private isInSync({ id }: MemberDef): boolean {
    const { isUp, lag } = this.facts.describeMember(nodeId(id));
    return isUp && lag <= VOTER_LAG;
  }
}

const hashOf = (secret: Uint8Array): string => createHash('sha256').update(secret).digest('hex');
