/** Nodes that wait to be let in: who founds, who joins, what a restart and a lost volume do, how a removed member begins anew. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, it } from 'node:test';
import { Waiting, type Member } from '../../support/waiting.ts';

const swarm = new Waiting();
after(() => swarm.stop());

it('waits, founds, lets others in, and begins anew after it was removed', { timeout: 120_000 }, async () => {
  const [a, b] = (await Promise.all(['a', 'b'].map((name) => swarm.start(name)))) as [Member, Member];
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

  await b.join(a);
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
  assert.ok(readdirSync(b.folder).includes(`left-${old.slice(0, 16)}`));
  await b.join(a);
  assert.deepEqual(await b.sql('SELECT COUNT(*) FROM d.t'), [[2]]);

  // A volume that is lost: a new identity, which takes the name once the old one has gone.
  await b.lose();
  b.start();
  await b.phase('waiting');
  const token = (await a.sql('SELECT p2pdb_join_token(5, 1)'))[0]?.[0];
  const refused = await b.ask('POST', '/v1/join', { token });
  assert.deepEqual([refused.status, refused.body.error?.message], [422, "there is a member 'b'"]);
  await a.sql("SELECT p2pdb_remove_member('b')");
  assert.equal((await b.ask('POST', '/v1/join', { token })).status, 200);
  await b.phase('serving');

  // The founder may go, too: whoever joins then is introduced to those who are there.
  const [c, d, e] = (await Promise.all(['c', 'd', 'e'].map((name) => swarm.start(name)))) as [Member, Member, Member];
  await c.join(a);
  for (const name of ['b', 'c']) await a.giveVote(name);
  await a.program.kill();
  const remove = async (): Promise<boolean> =>
    (await b.ask('POST', '/v1/sql', { sql: "SELECT p2pdb_remove_member('a')" })).status === 200;
  // Another leader is found first.
  while (!(await remove())) await b.phase('serving');
  const last = (await b.sql('SELECT p2pdb_join_token(5, 1)'))[0]?.[0];
  assert.equal((await d.ask('POST', '/v1/join', { token: last })).status, 200);
  await d.phase('serving');
  assert.deepEqual(await d.sql('SELECT COUNT(*) FROM d.t'), [[2]]);

  // It ends as it should also while it waits.
  assert.deepEqual((await e.program.kill('SIGTERM')).code, 0);
});
