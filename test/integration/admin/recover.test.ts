/** A majority is lost for good: a survivor goes on as the first member of a new group, and nothing of the old one reaches it. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import type { Genesis } from '../../../node/engine/index.ts';
import { hex } from '../../../node/log/index.ts';
import { carryOutRecovery, orderRecovery } from '../../../node/recovery.ts';
import { heightOfState, loadIdentity, Snapshots, verifyLog } from '../../../node/store/index.ts';
import { Waiting, type Answer, type Member } from '../../support/waiting.ts';

const swarm = new Waiting();
after(() => swarm.stop());

const recover = (member: Member, id: string, founder: string, leave?: readonly string[]): Promise<Answer> =>
  member.ask('POST', '/v1/recover', { id, founder, leave });

const hosts =
  (name: string) =>
  ({ databaseGroups = [] }: Answer['body']): boolean =>
    databaseGroups.some(({ database }) => database === name);

const logOf = (folder: string): string => path.join(folder, 'groups/main/log');

it('goes on with what a survivor has', { timeout: 240_000 }, async () => {
  const [a, b, c] = (await swarm.group('a', 'b', 'c')) as [Member, Member, Member];
  await a.sql(
    'CREATE DATABASE d; CREATE TABLE d.t (id INT AUTO_INCREMENT PRIMARY KEY, level VARCHAR(10), v INT); CREATE TABLE d.keyless (v INT)',
  );
  await a.sql("CREATE DATABASE own COMMENT 'p2pdb:group=own'; CREATE DATABASE elsewhere COMMENT 'p2pdb:replicas=c'");
  await Promise.all([b.until(hosts('own'), 'a host of own'), c.until(hosts('elsewhere'), 'a host of elsewhere')]);
  await b.sql('CREATE TABLE own.t (id INT AUTO_INCREMENT PRIMARY KEY, v INT); INSERT INTO own.t (v) VALUES (1)');
  for (const level of ['local', 'replicated', 'final'])
    await b.sql(
      `SET p2pdb_commit = '${level}'; INSERT INTO d.t (level, v) VALUES ('${level}', 1); INSERT INTO d.keyless VALUES (1)`,
    );
  await c.sql("INSERT INTO d.t (level, v) VALUES ('of c', 1)");
  const founder = (await a.status()).body.id ?? '';
  const { final: ofC } = await c.until(({ tentative }) => tentative === 0, 'at rest');
  const before = await b.until(
    ({ tentative, final }) => tentative === 0 && (final?.height ?? 0) >= (ofC?.height ?? 0),
    'as far as c',
  );
  const id = before.id ?? '';
  assert.equal(before.founder, founder);

  // While the group decides, it is not given up; nor by whoever means another node, or another group.
  const early = await recover(b, id, founder);
  assert.deepEqual([early.status, early.body.error?.code], [409, 'cannot_recover']);
  // One comes back later, with all that it had. What is asked for meanwhile is never decided, and its client is not told that it is.
  for (const { program } of [a, c]) program.child.kill('SIGSTOP');
  const lost = await b.ask('POST', '/v1/sql', {
    sql: "SET p2pdb_commit = 'final', p2pdb_commit_timeout = 1; INSERT INTO d.t (level, v) VALUES ('undecided', 1)",
  });
  assert.match(lost.body.error?.message ?? '', /^Not confirmed within 1 s/);
  await Promise.all([c.program.kill(), a.lose()]);
  await b.until(({ leader }) => leader === undefined, 'without a leader');
  assert.equal((await recover(b, founder, founder)).body.error?.code, 'another_node');
  assert.equal((await recover(b, id, id)).body.error?.code, 'another_group');
  assert.equal((await b.ask('POST', '/v1/recover', { id, founder }, 'another')).status, 401);
  await b.sql(
    "UPDATE d.t SET v = v + 1; INSERT INTO d.t (level, v) VALUES ('alone', 1); INSERT INTO d.keyless VALUES (2)",
  );
  await b.sql('UPDATE own.t SET v = v + 1; INSERT INTO own.t (v) VALUES (9)');
  const ownRows = await b.sql('SELECT * FROM own.t ORDER BY id');
  assert.equal(ownRows.length, 2);
  const refused = await b.ask('POST', '/v1/sql', {
    sql: "SET p2pdb_commit = 'final', p2pdb_commit_timeout = 1; INSERT INTO d.t (level) VALUES ('no')",
  });
  assert.equal(refused.body.error?.errno, 3101);
  const rows = await b.sql('SELECT * FROM d.t ORDER BY id');
  assert.equal(rows.length, 5);
  const last = (await b.status()).body;
  assert.ok((last.tentative ?? 0) > 0);

  // A moment ago there was a leader. It may be killed as soon as it has said yes.
  let done = await recover(b, id, founder);
  for (; /has a leader/.test(done.body.error?.message ?? ''); done = await recover(b, id, founder)) await b.status();
  // A database that only another one has is given up by name.
  assert.match(
    done.body.error?.message ?? '',
    /^The node does not host, or has yet to receive, 'elsewhere': choose a member that does/,
  );
  done = await recover(b, id, founder, ['elsewhere']);
  assert.equal(done.status, 200, JSON.stringify(done.body));
  await b.restart();
  const now = await b.until((body) => body.phase === 'serving' && body.id !== id, 'another');
  assert.equal(now.founder, now.id);
  assert.deepEqual(
    now.members?.map(({ name, id: member, voter }) => [name, member, voter]),
    [['b', now.id, true]],
  );
  assert.deepEqual(now.predecessor, {
    founder,
    member: id,
    height: last.final?.height,
    digest: now.digest,
  });
  assert.equal(now.tentative, 0);
  assert.deepEqual([...(now.removed ?? [])].sort(), (last.members ?? []).map((member) => member.id).sort());
  assert.deepEqual((await recover(b, id, founder)).body.error?.code, 'another_node');
  assert.equal((await recover(b, now.id ?? '', now.founder ?? '')).body.error?.code, 'cannot_recover');
  assert.deepEqual(await b.sql('SELECT * FROM d.t ORDER BY id'), rows);
  assert.deepEqual(await b.sql('SELECT * FROM own.t ORDER BY id'), ownRows);
  assert.deepEqual(await b.sql('SELECT database_name, host FROM p2pdb.hosts'), [['own', 'b']]);
  assert.deepEqual(await b.sql("SHOW DATABASES LIKE 'elsewhere'"), []);
  const left = path.join(b.folder, `left-${id.slice(0, 16)}`);
  assert.deepEqual(readdirSync(left).sort(), ['format', 'groups', 'identity.key', 'incarnation', 'peers.json']);
  assert.equal(verifyLog(logOf(left)).fault, undefined);
  assert.ok(!existsSync(path.join(b.folder, 'recovery.json')) && !existsSync(path.join(b.folder, 'successor')));

  assert.match(
    b.program.err,
    /is in the old data only group=main transactions=\d+ ids=\["[0-9a-f]{16}:\d+:0".*\] blocks=0/,
  );

  // It decides, alone, and gives no number that a member of the old group may have given.
  await b.sql("SET p2pdb_commit = 'final'; INSERT INTO own.t (v) VALUES (3)");
  await b.sql("SET p2pdb_commit = 'final'; INSERT INTO d.t (level, v) VALUES ('after', 1)");
  await b.restart();
  await b.phase('serving');
  assert.deepEqual(await b.sql("SELECT COUNT(*), SUM(level = 'after') FROM d.t"), [[6, '1']]);
  const classes = await b.sql("SELECT id % 4 AS class, SUM(level = 'after') FROM d.t GROUP BY class ORDER BY class");
  assert.deepEqual(classes, [
    [0, '1'],
    [2, '0'],
    [3, '0'],
  ]);

  // Others join, and decide.
  a.start();
  const e = await swarm.start('e');
  for (const member of [a, e]) {
    await member.phase('waiting');
    await member.join(b);
    await b.giveVote(member.name);
    assert.deepEqual((await member.status()).body.predecessor, now.predecessor);
    assert.deepEqual(await member.sql('SELECT COUNT(*) FROM d.t'), [[6]]);
  }
  await b.sql("ALTER DATABASE own COMMENT 'p2pdb:group=own; for all'");
  for (const member of [a, e]) {
    await member.until(({ databaseGroups }) => databaseGroups?.[0]?.ready === true, 'a host');
    assert.deepEqual(await member.sql('SELECT COUNT(*) FROM own.t'), [[3]]);
  }

  // Who has the data of the old group is a stranger: it is not linked, decides nothing, and its writes stay its own.
  c.start();
  const stranger = await c.phase('serving');
  assert.equal(stranger.founder, founder);
  await c.sql("INSERT INTO d.t (level, v) VALUES ('stranger', 1)");
  await e.sql("SET p2pdb_commit = 'final'; INSERT INTO d.t (level, v) VALUES ('e', 1)");
  const digests = [];
  for (const member of [a, b, e]) {
    const height = (await e.status()).body.final?.height ?? 0;
    digests.push((await member.until(({ final }) => (final?.height ?? 0) >= height, 'as far as the others')).digest);
  }
  assert.deepEqual(new Set(digests).size, 1);
  const [there, here] = await Promise.all([c.status(), b.status()]);
  assert.deepEqual([there.body.leader, there.body.tentative], [undefined, (stranger.tentative ?? 0) + 1]);
  assert.deepEqual(here.body.members?.map(({ name }) => name).sort(), ['a', 'b', 'e']);
  assert.equal((await c.ask('POST', '/v1/leave', { id: stranger.id })).status, 200);
  await c.program.exit;
  c.start();
  await c.phase('waiting');
  await c.join(b);
  assert.deepEqual(await c.sql("SELECT COUNT(*), SUM(level = 'stranger') FROM d.t"), [[7, '0']]);
  // The new group bears the loss of its first member.
  await b.program.kill();
  await e.until(({ leader }) => leader !== undefined && leader !== 'b', 'led by another');
  await a.sql("SET p2pdb_commit = 'final'; INSERT INTO d.t (level, v) VALUES ('without b', 1)");
  const { body } = await e
    .until(({ tentative, final }) => tentative === 0 && final !== undefined, 'at rest')
    .then((seen) => ({ body: seen }));
  assert.equal(body.founder, now.id);
  assert.equal(verifyLog(logOf(e.folder)).fault, undefined);
});

/** Makes databases of `holder` until one has come to `newHost` in part when the holder is lost; gives that one's name. */
async function halfSent(holder: Member, newHost: Member): Promise<string> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const name = `half${attempt}`;
    await holder.sql(`CREATE DATABASE ${name} COMMENT 'p2pdb:replicas=${holder.name}'`);
    await holder.sql(`CREATE TABLE ${name}.t (id INT PRIMARY KEY, v LONGTEXT)`);
    for (let i = 0; i < 40; i++)
      await holder.sql(
        `SET p2pdb_commit = 'final'; ${Array.from({ length: 10 }, (_, n) => `INSERT INTO ${name}.t VALUES (${10 * i + n}, REPEAT('x', 20000))`).join('; ')}`,
      );
    const named = holder.sql(`ALTER DATABASE ${name} COMMENT 'p2pdb:replicas=${holder.name},${newHost.name}'`);
    for (let isReady = false; !isReady;) {
      const group = (await newHost.status()).body.databaseGroups?.find(({ database }) => database === name);
      isReady = group?.ready === true;
      if (isReady || (group?.final.height ?? 0) === 0) continue;
      await Promise.all([holder.lose(), named.catch(() => undefined)]);
      return name;
    }
    await named;
  }
  return assert.fail('each came whole at once');
}

