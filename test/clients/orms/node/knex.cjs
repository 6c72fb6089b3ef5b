const assert = require('node:assert/strict');
const knex = require('knex');

const migrations = {
  first: {
    up: async (db) => {
      await db.schema.createTable('kn_user', (t) => {
        t.increments('id');
        t.string('name', 100).notNullable().unique();
        t.bigInteger('big').unsigned();
        t.decimal('price', 12, 4).defaultTo('1.5');
        t.json('meta');
        t.enum('role', ['a', 'b']).defaultTo('a');
        t.timestamps(true, true);
      });
      await db.schema.createTable('kn_post', (t) => {
        t.uuid('id').primary();
        t.string('title').comment("it's");
        t.integer('user_id').unsigned().references('kn_user.id').onDelete('CASCADE');
        t.index(['user_id', 'title']);
      });
    },
    down: (db) => db.schema.dropTable('kn_post').dropTable('kn_user'),
  },
  second: {
    up: async (db) => {
      await db.schema.alterTable('kn_post', (t) => {
        t.text('body').after('title');
        t.dropForeign('user_id');
        t.dropIndex(['user_id', 'title']);
        t.renameColumn('user_id', 'author_id');
      });
      await db.schema.alterTable('kn_post', (t) => {
        t.foreign('author_id').references('kn_user.id').onDelete('CASCADE');
        t.string('title', 50).notNullable().defaultTo('none').alter();
      });
      await db.schema.alterTable('kn_user', (t) => t.renameColumn('id', 'key'));
    },
    down: async (db) => {
      await db.schema.alterTable('kn_user', (t) => t.renameColumn('key', 'id'));
      await db.schema.alterTable('kn_post', (t) => t.dropColumn('body'));
    },
  },
};
const migrationSource = {
  getMigrations: () => Promise.resolve(Object.keys(migrations)),
  getMigrationName: (name) => name,
  getMigration: (name) => Promise.resolve(migrations[name]),
};

module.exports = async (connection) => {
  const db = knex({
    client: 'mysql2',
    connection: { ...connection, supportBigNumbers: true },
    migrations: { migrationSource, tableName: 'kn_migrations' },
  });
  await db.migrate.latest();
  assert.deepEqual(await db.migrate.list().then(([done, open]) => [done.length, open.length]), [2, 0]);
  const info = await db('kn_post').columnInfo();
  assert.deepEqual(
    [info.title.maxLength, info.title.nullable, info.title.defaultValue, info.body.type],
    [50, false, 'none', 'text'],
  );

  const [key] = await db('kn_user').insert({
    name: 'ann',
    big: '18446744073709551615',
    meta: JSON.stringify({ a: [1] }),
  });
  await db('kn_post').insert({ id: 'p1', author_id: key, title: 'one' });
  const [row] = await db('kn_user as u').join('kn_post as p', 'p.author_id', 'u.key').select('u.*', 'p.title');
  assert.deepEqual([row.big, row.price, row.meta, row.title], ['18446744073709551615', '1.5000', { a: [1] }, 'one']);
  await db('kn_user')
    .insert([
      { name: 'ann', role: 'b' },
      { name: 'bob', role: 'b' },
    ])
    .onConflict('name')
    .merge(['role']);
  await db('kn_user').insert({ name: 'bob', role: 'a' }).onConflict('name').ignore();
  assert.deepEqual(await db('kn_user').count({ n: '*' }).select('role').groupBy('role'), [{ n: 2, role: 'b' }]);
  await assert.rejects(db('kn_user').insert({ name: 'ann' }), { errno: 1062 });
  await assert.rejects(db('kn_post').insert({ id: 'p2', author_id: 99 }), { errno: 1452 });
  await assert.rejects(db('kn_user').where({ key }).update({ key: 50 }), { errno: 1451 });

  await db.transaction(
    async (outer) => {
      await outer('kn_user').forUpdate().skipLocked();
      const inner = outer.transaction(async (nested) => {
        await nested('kn_user').insert({ name: 'inner' });
        throw new Error('taken back');
      });
      await assert.rejects(inner, /taken back/);
      await outer('kn_user').insert({ name: 'outer' });
    },
    { isolationLevel: 'read committed' },
  );
  const names = [];
  for await (const { name } of db('kn_user').orderBy('name').stream()) names.push(name);
  assert.deepEqual(names, ['ann', 'bob', 'outer']);
  await db.migrate.rollback(undefined, true);
  assert.equal(await db.schema.hasTable('kn_user'), false);
  await db.destroy();
};
