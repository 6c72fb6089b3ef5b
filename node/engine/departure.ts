/**
 * What a node keeps of a group that it hosts no more. It gives its data away, and may come again: then the others still count on what
 * it promised them, and it must not vote where it has forgotten how it voted. `left.json` in the group's folder outlives the data.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { compareBallots, decodeRecord, type Ballot } from '../consensus/index.ts';
import { RecordStore, writeFileDurably } from '../store/index.ts';
import { genesisFile, readGenesis, stayOf } from './membership.ts';

export interface Departure {
  /** The last stay that has ended. */
  readonly stay: number;
  /** Block of the group that all nodes host after which it had. */
  readonly since: number;
  /** The highest ballot that this node promised. */
  readonly promised?: Ballot;
}

const LEFT = 'left.json';
const ENDING = 'ending';
export const VOTES = 'consensus.log';

export function departureFrom(groupDir: string): Departure | undefined {
  const file = path.join(groupDir, LEFT);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Departure) : undefined;
}

/** Of which stay the folder has data; undefined where it has none, or what is left of a stay that has ended. */
export function stayIn(groupDir: string): number | undefined {
  const file = genesisFile(groupDir);
  if (!existsSync(file)) return undefined;
  const stay = stayOf(readGenesis(file));
  return stay > (departureFrom(groupDir)?.stay ?? 0) ? stay : undefined;
}

/** From now on, after any crash, this node writes nothing more into the group in this stay. */
export const markEnding = (groupDir: string): void => writeFileDurably(path.join(groupDir, ENDING), '');

export const isEnding = (groupDir: string): boolean => existsSync(path.join(groupDir, ENDING));

/** The group is closed, and the stay over: its data goes. */
export function giveAway(groupDir: string, stay: number, since: number): void {
  const promised = highestBallot(groupDir);
  const departure: Departure = { stay, since, ...(promised && { promised }) };
  writeFileDurably(path.join(groupDir, LEFT), `${JSON.stringify(departure, undefined, 2)}\n`);
  removeOld(groupDir);
}

/** Removes what is left of a stay that has ended: it may have come to be half removed. */
export function removeOld(groupDir: string): void {
  if (!existsSync(groupDir) || stayIn(groupDir) !== undefined || !departureFrom(groupDir)) return;
  for (const name of readdirSync(groupDir))
    if (name !== LEFT) rmSync(path.join(groupDir, name), { recursive: true, force: true });
}

function highestBallot(groupDir: string): Ballot | undefined {
  const file = path.join(groupDir, VOTES);
  let highest = departureFrom(groupDir)?.promised;
  if (!existsSync(file)) return highest;
  const records = new RecordStore(file);
  records.close();
  for (const bytes of records.found) {
    const decoded = decodeRecord(bytes);
    if (decoded.kind !== 'ok' || decoded.value.kind === 'chosen') continue;
    const ballot = decoded.value.kind === 'promise' ? decoded.value.ballot : decoded.value.accepted.ballot;
    if (!highest || compareBallots(highest, ballot) < 0) highest = ballot;
  }
  return highest;
}
