// npm run check: every fence that needs no server, side by side; prints what fails and exits 1.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const ROOMS = ['node', 'operator', 'image', 'test'].filter((room) => existsSync(path.join(root, room)));
const bin = (name: string): string => path.join(root, 'node_modules', '.bin', name);

const fences: Record<string, readonly string[]> = {
  types: [bin('tsc'), '-p', 'tsconfig.json'],
  'pure types': [bin('tsc'), '-p', 'tsconfig.pure.json'],
  lint: [
    bin('eslint'),
    '--cache',
    '--cache-location',
    'node_modules/.cache/eslint/',
    'node',
    'operator',
    'image',
    'test',
    '--no-error-on-unmatched-pattern',
  ],
  rooms: [bin('depcruise'), '--config', '.dependency-cruiser.cjs', ...ROOMS],
  'dead code': [bin('knip'), '--no-progress'],
  format: [bin('prettier'), '--check', '--log-level', 'warn', '--cache', '.'],
};

interface Outcome {
  name: string;
  ok: boolean;
  seconds: number;
  output: string;
}

function run(name: string, command: readonly string[]): Promise<Outcome> {
  const start = performance.now();
  return new Promise((resolve) => {
    const child = spawn(command[0] ?? '', command.slice(1), { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (d) => (output += String(d)));
    child.stderr.on('data', (d) => (output += String(d)));
    child.on('close', (code) => resolve({ name, ok: code === 0, seconds: (performance.now() - start) / 1000, output }));
  });
}

export async function check(): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const queue = Object.entries(fences);
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const outcome = await run(next[0], next[1]);
      outcomes.push(outcome);
      console.log(`${outcome.ok ? 'ok  ' : 'FAIL'} ${outcome.name} (${outcome.seconds.toFixed(1)} s)`);
      if (!outcome.ok) console.log(outcome.output);
    }
  };
  await Promise.all([worker(), worker()]);
  return outcomes;
}

if (import.meta.main) process.exitCode = (await check()).every((o) => o.ok) ? 0 : 1;
