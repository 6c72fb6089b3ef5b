// p2pdb up: a manifest as processes of this machine, from its first line to its end.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type Connection } from 'mysql2/promise';
import { lockFolder } from '../../../node/store/index.ts';
import { ROOT_PASSWORD } from '../../support/node.ts';
import { Program, runProgram } from '../../support/process.ts';

interface Entry {
  readonly name: string;
  readonly folder: string;
  readonly host: string;
  readonly mysql: number;
  readonly http: number;
  readonly tokenFile: string;
  readonly pid: number;
}

const manifest = (replicas: number, more = ''): string => `apiVersion: p2pdb.io/v1alpha1
kind: P2PDBCluster
metadata: { name: t }
spec:
  replicas: ${replicas}
${more}`;

/** A cluster in a folder of its own. */
class Cluster {
  readonly root = mkdtempSync(path.join(tmpdir(), 'p2pdb-up-'));
  readonly data = path.join(this.root, 'data');
  readonly #programs: Program[] = [];
  #seen: readonly Entry[] = [];

  up(text: string, ...flags: string[]): Program {
    return this.upAs({ P2PDB_ROOT_PASSWORD: ROOT_PASSWORD }, text, ...flags);
  }

  upAs(env: NodeJS.ProcessEnv, text: string, ...flags: string[]): Program {
    const file = path.join(this.root, 'cluster.yaml');
    writeFileSync(file, text);
    const program = new Program(['up', '-f', file, '--data', this.data, '--free-ports', ...flags], env);
    this.#programs.push(program);
    return program;
  }

  /** The nodes as `up` wrote them down. */
  get nodes(): readonly Entry[] {
    const { nodes } = JSON.parse(readFileSync(path.join(this.data, 'up.json'), 'utf8')) as { nodes: Entry[] };
    this.#seen = nodes;
    return nodes;
  }

  node(ordinal: number): Entry {
    return this.nodes[ordinal] as Entry;
  }

  async connect(ordinal: number, password = ROOT_PASSWORD): Promise<Connection> {
    const { host, mysql: port } = this.node(ordinal);
    const c = await mysql.createConnection({ host, port, user: 'root', password });
    c.on('error', () => undefined);
    return c;
  }

  /** Ends what runs and removes the folder, also after a test that failed half-way. */
  async clear(): Promise<void> {
    for (const program of this.#programs) await program.kill('SIGTERM');
    for (const { folder } of this.#seen) await free(folder);
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Resolves when no process has the data folder; there is no event of a process that is not our child. */
async function free(folder: string): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (existsSync(folder)) {
    const lock = lockFolder(folder);
    if ('unlock' in lock) {
      lock.unlock();
      return;
    }
    assert.ok(performance.now() < deadline, `${folder} is still in use by process ${lock.takenBy}`);
    await sleep(50);
  }
}

const tokenOf = ({ tokenFile }: Entry): string => readFileSync(tokenFile, 'utf8').trim();

const cutOf = async (entry: Entry): Promise<unknown> => {
  const response = await fetch(`http://${entry.host}:${entry.http}/v1/status`, {
    headers: { authorization: `Bearer ${tokenOf(entry)}` },
  });
  return ((await response.json()) as { cut?: unknown }).cut;
};

const postCut = (entry: Entry, cut: unknown, token = tokenOf(entry)): Promise<Response> =>
  fetch(`http://${entry.host}:${entry.http}/v1/test/partition`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ cut }),
  });

