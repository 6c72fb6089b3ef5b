/** The network's side: runs libp2p and does what its owner commands. */
import { AddressBook } from './address-book.ts';
import { parseBootstrap } from './bootstrap.ts';
import { NetworkError } from './errors.ts';
import { Finder } from './finder.ts';
import { nodeIdOf, privateKeyOf } from './identity.ts';
import { Links } from './links.ts';
import type { Command, Report } from './messages.ts';
import { Outbox } from './outbox.ts';
import type { NetworkOptions, NodeId } from './ports.ts';
import { createSwarm, type Swarm } from './swarm.ts';

interface Running {
  readonly swarm: Swarm;
  readonly links: Links;
  readonly finder: Finder;
}

export class NetworkHost {
  private readonly outbox: Outbox;
  private members = new Set<NodeId>();
  private running: Running | undefined;
  /** Starting and stopping follow each other. */
  private last: Promise<void> = Promise.resolve();

  constructor(post: (reports: readonly Report[]) => void) {
    this.outbox = new Outbox(post);
  }

  receive(commands: readonly Command[]): void {
    for (const command of commands) this.obey(command);
  }

  private obey(command: Command): void {
    switch (command.kind) {
      case 'start':
        this.members = new Set(command.options.members);
        this.last = this.last.then(() => this.start(command.options));
        return;
      case 'stop':
        this.last = this.last.then(() => this.stop());
        return;
      case 'members':
        this.setMembers(command.members);
        return;
      case 'send':
        this.running?.links.byNumber(command.link)?.send(command.chunk);
        return;
      case 'credit':
        this.running?.links.byNumber(command.link)?.credit(command.bytes);
        return;
      default:
    }
  }

  private readonly log = (level: 'debug' | 'info' | 'warn' | 'error', text: string, detail = {}): void =>
    this.outbox.add({ kind: 'log', level, text, detail });

  private async start(options: NetworkOptions): Promise<void> {
    try {
      const privateKey = await privateKeyOf(options.privateKey);
      const isMember = (id: NodeId): boolean => this.members.has(id);
      const bootstrap = options.bootstrap.map(parseBootstrap);
      const self = nodeIdOf(privateKey.publicKey.raw);
      const swarm = await createSwarm(options, privateKey, isMember);
      const links = new Links({
        libp2p: swarm,
        self,
        protocol: `/p2pdb/${options.swarm.id}/messages/1`,
        outbox: this.outbox,
        isMember,
        log: this.log,
        onUp: (id) => finder.up(id),
        onDown: (id) => finder.down(id),
      });
      const book = new AddressBook(options.dataFolder);
      const finder = new Finder({ swarm, links, self, book, bootstrap, log: this.log });
      await links.start();
      try {
        await swarm.start();
      } catch (cause) {
        await links.stop();
        await swarm.stop();
        throw new NetworkError('LISTEN_FAILED', (cause as Error).message, { cause });
      }
      finder.start([...this.members]);
      this.running = { swarm, links, finder };
      this.outbox.add({ kind: 'started', addresses: swarm.getMultiaddrs().map(String) });
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      const code = error.code === 'LISTEN_FAILED' ? error.code : 'BAD_OPTIONS';
      this.outbox.add({ kind: 'failed', code, message: error.message });
    }
  }

  private async stop(): Promise<void> {
    const { running } = this;
    this.running = undefined;
    await running?.finder.stop();
    await running?.links.stop();
    await running?.swarm.stop();
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
