/** The engine as the front door sees it: whatever group a database is in, and whichever nodes host it. */
import { nodeId, type NodeId } from '../consensus/index.ts';
import { adoptImage, imageReached, placedDatabases, type EngineCore, type EngineSession } from '../engine/index.ts';
import type { Forwarding, MovableSession, RemoteSession, Who } from '../forwarding/index.ts';
import type { Account, ClientInfo, Engine, Session } from '../server/index.ts';
import { SqlError, type PlacementDef } from '../sql/index.ts';
import type { Channels } from './channels.ts';
import type { HostedGroups } from './hosted.ts';
import { GatewaySession } from './session.ts';

export class Gateway implements Engine {
  readonly core: EngineCore;
  readonly hosted: HostedGroups;
  private readonly channels: Channels;
  private readonly forwarding: Forwarding;

  constructor(core: EngineCore, hosted: HostedGroups, channels: Channels, forwarding: Forwarding) {
    this.core = core;
    this.hosted = hosted;
    this.channels = channels;
    this.forwarding = forwarding;
  }

  get version(): string {
    return this.core.version;
  }

  get maxConnections(): number {
    return this.core.maxConnections;
  }

  findAccount(user: string, address: string): Account | undefined {
    return this.core.findAccount(user, address);
  }

  caughtUp(): Promise<void> {
    return this.core.caughtUp();
  }

  async openSession(id: number, account: Account, client: ClientInfo): Promise<GatewaySession> {
    const session = new GatewaySession(this, id, account, { ...client, database: '' }, false);
    try {
      if (client.database !== '') await session.useDatabase(client.database);
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  statistics(): string {
    return this.core.statistics();
  }

  kill(by: Session, id: number, queryOnly: boolean): void {
    this.core.kill((by as GatewaySession).main, id, queryOnly);
  }

  /** Some database has a group of its own. */
  get hasPlaced(): boolean {
    const { catalog } = this.core;
    if (this.placed.version !== catalog.version) {
      this.placed = { version: catalog.version, some: placedDatabases(catalog).length > 0 };
    }
    return this.placed.some;
  }
  private placed = { version: -1, some: false };

  placementOf(database: string): PlacementDef | undefined {
    return this.core.catalog.databases.get(database)?.placement;
  }

  nameOf({ group }: PlacementDef): string {
    return placedDatabases(this.core.catalog).find(({ placement }) => placement.group === group)?.name ?? group;
  }

  /** Opens a session at a node that hosts the group. Rejects with SqlError. */
  async openAt(
    placement: PlacementDef,
    { id, account, client }: EngineSession,
    image: Uint8Array,
  ): Promise<{ readonly node: NodeId; readonly session: RemoteSession }> {
    const up = placement.hosts.map(nodeId).filter((host) => this.channels.isUp(host));
    // Clients are spread over the hosts.
    const from = id % Math.max(1, up.length);
    let last: SqlError | undefined;
    for (const node of [...up.slice(from), ...up.slice(0, from)]) {
      try {
        return { node, session: await this.forwarding.open(node, account, client, image) };
      } catch (error) {
        if (!(error instanceof SqlError) || error.errno !== 3101) throw error;
        last = error;
      }
    }
    throw (
      last ??
      new SqlError(
        1429,
        'HY000',
        `Unable to connect to foreign data source: no node that hosts database '${this.nameOf(placement)}' is in reach`,
      )
    );
  }

  /** A session that another node's client has comes to this node. Rejects with SqlError. */
  async takeIn(id: number, { user, host }: Who, client: ClientInfo, image: Uint8Array): Promise<MovableSession> {
    await imageReached(this.core, image);
    const account = this.core.catalog.accounts.get(`${user}@${host}`);
    if (!account) throw new SqlError(1045, '28000', `Access denied for user '${user}'@'${client.address}'`);
    const session = new GatewaySession(this, id, account, { ...client, database: '' }, true);
    try {
      await adoptImage(session.main, image);
    } catch (error) {
      session.close();
      throw error;
    }
    return session;
  }
}