describe('three nodes', () => {
  const cluster = new Cluster();
  let program: Program;
  before(async () => {
    program = cluster.up(manifest(3, '  storage: { size: 1Gi }\n  config: { max_connections: 77 }\n'), '--partition');
    await program.ready();
  });
  after(() => cluster.clear());

  it('serve, each for itself, with the settings of the manifest', async () => {
    assert.match(program.out, /^cluster t: 3 nodes, data in .*\nwithout meaning on one machine: spec\.storage\n/);
    assert.match(program.out, /^Connect with {3}mysql --host=\S+ --port=\d+ --user=root --password$/m);
    assert.match(program.out, /^ready: MySQL protocol on (?:\S+:\d+, ){2}\S+:\d+; any of them will do$/m);
    assert.doesNotMatch(program.out, /password of root/, 'it was given');
    const identities = new Set<string>();
    for (const ordinal of [0, 1, 2]) {
      const c = await cluster.connect(ordinal);
      assert.deepEqual((await c.query('SELECT @@max_connections AS m'))[0], [{ m: 77 }]);
      await c.end();
      identities.add(readFileSync(path.join(cluster.node(ordinal).folder, 'identity.key'), 'utf8'));
    }
    assert.equal(identities.size, 3);
  });

  it('are shown by status from another process', async () => {
    const { code, out } = await runProgram('status', '--data', cluster.data);
    assert.equal(code, 0, out);
    assert.match(out, /^cluster t: process \d+, data in .*\nNODE +STATE +PEERS +LAG +FINAL +ADDRESS\n/);
    for (const { name, host, mysql: port } of cluster.nodes) {
      assert.match(out, new RegExp(`^${name} +ready.* ${host}:${port}$`, 'm'));
    }
  });

  it('come back by themselves, with their data', async () => {
    const c = await cluster.connect(1);
    await c.query('CREATE DATABASE kept');
    c.destroy();
    const { pid } = cluster.node(1);
    process.kill(pid, 'SIGKILL');
    await program.says(/^t-1: was ended by SIGKILL\n(?:.*\n)*t-1: ready on /m);
    assert.notEqual(cluster.node(1).pid, pid);
    const again = await cluster.connect(1);
    assert.deepEqual((await again.query("SHOW DATABASES LIKE 'kept'"))[0], [{ 'Database (kept)': 'kept' }]);
    again.destroy();
  });

  it('are cut off from each other and joined again', async () => {
    const cut = await runProgram('partition', '--data', cluster.data, '0|1,2');
    assert.deepEqual([cut.code, cut.out, cut.err], [0, 't-0  |  t-1, t-2\n', '']);
    const idOf = async (entry: Entry): Promise<string> =>
      (JSON.parse((await runProgram('identity', '--data', entry.folder)).out) as { id: string }).id;
    const [a, b, c] = cluster.nodes as [Entry, Entry, Entry];
    assert.deepEqual(await cutOf(a), [await idOf(b), await idOf(c)]);
    assert.deepEqual(await cutOf(b), [await idOf(a)]);
    assert.equal((await runProgram('heal', '--data', cluster.data)).code, 0);
    assert.deepEqual(await cutOf(a), []);
    assert.equal((await postCut(a, ['nobody'])).status, 400);
    assert.equal((await postCut(a, 'nobody')).status, 400);
    assert.equal((await postCut(a, [], '')).status, 401);
    const wrong = await runProgram('partition', '--data', cluster.data, '7');
    assert.deepEqual([wrong.code, wrong.err], [2, "p2pdb partition: there is no node '7'; there are t-0, t-1, t-2\n"]);
  });

  it('have their folder for themselves', async () => {
    const exit = await cluster.up(manifest(3)).exit;
    assert.deepEqual([exit.code, exit.out], [1, '']);
    assert.equal(exit.err, `p2pdb up: ${cluster.data} is in use by process ${program.child.pid}\n`);
    assert.equal((await runProgram('status', '--data', cluster.data)).code, 0);
  });
});

describe('the end', () => {
  let cluster: Cluster;
  beforeEach(() => (cluster = new Cluster()));
  afterEach(() => cluster.clear());

  it('by SIGTERM or SIGINT ends every node in order, and the next start finds its data', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const program = cluster.up(manifest(2));
      await program.ready();
      const { nodes } = cluster;
      const c = await cluster.connect(0);
      if (signal === 'SIGTERM') await c.query('CREATE DATABASE kept');
      else await c.query('USE kept');
      c.destroy();
      const begin = performance.now();
      const exit = await program.kill(signal);
      assert.deepEqual([exit.code, exit.err], [0, '']);
      assert.ok(performance.now() - begin < 15_000);
      for (const { folder } of nodes) {
        assert.ok('unlock' in lockFolderOnce(folder), 'the node is gone');
        assert.equal((await runProgram('log', 'verify', folder)).code, 0);
      }
    }
    const status = await runProgram('status', '--data', cluster.data);
    assert.deepEqual([status.code, status.err], [1, `p2pdb status: no cluster runs in ${cluster.data}\n`]);
  });

  it('by a signal before the nodes were started', async () => {
    const program = cluster.up(manifest(2));
    await program.says(/^cluster t: 2 nodes/);
    const exit = await program.kill('SIGINT');
    assert.deepEqual([exit.code, exit.err], [0, '']);
    assert.ok(!existsSync(path.join(cluster.data, 'up.json')));
  });

  it('by a second signal kills what does not end', async () => {
    const program = cluster.up(manifest(1));
    await program.ready();
    const { pid, folder } = cluster.node(0);
    // Whoever is stopped does not hear SIGTERM.
    process.kill(pid, 'SIGSTOP');
    program.child.kill('SIGINT');
    await program.says(/^SIGINT: the nodes stop$/m);
    await sleep(1_100);
    const exit = await program.kill('SIGINT');
    assert.equal(exit.code, 1);
    await free(folder);
  });

  it('by SIGKILL is noticed by the nodes, which end in order', async () => {
    const program = cluster.up(manifest(2));
    await program.ready();
    const { nodes } = cluster;
    await program.kill('SIGKILL');
    for (const { folder } of nodes) {
      await free(folder);
      assert.match(readFileSync(`${folder}.log`, 'utf8'), /info +stopping signal=disconnect\n/);
    }
    assert.equal((await runProgram('status', '--data', cluster.data)).code, 1);
    await cluster.up(manifest(2)).ready();
  });
});

