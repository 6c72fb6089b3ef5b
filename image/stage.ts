/** The image's files: Node, the libraries that it names, authorities' certificates, the program and the packages that it needs. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, copyFile, cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { USER_ID } from './config.ts';

const run = promisify(execFile);
const REPOSITORY = path.join(import.meta.dirname, '..');

/** Loaded by name at run time, so `ldd` does not list them: host names, and users' names. */
const UNNAMED_LIBRARIES = ['libnss_dns.so.2', 'libnss_files.so.2', 'libresolv.so.2'];

const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/** Of packages: types, sources and maps of what runs, and prose. */
const NEEDLESS = /\.(?:[cm]?ts|map|md|markdown|min\.js|bare|cc)$/i;
/** Native code of packages for other machines than the one whose Node the image has. */
const FOREIGN = new RegExp(`/prebuilds/(?!${process.platform}-${process.arch}(?:/|$))`);

/** Fills the folder, which becomes `/` of the image. */
export async function stage(root: string): Promise<void> {
  for (const folder of ['usr/lib64', 'usr/local/bin', 'etc/ssl/certs', 'opt/p2pdb', 'var/lib/p2pdb', 'tmp']) {
    await mkdir(path.join(root, folder), { recursive: true });
  }
  // As Debian has it, so that the files may also lie over a Debian image.
  await symlink('usr/lib', path.join(root, 'lib'));
  await symlink('usr/lib64', path.join(root, 'lib64'));
  await Promise.all([stageNode(root), stageProgram(path.join(root, 'opt/p2pdb')), stageAccounts(root)]);
  if (existsSync(CERTIFICATES)) await copyFile(CERTIFICATES, path.join(root, CERTIFICATES));
  await copyFile(path.join(import.meta.dirname, 'p2pdb'), path.join(root, 'usr/local/bin/p2pdb'));
  await chmod(path.join(root, 'usr/local/bin/p2pdb'), 0o755);
  // Volumes that Docker makes of them take these modes over; Kubernetes mounts its own.
  await chmod(path.join(root, 'tmp'), 0o1777);
  await chmod(path.join(root, 'var/lib/p2pdb'), 0o1777);
}

async function stageNode(root: string): Promise<void> {
  const node = await realpath(path.join(REPOSITORY, 'node_modules/node/bin/node'));
  await copyFile(node, path.join(root, 'usr/local/bin/node'));
  const { stdout } = await run('ldd', [node]);
  // `libm.so.6 => /lib/…/libm.so.6 (0x…)`, and the loader alone: `/lib64/ld-linux-x86-64.so.2 (0x…)`
  const named = [...stdout.matchAll(/^\s*(?:\S+ => )?(\/\S+) \(0x/gm)].map((match) => match[1] ?? '');
  const folder = path.dirname(named.find((library) => library.includes('/libc.so')) ?? '/lib');
  const unnamed = UNNAMED_LIBRARIES.map((name) => path.join(folder, name)).filter(existsSync);
  for (const library of [...named, ...unnamed]) {
    const target = path.join(root, library.startsWith('/usr/') ? library : `usr${library}`);
    await mkdir(path.dirname(target), { recursive: true });
    await copyFile(await realpath(library), target);
  }
}

async function stageProgram(folder: string): Promise<void> {
  const work = await mkdtemp(path.join(tmpdir(), 'p2pdb-packages-'));
  try {
    for (const file of ['package.json', 'package-lock.json']) {
      await copyFile(path.join(REPOSITORY, file), path.join(work, file));
    }
    const quiet = ['--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline'];
    await run('npm', ['ci', '--omit=dev', '--ignore-scripts', ...quiet], { cwd: work });
    await cp(path.join(work, 'node_modules'), path.join(folder, 'node_modules'), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !NEEDLESS.test(source) && !FOREIGN.test(source),
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const compiler = path.join(REPOSITORY, 'node_modules/.bin/tsc');
  const dist = path.join(folder, 'dist');
  await run(compiler, ['-p', 'tsconfig.build.json', '--outDir', dist, '--sourceMap', 'false'], { cwd: REPOSITORY });
  for (const file of ['package.json', 'LICENSE']) {
    await copyFile(path.join(REPOSITORY, file), path.join(folder, file));
  }
}

async function stageAccounts(root: string): Promise<void> {
  const etc = path.join(root, 'etc');
  await writeFile(
    path.join(etc, 'passwd'),
    `root:x:0:0:root:/:/sbin/nologin\np2pdb:x:${USER_ID}:${USER_ID}:P2PDB:/var/lib/p2pdb:/sbin/nologin\n`,
  );
  await writeFile(path.join(etc, 'group'), `root:x:0:\np2pdb:x:${USER_ID}:\n`);
  await writeFile(path.join(etc, 'nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files dns\n');
}
