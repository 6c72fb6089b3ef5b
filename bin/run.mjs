// Runs a TypeScript file of this clone on the project's own Node, after the set-up: node bin/run.mjs FILE [ARGUMENT...]
import { spawn } from 'node:child_process';
import path from 'node:path';
import { nodeBinary, root, setUp } from './setup.mjs';

setUp();
const [file, ...rest] = process.argv.slice(2);
const child = spawn(nodeBinary, ['--disable-warning=ExperimentalWarning', path.join(root, file), ...rest], {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${path.dirname(nodeBinary)}${path.delimiter}${process.env.PATH ?? ''}` },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
