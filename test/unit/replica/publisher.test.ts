import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Publisher, type PublisherOptions } from '../../../node/replica/publisher.ts';

/** Time by hand. */
function start(): { publisher: Publisher; pass: (ms: number) => void; published: number[] } {
  let now = 0;
  let timer: { readonly atMs: number; readonly work: () => void } | undefined;
  const published: number[] = [];
  const publisher = new Publisher({
    clock: {
      elapsed: () => now,
      after: (ms: number, work: () => void) => {
        timer = { atMs: now + ms, work };
        return () => (timer = undefined);
      },
    },
    machine: { schemaCount: 0, keepUndo: () => undefined, publish: () => published.push(now) },
    order: { storedPosition: {}, wasPublished: () => undefined },
    voterSpans: () => [],
    isWriting: () => false,
    settleLog: () => true,
    onNoRoom: () => assert.fail('there is room'),
  } as unknown as PublisherOptions);
  const pass = (ms: number): void => {
    for (const end = now + ms; now < end; now++) if (timer && timer.atMs <= now) timer.work();
  };
  return { publisher, pass, published };
}

it('the state is published with the first blocks after 40 ms, and after 100 in any case', () => {
  const { publisher, pass, published } = start();
  publisher.soon();
  pass(30);
  publisher.afterBlocks();
  pass(20);
  assert.deepEqual(published, [], 'there will be blocks soon enough');
  publisher.afterBlocks();
  pass(1);
  assert.deepEqual(published, [50]);
  publisher.soon();
  pass(102);
  assert.deepEqual(published, [50, 151]);
});
