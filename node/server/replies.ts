/** OK, EOF and ERR packets. */
import { Capability, Status, Track } from './constants.ts';
import { Output } from './output.ts';
import type { OkResult, SessionChange, SessionStatus } from './ports.ts';

export function statusBits(status: SessionStatus): number {
  return (
    (status.autocommit ? Status.AUTOCOMMIT : 0) |
    (status.inTransaction ? Status.IN_TRANS : 0) |
    (status.noBackslashEscapes ? Status.NO_BACKSLASH_ESCAPES : 0)
  );
}

/** Protocol::OK_Packet. `header` is 0x00, or 0xfe where it stands for an EOF packet. */
export function writeOk(
  out: Output,
  header: number,
  result: OkResult,
  status: number,
  capabilities: number,
  changes: readonly SessionChange[],
): void {
  const changed = changes.length > 0 && (capabilities & Capability.SESSION_TRACK) !== 0;
  out.beginPacket();
  out.u8(header);
  out.length(result.affectedRows);
  out.length(result.insertId);
  out.u16(changed ? status | Status.SESSION_STATE_CHANGED : status);
  out.u16(Math.min(result.warnings, 0xffff));
  // The documentation gives a client without SESSION_TRACK the rest of the packet as its text. MySQL writes the
  // text's length before it in any case, and clients read it.
  if (changed || result.info !== '') out.lengthText(result.info);
  if (changed) out.lengthBytes(stateChanges(changes));
  out.endPacket();
}

function stateChanges(changes: readonly SessionChange[]): Uint8Array {
  const all = new Output();
  const entry = new Output();
  for (const change of changes) {
    switch (change.kind) {
      case 'variable':
        entry.lengthText(change.name);
        entry.lengthText(change.value);
        all.u8(Track.SYSTEM_VARIABLES);
        break;
      case 'schema':
        entry.lengthText(change.value);
        all.u8(Track.SCHEMA);
        break;
      case 'state':
        entry.lengthText('1');
        all.u8(Track.STATE_CHANGE);
        break;
      case 'gtid':
        // Encoding 0: the text of a set of ids.
        entry.u8(0);
        entry.lengthText(change.value);
        all.u8(Track.GTIDS);
        break;
    }
    all.lengthBytes(entry.buffer.subarray(0, entry.position));
    entry.clear(false);
  }
  const bytes = Buffer.from(all.buffer.subarray(0, all.position));
  all.clear(false);
  return bytes;
}

/** Protocol::EOF_Packet */
export function writeEof(out: Output, warnings: number, status: number): void {
  out.beginPacket();
  out.u8(0xfe);
  out.u16(Math.min(warnings, 0xffff));
  out.u16(status);
  out.endPacket();
}

/** Protocol::ERR_Packet */
export function writeError(out: Output, errno: number, sqlState: string, message: string): void {
  out.beginPacket();
  out.u8(0xff);
  out.u16(errno);
  out.text(`#${sqlState.padEnd(5, '0').slice(0, 5)}`);
  // MYSQL_ERRMSG_SIZE
  out.text(message.length > 512 ? message.slice(0, 511) : message);
  out.endPacket();
}