it('takes no database along that was only on its way here', { timeout: 240_000 }, async () => {
  const [m, n, o] = (await swarm.group('m', 'n', 'o')) as [Member, Member, Member];
  await m.sql('CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY); INSERT INTO d.t VALUES (1)');
  await m.sql("CREATE DATABASE promised COMMENT 'p2pdb:replicas=o'; CREATE DATABASE held COMMENT 'p2pdb:replicas=n'");
  await n.until(hosts('held'), 'a host of held');
  await n.sql('CREATE TABLE held.t (id INT PRIMARY KEY); INSERT INTO held.t VALUES (1)');
  const half = await halfSent(o, n);
  // Named as a host when nobody is left who could send anything.
  await m.sql("ALTER DATABASE promised COMMENT 'p2pdb:replicas=n,o'");
  const hosted = (await n.until(hosts('promised'), 'a host of promised')).databaseGroups ?? [];
  const notReady = hosted.flatMap(({ database, ready }) => (ready ? [] : [database]));
  assert.deepEqual(notReady.sort(), [half, 'promised']);
  await m.lose();
  const { id = '', founder = '' } = await n.until(({ leader }) => leader === undefined, 'without a leader');

  const whenLost = async (leave: readonly string[]): Promise<Answer> => {
    for (;;) {
      const answer = await recover(n, id, founder, leave);
      if (!/has a leader/.test(answer.body.error?.message ?? '')) return answer;
    }
  };
  let done = await whenLost([]);
  assert.deepEqual([done.status, done.body.error?.code], [409, 'cannot_recover']);
  const names = /^The node does not host, or has yet to receive, (.+): choose a member that does, or name in "leave"/;
  assert.deepEqual(
    names
      .exec(done.body.error?.message ?? '')?.[1]
      ?.split(', ')
      .sort(),
    [`'${half}'`, "'promised'"],
  );
  // A restart opens what had come, and does not take it for the whole.
  await n.restart();
  const isBack = ({ phase, databaseGroups = [] }: Answer['body']): boolean =>
    phase === 'serving' && databaseGroups.length === hosted.length;
  await n.until(isBack, 'back');
  done = await whenLost(['promised']);
  assert.equal(names.exec(done.body.error?.message ?? '')?.[1], `'${half}'`);

  done = await recover(n, id, founder, ['promised', half]);
  assert.equal(done.status, 200, JSON.stringify(done.body));
  await n.restart();
  await n.until(
    (body) => body.phase === 'serving' && body.id !== id && body.databaseGroups?.[0]?.ready === true,
    'another',
  );
  assert.deepEqual(await n.sql('SELECT database_name, host FROM p2pdb.hosts'), [['held', 'n']]);
  assert.deepEqual(await n.sql("SHOW DATABASES LIKE 'half%'"), []);
  assert.deepEqual(await n.sql("SHOW DATABASES LIKE 'promised'"), []);
  assert.deepEqual(await n.sql('SELECT * FROM d.t'), [[1]]);
  assert.deepEqual(await n.sql('SELECT * FROM held.t'), [[1]]);
});

