/** The network's side: runs libp2p and does what its owner commands. */
import type { PeerId } from '@libp2p/interface';
import { Gossip } from '../pubsub/index.ts';
import { AddressBook } from './address-book.ts';
import { parseBootstrap } from './bootstrap.ts';
import { NetworkError } from './errors.ts';
import { Finder } from './finder.ts';
import { nodeIdOfPeer, privateKeyOf } from './identity.ts';
import { nodeIdOf } from './node-id.ts';
import { JoinDesk } from './join-desk.ts';
import { Links, type Log } from './links.ts';
import type { Command, Report } from './messages.ts';
import { Outbox } from './outbox.ts';
import type { NetworkOptions, NodeId } from './ports.ts';
import { createSwarm, type Swarm } from './swarm.ts';

interface Running {
  readonly swarm: Swarm;
  readonly links: Links;
  readonly finder: Finder;
  readonly gossip: Gossip;
}

export class NetworkHost {
  private readonly outbox: Outbox;
  private readonly desk: JoinDesk;
  private members = new Set<NodeId>();
  private removed = new Set<NodeId>();
  private readonly topics = new Set<string>();
  private running: Running | undefined;
  /** Starting and stopping follow each other. */
  private last: Promise<void> = Promise.resolve();

  constructor(post: (reports: readonly Report[]) => void) {
    this.outbox = new Outbox(post);
    this.desk = new JoinDesk(this.outbox);
  }

  receive(commands: readonly Command[]): void {
    for (const command of commands) this.obey(command);
  }

  private obey(command: Command): void {
    const { running } = this;
    switch (command.kind) {
      case 'start':
        this.members = new Set(command.options.members);
        this.removed = new Set(command.options.removed);
        for (const topic of command.topics) this.topics.add(topic);
        this.last = this.last.then(() => this.start(command.options));
        return;
      case 'stop':
        this.last = this.last.then(() => this.stop());
        return;
      case 'members':
        this.removed = new Set(command.removed);
        this.setMembers(command.members);
        return;
      case 'send':
        running?.links.byNumber(command.link)?.send(command.chunk);
        return;
      case 'offerLane':
        running?.links.byNumber(command.link)?.offerLane(command.ticket);
        return;
      case 'drop':
        running?.links.byNumber(command.link)?.close(command.reason);
        return;
      case 'credit':
        running?.links.byNumber(command.link)?.credit(command.bytes);
        return;
      case 'subscribe':
        this.topics.add(command.topic);
        running?.gossip.subscribe(command.topic);
        return;
      case 'unsubscribe':
        this.topics.delete(command.topic);
        running?.gossip.unsubscribe(command.topic);
        return;
      case 'announce':
        running?.gossip.announce(command.topic, command.messages);
        return;
      case 'joinAnswer':
        this.desk.answer(command.request, command.answer);
    }
  }

  private readonly log: Log = (level, text, detail = {}) => this.outbox.add({ kind: 'log', level, text, detail });

  private readonly isMember = (id: NodeId): boolean => this.members.has(id);

  private async start(options: NetworkOptions): Promise<void> {
    try {
      const running = await this.prepare(options);
      const { swarm, links, gossip, finder } = running;
      try {
        await links.start();
        await swarm.start();
      } catch (cause) {
        await links.stop();
        await swarm.stop();
        throw new NetworkError('LISTEN_FAILED', (cause as Error).message, { cause });
      }
      for (const topic of this.topics) gossip.subscribe(topic);
      finder.start([...this.members]);
      this.running = running;
      swarm.addEventListener('self:peer:update', () => {
        this.outbox.add({ kind: 'addresses', addresses: swarm.getMultiaddrs().map(String) });
      });
      this.outbox.add({ kind: 'started', addresses: swarm.getMultiaddrs().map(String) });
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      const code = error.code === 'LISTEN_FAILED' ? error.code : 'BAD_OPTIONS';
      this.outbox.add({ kind: 'failed', code, message: error.message });
    }
  }

  private async prepare(options: NetworkOptions): Promise<Running> {
    const { outbox, isMember, log } = this;
    const bootstrap = options.bootstrap.map(parseBootstrap);
    const privateKey = await privateKeyOf(options.privateKey);
    const self = nodeIdOf(privateKey.publicKey.raw);
    const swarm = await createSwarm(options, privateKey, {
      isMember,
      wasRemoved: (id) => this.removed.has(id),
      onRemoved: (by) => outbox.add({ kind: 'removed', by }),
      answerJoin: this.desk.ask,
    });
    const links = new Links({
      libp2p: swarm,
      self,
      protocol: `/p2pdb/${options.swarm.id}/messages/1`,
      outbox,
      isMember,
      log,
      onUp: (id) => finder.up(id),
      onDown: (id) => finder.down(id),
      onTold: (known) => finder.told(known),
    });
    const book = new AddressBook(options.dataFolder);
    const finder = new Finder({ swarm, links, self, book, bootstrap, log });
    const memberOf = (peer: PeerId): NodeId | undefined => {
      const id = nodeIdOfPeer(peer);
      return id !== undefined && isMember(id) ? id : undefined;
    };
    const gossip = new Gossip({
      pubsub: swarm.services.pubsub,
      prefix: `p2pdb/${options.swarm.id}/`,
      isMember: (peer) => memberOf(peer) !== undefined,
      onMessages: (topic, messages, peer) => {
        const from = memberOf(peer);
        // Copies: a view would take its whole buffer along to another thread.
        if (from) outbox.add({ kind: 'gossip', topic, messages: messages.map((m) => new Uint8Array(m)), from });
      },
      onError: (error) => log('warn', 'an announcement was not published', { error: error.message }),
    });
    return { swarm, links, finder, gossip };
  }

  private async stop(): Promise<void> {
    const { running } = this;
    this.running = undefined;
    this.desk.close();
    if (running) {
      running.gossip.stop();
      await running.finder.stop();
      await running.links.stop();
      await running.swarm.stop();
    }
    this.outbox.add({ kind: 'stopped' });
    this.outbox.flush();
  }

  private setMembers(members: readonly NodeId[]): void {
    const before = this.members;
    this.members = new Set(members);
    for (const id of before) if (!this.members.has(id)) this.running?.links.drop(id, 'no member any more');
    this.running?.finder.setMembers(members);
  }
}
