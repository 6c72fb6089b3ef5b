/** A cluster of node programs on loopback, to be cut, killed, frozen and started again; and what must hold of all of them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type Connection, type ConnectionOptions } from 'mysql2/promise';
import { comparePositions, type Position } from '../../node/consistency/index.ts';
import { decodeCertificate } from '../../node/consensus/index.ts';
import { decodeTransaction, hex, type Transaction } from '../../node/log/index.ts';
import { loadIdentity, readLog } from '../../node/store/index.ts';
import { ROOT_PASSWORD } from './node.ts';
import { freePorts } from './ports.ts';
import { Program, type Exit } from './process.ts';

export interface ClusterOptions {
  readonly nodes?: number;
  /** The last so many are no members at first, and not started: see join(). */
  readonly newcomers?: number;
  /** Settings as variables, for all nodes. */
  readonly env?: NodeJS.ProcessEnv;
  /** Data folder of a node, where it shall not lie with the others. */
  readonly folderOf?: (node: number) => string | undefined;
  /** Address of a node; 127.0.0.1 with ports of its own otherwise. */
  readonly hostOf?: (node: number) => string;
  /** Address for the other nodes, where it is another one than that for clients. */
  readonly peerHostOf?: (node: number) => string;
  /** Settings of one node, or of the Node.js that runs it. */
  readonly envOf?: (node: number) => NodeJS.ProcessEnv;
  /** Command that a node is run by: `ip netns exec NAME`. */
  readonly prefixOf?: (node: number) => readonly string[];
}

/** What /v1/status says. */
export interface NodeStatus {
  readonly author: string;
  readonly peers: number;
  readonly leader?: string;
  readonly lag: { readonly entries: number };
  readonly final: { readonly height: number };
  readonly tentative: number;
  readonly digest: string;
  /** Those too that are found by no name yet. */
  readonly tables: number;
  readonly log: { readonly seq: number; readonly oldestHeight: number };
  /** Of databases that have a group of their own and that the node hosts. */
  readonly databaseGroups: readonly {
    readonly database: string;
    readonly group: string;
    readonly ready: boolean;
    readonly leaving: boolean;
    readonly members: readonly { readonly name: string; readonly voter: boolean }[];
    readonly votersDecide: boolean;
    readonly leader?: string;
    readonly lag: { readonly entries: number };
    readonly final: { readonly height: number };
    readonly tentative: number;
    readonly digest: string;
  }[];
}

/** A transaction at its place in the total order, as a log has it. */
export interface Ordered {
  /** Height of its block. */
  readonly height: number;
  readonly position: Position;
  readonly id: string;
  readonly content: Transaction;
}

interface Place {
  readonly name: string;
  readonly folder: string;
  readonly host: string;
  readonly peerHost: string;
  readonly mysql: number;
  readonly http: number;
  readonly peers: number;
}

/** Nodes that have ordered the same have different states. */
class DivergedError extends Error {
  override readonly name = 'DivergedError';

  constructor(digests: readonly string[]) {
    super(`the nodes' digests are ${digests.join(', ')}`);
  }
}

const isSettled = (statuses: readonly NodeStatus[]): boolean =>
  statuses.every(
    ({ tentative, lag, final }) => tentative === 0 && lag.entries === 0 && final.height === statuses[0]?.final.height,
  );

const CONVERGE_MS = 60_000;
const POLL_MS = 20;

export class TestCluster {
  readonly size: number;
  readonly root: string;
  private readonly places: readonly Place[];
  private readonly env: NodeJS.ProcessEnv;
  private readonly envOf: (node: number) => NodeJS.ProcessEnv;
  private readonly prefixOf: (node: number) => readonly string[];
  private readonly programs: (Program | undefined)[];
  private readonly launched: { readonly name: string; readonly program: Program }[] = [];
  private readonly connections = new Set<Connection>();

