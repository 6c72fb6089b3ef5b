/** A majority is lost for good: a survivor goes on as the first member of a new group, and nothing of the old one reaches it. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { after, it } from 'node:test';
import { verifyLog } from '../../../node/store/index.ts';
import { Waiting, type Answer, type Member } from '../../support/waiting.ts';

const swarm = new Waiting();
after(() => swarm.stop());

const recover = (member: Member, id: string, founder: string): Promise<Answer> =>
  member.ask('POST', '/v1/recover', { id, founder });

const logOf = (folder: string): string => path.join(folder, 'groups/main/log');

it('goes on with what a survivor has', { timeout: 240_000 }, async () => {
  const [a, b, c] = (await swarm.group('a', 'b', 'c')) as [Member, Member, Member];
  await a.sql(
    'CREATE DATABASE d; CREATE TABLE d.t (id INT AUTO_INCREMENT PRIMARY KEY, level VARCHAR(10), v INT); CREATE TABLE d.keyless (v INT)',
  );
  for (const level of ['local', 'replicated', 'final'])
    await b.sql(
      `SET p2pdb_commit = '${level}'; INSERT INTO d.t (level, v) VALUES ('${level}', 1); INSERT INTO d.keyless VALUES (1)`,
    );
  await c.sql("INSERT INTO d.t (level, v) VALUES ('of c', 1)");
  const founder = (await a.status()).body.id ?? '';
  const before = await b.until(({ tentative, final }) => tentative === 0 && (final?.height ?? 0) > 5, 'at rest');
  const id = before.id ?? '';
  assert.equal(before.founder, founder);

  // While the group decides, it is not given up; nor by whoever means another node, or another group.
  const early = await recover(b, id, founder);
  assert.deepEqual([early.status, early.body.error?.code], [409, 'cannot_recover']);
  // One comes back later, with all that it had.
  await c.program.kill();
  await a.lose();
  await b.until(({ leader }) => leader === undefined, 'without a leader');
  assert.equal((await recover(b, founder, founder)).body.error?.code, 'another_node');
  assert.equal((await recover(b, id, id)).body.error?.code, 'another_group');
  assert.equal((await b.ask('POST', '/v1/recover', { id, founder }, 'another')).status, 401);
  // A moment ago there was one.
  while ((await recover(b, id, id)).body.error?.code === 'cannot_recover') await b.status();

  await b.sql(
    "UPDATE d.t SET v = v + 1; INSERT INTO d.t (level, v) VALUES ('alone', 1); INSERT INTO d.keyless VALUES (2)",
  );
  const refused = await b.ask('POST', '/v1/sql', {
    sql: "SET p2pdb_commit = 'final'; INSERT INTO d.t (level) VALUES ('no')",
  });
  assert.notEqual(refused.status, 200);
  const rows = await b.sql('SELECT * FROM d.t ORDER BY id');
  assert.equal(rows.length, 5);
  const last = (await b.status()).body;
  assert.ok((last.tentative ?? 0) > 0);

  // It may be killed as soon as it has said yes.
  const done = await recover(b, id, founder);
  assert.equal(done.status, 200, JSON.stringify(done.body));
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
  const left = path.join(b.folder, `left-${id.slice(0, 16)}`);
  assert.deepEqual(readdirSync(left).sort(), ['format', 'groups', 'identity.key', 'incarnation', 'peers.json']);
  assert.equal(verifyLog(logOf(left)).fault, undefined);
  assert.ok(!existsSync(path.join(b.folder, 'recovery.json')) && !existsSync(path.join(b.folder, 'successor')));

  // It decides, alone, and gives no number that a member of the old group may have given.
  await b.sql("SET p2pdb_commit = 'final'; INSERT INTO d.t (level, v) VALUES ('after', 1)");
  await b.restart();
  await b.phase('serving');
  assert.deepEqual(await b.sql("SELECT COUNT(*), SUM(level = 'after') FROM d.t"), [[6, '1']]);

  // Others join, and decide.
  a.start();
  const e = await swarm.start('e');
  for (const member of [a, e]) {
    await member.phase('waiting');
    await member.join(b);
    await b.sql(`SELECT p2pdb_set_voter('${member.name}', 1)`);
    assert.deepEqual((await member.status()).body.predecessor, now.predecessor);
    assert.deepEqual(await member.sql('SELECT COUNT(*) FROM d.t'), [[6]]);
  }

  // Who has the data of the old group is a stranger: it is not linked, decides nothing, and its writes stay its own.
  c.start();
  const stranger = await c.phase('serving');
  assert.equal(stranger.founder, founder);
  await c.sql("INSERT INTO d.t (level, v) VALUES ('stranger', 1)");
  await e.sql("SET p2pdb_commit = 'final'; INSERT INTO d.t (level, v) VALUES ('e', 1)");
  const [there, here] = await Promise.all([c.status(), b.status()]);
  assert.deepEqual([there.body.leader, there.body.tentative], [undefined, 1]);
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