describe('a password for root', () => {
  const cluster = new Cluster();
  after(() => cluster.clear());

  it('is made, shown once and kept for this user alone', async () => {
    const env = { P2PDB_ROOT_PASSWORD: undefined };
    const program = cluster.upAs(env, manifest(1));
    const [, password] = await program.says(/^The password of root is (\S{16}) {3}\(kept in .*\)$/m);
    await program.ready();
    const file = path.join(cluster.data, 'root.password');
    assert.equal(readFileSync(file, 'utf8'), `${password}\n`);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    await (await cluster.connect(0, password)).end();
    assert.equal((await program.kill('SIGTERM')).code, 0);

    const again = cluster.upAs(env, manifest(1));
    await again.ready();
    assert.ok(!again.out.includes(password as string));
    assert.ok(again.out.includes(`The password of root is in ${file}\n`));
    await (await cluster.connect(0, password)).end();
    const cut = await runProgram('partition', '--data', cluster.data, '0');
    assert.equal(cut.err, 'p2pdb partition: at least two groups are needed\n');
    const healed = await runProgram('heal', '--data', cluster.data);
    assert.match(healed.err, /t-0 cannot be cut off: start the cluster with p2pdb up --partition/);
  });
});

describe('a manifest that is wrong', () => {
  let cluster: Cluster;
  beforeEach(() => (cluster = new Cluster()));
  afterEach(() => cluster.clear());

  it('is refused with every fault, and nothing is made', async () => {
    const exit = await cluster.up(manifest(3, '  voters: 2\n  storag: {}\n')).exit;
    assert.deepEqual([exit.code, exit.out], [2, '']);
    const file = path.join(cluster.root, 'cluster.yaml');
    assert.equal(
      exit.err,
      `p2pdb up: the manifest is refused
  ${file}:6: spec.voters: must be one of 1, 3, 5, 7, is 2
  ${file}:7: spec.storag: is not a field of spec: did you mean storage?
`,
    );
    assert.deepEqual(readdirSync(cluster.root), ['cluster.yaml']);
  });

  it('is refused for a setting that a node does not take, before a node starts', async () => {
    const exit = await cluster.up(manifest(1, '  config: { max_connections: many }\n')).exit;
    assert.equal(exit.code, 2);
    assert.equal(
      exit.err,
      'p2pdb up: the manifest is refused\n  spec.config: setting max_connections: expected a whole number from 1 to 100000, got "many"\n',
    );
    assert.ok(!existsSync(path.join(cluster.data, 't-0')));
  });

  it('or is not there is refused, and so is wrong use', async () => {
    const missing = await runProgram('up', '-f', path.join(cluster.root, 'none.yaml'));
    assert.equal(missing.code, 2);
    assert.match(missing.err, /^p2pdb up: cannot read .*none\.yaml: ENOENT/);
    const nothing = await runProgram('up');
    assert.deepEqual([nothing.code, nothing.err], [2, 'p2pdb up: a manifest is needed: p2pdb up -f FILE\n']);
    const unknown = await runProgram('up', '--frobnicate');
    assert.equal(unknown.code, 2);
    assert.match(unknown.err, /^p2pdb up: Unknown option '--frobnicate'/);
  });
});

/** Takes the lock and gives it back. */
function lockFolderOnce(folder: string): ReturnType<typeof lockFolder> {
  const lock = lockFolder(folder);
  if ('unlock' in lock) lock.unlock();
  return lock;
}
