/** Databases on their way from the group that all nodes host to one of their own, or back: what this node has to do. See DESIGN.md. */
import {
  bringHome,
  closedFor,
  closeToReturn,
  copyTables,
  doWithoutRemoved,
  handOver,
  isMoving,
  movingDatabases,
  openAgain,
  placedDatabases,
  returnsOf,
  sayClosed,
  type MovingDatabase,
  type OpenedEngine,
  type OwnGroup,
  type PlacedDatabase,
} from '../engine/index.ts';
import type { GroupsLogger } from './hosted.ts';

export interface MovesOptions {
  readonly main: OpenedEngine;
  /** A group that this node hosts. */
  readonly find: (group: string) => OwnGroup | undefined;
  readonly log: GroupsLogger;
  /** A step was made: the next one may be due. */
  readonly onStep: () => void;
}

export class Moves {
  private readonly options: MovesOptions;
  /** For which a step is being made: groups, and those of before that were opened again meanwhile. */
  private readonly busy = new Set<string | OwnGroup>();

  constructor(options: MovesOptions) {
    this.options = options;
  }

  /** Makes the next steps; where one fails, or another node was faster, it is thought of anew with the next call. */
  follow(): void {
    const { catalog } = this.options.main.core;
    for (const database of movingDatabases(catalog)) {
      const { group } = database.move.to;
      this.make(group, database.name, () => this.nextStep(database));
    }
    for (const database of placedDatabases(catalog)) {
      const { group } = database.placement;
      const own = this.options.find(group);
      if (own) this.make(own, database.name, () => this.nextStepBack(database, own));
    }
  }

  private make(where: string | OwnGroup, name: string, next: () => (() => Promise<boolean>) | undefined): void {
    const step = this.busy.has(where) ? undefined : next();
    if (step) void this.done(step, where, name);
  }

  private async done(step: () => Promise<boolean>, where: string | OwnGroup, name: string): Promise<void> {
    this.busy.add(where);
    let isDone = false;
    try {
      isDone = await step();
    } catch (error) {
      this.options.log.warn({ database: name, err: error }, 'a database did not get on to another group');
    }
    this.busy.delete(where);
    if (isDone) this.options.onStep();
  }

  private nextStep(database: MovingDatabase): (() => Promise<boolean>) | undefined {
    const { main, find } = this.options;
    const { to, awaited } = database.move;
    if (awaited.includes(main.self)) return () => sayClosed(main.core, main.self, database);
    if (awaited.some((id) => !main.membership.isMember(id)) && main.decider.leader === main.self)
      return () => doWithoutRemoved(main.core, database);
    const own = awaited.length === 0 ? find(to.group) : undefined;
    return own && own.decider.leader === own.self ? () => this.move(database, own) : undefined;
  }

  private async move(database: MovingDatabase, { core }: OwnGroup): Promise<boolean> {
    const { main, log } = this.options;
    const isDone = (await copyTables(main.core, core, database)) && (await handOver(main.core, database));
    if (isDone)
      log.info({ database: database.name, group: database.move.to.group }, 'a database has a group of its own now');
    return isDone;
  }

  /**
   * Its own group closes it for this return of it, or opens it again where it was called back. What was closed for a later one than this
   * node knows of stays as it is: whoever is behind must not open what another brings home.
   */
  private nextStepBack(database: PlacedDatabase, own: OwnGroup): (() => Promise<boolean>) | undefined {
    const { name, collation, placement, home = false } = database;
    const leads = own.decider.leader === own.self;
    const known = own.core.catalog.databases.get(name);
    const [returns, closed] = [returnsOf(placement), known && closedFor(known)];
    if (returns === 0 || (closed !== undefined && closed > returns)) return undefined;
    // Who began the group has waited for its tables since it was called back, and may not have made it before.
    const there = known ?? { name, collation, comment: '', readOnly: false };
    if (!home) return leads && (!known || isMoving(known)) ? () => openAgain(own.core, there) : undefined;
    if (!isMoving(there) || closed !== returns)
      return leads ? () => closeToReturn(own.core, there, returns) : undefined;
    const { awaited } = there.move;
    if (awaited.includes(own.self)) return () => sayClosed(own.core, own.self, there);
    if (!leads) return undefined;
    if (awaited.some((id) => !own.membership.isMember(id))) return () => doWithoutRemoved(own.core, there);
    return awaited.length === 0 ? () => this.bring(database, own) : undefined;
  }

  private async bring(database: PlacedDatabase, { core }: OwnGroup): Promise<boolean> {
    const { main, log } = this.options;
    const isDone = await bringHome(main.core, core, database);
    if (isDone) log.info({ database: database.name }, 'a database is in the group of all nodes again');
    return isDone;
  }
}
