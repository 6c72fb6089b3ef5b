// npm test: the fences, then every test file on Node's own runner. The last line is `N passed, N failed, N skipped`.
//   npm test -- [--only PART-OF-PATH] [--no-check]
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { check } from './check.ts';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const onlyAt = process.argv.indexOf('--only');
const only = onlyAt < 0 ? '' : (process.argv[onlyAt + 1] ?? '');

const count = { passed: 0, failed: 0, skipped: 0 };
if (!process.argv.includes('--no-check')) {
  for (const outcome of await check()) count[outcome.ok ? 'passed' : 'failed']++;
}

async function runFiles(files: readonly string[], concurrency: number): Promise<void> {
  const stream = run({
    files: files.map((file) => path.join(root, file)),
    concurrency,
    timeout: 30 * 60_000,
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  stream.on('test:pass', (event) => {
    if (event.details.type === 'suite') return;
    count[event.skip === undefined && event.todo === undefined ? 'passed' : 'skipped']++;
  });
  stream.on('test:fail', (event) => {
    if (event.details.type !== 'suite') count.failed++;
  });
  for await (const chunk of stream.compose(spec)) process.stdout.write(chunk as string);
}

const files = globSync('test/**/*.test.ts', { cwd: root })
  .filter((file) => file.includes(only))
  .sort();
const isSimulated = (file: string): boolean => file.startsWith(path.join('test', 'sim') + path.sep);
// Tests that start servers share two cores with them: a test file at a time keeps their timings honest. Simulated time takes no notice.
await runFiles(
  files.filter((file) => !isSimulated(file)),
  1,
);
await runFiles(files.filter(isSimulated), availableParallelism());

console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exitCode = count.failed > 0 ? 1 : 0;
