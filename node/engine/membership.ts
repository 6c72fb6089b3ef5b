/**
 * Who hosts the group. The first members stand in `genesis.json` of the group's folder; every change since is ordered like a schema
 * change and lies in the catalog.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { nodeId, type NodeId } from '../consensus/index.ts';
import type { Catalog, MemberDef } from '../sql/index.ts';
import { writeFileDurably, type KeyClass } from '../store/index.ts';

export interface Genesis {
  readonly members: readonly { readonly name: string; readonly id: string }[];
  /** Ids of the members that decide, at first. */
  readonly voters: readonly string[];
  /** Of a group that goes on with another one's state: residues that the keys of its members are told apart by, as they were there. */
  readonly slots?: number;
  readonly predecessor?: Predecessor;
  /** Of a database's own group: block of the group that all nodes host with which this node opened it. */
  readonly since?: number;
  /** Of a database's own group: which of this node's stays in it this is; the first where it does not say. */
  readonly stay?: number;
  /** Of a node that joined: ids of those who were members then. It hears them until it knows by itself who is one. */
  readonly introduced?: readonly string[];
}

/** The group whose majority was lost, and the member of it with whose state this one began. */
export interface Predecessor {
  /** Id of its first member. */
  readonly founder: string;
  readonly member: string;
  /** Of the last block that this member had applied. */
  readonly height: number;
  /** Of its state, with all that no block had ordered: what this group began with. */
  readonly digest: string;
}

/** Where a group of this name lies in a data folder. */
export const groupFolder = (dir: string, name: string): string => path.join(dir, 'groups', name);

export const genesisFile = (groupDir: string): string => path.join(groupDir, 'genesis.json');

export const readGenesis = (file: string): Genesis => JSON.parse(readFileSync(file, 'utf8')) as Genesis;

/** Reads the group's genesis, or keeps the one that is made when there is none. */
export function keepGenesis(file: string, make: () => Genesis): Genesis {
  if (existsSync(file)) return readGenesis(file);
  const genesis = make();
  writeFileDurably(file, `${JSON.stringify(genesis, undefined, 2)}\n`);
  return genesis;
}

/** Voters where nobody names any: enough to lose one or two, few enough to be quick. */
const VOTERS_MAX = 5;

/** The first of the members, an odd number. */
export const firstVoters = <Member>(members: readonly Member[]): readonly Member[] =>
  members.slice(0, Math.min(VOTERS_MAX, members.length - (1 - (members.length % 2))));

const SLOTS_LEAST = 4;

/** Which of its stays in the group a member is in, or was in last. */
export const stayOf = ({ stay = 1 }: Pick<MemberDef, 'stay'>): number => stay;

/** The members, as they are in a version of the catalog. */
interface Known {
  readonly version: number;
  readonly all: readonly MemberDef[];
  readonly current: readonly MemberDef[];
}

export class Membership {
  private readonly catalog: Catalog;
  private readonly genesis: Genesis;
  private readonly first: readonly MemberDef[];
  readonly slots: number;
  readonly self: NodeId;
  /** Which stay of this node its data is of. */
  readonly stay: number;

  constructor(catalog: Catalog, genesis: Genesis, self: NodeId) {
    this.catalog = catalog;
    this.genesis = genesis;
    this.self = self;
    this.stay = stayOf(genesis);
    this.first = genesis.members.map(({ id, name }, slot) => ({
      id,
      name,
      slot,
      voter: genesis.voters.includes(id),
      removed: false,
    }));
    this.slots = genesis.slots ?? Math.max(SLOTS_LEAST, 2 ** Math.ceil(Math.log2(genesis.members.length + 1)));
  }

  /** All that ever were members; the removed too, whose slots are not given again. */
  all(): readonly MemberDef[] {
    return this.known.all;
  }

  current(): readonly MemberDef[] {
    return this.known.current;
  }

  /** Each message and each block asks for it. */
  private get known(): Known {
    const { members, version } = this.catalog;
    if (this.lastKnown?.version === version) return this.lastKnown;
    const all = [
      ...this.first.map((member) => members.get(member.id) ?? member),
      ...[...members.values()].filter((member) => !this.first.some((f) => f.id === member.id)),
    ].sort((a, b) => a.slot - b.slot);
    return (this.lastKnown = { version, all, current: all.filter((member) => !member.removed) });
  }
  private lastKnown: Known | undefined;

  find(idOrName: string): MemberDef | undefined {
    return this.current().find((member) => member.id === idOrName || member.name === idOrName);
  }

  /** Whom this node talks to. */
  members(): readonly NodeId[] {
    const known = this.current().map((member) => nodeId(member.id));
    if (this.isAdmitted) return known;
    return [...new Set([...known, ...(this.genesis.introduced ?? []).map(nodeId)])];
  }

  voters(): readonly NodeId[] {
    return this.current()
      .filter((member) => member.voter)
      .map((member) => nodeId(member.id));
  }

  isMember(id: string): boolean {
    return this.current().some((member) => member.id === id);
  }

  /** It was a member, and is none now. */
  wasRemoved(id: string): boolean {
    return this.all().some((member) => member.id === id && member.removed);
  }

  /** Whether entries of a node count that it made on a block of that height: those of an earlier stay do not any more. */
  mayWrite(id: string, height: number): boolean {
    return this.current().some((member) => member.id === id && height >= (member.since ?? 0));
  }

  private get own(): MemberDef | undefined {
    return this.all().find(({ id }) => id === this.self);
  }

  /** This node is a member, by the stay that its data is of. */
  get isAdmitted(): boolean {
    const { own } = this;
    return own !== undefined && !own.removed && stayOf(own) === this.stay;
  }

  /** The stay that this node's data is of has ended. */
  get isOver(): boolean {
    const { own } = this;
    return own !== undefined && (stayOf(own) > this.stay || (stayOf(own) === this.stay && own.removed));
  }

  /** Nobody else hosts the group, or ever did. */
  get isAlone(): boolean {
    return this.stay === 1 && this.genesis.members.length === 1 && this.catalog.members.size === 0;
  }

  nextSlot(): number {
    return Math.max(...this.all().map((member) => member.slot)) + 1;
  }

  /**
   * The AUTO_INCREMENT values and hidden keys that this node may give: no two members share one, ever. The first members take a
   * residue each modulo a power of two and leave one residue free; who joins later shares that one in the same manner. Undefined for a
   * node alone, which takes them all.
   */
  keyClass(): KeyClass | undefined {
    if (this.isAlone) return undefined;
    const slot = this.own?.slot ?? 0;
    const level = Math.floor(slot / (this.slots - 1));
    const step = this.slots ** level;
    return { increment: step * this.slots, offset: step * ((slot % (this.slots - 1)) + 1) };
  }
}
