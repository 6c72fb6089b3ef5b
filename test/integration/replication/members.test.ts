/** A node alone becomes a cluster: others join by token, vote, and are removed. A damaged state is found and made anew. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, it } from 'node:test';
import mysql, { type Connection, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise';
import { TestCluster } from '../../support/cluster.ts';
import { ROOT_PASSWORD } from '../../support/node.ts';
import { Program } from '../../support/process.ts';

const root = mkdtempSync(path.join(tmpdir(), 'p2pdb-members-'));
const programs: Program[] = [];
const connections: Connection[] = [];
after(async () => {
  for (const c of connections) c.destroy();
  await Promise.all(programs.map((program) => program.kill('SIGKILL')));
  rmSync(root, { recursive: true, force: true });
});

function launch(name: string, env: NodeJS.ProcessEnv): Program {
  const program = new Program(['node'], {
    P2PDB_NAME: name,
    P2PDB_DATA: path.join(root, name),
    P2PDB_MYSQL: '127.0.0.1:0',
    P2PDB_HTTP: '127.0.0.1:0',
    P2PDB_PEERS: '127.0.0.1:0',
    P2PDB_TLS: 'off',
    P2PDB_LOG_LEVEL: 'warn',
    ...env,
  });
  programs.push(program);
  return program;
}

async function connect(program: Program): Promise<Connection> {
  const port = await program.ready();
  const c = await mysql.createConnection({ host: '127.0.0.1', port, user: 'root', password: ROOT_PASSWORD });
  c.on('error', () => undefined);
  connections.push(c);
  return c;
}

async function rows(c: Connection, sql: string): Promise<RowDataPacket[]> {
  return (await c.query<RowDataPacket[]>(sql))[0];
}

/** The step and offset of AUTO_INCREMENT values, as each way to ask for them has them. */
async function steps(c: Connection): Promise<[step: number, offset: number]> {
  const [shown] = await rows(c, 'SELECT @@auto_increment_increment, @@session.auto_increment_offset');
  const [step, offset] = Object.values(shown as object) as [number, number];
  assert.deepEqual(
    (await rows(c, "SHOW VARIABLES LIKE 'auto\\_increment\\_%'")).map((r) => r['Value'] as string),
    [String(step), String(offset)],
  );
  return [step, offset];
}

