/** Nodes that wait to be let in: who founds, who joins, what a restart and a lost volume do, how a removed member begins anew. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, it } from 'node:test';
import { ROOT_PASSWORD } from '../../support/node.ts';
import { Program } from '../../support/process.ts';

const root = mkdtempSync(path.join(tmpdir(), 'p2pdb-join-'));
const TOKEN = 'token-of-the-test';
const tokenFile = path.join(root, 'token');
const swarmKey = path.join(root, 'swarm.key');
writeFileSync(tokenFile, TOKEN);
writeFileSync(swarmKey, `/key/swarm/psk/1.0.0/\n/base16/\n${randomBytes(32).toString('hex')}\n`);

interface Answer {
  readonly status: number;
  readonly body: {
    readonly phase?: string;
    readonly name?: string;
    readonly id?: string;
    readonly reason?: string;
    readonly members?: readonly { readonly name: string; readonly id: string; readonly voter: boolean }[];
    readonly removed?: readonly string[];
    readonly results?: readonly { readonly rows: readonly (readonly unknown[])[] }[];
    readonly error?: { readonly code: string; readonly message: string };
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

class Member {
  readonly name: string;
  readonly port: number;
  private readonly peers: number;
  program: Program;

  static async start(name: string): Promise<Member> {
    return new Member(name, await freePort(), await freePort());
  }

  private constructor(name: string, port: number, peers: number) {
    this.name = name;
    this.port = port;
    this.peers = peers;
    this.program = this.launch();
  }

  private launch(): Program {
    return new Program(['node'], {
      P2PDB_NAME: this.name,
      P2PDB_DATA: path.join(root, this.name),
      P2PDB_MYSQL: '127.0.0.1:0',
      P2PDB_HTTP: `127.0.0.1:${this.port}`,
      P2PDB_PEERS: `127.0.0.1:${this.peers}`,
      P2PDB_CLUSTER: 'waited',
      P2PDB_SWARM_KEY: swarmKey,
      P2PDB_ADMIN_TOKEN_FILE: tokenFile,
      P2PDB_JOIN: 'wait',
      P2PDB_ROOT_PASSWORD: ROOT_PASSWORD,
      P2PDB_TLS: 'off',
      P2PDB_LOG_LEVEL: 'warn',
    });
  }

  async restart(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.program.kill(signal);
    this.program = this.launch();
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
  async phase(wanted: string): Promise<Answer['body']> {
    const deadline = performance.now() + 20_000;
    for (;;) {
      const seen = await this.status().catch((error: unknown) => String(error));
      if (typeof seen === 'object' && seen.body.phase === wanted) return seen.body;
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

const members: Member[] = [];
after(async () => {
  await Promise.all(members.map(({ program }) => program.kill()));
  rmSync(root, { recursive: true, force: true });
});

it('waits, founds, lets others in, and begins anew after it was removed', { timeout: 120_000 }, async () => {
  const [a, b] = (await Promise.all(['a', 'b'].map((name) => Member.start(name)))) as [Member, Member];
  members.push(a, b);
  const waiting = await a.phase('waiting');
  assert.equal(waiting.name, 'a');
  assert.match(waiting.id ?? '', /^[0-9a-f]{64}$/);
  assert.equal((await a.ask('GET', '/healthz')).status, 200);
  const unready = await a.ask('GET', '/readyz');
  assert.deepEqual([unready.status, unready.body.reason], [503, 'the node waits to be let in']);

  // Only the bearer of the token says what becomes of it, and says it clearly.
  assert.equal((await a.ask('POST', '/v1/join', { found: true }, 'another')).status, 401);
  assert.equal((await a.ask('POST', '/v1/join', {})).status, 400);
  assert.equal((await a.ask('POST', '/v1/join', { found: true, token: 'x' })).status, 400);
  const damaged = await a.ask('POST', '/v1/join', { token: 'x' });
  assert.deepEqual([damaged.status, damaged.body.error?.code], [422, 'refused']);

  // A restart changes nothing: it is the same node, and waits.
  await a.restart();
  assert.equal((await a.phase('waiting')).id, waiting.id);

  assert.equal((await a.ask('POST', '/v1/join', { found: true })).status, 200);
  const founder = await a.phase('serving');
  assert.deepEqual(
    founder.members?.map(({ name, id, voter }) => [name, id, voter]),
    [['a', waiting.id, true]],
  );
  assert.equal((await a.ask('GET', '/readyz')).status, 200);
  assert.equal((await a.ask('POST', '/v1/join', { found: true })).status, 409);
  await a.sql('CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY); INSERT INTO d.t VALUES (1), (2)');

  const join = async (member: Member): Promise<void> => {
    const token = (await a.sql('SELECT p2pdb_join_token(5, 1)'))[0]?.[0];
    const answer = await member.ask('POST', '/v1/join', { token });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    await member.phase('serving');
  };
  await b.phase('waiting');
  await join(b);
  assert.deepEqual(await b.sql('SELECT COUNT(*) FROM d.t'), [[2]]);

  // Members come back by themselves.
  await Promise.all([a.restart('SIGTERM'), b.restart('SIGKILL')]);
  await Promise.all([a.phase('serving'), b.phase('serving')]);

  const old = (await b.status()).body.id ?? '';
  assert.equal((await b.ask('POST', '/v1/leave', { id: waiting.id })).status, 409, 'the word is for another node');
  await a.sql("SELECT p2pdb_remove_member('b')");
  assert.deepEqual((await a.status()).body.removed, [old]);
  assert.equal((await b.ask('POST', '/v1/leave', { id: old })).status, 200);
  assert.equal((await b.program.exit).code, 0);
  await b.restart();
  assert.notEqual((await b.phase('waiting')).id, old);
  assert.ok(readdirSync(path.join(root, 'b')).includes(`left-${old.slice(0, 16)}`));
  await join(b);
  assert.deepEqual(await b.sql('SELECT COUNT(*) FROM d.t'), [[2]]);

  // A volume that is lost: a new identity, which takes the name once the old one has gone.
  await b.program.kill();
  rmSync(path.join(root, 'b'), { recursive: true });
  await b.restart();
  await b.phase('waiting');
  const token = (await a.sql('SELECT p2pdb_join_token(5, 1)'))[0]?.[0];
  const refused = await b.ask('POST', '/v1/join', { token });
  assert.deepEqual([refused.status, refused.body.error?.message], [422, "there is a member 'b'"]);
  await a.sql("SELECT p2pdb_remove_member('b')");
  assert.equal((await b.ask('POST', '/v1/join', { token })).status, 200);
  await b.phase('serving');

  // The founder may go, too: whoever joins then is introduced to those who are there.
  const [c, d, e] = (await Promise.all(['c', 'd', 'e'].map((name) => Member.start(name)))) as [Member, Member, Member];
  members.push(c, d, e);
  await c.phase('waiting');
  await join(c);
  for (const name of ['b', 'c']) await a.sql(`SELECT p2pdb_set_voter('${name}', 1)`);
  await a.program.kill();
  const remove = async (): Promise<boolean> =>
    (await b.ask('POST', '/v1/sql', { sql: "SELECT p2pdb_remove_member('a')" })).status === 200;
  // Another leader is found first.
  while (!(await remove())) await b.phase('serving');
  await d.phase('waiting');
  const last = (await b.sql('SELECT p2pdb_join_token(5, 1)'))[0]?.[0];
  assert.equal((await d.ask('POST', '/v1/join', { token: last })).status, 200);
  await d.phase('serving');
  assert.deepEqual(await d.sql('SELECT COUNT(*) FROM d.t'), [[2]]);

  // It ends as it should also while it waits.
  await e.phase('waiting');
  assert.deepEqual((await e.program.kill('SIGTERM')).code, 0);
});
