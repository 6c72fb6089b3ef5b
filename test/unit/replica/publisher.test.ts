import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Publisher, type PublisherOptions } from '../../../node/replica/publisher.ts';

/** Time by hand. */
function start(unpublishedChanges = 1): { publisher: Publisher; pass: (ms: number) => void; published: number[] } {
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
    machine: { schemaCount: 0, unpublishedChanges, keepUndo: () => undefined, publish: () => published.push(now) },
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

it('the state is published with the first blocks after 150 ms, and after 400 in any case', () => {
  const { publisher, pass, published } = start();
  publisher.soon();
  pass(120);
  publisher.afterBlocks();
  pass(60);
  assert.deepEqual(published, [], 'there will be blocks soon enough');
  publisher.afterBlocks();
  pass(1);
  assert.deepEqual(published, [180]);
  publisher.soon();
  pass(402);
  assert.deepEqual(published, [180, 581]);
});

it('the state is published after 100 ms where many rows changed', () => {
  const { publisher, pass, published } = start(2000);
  publisher.soon();
  for (let ms = 0; ms < 130; ms++) {
    pass(1);
    if (published.length === 0) publisher.soon();
  }
  assert.deepEqual(published, [100]);
});
