/** Databases on their way from the group that all nodes host to one of their own: what this node has to do for them. See DESIGN.md. */
import {
  copyTables,
  doWithout,
  handOver,
  movingDatabases,
  sayClosed,
  type MovingDatabase,
  type OpenedEngine,
  type OwnGroup,
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
  /** Groups for which a step is being made. */
  private readonly busy = new Set<string>();

  constructor(options: MovesOptions) {
    this.options = options;
  }

  /** Makes the next steps; where one fails, or another node was faster, it is thought of anew with the next call. */
  follow(): void {
    for (const database of movingDatabases(this.options.main.core.catalog)) {
      const { group } = database.move.to;
      const step = this.busy.has(group) ? undefined : this.nextStep(database);
      if (step) void this.make(step, database);
    }
  }

  private async make(step: () => Promise<boolean>, { name, move }: MovingDatabase): Promise<void> {
    const { group } = move.to;
    this.busy.add(group);
    let isDone = false;
    try {
      isDone = await step();
    } catch (error) {
      this.options.log.warn({ database: name, err: error }, 'a database did not get on to a group of its own');
    }
    this.busy.delete(group);
    if (isDone) this.options.onStep();
  }

  private nextStep(database: MovingDatabase): (() => Promise<boolean>) | undefined {
    const { main, find } = this.options;
    const { to, awaited } = database.move;
    if (awaited.includes(main.self)) return () => sayClosed(main.core, main.self, database);
    const gone = awaited.filter((id) => !main.membership.isMember(id));
    if (gone.length > 0 && main.decider.leader === main.self)
      return () => doWithout(main.core, database, new Set(gone));
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
}