  private constructor(root: string, places: readonly Place[], options: ClusterOptions) {
    this.root = root;
    this.places = places;
    this.size = places.length;
    this.programs = places.map(() => undefined);
    this.envOf = options.envOf ?? (() => ({}));
    this.prefixOf = options.prefixOf ?? (() => []);
    const swarmKey = path.join(root, 'swarm.key');
    writeFileSync(swarmKey, `/key/swarm/psk/1.0.0/\n/base16/\n${randomBytes(32).toString('hex')}\n`);
    const members = places
      .slice(0, places.length - (options.newcomers ?? 0))
      .map(({ name, folder }) => `${name}=${hex(loadIdentity(folder).publicKey)}`);
    this.env = {
      P2PDB_CLUSTER: 'test',
      P2PDB_SWARM_KEY: swarmKey,
      P2PDB_MEMBERS: members.join(','),
      P2PDB_ROOT_PASSWORD: ROOT_PASSWORD,
      P2PDB_ALLOW_TEST_FAULTS: 'true',
      P2PDB_TLS: 'off',
      P2PDB_LOG_LEVEL: 'warn',
      ...options.env,
    };
  }

  /** Resolves when all nodes serve, and see each other: each can decide, and move a session to any other. */
  static async start(options: ClusterOptions = {}): Promise<TestCluster> {
    const count = options.nodes ?? 3;
    const root = mkdtempSync(path.join(tmpdir(), 'p2pdb-cluster-'));
    const ports = await freePorts(3 * count);
    const places = Array.from({ length: count }, (_, node) => ({
      name: `n${node}`,
      folder: options.folderOf?.(node) ?? path.join(root, `n${node}`),
      host: options.hostOf?.(node) ?? '127.0.0.1',
      peerHost: options.peerHostOf?.(node) ?? options.hostOf?.(node) ?? '127.0.0.1',
      mysql: ports[3 * node] as number,
      http: ports[3 * node + 1] as number,
      peers: ports[3 * node + 2] as number,
    }));
    const cluster = new TestCluster(root, places, options);
    try {
      const first = [...places.keys()].slice(0, count - (options.newcomers ?? 0));
      await Promise.all(first.map((node) => cluster.start(node)));
      await cluster.linked(first);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  private place(node: number): Place {
    return this.places[node] as Place;
  }

  folder(node: number): string {
    return this.place(node).folder;
  }

  /** Where the node's MySQL protocol is, and who may use it. */
  login(node: number): { host: string; port: number; user: string; password: string } {
    const { host, mysql: port } = this.place(node);
    return { host, port, user: 'root', password: ROOT_PASSWORD };
  }

  program(node: number): Program {
    const program = this.programs[node];
    if (!program) throw new Error(`node ${node} was never started`);
    return program;
  }

  /** Resolves when the node serves. */
  async start(node: number): Promise<void> {
    await this.launch(node).ready();
  }

  /** Lets a newcomer in by a token of another node, which is good for so many minutes by its clock. Resolves when it serves. */
  async join(node: number, by: number, minutes = 5): Promise<void> {
    const c = await this.connect(by, { rowsAsArray: true });
    const [rows] = await c.query<mysql.RowDataPacket[]>(`SELECT p2pdb_join_token(${minutes}, 1)`);
    await c.end();
    const [token] = rows[0] as unknown as [string];
    this.joined.set(node, { P2PDB_MEMBERS: '', P2PDB_JOIN_TOKEN: token });
    await this.start(node);
  }
  private readonly joined = new Map<number, NodeJS.ProcessEnv>();

  /** Starts the node, and does not wait until it serves. */
  launch(node: number): Program {
    const { name, folder, host, peerHost, mysql, http, peers } = this.place(node);
    const bootstrap = this.places.filter((_, other) => other !== node).map((p) => `${p.peerHost}:${p.peers}`);
    const program = new Program(
      ['node'],
      {
        ...this.env,
        P2PDB_NAME: name,
        P2PDB_DATA: folder,
        P2PDB_MYSQL: `${host}:${mysql}`,
        P2PDB_HTTP: `${host}:${http}`,
        P2PDB_PEERS: `${peerHost}:${peers}`,
        P2PDB_BOOTSTRAP: bootstrap.join(','),
        ...this.envOf(node),
        ...this.joined.get(node),
      },
      undefined,
      this.prefixOf(node),
    );
    this.programs[node] = program;
    this.launched.push({ name, program });
    return program;
  }

  /** A connection as root; closed by `stop` when it is still open. */
  async connect(node: number, options: ConnectionOptions = {}): Promise<Connection> {
    const c = await mysql.createConnection({ ...this.login(node), ...options });
    // The end of a connection is told by the query that it ends.
    c.on('error', () => undefined);
    this.connections.add(c);
    return c;
  }

  /** Ends the node and resolves when it is gone. */
  kill(node: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> {
    return this.program(node).kill(signal);
  }

  async restart(node: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.kill(node, signal);
    await this.start(node);
  }

  /** All that the programs that ever ran said on standard error, by node. */
  said(): Map<string, string> {
    const said = new Map<string, string>();
    for (const { name, program } of this.launched) said.set(name, (said.get(name) ?? '') + program.err);
    return said;
  }

  /** The nodes whose program ended, and nobody here had ended it, nor did the cluster refuse it, nor `mayEnd` by what it said. */
  endedAlone(mayEnd: (said: string) => boolean = () => false): string[] {
    const isAlone = ({ running, wasKilled, err }: Program): boolean =>
      !running && !wasKilled && !err.startsWith('p2pdb: join_token') && !mayEnd(err);
    return this.launched.filter(({ program }) => isAlone(program)).map(({ name }) => name);
  }

  /** Ends all nodes, removes their folders unless they are to be kept. A node that does not end in time is killed. */
  async stop(keepFolders = false): Promise<void> {
    for (const c of this.connections) c.destroy();
    await Promise.all(
      this.programs.map(async (program) => {
        if (!program) return;
        program.child.kill('SIGCONT');
        const killer = setTimeout(() => program.child.kill('SIGKILL'), 15_000);
        await program.kill('SIGTERM');
        clearTimeout(killer);
      }),
    );
    if (keepFolders) return;
    for (const { folder } of this.places) rmSync(folder, { recursive: true, force: true });
    rmSync(this.root, { recursive: true, force: true });
  }

  // Faults.

  /** Nodes of different groups neither hear nor talk to each other; all others do. */
  async cut(...groups: readonly (readonly number[])[]): Promise<void> {
    const all = groups.flat();
    await Promise.all(
      groups.flatMap((group) =>
        group.map((node) =>
          this.partition(
            node,
            all.filter((other) => !group.includes(other)),
          ),
        ),
      ),
    );
  }

  async heal(): Promise<void> {
    await Promise.all(
      this.places.map(async (_, node) => {
        if (this.programs[node]?.running === true) await this.partition(node, []);
      }),
    );
  }

  private async partition(node: number, others: readonly number[]): Promise<void> {
    await this.ask(node, '/v1/test/partition', { cut: others.map((other) => this.place(other).name) });
  }

  // What holds.

  async status(node: number): Promise<NodeStatus> {
    return (await this.ask(node, '/v1/status')) as NodeStatus;
  }

  /** Status of /readyz: 200 where clients shall come. */
  async readiness(node: number): Promise<number> {
    const { host, http } = this.place(node);
    return (await fetch(`http://${host}:${http}/readyz`, { signal: AbortSignal.timeout(10_000) })).status;
  }

  private token(node: number): string {
    return readFileSync(path.join(this.folder(node), 'admin.token'), 'utf8').trim();
  }

  private async ask(node: number, route: string, body?: object): Promise<unknown> {
    const { host, http } = this.place(node);
    const response = await fetch(`http://${host}:${http}${route}`, {
      method: body ? 'POST' : 'GET',
      headers: {
        authorization: `Bearer ${this.token(node)}`,
        ...(body && { 'content-type': 'application/json' }),
      },
      signal: AbortSignal.timeout(10_000),
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`n${node} answered ${response.status}: ${await response.text()}`);
    return response.json();
  }

  /** Resolves once `holds` does; a node has no event to wait for across HTTP. Throws with the last status of each node. */
  async until(
    holds: (statuses: readonly NodeStatus[]) => boolean,
    what: string,
    nodes: readonly number[] = this.places.map((_, node) => node),
    milliseconds = CONVERGE_MS,
  ): Promise<readonly NodeStatus[]> {
    const deadline = performance.now() + milliseconds;
    let last: unknown;
    for (;;) {
      try {
        const statuses = await Promise.all(nodes.map((node) => this.status(node)));
        if (holds(statuses)) return statuses;
        last = statuses;
      } catch (error) {
        if (error instanceof DivergedError) throw error;
        last = error;
      }
      for (const node of nodes) {
        const program = this.program(node);
        if (!program.running) {
          const { code, signal } = await program.exit;
          throw new Error(`n${node} ended with ${code ?? signal}: ${program.out}${program.err}`);
        }
      }
      if (performance.now() > deadline) {
        const said = nodes.map((node) => `n${node} says: ${this.program(node).err.slice(-2000)}`);
        throw new Error(`${what} not within ${milliseconds} ms: ${show(last)}\n${said.join('\n')}`);
      }
      await sleep(POLL_MS);
    }
  }

  /** Resolves when these nodes, of which the cluster consists, see each other. */
  linked(nodes: readonly number[] = [...this.places.keys()]): Promise<readonly NodeStatus[]> {
    return this.until((all) => all.every(({ peers }) => peers === nodes.length - 1), 'all see each other', nodes);
  }

  /** Resolves when these nodes have ordered all that they know, and know the same. */
  settled(nodes?: readonly number[], milliseconds?: number): Promise<readonly NodeStatus[]> {
    return this.until(isSettled, 'the nodes did not settle', nodes, milliseconds);
  }

  /** Resolves when these nodes are settled and have the same state. */
  async converged(nodes?: readonly number[], milliseconds?: number): Promise<readonly NodeStatus[]> {
    return this.until(
      (statuses) => {
        if (!isSettled(statuses)) return false;
        const digests = statuses.map(({ digest }) => digest);
        if (new Set(digests).size > 1) throw new DivergedError(digests);
        return true;
      },
      'the nodes did not settle',
      nodes,
      milliseconds,
    );
  }

  /** By which the blocks in a node's log were decided, each once: more than one means that there was an election. */
  ballots(node: number): string[] {
    const ballots = new Set<string>();
    for (const record of readLog(path.join(this.folder(node), 'groups/main/log'))) {
      if (record.kind !== 'block') continue;
      const decoded = decodeCertificate(record.certificate);
      if (decoded.kind === 'ok') ballots.add(`${decoded.value.ballot.round} of ${decoded.value.ballot.node}`);
    }
    return [...ballots];
  }

  /** Every transaction of the blocks that lie in a node's log, in the total order. */
  order(node: number): Ordered[] {
    return orderIn(path.join(this.folder(node), 'groups/main/log'));
  }
}

function orderIn(folder: string): Ordered[] {
  const entries = new Map<string, Map<number, readonly Omit<Ordered, 'height'>[]>>();
  const taken = new Map<string, number>();
  const order: Ordered[] = [];
  for (const record of readLog(folder)) {
    if (record.kind === 'entry') {
      const { entry } = record;
      const author = hex(entry.author);
      const { lamport, seq } = entry;
      const transactions = entry.transactions.map((bytes, index) => ({
        position: { lamport, author, seq, index },
        id: `${author.slice(0, 16)}:${seq}:${index}`,
        content: decodeTransaction(bytes),
      }));
      entries.set(author, (entries.get(author) ?? new Map<number, typeof transactions>()).set(seq, transactions));
      continue;
    }
    const { height, cut } = record.block;
    const found = cut.flatMap(({ author, seq: last }) => {
      const from = (taken.get(author) ?? 0) + 1;
      taken.set(author, last);
      return Array.from({ length: last - from + 1 }, (_, i) => entries.get(author)?.get(from + i) ?? []).flat();
    });
    found.sort((a, b) => comparePositions(a.position, b.position));
    order.push(...found.map((one) => ({ ...one, height })));
  }
  return order;
}

const show = (value: unknown): string => (value instanceof Error ? value.message : JSON.stringify(value));
