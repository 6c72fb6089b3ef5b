const assert = require('node:assert/strict');
const { eq, relations, sql } = require('drizzle-orm');
const { drizzle } = require('drizzle-orm/mysql2');
const { bigint, datetime, decimal, int, json, mysqlEnum, mysqlTable, varchar } = require('drizzle-orm/mysql-core');
const mysql = require('mysql2/promise');

const user = mysqlTable('dz_user', {
  id: int().autoincrement().primaryKey(),
  name: varchar({ length: 100 }).notNull().unique(),
  big: bigint({ mode: 'bigint', unsigned: true }),
  price: decimal({ precision: 12, scale: 4 }),
  meta: json(),
  role: mysqlEnum(['a', 'b']).default('a'),
  at: datetime({ mode: 'date', fsp: 3 }),
});
const post = mysqlTable('dz_post', {
  id: int().autoincrement().primaryKey(),
  title: varchar({ length: 50 }),
  userId: int('user_id'),
});
const userRelations = relations(user, ({ many }) => ({ posts: many(post) }));
const postRelations = relations(post, ({ one }) => ({
  user: one(user, { fields: [post.userId], references: [user.id] }),
}));

module.exports = async (connection) => {
  const pool = mysql.createPool({ ...connection, supportBigNumbers: true });
  const db = drizzle(pool, { schema: { user, post, userRelations, postRelations }, mode: 'default' });
  // As drizzle-kit writes them.
  for (const statement of [
    'DROP TABLE IF EXISTS `dz_post`',
    'DROP TABLE IF EXISTS `dz_user`',
    `CREATE TABLE \`dz_user\` (\n\t\`id\` int AUTO_INCREMENT NOT NULL,\n\t\`name\` varchar(100) NOT NULL,\n\t\`big\` bigint unsigned,
     \`price\` decimal(12,4),\n\t\`meta\` json,\n\t\`role\` enum('a','b') DEFAULT 'a',\n\t\`at\` datetime(3),
     CONSTRAINT \`dz_user_id\` PRIMARY KEY(\`id\`),\n\tCONSTRAINT \`dz_user_name_unique\` UNIQUE(\`name\`)\n)`,
    'CREATE TABLE `dz_post` (`id` int AUTO_INCREMENT NOT NULL, `title` varchar(50), `user_id` int, CONSTRAINT `dz_post_id` PRIMARY KEY(`id`))',
    'ALTER TABLE `dz_post` ADD CONSTRAINT `dz_post_user` FOREIGN KEY (`user_id`) REFERENCES `dz_user`(`id`) ON DELETE cascade ON UPDATE no action',
    'CREATE INDEX `title_idx` ON `dz_post` (`title`)',
  ])
    await db.execute(sql.raw(statement));

  const at = new Date('2024-03-04T05:06:07.089Z');
  const [{ id }] = await db
    .insert(user)
    .values({ name: 'ann', big: 18446744073709551615n, price: '12.3456', meta: { a: [1] }, at })
    .$returningId();
  await db.insert(post).values([
    { title: 'one', userId: id },
    { title: 'two', userId: id },
  ]);
  const ann = await db.query.user.findFirst({
    where: eq(user.name, 'ann'),
    with: { posts: { columns: { title: true } } },
  });
  assert.deepEqual(ann, {
    id,
    name: 'ann',
    big: 18446744073709551615n,
    price: '12.3456',
    meta: { a: [1] },
    role: 'a',
    at,
    posts: [{ title: 'one' }, { title: 'two' }],
  });
  const parents = await db.query.post.findMany({ with: { user: { columns: { name: true } } }, limit: 1 });
  assert.deepEqual(parents[0].user, { name: 'ann' });
  await db
    .insert(user)
    .values({ name: 'ann', role: 'b' })
    .onDuplicateKeyUpdate({ set: { role: sql`values(role)` } });
  assert.deepEqual(
    await db
      .select({ role: user.role, n: sql`count(*)` })
      .from(user)
      .groupBy(user.role),
    [{ role: 'b', n: 1 }],
  );
  await assert.rejects(db.insert(user).values({ name: 'ann' }), (error) => (error.cause ?? error).errno === 1062);
  await db.transaction(
    async (outer) => {
      await outer.select().from(user).for('update', { skipLocked: true });
      const inner = outer.transaction(async (nested) => {
        await nested.insert(user).values({ name: 'inner' });
        throw new Error('taken back');
      });
      await assert.rejects(inner, /taken back/);
      await outer.insert(user).values({ name: 'outer' });
    },
    { isolationLevel: 'read committed' },
  );
  assert.deepEqual(
    (await db.select().from(user).orderBy(user.name)).map(({ name }) => name),
    ['ann', 'outer'],
  );
  await pool.end();
};
