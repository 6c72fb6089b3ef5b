/**
 * The folder of a local cluster:
 *
 *   swarm.key       keeps strangers out of the swarm (libp2p's format)
 *   root.password   root's password, when it was not given
 *   config.yaml     spec.config, the nodes' settings file
 *   compiled/       compiled code of the program, for quicker starts
 *   up.json         who runs, for `p2pdb status`; there while `p2pdb up` runs
 *   NAME/           a node's data folder
 *   NAME.log        what the node printed
 */
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { LocalNode } from './environment.ts';

/** What stands in `up.json`. */
export interface UpRecord {
  readonly pid: number;
  readonly cluster: string;
  readonly nodes: readonly (LocalNode & {
    /** As `p2pdb up` shows it. */
    readonly state: string;
    readonly pid?: number | undefined;
  })[];
}

const recordFile = (dir: string): string => path.join(dir, 'up.json');

export function writeRecord(dir: string, record: UpRecord): void {
  replaceFile(recordFile(dir), `${JSON.stringify(record, undefined, 2)}\n`);
}

/** Undefined when nothing runs there, or nothing that this version wrote. */
export function readRecord(dir: string): UpRecord | undefined {
  try {
    return JSON.parse(readFileSync(recordFile(dir), 'utf8')) as UpRecord;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export const removeRecord = (dir: string): void => rmSync(recordFile(dir), { force: true });

/** Readers see the old text or the new one. Only this user of the machine may read it. */
export function replaceFile(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** The file of the key, made at the first start. https://github.com/libp2p/specs/blob/master/pnet/Private-Networks-PSK-V1.md */
export function swarmKeyFile(dir: string): string {
  const file = path.join(dir, 'swarm.key');
  if (!existsSync(file)) replaceFile(file, `/key/swarm/psk/1.0.0/\n/base16/\n${randomBytes(32).toString('hex')}\n`);
  return file;
}

export interface RootPassword {
  /** Undefined when the nodes have theirs and nobody wrote it down. */
  readonly value: string | undefined;
  readonly origin: 'given' | 'generated' | 'kept';
  readonly file: string;
}

/** `given` wins; else what was kept; else a new one where no node has data yet. */
export function rootPassword(dir: string, nodes: readonly LocalNode[], given: string | undefined): RootPassword {
  const file = path.join(dir, 'root.password');
  if (given !== undefined) return { value: given, origin: 'given', file };
  if (existsSync(file)) return { value: readFileSync(file, 'utf8').trim(), origin: 'kept', file };
  if (nodes.some(({ folder }) => existsSync(folder))) return { value: undefined, origin: 'given', file };
  const value = generatePassword();
  replaceFile(file, `${value}\n`);
  return { value, origin: 'generated', file };
}

/** 16 characters that are not mistaken for each other: 93 bits. */
function generatePassword(): string {
  const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789';
  return Array.from({ length: 16 }, () => letters[randomInt(letters.length)]).join('');
}

const LOG_BYTES_MAX = 16 * 1024 ** 2;

/** Keeps one older file beside a log that grew large. */
export function rotateLog(file: string): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_BYTES_MAX) renameSync(file, `${file}.old`);
}
