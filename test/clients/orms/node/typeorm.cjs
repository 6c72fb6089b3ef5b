require('reflect-metadata');
const assert = require('node:assert/strict');
const { DataSource, EntitySchema, Table, TableColumn } = require('typeorm');

const User = new EntitySchema({
  name: 'to_user',
  columns: {
    id: { type: Number, primary: true, generated: true },
    name: { type: 'varchar', length: 100, unique: true, comment: "it's" },
    big: { type: 'bigint', unsigned: true, nullable: true },
    price: { type: 'decimal', precision: 12, scale: 4, default: '1.5000' },
    meta: { type: 'json', nullable: true },
    role: { type: 'enum', enum: ['a', 'b'], default: 'a' },
    marks: { type: 'set', enum: ['x', 'y'], nullable: true },
    at: { type: 'datetime', precision: 6, default: () => 'CURRENT_TIMESTAMP(6)', onUpdate: 'CURRENT_TIMESTAMP(6)' },
    upper: { type: 'varchar', length: 100, asExpression: 'upper(`name`)', generatedType: 'STORED', nullable: true },
    deleted: { deleteDate: true },
    version: { version: true, type: Number },
  },
  relations: { posts: { type: 'one-to-many', target: 'to_post', inverseSide: 'user' } },
  indices: [{ columns: ['role', 'big'] }],
  checks: [{ expression: '`price` >= 0' }],
});
const Post = new EntitySchema({
  name: 'to_post',
  columns: { id: { type: 'varchar', length: 36, primary: true, generated: 'uuid' }, title: { type: String } },
  relations: {
    user: { type: 'many-to-one', target: 'to_user', inverseSide: 'posts', onDelete: 'CASCADE' },
    tags: { type: 'many-to-many', target: 'to_tag', joinTable: true, cascade: true },
  },
});
const Tag = new EntitySchema({
  name: 'to_tag',
  columns: { id: { type: Number, primary: true, generated: true }, label: { type: String } },
});

class Migration1700000000000 {
  async up(runner) {
    const table = new Table({
      name: 'to_moved',
      columns: [
        { name: 'id', type: 'int', isPrimary: true, isGenerated: true, generationStrategy: 'increment' },
        { name: 'a', type: 'varchar', length: '20', isUnique: true },
        { name: 'user', type: 'int' },
      ],
      foreignKeys: [{ columnNames: ['user'], referencedTableName: 'to_user', referencedColumnNames: ['id'] }],
      indices: [{ columnNames: ['user', 'a'] }],
    });
    await runner.createTable(table, true);
    await runner.addColumn('to_moved', new TableColumn({ name: 'b', type: 'decimal', precision: 10, scale: 2 }));
    await runner.changeColumn(
      'to_moved',
      'b',
      new TableColumn({ name: 'c', type: 'varchar', length: '9', default: "'x'" }),
    );
    await runner.renameColumn('to_moved', 'a', 'd');
    await runner.renameTable('to_moved', 'to_there');
  }
  async down(runner) {
    await runner.dropTable('to_there');
  }
}

module.exports = async ({ host, port, user: username, password, database }) => {
  const db = await new DataSource({
    type: 'mysql',
    host,
    port,
    username,
    password,
    database,
    entities: [User, Post, Tag],
    migrations: [Migration1700000000000],
    migrationsTableName: 'to_migrations',
    supportBigNumbers: true,
  }).initialize();
  await db.synchronize();
  assert.deepEqual((await db.driver.createSchemaBuilder().log()).upQueries, []);
  assert.equal((await db.runMigrations()).length, 1);
  const runner = db.createQueryRunner();
  const there = await runner.getTable('to_there');
  assert.deepEqual(there.columns.map(({ name, type, isUnique }) => `${name} ${type} ${isUnique}`).sort(), [
    'c varchar false',
    'd varchar true',
    'id int false',
    'user int false',
  ]);
  assert.deepEqual([there.foreignKeys.length, there.foreignKeys[0].referencedTableName], [1, 'to_user']);
  await runner.release();
  await db.undoLastMigration();

  const [users, posts, tags] = ['to_user', 'to_post', 'to_tag'].map((name) => db.getRepository(name));
  const ann = await users.save({ name: 'ann', big: '18446744073709551615', meta: { a: [1] }, marks: ['x', 'y'] });
  assert.deepEqual([ann.upper, ann.version, ann.price, ann.at instanceof Date], ['ANN', 1, '1.5000', true]);
  await posts.save({ title: 'one', user: ann, tags: [{ label: 'x' }, { label: 'y' }] });
  const found = await users.findOne({ where: { name: 'ann' }, relations: { posts: { tags: true } } });
  assert.deepEqual([found.big, found.meta, found.marks], ['18446744073709551615', { a: [1] }, ['x', 'y']]);
  assert.deepEqual(found.posts[0].tags.map(({ label }) => label).sort(), ['x', 'y']);

  await users.upsert([{ name: 'ann', role: 'b' }, { name: 'bob' }], ['name']);
  assert.deepEqual([await users.count(), (await users.findOneBy({ name: 'ann' })).role], [2, 'b']);
  const [page, all] = await db
    .createQueryBuilder('to_user', 'u')
    .leftJoinAndSelect('u.posts', 'p')
    .orderBy('u.name', 'DESC')
    .take(1)
    .skip(1)
    .getManyAndCount();
  assert.deepEqual([page[0].name, page[0].posts.length, all], ['ann', 1, 2]);
  await assert.rejects(users.insert({ name: 'ann' }), { errno: 1062 });

  await db.transaction('SERIALIZABLE', async (outer) => {
    await outer.getRepository('to_user').find({ lock: { mode: 'pessimistic_write', onLocked: 'skip_locked' } });
    const inner = outer.transaction(async (nested) => {
      await nested.getRepository('to_tag').save({ label: 'inner' });
      throw new Error('taken back');
    });
    await assert.rejects(inner, /taken back/);
    await outer.getRepository('to_tag').save({ label: 'outer' });
  });
  assert.deepEqual(
    (await tags.find({ order: { label: 'ASC' } })).map(({ label }) => label),
    ['outer', 'x', 'y'],
  );
  await users.softDelete({ name: 'bob' });
  assert.deepEqual([await users.count(), await users.count({ withDeleted: true })], [1, 2]);
  let streamed = 0;
  for await (const row of await users.createQueryBuilder('u').stream()) streamed += row.u_id > 0 ? 1 : 0;
  assert.equal(streamed, 1);
  await db.destroy();
};
