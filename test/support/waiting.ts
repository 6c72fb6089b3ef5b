/** Nodes that wait to be let in, as programs of their own: asked and told by HTTP. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ROOT_PASSWORD } from './node.ts';
import { freePorts } from './ports.ts';
import { Program } from './process.ts';

export interface Answer {
  readonly status: number;
  readonly body: {
    readonly phase?: string;
    readonly name?: string;
    readonly id?: string;
    readonly reason?: string;
    readonly founder?: string;
    readonly leader?: string;
    readonly tentative?: number;
    readonly digest?: string;
    readonly final?: { readonly height: number };
    readonly predecessor?: Readonly<Record<'founder' | 'member' | 'digest', string>> & { readonly height: number };
    readonly recoveryFault?: string;
    readonly members?: readonly { readonly name: string; readonly id: string; readonly voter: boolean }[];
    readonly removed?: readonly string[];
    readonly databaseGroups?: readonly {
      readonly database: string;
      readonly ready: boolean;
      readonly final: { readonly height: number };
    }[];
    readonly results?: readonly { readonly rows: readonly (readonly unknown[])[] }[];
    readonly error?: { readonly code: string; readonly message: string; readonly errno?: number };
  };
}

const TOKEN = 'token-of-the-test';

/** Nodes of one swarm, in one folder. */
export class Waiting {
  readonly root = mkdtempSync(path.join(tmpdir(), 'p2pdb-join-'));
  readonly tokenFile = path.join(this.root, 'token');
  readonly swarmKey = path.join(this.root, 'swarm.key');
  private readonly members: Member[] = [];

  constructor() {
    writeFileSync(this.tokenFile, TOKEN);
    writeFileSync(this.swarmKey, `/key/swarm/psk/1.0.0/\n/base16/\n${randomBytes(32).toString('hex')}\n`);
  }

  /** Starts one, which waits. */
  async start(name: string): Promise<Member> {
    const [port = 0, peers = 0] = await freePorts(2);
    const member = new Member(this, name, port, peers);
    this.members.push(member);
    await member.phase('waiting');
    return member;
  }

  /** The first of a group, and others that joined it: the first three decide. */
  async group(...names: readonly string[]): Promise<Member[]> {
    const members = await Promise.all(names.map((name) => this.start(name)));
    const [first, ...others] = members as [Member, ...Member[]];
    assert.equal((await first.ask('POST', '/v1/join', { found: true })).status, 200);
    await first.phase('serving');
    for (const other of others) await other.join(first);
    for (const name of names.slice(1, 3)) await first.giveVote(name);
    return members;
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map(({ program }) => program.kill()));
    rmSync(this.root, { recursive: true, force: true });
  }
}

export class Member {
  private readonly swarm: Waiting;
  readonly name: string;
  readonly port: number;
  private readonly peers: number;
  program: Program;

  constructor(swarm: Waiting, name: string, port: number, peers: number) {
    this.swarm = swarm;
    this.name = name;
    this.port = port;
    this.peers = peers;
    this.program = this.launch();
  }

  get folder(): string {
    return path.join(this.swarm.root, this.name);
  }

  /** Ends it, and takes its volume away. */
  async lose(): Promise<void> {
    await this.program.kill();
    rmSync(this.folder, { recursive: true });
  }

  /** Joins the group of a member. */
  async join(through: Member): Promise<void> {
    const token = (await through.sql('SELECT p2pdb_join_token(5, 1)'))[0]?.[0];
    const answer = await this.ask('POST', '/v1/join', { token });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    await this.phase('serving');
  }

  /** Gives another member a vote, which counts some 60 blocks later: a busy machine takes its time for them. */
  async giveVote(name: string): Promise<void> {
    await this.sql(`SET p2pdb_commit_timeout = 60; SELECT p2pdb_set_voter('${name}', 1)`);
  }

  private launch(): Program {
    return new Program(['node'], {
      P2PDB_NAME: this.name,
      P2PDB_DATA: this.folder,
      P2PDB_MYSQL: '127.0.0.1:0',
      P2PDB_HTTP: `127.0.0.1:${this.port}`,
      P2PDB_PEERS: `127.0.0.1:${this.peers}`,
      P2PDB_CLUSTER: 'waited',
      P2PDB_SWARM_KEY: this.swarm.swarmKey,
      P2PDB_ADMIN_TOKEN_FILE: this.swarm.tokenFile,
      P2PDB_JOIN: 'wait',
      P2PDB_ROOT_PASSWORD: ROOT_PASSWORD,
      P2PDB_TLS: 'off',
      P2PDB_LOG_LEVEL: 'warn',
    });
  }

  start(): void {
    this.program = this.launch();
  }

  async restart(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.program.kill(signal);
    this.start();
  }

  async ask(method: string, at: string, body?: object, token = TOKEN): Promise<Answer> {
    const response = await fetch(`http://127.0.0.1:${this.port}${at}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', connection: 'close' },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Answer['body'] };
  }

  status = (): Promise<Answer> => this.ask('GET', '/v1/status');

  /** Asks again until the node is in the phase: it starts, or hears of it from another node. */
  phase(wanted: string): Promise<Answer['body']> {
    return this.until(({ phase }) => phase === wanted, wanted);
  }

  /** Asks again until what the node says is as wanted. */
  async until(holds: (body: Answer['body']) => boolean, wanted: string): Promise<Answer['body']> {
    const deadline = performance.now() + 30_000;
    for (;;) {
      const seen = await this.status().catch((error: unknown) => String(error));
      if (typeof seen === 'object' && holds(seen.body)) return seen.body;
      if (performance.now() > deadline) assert.fail(`${this.name} is not ${wanted}: ${JSON.stringify(seen)}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  async sql(sql: string): Promise<readonly (readonly unknown[])[]> {
    const { status, body } = await this.ask('POST', '/v1/sql', { sql });
    assert.equal(status, 200, JSON.stringify(body));
    return body.results?.[0]?.rows ?? [];
  }
}