const silent = pino({ level: 'silent' });

class Crash extends Error {}

/** Carries it out until the n-th thing is done. */
async function crashAfter(data: string, n: number): Promise<void> {
  let steps = 0;
  const crash = (): void => {
    if (++steps === n) throw new Crash();
  };
  await assert.rejects(carryOutRecovery({ data }, silent, crash), Crash);
}

it('ends in the old group or in the new one, whatever cuts it short', { timeout: 240_000 }, async () => {
  const [x, y] = (await swarm.group('x', 'y')) as [Member, Member];
  await x.sql('CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, v INT)');
  await x.sql("INSERT INTO d.t VALUES (0, 0), (1, 1); SELECT p2pdb_set_voter('y', 1)");
  const height = (await x.status()).body.final?.height ?? 0;
  await y.until(({ tentative, final }) => tentative === 0 && (final?.height ?? 0) >= height, 'as far as x');
  await x.lose();
  await y.until(({ leader }) => leader === undefined, 'without a leader');
  await y.sql('INSERT INTO d.t VALUES (2, 2); UPDATE d.t SET v = v + 1 WHERE id > 0');
  const { id = '', founder, final } = (await y.status()).body;
  const stateFile = path.join(y.folder, 'groups/main/state.sqlite');
  while ((heightOfState(stateFile) ?? 0) < (final?.height ?? 0)) await sleep(20);
  await y.program.kill();
  orderRecovery(y.folder, id);

  const steps = { count: 0 };
  const whole = path.join(swarm.root, 'whole');
  cpSync(y.folder, whole, { recursive: true });
  assert.equal(await carryOutRecovery({ data: whole }, silent, () => void steps.count++), undefined);
  const names = readdirSync(whole).sort();
  assert.ok(steps.count > 9);
  for (let n = 1; n <= steps.count; n++) {
    const data = path.join(swarm.root, `crashed-${n}`);
    cpSync(y.folder, data, { recursive: true });
    // What one before it may have left.
    mkdirSync(path.join(data, 'successor/groups'), { recursive: true });
    writeFileSync(path.join(data, 'successor/identity.key'), 'half');
    await crashAfter(data, n);
    if (n < steps.count) await crashAfter(data, 1);
    assert.equal(await carryOutRecovery({ data }, silent), undefined);
    assert.deepEqual(readdirSync(data).sort(), names, `after step ${n}`);
    const self = hex(loadIdentity(data).publicKey);
    assert.notEqual(self, id);
    assert.equal(hex(loadIdentity(path.join(data, `left-${id.slice(0, 16)}`)).publicKey), id);
    const group = path.join(data, 'groups/main');
    const genesis = JSON.parse(readFileSync(path.join(group, 'genesis.json'), 'utf8')) as Genesis;
    assert.deepEqual([genesis.voters, genesis.predecessor?.founder], [[self], founder]);
    const base = new Snapshots(group, 'main').base?.manifest;
    assert.equal(base?.height, (genesis.predecessor?.height ?? 0) + 1);
    assert.equal(heightOfState(path.join(group, 'state.sqlite')), base?.height);
  }

  // A state that is not what it says is no beginning: the old member goes on, and makes it anew from its log.
  const db = new DatabaseSync(stateFile);
  const table = db
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 't%' AND name GLOB 't[0-9]*'")
    .get();
  db.exec(`DELETE FROM "${String(table?.['name'])}" WHERE rowid = 0`);
  db.close();
  y.start();
  const same = await y.phase('serving');
  assert.equal(same.id, id);
  assert.match(same.recoveryFault ?? '', /^the rows of d\.t are not what their digest says$/);
  assert.deepEqual(await y.sql('SELECT * FROM d.t ORDER BY id'), [
    [0, 0],
    [1, 2],
    [2, 3],
  ]);
  while ((await recover(y, id, founder ?? '')).status !== 200) await y.status();
  const now = await y.until((body) => body.phase === 'serving' && body.id !== id, 'another');
  assert.equal(now.recoveryFault, undefined);
  await y.sql("SET p2pdb_commit = 'final'; INSERT INTO d.t VALUES (3, 3)");
  assert.deepEqual(await y.sql('SELECT * FROM d.t ORDER BY id'), [
    [0, 0],
    [1, 2],
    [2, 3],
    [3, 3],
  ]);
});
