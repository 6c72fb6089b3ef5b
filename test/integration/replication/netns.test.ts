/** Three nodes on a network of their own that is cut, one way too, and loses packets, while clients write on all of them. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestCluster } from '../../support/cluster.ts';
import { Ledger, LEVELS, stretched } from '../../support/ledger.ts';
import { Namespaces, noFilters, noNamespaces } from '../../support/netns.ts';

const NODES = [0, 1, 2] as const;
const LOSS = 0.05;
/** Longer than a silent connection is kept. */
const FAULT_MS = 4_000;
const LOCAL_PAUSE_MS = 2_000;
const noNetwork = noNamespaces();
const noDrops = noNetwork ?? noFilters();

describe('three nodes on a network of their own', { skip: noNetwork ?? false }, () => {
  let namespaces: Namespaces | undefined;
  let cluster: TestCluster | undefined;
  const ledgers: Ledger[] = [];

  before(async () => {
    const made = (namespaces = Namespaces.make(NODES.length));
    cluster = await TestCluster.start({
      hostOf: (node) => made.clientHost(node),
      peerHostOf: (node) => made.peerHost(node),
      prefixOf: (node) => made.prefix(node),
    });
  });
  after(async () => {
    await cluster?.stop();
    namespaces?.remove();
  });
  // A case that failed leaves its writers.
  beforeEach(() => Promise.allSettled(ledgers.map((ledger) => ledger.stop())));

  /** Writers go on through a fault and beyond it; then the nodes must agree, and the ledger be whole. */
  async function through(
    t: TestContext,
    name: string,
    fault: (network: Namespaces) => void,
    during: (ledger: Ledger) => Promise<unknown>,
    healed: (network: Namespaces) => void,
  ): Promise<void> {
    if (!cluster || !namespaces) return assert.fail('there is no cluster');
    const ledger = await Ledger.open(cluster, name);
    ledgers.push(ledger);
    ledger.mark();
    fault(namespaces);
    try {
      await during(ledger);
    } finally {
      healed(namespaces);
    }
    const local = ledger.pauseMs(NODES, 'local');
    const pauses = LEVELS.map((level) => `${level} ${ledger.pauseMs(NODES, level).toFixed()} ms`);
    const started = performance.now();
    await Promise.all(LEVELS.map((level) => ledger.goesOn(NODES, level)));
    const served = performance.now() - started;
    await ledger.stop();
    const { acknowledged, refused, unknown } = await ledger.check();
    t.diagnostic(`longest pauses: ${pauses.join(', ')}; all levels were served ${served.toFixed()} ms after the end`);
    t.diagnostic(`${acknowledged} writes acknowledged, ${refused} refused, ${unknown} without an answer`);
    assert.ok(local < stretched(LOCAL_PAUSE_MS), `local writes paused ${local} ms`);
  }

  it('heal when the cable of one was pulled', async (t) => {
    await through(
      t,
      'pulled',
      (network) => network.plug(0, false),
      (ledger) => Promise.all([sleep(FAULT_MS), ledger.goesOn([1, 2], 'final'), ledger.goesOn(NODES, 'local')]),
      (network) => network.plug(0, true),
    );
  });

  it('heal when one was heard, and did not hear', { skip: noDrops ?? false }, async (t) => {
    await through(
      t,
      'deaf',
      (network) => [1, 2].forEach((other) => network.deafen(0, other)),
      (ledger) => Promise.all([sleep(FAULT_MS), ledger.goesOn([1, 2], 'final'), ledger.goesOn(NODES, 'local')]),
      (network) => network.hear(0),
    );
  });

  it('heal when two of three did not hear each other, one way', { skip: noDrops ?? false }, async (t) => {
    await through(
      t,
      'half_deaf',
      (network) => network.deafen(0, 1),
      (ledger) => Promise.all([sleep(FAULT_MS), ledger.goesOn(NODES, 'local')]),
      (network) => network.hear(0),
    );
  });

  it('go on at all levels while 5 % of all packets are lost', { skip: noDrops ?? false }, async (t) => {
    await through(
      t,
      'lossy',
      (network) => NODES.forEach((node) => network.lose(node, LOSS)),
      (ledger) => Promise.all([sleep(FAULT_MS), ...LEVELS.map((level) => ledger.goesOn(NODES, level))]),
      (network) => NODES.forEach((node) => network.hear(node)),
    );
  });
});
