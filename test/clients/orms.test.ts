// ORMs and query builders, as applications use them: schema changes, introspection, relations, transactions, errors.
// They are installed by setup.sh; what a machine cannot install is skipped with the reason. Each is one program that prints `ok`.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { cache, environmentOf, here, missing, run, setUp } from './programs.ts';
import { startTarget, type Target } from './target.ts';

let target: Target;
before(async () => {
  target = await startTarget();
  await setUp();
});
after(() => target.close());

const python = path.join(cache, 'python/bin/python');
const ofNode = (name: string): readonly string[] => [process.execPath, path.join(here, 'orms/node/main.cjs'), name];
const ofJava = (name: string): readonly string[] => [
  'java',
  '-cp',
  path.join(cache, 'java/orms/*'),
  path.join(here, `orms/java/Orm${name}.java`),
];
const programs: readonly { readonly name: string; readonly needs: string; readonly command: readonly string[] }[] = [
  { name: 'Sequelize', needs: 'orms', command: ofNode('sequelize') },
  { name: 'TypeORM', needs: 'orms', command: ofNode('typeorm') },
  { name: 'Knex', needs: 'orms', command: ofNode('knex') },
  { name: 'Drizzle', needs: 'orms', command: ofNode('drizzle') },
  { name: 'Django', needs: 'django', command: [python, path.join(here, 'orms/python/orm_django.py')] },
  { name: 'SQLAlchemy', needs: 'sqlalchemy', command: [python, path.join(here, 'orms/python/orm_sqlalchemy.py')] },
  { name: 'Flyway', needs: 'java-orms', command: ofJava('Flyway') },
  { name: 'Liquibase', needs: 'java-orms', command: ofJava('Liquibase') },
  { name: 'Hibernate', needs: 'java-orms', command: ofJava('Hibernate') },
  { name: 'GORM', needs: 'gorm', command: [path.join(cache, 'gorm')] },
];

describe('ORMs', () => {
  for (const { name, needs, command } of programs) {
    it(name, { timeout: 120_000 }, async (t) => {
      const reason = missing(needs);
      if (reason !== undefined) {
        t.skip(reason);
        return;
      }
      const [program, ...argv] = command;
      const env = { ...environmentOf(target), NODE_PATH: path.join(cache, 'orms/node_modules') };
      const { stdout } = await run(program as string, argv, { env, maxBuffer: 1 << 24 });
      assert.equal(stdout.trim(), 'ok');
    });
  }
});