/** Waits by asking again: what is waited for comes from another node. */
async function eventually(check: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + 15_000;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

describe('membership', () => {
  it('grows from one node by tokens, survives the loss of the first, and ends by removal', async () => {
    const swarmKey = path.join(root, 'swarm.key');
    writeFileSync(swarmKey, `/key/swarm/psk/1.0.0/\n/base16/\n${randomBytes(32).toString('hex')}\n`);
    const first = launch('a', {
      P2PDB_SWARM_KEY: swarmKey,
      P2PDB_CLUSTER: 'grown',
      P2PDB_ROOT_PASSWORD: ROOT_PASSWORD,
    });
    const a = await connect(first);
    await a.query('CREATE DATABASE d');
    await a.query('CREATE TABLE d.t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)');
    await a.query('INSERT INTO d.t (v) VALUES (1), (2), (3)');
    assert.deepEqual(
      (await rows(a, 'SELECT id FROM d.t ORDER BY id')).map((r) => r['id'] as number),
      [1, 2, 3],
    );
    await a.query('SET auto_increment_increment = 7');
    assert.deepEqual(await steps(a), [7, 1]);
    await a.query('SET auto_increment_increment = 1');
    const token = String((await rows(a, 'SELECT p2pdb_join_token(10, 2) AS token'))[0]?.['token']);
    const joined = ['b', 'c'].map((name) => launch(name, { P2PDB_JOIN_TOKEN: token }));
    const [b, c] = (await Promise.all(joined.map(connect))) as [Connection, Connection];

    // The token is used up.
    const late = await launch('late', { P2PDB_JOIN_TOKEN: token }).exit;
    assert.notEqual(late.code, 0);
    assert.match(
      late.err,
      /^p2pdb: join_token: the cluster refuses this node: the token is unknown, used up or expired\n$/m,
    );

    for (const member of [b, c]) {
      await eventually(async () => {
        assert.deepEqual(
          (await rows(member, 'SELECT name, voter FROM p2pdb.members ORDER BY name')).map(
            (r) => `${r['name']} ${r['voter']}`,
          ),
          ['a YES', 'b NO', 'c NO'],
        );
      });
      assert.equal((await rows(member, 'SELECT * FROM d.t')).length, 3);
    }
    await Promise.all([a, b, c].map((member) => member.query('INSERT INTO d.t (v) VALUES (4)')));
    // A driver counts the ids of further rows by the step that it reads, as Connector/J does.
    for (const member of [a, b, c]) {
      const [step, offset] = await steps(member);
      const [{ insertId }] = await member.query<ResultSetHeader>('INSERT INTO d.t (v) VALUES (5), (5), (5)');
      assert.equal(insertId % step, offset % step);
      const made = await rows(
        member,
        `SELECT id FROM d.t WHERE id >= ${insertId} AND v = 5 AND MOD(id, ${step}) = ${offset % step}`,
      );
      assert.deepEqual(
        made.map((r) => r['id'] as number),
        [insertId, insertId + step, insertId + 2 * step],
      );
    }
    // Other voters decide some 60 blocks later: a busy machine takes its time for them.
    await c.query('SET p2pdb_commit_timeout = 60');
    await assert.rejects(c.query("SELECT p2pdb_set_voter('b,x', 1)"), { errno: 1032 });
    await c.query("SELECT p2pdb_set_voter('b, c', 1)");
    await eventually(async () => {
      const up = await rows(b, "SELECT name FROM p2pdb.members WHERE up = 'YES'");
      assert.equal(up.length, 3);
    });

    await first.kill('SIGKILL');
    await b.query('CREATE TABLE d.u (a INT PRIMARY KEY)');
    await c.query("SELECT p2pdb_remove_member('a')");
    assert.deepEqual(
      (await rows(c, 'SELECT name FROM p2pdb.members ORDER BY name')).map((r) => r['name'] as string),
      ['b', 'c'],
    );
    await b.query('INSERT /*+ P2PDB_COMMIT(final) */ INTO d.u VALUES (1)');
    const ids = (await rows(c, 'SELECT id FROM d.t WHERE v < 5')).map((r) => r['id'] as number);
    assert.equal(ids.length, 6);
    assert.equal(new Set(ids).size, 6);

    // It was away when it was removed: the others tell it, also at its next start, and what it wrote before stays outside.
    const again = launch('a', {
      P2PDB_SWARM_KEY: swarmKey,
      P2PDB_CLUSTER: 'grown',
      P2PDB_ROOT_PASSWORD: ROOT_PASSWORD,
    });
    const ghost = await connect(again);
    await eventually(() => assert.rejects(ghost.query('INSERT INTO d.t (v) VALUES (666)'), { errno: 1290 }));
    await assert.rejects(ghost.query('CREATE TABLE d.v (a INT)'), { errno: 1290 });
    assert.equal((await rows(ghost, 'SELECT * FROM d.t WHERE v < 5')).length, 6);
    await b.query('INSERT /*+ P2PDB_COMMIT(final) */ INTO d.u VALUES (2)');
    assert.equal((await rows(b, 'SELECT * FROM d.t WHERE v = 666')).length, 0);

    // Of two, both are the majority that lets one of them go. It hears of it, and takes nothing that would be lost.
    await c.query("SELECT p2pdb_remove_member('b')");
    await eventually(() => assert.rejects(b.query('INSERT INTO d.u VALUES (4)'), { errno: 1290 }));
    await c.query('INSERT /*+ P2PDB_COMMIT(final) */ INTO d.u VALUES (3)');
  });
});

describe('what a removed member wrote last', () => {
  it('reached one who had not heard of the removal: it stays, and nobody waits for more', async () => {
    const cluster = await TestCluster.start({ nodes: 4, env: { P2PDB_VOTERS: 'n0,n1,n3' } });
    try {
      const [a, b, gone] = (await Promise.all([0, 1, 2].map((node) => cluster.connect(node)))) as [
        Connection,
        Connection,
        Connection,
      ];
      await a.query('CREATE DATABASE d');
      await a.query('CREATE TABLE d.t (id INT PRIMARY KEY)');
      await cluster.converged();
      // Its first entries, too: nobody on the other side has heard of it.
      await cluster.cut([0, 2], [1, 3]);
      for (let id = 0; id < 10; id++) await gone.query(`INSERT INTO d.t VALUES (${id})`);
      await eventually(async () => assert.equal((await rows(a, 'SELECT * FROM d.t')).length, 10));
      await b.query("SELECT p2pdb_remove_member('n2')");
      await cluster.heal();
      for (const node of [a, b])
        await eventually(async () => assert.equal((await rows(node, 'SELECT * FROM d.t')).length, 10));
      await cluster.converged([0, 1, 3]);
      // The others' places reach it by heartbeats.
      await eventually(async () => {
        const behind = await rows(b, 'SELECT name, lag_entries FROM p2pdb.members WHERE lag_entries > 0');
        assert.deepEqual(behind, []);
      });
    } finally {
      await cluster.stop();
    }
  });
});

describe('a state that is not what the others have', () => {
  it('is found, kept for inspection, and made anew from the log', async () => {
    const cluster = await TestCluster.start();
    try {
      const c = await cluster.connect(0);
      await c.query('CREATE DATABASE d');
      await c.query('CREATE TABLE d.t (id INT PRIMARY KEY, v INT)');
      await c.query('INSERT INTO d.t VALUES (1, 1), (2, 2)');
      await cluster.converged();
      await cluster.kill(2, 'SIGTERM');
      const group = path.join(cluster.folder(2), 'groups/main');
      const state = new DatabaseSync(path.join(group, 'state.sqlite'));
      // A row, and what is remembered of all rows: as if it had been applied wrongly.
      const table = String(state.prepare("SELECT name FROM digest WHERE name LIKE 't%'").get()?.['name']);
      state.exec(`UPDATE ${table} SET c2 = 999 WHERE c1 = 1; UPDATE digest SET a = a + 1 WHERE name = '${table}'`);
      state.close();
      await cluster.start(2);
      const program = cluster.program(2);
      for (let i = 3; program.running && i < 200; i++) {
        await c.query(`INSERT INTO d.t VALUES (${i}, ${i})`);
        await cluster.settled([0, 1]);
      }
      assert.match((await program.exit).err, /is not what the majority has/);
      await cluster.start(2);
      await cluster.converged();
      assert.ok(readdirSync(group).some((name) => name.startsWith('state.sqlite.damaged-')));
      const d = await cluster.connect(2);
      assert.deepEqual((await rows(d, 'SELECT v FROM d.t WHERE id = 1'))[0], { v: 1 });
    } finally {
      await cluster.stop();
    }
  });
});
