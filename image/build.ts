// Builds the container image without a container engine: the same files and settings as the Dockerfile's.
//   node bin/run.mjs image/build.ts ARCHIVE.tar [NAME:TAG]      an OCI archive; p2pdb:VERSION unless told
//   node bin/run.mjs image/build.ts --stage FOLDER              only the files, for the Dockerfile
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { RUN_CONFIG } from './config.ts';
import { packImage } from './oci.ts';
import { stage } from './stage.ts';

const { values, positionals } = parseArgs({ options: { stage: { type: 'string' } }, allowPositionals: true });
const [archive, name] = positionals;
if (values.stage !== undefined) {
  await stage(values.stage);
} else if (archive === undefined) {
  console.error('usage: image/build.ts ARCHIVE.tar [NAME:TAG] | --stage FOLDER');
  process.exitCode = 2;
} else {
  await build(archive, name ?? `p2pdb:${await version()}`);
}

async function build(archive: string, name: string): Promise<void> {
  const root = await mkdtemp(path.join(tmpdir(), 'p2pdb-image-'));
  try {
    await stage(root);
    await packImage({ root, name, config: RUN_CONFIG }, archive);
    const { size } = await stat(archive);
    console.log(`${name}: ${archive}, ${(size / 1e6).toFixed(0)} MB compressed`);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function version(): Promise<string> {
  const text = await readFile(path.join(import.meta.dirname, '../package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
