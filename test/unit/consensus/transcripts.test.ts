// Transcripts: what a small cluster does, message by message. `UPDATE_TRANSCRIPTS=1` writes down what happens now; read the
// difference before you keep it.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { it } from 'node:test';
import { Cluster } from './transcript.ts';

const folder = new URL('transcripts/', import.meta.url);

/** Comments and empty lines stay; each command is followed by a line of dashes and what it made happen. */
function replay(source: string): string {
  const cluster = new Cluster();
  const out: string[] = [];
  let skipping = false;
  for (const line of source.trimEnd().split('\n')) {
    if (line.startsWith('----')) skipping = true;
    else if (line === '') {
      skipping = false;
      out.push(line);
    } else if (line.startsWith('#')) out.push(line);
    else if (!skipping) {
      const happened = cluster.run(line);
      out.push(line, ...(happened.length > 0 ? ['----', ...happened] : []));
    }
  }
  return `${out.join('\n')}\n`;
}

for (const name of readdirSync(folder).sort()) {
  it(name, () => {
    const file = new URL(name, folder);
    const source = readFileSync(file, 'utf8');
    const now = replay(source);
    if (process.env.UPDATE_TRANSCRIPTS) writeFileSync(file, now);
    else assert.equal(now, source);
  });
}
