/** Which pod is restarted when, and what counts as a difference. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readCluster } from '../../../operator/api/index.ts';
import { neededCopy } from '../../../operator/kube/copies.ts';
import { differs, stamped } from '../../../operator/plan/index.ts';
import { planRollout, type RolloutPlan } from '../../../operator/plan/rollout.ts';
import type { Group, Node } from '../../../operator/plan/group.ts';
import { windowOf } from '../../../operator/plan/window.ts';
import type { ClusterObject, KubeObject } from '../../../operator/specs/index.ts';

const MONDAY_NOON = Date.parse('2026-01-05T12:00:00Z');

const node = (ordinal: number, revision: string, change: Partial<Node> = {}): Node => ({
  name: `c-${ordinal}`,
  ordinal,
  uid: `pod-${ordinal}`,
  isReady: true,
  isTerminating: false,
  revision,
  ageMs: 1e9,
  status: undefined,
  silentMs: 0,
  behindMs: 0,
  phase: 'InSync',
  member: { name: `c-${ordinal}`, id: String(ordinal), voter: true, up: true, lagEntries: 0 },
  ...change,
});

function rollout(nodes: readonly Node[], spec = '{}'): RolloutPlan {
  const reading = readCluster(
    `apiVersion: p2pdb.io/v1alpha1\nkind: P2PDBCluster\nmetadata: { name: c }\nspec: ${spec}`,
  );
  assert.ok(reading.kind === 'cluster');
  const set = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'c', generation: 2 },
    status: { observedGeneration: 2, updateRevision: 'new' },
  };
  const group: Group = { founder: 'f', predecessor: undefined, speaker: undefined, members: [], nodes, leader: 'c-2' };
  const cluster = reading.cluster as unknown as ClusterObject;
  return planRollout(
    {
      cluster,
      objects: new Map([['StatefulSet/c', set]]),
      pods: nodes,
      leaderlessMs: 0,
      kinds: new Set(),
      now: MONDAY_NOON,
    },
    group,
  );
}

const restarted = ({ actions }: RolloutPlan): string[] =>
  actions.flatMap((action) => (action.kind === 'delete-pod' ? [action.pod] : []));

describe('a rolling update', () => {
  it('goes from the highest ordinal down, the leader last', () => {
    assert.deepEqual(restarted(rollout([node(0, 'old'), node(1, 'old'), node(2, 'old')])), ['c-1']);
    assert.deepEqual(restarted(rollout([node(0, 'old'), node(1, 'new'), node(2, 'old')])), ['c-0']);
    assert.deepEqual(restarted(rollout([node(0, 'new'), node(1, 'new'), node(2, 'old')])), ['c-2']);
    assert.deepEqual(restarted(rollout([node(0, 'new'), node(1, 'new'), node(2, 'new')])), []);
  });

  it('waits while another pod is not healthy, and says when that lasts', () => {
    const late = node(1, 'new', { phase: 'CatchingUp', behindMs: 6 * 60_000 });
    const plan = rollout([node(0, 'old'), late, node(2, 'old')]);
    assert.deepEqual([restarted(plan), plan.waits, plan.stuck], [[], 'sync', 'c-1']);
    assert.deepEqual(restarted(rollout([node(0, 'old'), node(1, 'old', { isTerminating: true })])), []);
    assert.deepEqual(restarted(rollout([node(0, 'old'), node(1, 'old')])), [], 'the third pod is missing');
  });

  it('restarts a sick pod of the older template at once', () => {
    const nodes = [node(0, 'old'), node(1, 'older', { isReady: false, phase: 'Unreachable' }), node(2, 'old')];
    assert.deepEqual(restarted(rollout(nodes, '{ maintenanceWindow: { start: "03:00" } }')), ['c-1']);
  });

  it('waits for the window', () => {
    const nodes = [node(0, 'old'), node(1, 'new'), node(2, 'new')];
    const plan = rollout(nodes, '{ maintenanceWindow: { start: "13:00" } }');
    assert.deepEqual([restarted(plan), plan.waits, plan.wakeMs], [[], 'window', 3_600_000]);
    assert.deepEqual(restarted(rollout(nodes, '{ maintenanceWindow: { start: "11:00" } }')), ['c-0']);
  });
});

it('a maintenance window may pass midnight, and may be of some days only', () => {
  const at = (time: string, days?: readonly ('Mon' | 'Sun' | 'Tue')[]) =>
    windowOf({ maintenanceWindow: { start: '23:00', minutes: 120, ...(days && { days }) } }, Date.parse(time));
  assert.equal(at('2026-01-05T00:30:00Z').isOpen, true);
  assert.equal(at('2026-01-05T00:30:00Z', ['Sun']).isOpen, true, 'it opened on Sunday');
  assert.equal(at('2026-01-05T00:30:00Z', ['Mon']).isOpen, false);
  assert.deepEqual(at('2026-01-05T12:00:00Z', ['Tue']), { isOpen: false, opensInMs: 35 * 3_600_000 });
});

describe('a difference', () => {
  const object = (spec: object): KubeObject => ({ apiVersion: 'v1', kind: 'X', metadata: { name: 'x' }, spec });

  it('is what others changed or took away, and what is wished for no more', () => {
    const wish = stamped(object({ a: 1, list: [{ n: 1 }] }));
    assert.equal(differs(wish, undefined), true);
    assert.equal(differs(wish, wish), false);
    assert.equal(differs(wish, { ...wish, spec: { a: 2, list: [{ n: 1 }] } }), true);
    assert.equal(differs(wish, { ...wish, spec: { a: 1, list: [{ n: 1 }, { n: 2 }] } }), true);
    assert.equal(differs(stamped(object({ list: [{ n: 1 }] })), wish), true, 'a was given up');
  });

  it('is found in long texts, too, of which a digest is kept', () => {
    const map = (text: string): KubeObject =>
      stamped({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' }, data: { text } });
    const [long, other] = ['a'.repeat(9000), 'b'.repeat(9000)].map(map) as [KubeObject, KubeObject];
    const kept = neededCopy(long, 'v1', 'ConfigMap');
    assert.ok(JSON.stringify(kept).length < 500);
    assert.equal(differs(long, kept), false);
    const { annotations } = kept.metadata;
    assert.equal(differs({ ...other, metadata: { name: 'm', ...(annotations && { annotations }) } }, kept), true);
  });

  it('is not what the API server adds, leaves out or writes in another way', () => {
    const wish = stamped(object({ size: '1.5Ti', empty: {}, no: false }));
    assert.equal(differs(wish, { ...wish, spec: { size: '1536Gi', added: true } }), false);
  });
});
