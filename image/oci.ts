/** Packs a folder as an OCI image archive, with `tar` alone: no container engine is needed. */
import { spawn } from 'node:child_process';
import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** How containers of an image run, in the words of the OCI image specification. */
export interface RunConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, Readonly<Record<string, never>>>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, Readonly<Record<string, never>>>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
}

export interface ImageSource {
  /** What becomes `/` of the image. All of it will belong to root. */
  readonly root: string;
  /** Such as `localhost/p2pdb:1`. */
  readonly name: string;
  readonly config: RunConfig;
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
/** The same folder gives the same bytes, so the same digests. */
const REPRODUCIBLE = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];

/** Writes the archive; containerd's `ctr images import`, `docker load`, `podman load` and skopeo take it. */
export async function packImage({ root, name, config }: ImageSource, archive: string): Promise<void> {
  const work = await mkdtemp(path.join(tmpdir(), 'p2pdb-oci-'));
  try {
    const blobs = path.join(work, 'blobs/sha256');
    await mkdir(blobs, { recursive: true });
    const blob = async (value: unknown, mediaType: string): Promise<Descriptor> => {
      const bytes = JSON.stringify(value);
      const digest = createHash('sha256').update(bytes).digest('hex');
      await writeFile(path.join(blobs, digest), bytes);
      return { mediaType, digest: `sha256:${digest}`, size: Buffer.byteLength(bytes) };
    };

    const { layer, diffId } = await writeLayer(root, blobs);
    const manifest = await blob(
      {
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: await blob(
          {
            architecture: ARCHITECTURES[process.arch] ?? process.arch,
            os: 'linux',
            config,
            rootfs: { type: 'layers', diff_ids: [diffId] },
          },
          'application/vnd.oci.image.config.v1+json',
        ),
        layers: [layer],
      },
      'application/vnd.oci.image.manifest.v1+json',
    );
    const annotations = { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name };
    await writeFile(path.join(work, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    await writeFile(
      path.join(work, 'index.json'),
      JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
    );
    await pipeline(tar(work), createWriteStream(archive));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

interface Descriptor {
  readonly mediaType: string;
  /** Of the bytes as they lie in the archive. */
  readonly digest: string;
  readonly size: number;
}

/** The folder as one layer. Its second digest, `diffId`, is that of the bytes before compression. */
async function writeLayer(root: string, blobs: string): Promise<{ layer: Descriptor; diffId: string }> {
  const plain = createHash('sha256');
  const packed = createHash('sha256');
  const file = path.join(blobs, 'layer');
  await pipeline(tar(root), into(plain), createGzip({ level: 6 }), into(packed), createWriteStream(file));
  const { size } = await stat(file);
  const digest = packed.digest('hex');
  await rename(file, path.join(blobs, digest));
  return {
    layer: { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: `sha256:${digest}`, size },
    diffId: `sha256:${plain.digest('hex')}`,
  };
}

/** A pass-through that hashes. */
const into = (hash: Hash): Transform =>
  new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });

/** A folder's content as a tar stream; it fails when tar does. */
async function* tar(folder: string): AsyncGenerator<Buffer> {
  const child = spawn('tar', ['--create', ...REPRODUCIBLE, '--directory', folder, '.'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  for await (const chunk of child.stdout) yield chunk as Buffer;
  const [code] = (await closed) as [number | null];
  if (code !== 0) throw new Error(`tar of ${folder} ended with ${String(code)}`);
}
