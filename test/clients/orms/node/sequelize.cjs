const assert = require('node:assert/strict');
const { DataTypes, Op, Sequelize } = require('sequelize');

module.exports = async ({ host, port, user, password, database }) => {
  const db = new Sequelize(database, user, password, { host, port, dialect: 'mysql', logging: false });
  const User = db.define('sq_user', {
    name: { type: DataTypes.STRING, allowNull: false, unique: 'name' },
    age: DataTypes.INTEGER.UNSIGNED,
    big: DataTypes.BIGINT,
    price: DataTypes.DECIMAL(12, 4),
    meta: DataTypes.JSON,
    role: { type: DataTypes.ENUM('a', 'b'), defaultValue: 'a' },
    image: DataTypes.BLOB,
    at: DataTypes.DATE(6),
    isOld: { type: DataTypes.BOOLEAN, defaultValue: false },
  });
  const Post = db.define('sq_post', { title: DataTypes.STRING });
  const Tag = db.define('sq_tag', { label: { type: DataTypes.STRING(50), primaryKey: true } });
  User.hasMany(Post, { as: 'posts', foreignKey: 'userId', onDelete: 'CASCADE' });
  Post.belongsTo(User, { as: 'user', foreignKey: 'userId' });
  Post.belongsToMany(Tag, { as: 'tags', through: 'sq_post_tags' });
  Tag.belongsToMany(Post, { through: 'sq_post_tags' });

  await db.sync({ force: true });
  await db.sync({ alter: true });
  const queries = db.getQueryInterface();
  await queries.addColumn('sq_posts', 'extra', { type: DataTypes.STRING(50), comment: "it's" });
  await queries.changeColumn('sq_posts', 'extra', { type: DataTypes.TEXT });
  await queries.renameColumn('sq_posts', 'extra', 'more');
  await queries.addIndex('sq_posts', ['title'], { unique: true, name: 'one_title' });
  await queries.removeIndex('sq_posts', 'one_title');
  const columns = await queries.describeTable('sq_posts');
  assert.equal(columns.more.type, 'TEXT');
  assert.equal(columns.id.autoIncrement, true);
  await queries.removeColumn('sq_posts', 'more');

  const at = new Date('2024-03-04T05:06:07.089Z');
  const values = { name: 'ann', age: 3, big: '9007199254740993', price: '12.3456', meta: { a: [1, { b: 'x' }] }, at };
  await User.create(
    { ...values, image: Buffer.from([0, 255]), posts: [{ title: 'one', tags: [{ label: 'x' }, { label: 'y' }] }] },
    { include: [{ model: Post, as: 'posts', include: [{ model: Tag, as: 'tags' }] }] },
  );
  const ann = await User.findOne({
    where: { name: 'ann' },
    include: [{ model: Post, as: 'posts', include: [{ model: Tag, as: 'tags' }] }],
  });
  assert.deepEqual(
    [ann.big, ann.price, ann.meta, ann.role, ann.image.toString('hex'), ann.at.getTime(), ann.isOld],
    ['9007199254740993', '12.3456', { a: [1, { b: 'x' }] }, 'a', '00ff', at.getTime(), false],
  );
  assert.deepEqual(ann.posts[0].tags.map(({ label }) => label).sort(), ['x', 'y']);

  await User.bulkCreate(
    [
      { name: 'ann', age: 9 },
      { name: 'bob', age: 4 },
    ],
    { updateOnDuplicate: ['age'] },
  );
  assert.deepEqual([await User.count(), await User.sum('age')], [2, 13]);
  const { count, rows } = await User.findAndCountAll({
    where: { [Op.or]: [{ age: { [Op.gt]: 4 } }, { name: { [Op.like]: 'b%' } }] },
    order: [['name', 'DESC']],
    limit: 1,
    offset: 1,
  });
  assert.deepEqual([count, rows[0].name], [2, 'ann']);

  await assert.rejects(User.create({ name: 'ann' }), {
    name: 'SequelizeUniqueConstraintError',
    fields: { name: 'ann' },
  });
  await assert.rejects(Post.create({ userId: 999 }), {
    name: 'SequelizeForeignKeyConstraintError',
    fields: ['userId'],
  });

  await db.transaction({ isolationLevel: 'READ COMMITTED' }, async (transaction) => {
    await User.findAll({ transaction, lock: transaction.LOCK.UPDATE, skipLocked: true });
    const inner = db.transaction({ transaction }, async (nested) => {
      await Tag.create({ label: 'inner' }, { transaction: nested });
      throw new Error('taken back');
    });
    await assert.rejects(inner, /taken back/);
    await Tag.create({ label: 'outer' }, { transaction });
  });
  assert.deepEqual(
    (await Tag.findAll({ order: ['label'] })).map(({ label }) => label),
    ['outer', 'x', 'y'],
  );
  await ann.destroy();
  assert.equal(await Post.count(), 0);
  await db.drop();
  await db.close();
};
