/** What the operator would do, and say, in one state after the other. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readCluster } from '../../../operator/api/index.ts';
import {
  type Action,
  type MemberSeen,
  type NodeStatus,
  type Observed,
  plan,
  type PodSeen,
} from '../../../operator/plan/index.ts';
import type { ClusterObject, KubeObject } from '../../../operator/specs/index.ts';

const NOW = Date.parse('2026-01-05T12:00:00Z'); // a Monday
const SETTINGS = { operatorVersion: '1', image: 'p2pdb:1' };
const idOf = (ordinal: number): string => String(ordinal).repeat(64);
const FOUNDER = idOf(0);

function cluster(spec = '{}', status: object = { founder: FOUNDER }): ClusterObject {
  const head = 'apiVersion: p2pdb.io/v1alpha1\nkind: P2PDBCluster\nmetadata: { name: c, namespace: n }\n';
  const reading = readCluster(`${head}spec: ${spec}`);
  assert.ok(reading.kind === 'cluster', JSON.stringify(reading));
  const metadata = { ...reading.cluster.metadata, uid: 'u', generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' };
  return { ...reading.cluster, metadata, status };
}

const member = (ordinal: number, change: Partial<MemberSeen> = {}): MemberSeen => ({
  name: `c-${ordinal}`,
  id: idOf(ordinal),
  voter: true,
  up: true,
  lagEntries: 0,
  ...change,
});

const serving = (ordinal: number, members: readonly MemberSeen[], change: Partial<NodeStatus> = {}): NodeStatus => ({
  phase: 'serving',
  id: idOf(ordinal),
  version: '0.1.0',
  founder: FOUNDER,
  leader: 'c-0',
  members,
  removed: [],
  lag: { entries: 0 },
  tentative: 0,
  final: { height: 10 },
  ...change,
});

const waiting = (ordinal: number, id = idOf(ordinal)): NodeStatus => ({ phase: 'waiting', id });

const pod = (ordinal: number, status: NodeStatus | undefined, change: Partial<PodSeen> = {}): PodSeen => ({
  name: `c-${ordinal}`,
  ordinal,
  uid: `pod-${ordinal}`,
  isReady: status?.phase === 'serving',
  isTerminating: false,
  revision: 'new',
  ageMs: 1e9,
  status,
  silentMs: status ? 0 : 1e9,
  behindMs: 0,
  ...change,
});

const set = (replicas = 3): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'c', generation: 1 },
  spec: { replicas },
  status: { observedGeneration: 1, updateRevision: 'new' },
});

function look(pods: readonly PodSeen[], change: Partial<Observed> = {}, replicas = 3): Observed {
  const objects = new Map([['StatefulSet/c', set(replicas)]]);
  return { cluster: cluster(), objects, pods, leaderlessMs: 0, kinds: new Set(), now: NOW, ...change };
}

/** Actions on members and pods, in few words; objects and Secrets are another matter. */
function todo(observed: Observed): string[] {
  const text = (action: Action): string[] => {
    switch (action.kind) {
      case 'found':
      case 'join-elsewhere':
      case 'drain':
      case 'leave':
      case 'delete-pod':
      case 'recover':
        return [`${action.kind} ${action.pod}`];
      case 'join':
        return [`join ${action.pod} through ${action.through}`];
      case 'set-voters':
        return [`voter ${action.members.join()} ${action.voter ? 'yes' : 'no'}`];
      case 'remove-member':
        return [`remove ${action.member} ${action.id[0] ?? ''}`];
      default:
        return [];
    }
  };
  return plan(observed, SETTINGS).actions.flatMap(text);
}

const degraded = (observed: Observed): string | undefined =>
  plan(observed, SETTINGS).status.conditions?.find(({ type, status }) => type === 'Degraded' && status === 'True')
    ?.reason;

const three = [member(0), member(1), member(2)];
const all = [0, 1, 2].map((ordinal) => pod(ordinal, serving(ordinal, three)));

describe('forming', () => {
  const unformed = { cluster: cluster('{}', {}) };

  it('is begun by pod 0 when all wait', () => {
    assert.deepEqual(
      todo(
        look(
          [0, 1, 2].map((n) => pod(n, waiting(n))),
          unformed,
        ),
      ),
      ['found c-0'],
    );
  });

  it('does not wait for pods that never had data', () => {
    assert.deepEqual(todo(look([pod(0, waiting(0)), pod(1, undefined)], unformed)), ['found c-0']);
  });

  it('waits where a volume is older than the manifest, for it may hold the group', () => {
    const claim = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data-c-1', creationTimestamp: '2025-12-31T00:00:00Z' },
      spec: { resources: { requests: { storage: '10Gi' } } },
    };
    const objects = new Map<string, KubeObject>([['PersistentVolumeClaim/data-c-1', claim]]);
    assert.deepEqual(todo(look([pod(0, waiting(0)), pod(1, undefined)], { ...unformed, objects })), []);
  });

  it('lets nobody in before the founder is on record', () => {
    const alone = [member(0)];
    const pods = [pod(0, serving(0, alone)), pod(1, waiting(1)), pod(2, waiting(2))];
    const early = look(pods, unformed);
    assert.deepEqual(todo(early), []);
    assert.equal(plan(early, SETTINGS).status.founder, FOUNDER);
    assert.deepEqual(todo(look(pods)), ['join c-1 through c-0', 'join c-2 through c-0']);
  });

  it('makes voters of those in sync, to an odd number', () => {
    const joined = [member(0), member(1, { voter: false }), member(2, { voter: false })];
    const pods = [0, 1, 2].map((n) => pod(n, serving(n, joined)));
    assert.deepEqual(todo(look(pods)), ['voter c-1,c-2 yes']);
    const late = [member(0), member(1, { voter: false }), member(2, { voter: false, lagEntries: 5000 })];
    assert.deepEqual(todo(look([0, 1, 2].map((n) => pod(n, serving(n, late))))), [], 'one of two would be even');
  });
});

describe('a loss', () => {
  it('of a volume removes the old member before the new one joins', () => {
    const pods = [pod(0, serving(0, three)), pod(1, waiting(1, 'f'.repeat(64))), pod(2, serving(2, three))];
    assert.deepEqual(todo(look(pods)), ['remove c-1 1']);
    const two = [member(0), member(2)];
    const after = [pod(0, serving(0, two)), pod(1, waiting(1, 'f'.repeat(64))), pod(2, serving(2, two))];
    assert.deepEqual(todo(look(after)), ['join c-1 through c-0']);
  });

  it('of a pod changes no voter', () => {
    assert.deepEqual(todo(look([pod(0, serving(0, three)), pod(1, undefined), pod(2, serving(2, three))])), []);
  });

  it('of everything is for a person to decide', () => {
    const pods = [0, 1, 2].map((n) => pod(n, waiting(n)));
    assert.deepEqual(todo(look(pods)), []);
    assert.equal(degraded(look(pods)), 'DataLost');
    const told = cluster(`{ recovery: { abandonGroup: '${FOUNDER}' } }`);
    assert.deepEqual(todo(look(pods, { cluster: told })), ['found c-0']);
  });

  it('of membership makes a pod begin anew', () => {
    const two = [member(0), member(2)];
    const removed = [idOf(1)];
    const pods = [0, 1, 2].map((n) => pod(n, serving(n, n === 1 ? three : two, n === 1 ? {} : { removed })));
    assert.deepEqual(todo(look(pods)), ['leave c-1']);
  });

  it('is not what another group looks like: its pod is left alone', () => {
    const pods = [...all.slice(0, 2), pod(2, serving(2, [member(2)], { founder: idOf(2) }))];
    assert.deepEqual(todo(look(pods)), []);
    assert.equal(degraded(look(pods)), 'StrangerFound');
  });
});

describe('Ready', () => {
  const wasReady = [{ type: 'Ready', status: 'True', reason: 'Serving', message: '', lastTransitionTime: '' }];
  const served = { cluster: cluster('{}', { founder: FOUNDER, conditions: wasReady }) };
  const isReady = (pods: readonly PodSeen[]): unknown =>
    plan(look(pods, served), SETTINGS).status.conditions?.find(({ type }) => type === 'Ready')?.status;
  const lagging = (ordinal: number): PodSeen => pod(ordinal, serving(ordinal, three, { lag: { entries: 5000 } }));

  it('comes together with the phase in which the cluster serves', () => {
    const { status } = plan(look(all), SETTINGS);
    assert.equal(status.conditions?.find(({ type }) => type === 'Ready')?.status, 'True');
    assert.notEqual(status.phase, 'Forming');
    const two = plan(look([...all.slice(0, 2), pod(2, undefined)]), SETTINGS).status;
    assert.equal(two.conditions?.find(({ type }) => type === 'Ready')?.status, 'False');
    assert.equal(two.phase, 'Forming');
  });

  it('stays while a pod is restarted and the others lag, or no leader is known', () => {
    assert.equal(isReady([pod(0, serving(0, three)), pod(1, undefined), lagging(2)]), 'True');
    assert.equal(isReady([0, 1, 2].map((n) => pod(n, { ...serving(n, three), leader: undefined as never }))), 'True');
  });

  it('stays while a pod is late with its answer, and not for ever', () => {
    const late = (silentMs: number): PodSeen => pod(2, undefined, { isReady: true, silentMs });
    assert.equal(isReady([pod(0, serving(0, three)), pod(1, undefined), late(5_000)]), 'True');
    assert.equal(isReady([pod(0, serving(0, three)), pod(1, undefined), late(15_000)]), 'False');
  });

  it('goes with the majority of those who decide, and with the last pod that is ready', () => {
    assert.equal(isReady([pod(0, serving(0, three)), pod(1, undefined), pod(2, waiting(2, 'f'.repeat(64)))]), 'False');
    assert.equal(isReady(all.map((one) => ({ ...one, isReady: false }))), 'False');
    const one = [member(0), member(1, { voter: false }), member(2, { voter: false })];
    assert.equal(isReady([pod(0, serving(0, one)), pod(1, undefined), pod(2, undefined)]), 'True');
  });
});

describe('a majority that is lost for good', () => {
  it('is for a person to decide: nobody founds, nobody is let in', () => {
    const alone = pod(1, { ...serving(1, three), leader: undefined as never });
    const pods = [pod(0, waiting(0, 'e'.repeat(64))), alone, pod(2, waiting(2, 'f'.repeat(64)))];
    assert.deepEqual(todo(look(pods)), []);
    assert.equal(degraded(look(pods)), 'NoMajority');
    const told = cluster(`{ recovery: { abandonGroup: '${FOUNDER}' } }`);
    assert.deepEqual(todo(look(pods, { cluster: told })), [], 'a member still has the data');
  });

  describe('and a survivor that a person named', () => {
    const NEW = 'd'.repeat(64);
    const told = (survivor = { group: FOUNDER, member: idOf(1) }, status?: object): ClusterObject =>
      cluster(JSON.stringify({ recovery: { survivor } }), status);
    const alone = (ordinal: number, change: Partial<NodeStatus> = {}): PodSeen =>
      pod(ordinal, { ...serving(ordinal, three, change), leader: undefined as never });
    const empty = (ordinal: number): PodSeen => pod(ordinal, waiting(ordinal, 'e'.repeat(64)));
    const after = (pods: readonly PodSeen[], change: Partial<Observed> = {}): Observed =>
      look(pods, { cluster: told(), leaderlessMs: 60_000, ...change });
    const why = (observed: Observed): string =>
      plan(observed, SETTINGS).status.conditions?.find(({ type }) => type === 'Degraded')?.message ?? '';
    const lost = [empty(0), alone(1), pod(2, undefined)];
    const successor = (change: Partial<NodeStatus> = {}): NodeStatus => ({
      ...serving(1, [{ ...member(1), id: NEW }], { leader: 'c-1', ...change }),
      id: NEW,
      founder: NEW,
      predecessor: { founder: FOUNDER, member: idOf(1) },
      removed: [0, 1, 2].map(idOf),
    });

    it('is told to go on once nobody has known a leader for a minute', () => {
      assert.deepEqual(todo(after(lost)), ['recover c-1']);
      const early = after(lost, { leaderlessMs: 59_000 });
      assert.deepEqual([todo(early), degraded(early)], [[], 'NoMajority']);
      const starting = after([empty(0), alone(1), pod(2, undefined, { ageMs: 1000 })]);
      assert.deepEqual([todo(starting), degraded(starting)], [[], 'NoMajority']);
      assert.match(why(starting), /c-2 is starting/);
    });

    it('is told nothing where something speaks against it, and people are told what', () => {
      const refusals: readonly (readonly [Observed, RegExp])[] = [
        [after(lost, { cluster: told({ group: idOf(5), member: idOf(1) }) }), /is not status\.founder/],
        [after(lost, { cluster: told({ group: FOUNDER, member: idOf(7) }) }), /no pod that answers is the member 777/],
        [after([empty(0), pod(1, undefined), alone(2)]), /no pod that answers is the member 111/],
        [after(all), /has a leader, c-0/],
        [
          after([empty(0), alone(1), alone(2)]),
          /^nothing is done of spec\.recovery: 2 of 3 members that decide answer/,
        ],
        [after([empty(0), alone(1, { recoveryFault: 'no room' }), empty(2)]), /c-1 could not: no room/],
      ];
      for (const [observed, reason] of refusals) {
        assert.deepEqual([todo(observed), degraded(observed)], [[], 'RecoveryRefused']);
        assert.match(why(observed), reason);
      }
      const five = [0, 1, 2, 3, 4].map((n) => member(n));
      const seen = (ordinal: number, height: number): PodSeen =>
        pod(ordinal, { ...serving(ordinal, five, { final: { height } }), leader: undefined as never });
      const pods = [empty(0), seen(1, 10), empty(2), seen(3, 11), empty(4)];
      const newer = look(pods, { cluster: told(), leaderlessMs: 60_000 }, 5);
      assert.deepEqual([todo(newer), degraded(newer)], [[], 'RecoveryRefused']);
      assert.match(why(newer), /c-3 has block 11, and c-1 only block 10/);
    });

    it('is put on record before anything else, with what it replaces', () => {
      const first = after([empty(0), pod(1, successor()), pod(2, undefined)]);
      assert.deepEqual(todo(first), []);
      const { status, notices } = plan(first, SETTINGS);
      assert.deepEqual([status.founder, status.predecessor], [NEW, FOUNDER]);
      assert.deepEqual(
        notices.map(({ reason }) => reason).filter((reason) => reason === 'GroupReplaced'),
        ['GroupReplaced'],
      );
    });

    it('lets others in, and has those set their data aside that come back with the old one', () => {
      const done = { cluster: told(undefined, { founder: NEW, predecessor: FOUNDER }) };
      assert.deepEqual(todo(after([empty(0), pod(1, successor()), empty(2)], done)), [
        'join c-0 through c-1',
        'join c-2 through c-1',
      ]);
      const back = after([empty(0), pod(1, successor()), alone(2)], done);
      assert.deepEqual([todo(back), degraded(back)], [['leave c-2'], undefined]);
      // Two of them are a majority of the old group, and lead it: that one is given up all the same.
      const both = after([pod(0, serving(0, three)), pod(1, successor()), pod(2, serving(2, three))], done);
      assert.deepEqual(todo(both), ['leave c-0']);
      assert.deepEqual([plan(both, SETTINGS).status.founder, plan(both, SETTINGS).status.predecessor], [NEW, FOUNDER]);
      const other = after([empty(0), pod(1, successor()), pod(2, serving(2, [member(2)], { founder: idOf(2) }))], done);
      assert.equal(degraded(other), 'StrangerFound');
      assert.deepEqual(todo(other), ['join c-0 through c-1']);
      // Without a word of the new group, nobody knows that it is there.
      assert.deepEqual(todo(after([empty(0), pod(1, undefined), alone(2)], done)), []);
    });

    it('is the founder also where the manifest was made anew', () => {
      const fresh = after([pod(0, serving(0, three)), pod(1, successor())], { cluster: cluster('{}', {}) });
      assert.equal(plan(fresh, SETTINGS).status.founder, NEW);
    });

    it('is not named together with an empty group', () => {
      const recovery = { abandonGroup: FOUNDER, survivor: { group: FOUNDER, member: idOf(1) } };
      const reading = readCluster(
        `apiVersion: p2pdb.io/v1alpha1\nkind: P2PDBCluster\nmetadata: { name: c }\nspec: ${JSON.stringify({ recovery })}`,
      );
      assert.notEqual(reading.kind, 'cluster');
    });
  });
});

describe('shrinking', () => {
  const small = { cluster: cluster('{ replicas: 1 }') };
  const leaving = (status: Partial<NodeStatus>, change: Partial<MemberSeen> = {}): Observed => {
    const members = [member(0), member(1), member(2, change)];
    return look(
      [0, 1, 2].map((n) => pod(n, serving(n, members, n === 2 ? status : {}))),
      small,
    );
  };

  it('drains, takes the vote, then the membership, from the highest ordinal down', () => {
    assert.deepEqual(todo(leaving({})), ['voter c-1 no'].slice(1).concat('drain c-2'));
    assert.deepEqual(todo(leaving({ phase: 'draining' })), []);
    assert.deepEqual(todo(leaving({ phase: 'drained', tentative: 1 })), []);
    assert.deepEqual(todo(leaving({ phase: 'drained' })), ['voter c-2 no']);
    assert.deepEqual(todo(leaving({ phase: 'drained' }, { voter: false })), ['remove c-2 2']);
  });

  it('keeps the pods of members', () => {
    const sets = (observed: Observed): unknown =>
      plan(observed, SETTINGS).actions.flatMap((a) =>
        a.kind === 'apply' && a.object.kind === 'StatefulSet' ? [(a.object.spec as { replicas: number }).replicas] : [],
      );
    assert.deepEqual(sets(leaving({})), [3]);
    const two = [member(0), member(1)];
    assert.deepEqual(
      sets(
        look(
          [0, 1, 2].map((n) => pod(n, serving(n, two))),
          small,
        ),
      ),
      [2],
    );
  });
});

describe('a certificate of cert-manager', () => {
  const asked = cluster("{ tls: { issuerRef: { name: 'ca' } } }");
  const kinds = new Set(['Certificate']);
  const wish = (spec: object = {}, status: object = {}): KubeObject => ({
    apiVersion: 'cert-manager.io/v1',
    kind: 'Certificate',
    metadata: { name: 'c-issued-tls', creationTimestamp: '2026-01-05T11:58:00Z' },
    spec,
    status,
  });
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'c-issued-tls' } };
  const seen = (...others: KubeObject[]): Observed =>
    look([], {
      cluster: asked,
      kinds,
      objects: new Map(others.map((object) => [`${object.kind}/${object.metadata.name}`, object])),
    });
  const applied = (observed: Observed): string[] =>
    plan(observed, SETTINGS).actions.flatMap((action) => (action.kind === 'apply' ? [action.object.kind] : []));

  it('comes before the pods that mount it', () => {
    assert.ok(!applied({ ...seen(), kinds: new Set() }).includes('Certificate'));
    assert.deepEqual(applied(seen(wish())).slice(-2), ['ConfigMap', 'Certificate']);
    assert.deepEqual(applied(seen(wish(), secret)).slice(-2), ['Certificate', 'StatefulSet']);
    assert.ok(!plan(seen(), SETTINGS).actions.some((a) => a.kind === 'make-secret' && a.secret === 'certificate'));
  });

  it('may take its time, and not for ever', () => {
    assert.equal(degraded({ ...seen(wish()), kinds: new Set() }), 'CertManagerMissing');
    assert.equal(degraded(seen(wish())), undefined);
    assert.equal(plan(seen(wish()), SETTINGS).wakeMs, 3 * 60_000);
    assert.equal(degraded({ ...seen(wish()), now: NOW + 3 * 60_000 }), 'CertificateNotIssued');
    const ready = wish({}, { notAfter: '2026-04-01T00:00:00Z', conditions: [{ type: 'Ready', status: 'True' }] });
    const late = { ...seen(ready, secret), now: NOW + 3 * 60_000 };
    assert.equal(degraded(late), undefined);
    assert.equal(plan(late, SETTINGS).status.certificateExpires, '2026-04-01T00:00:00Z');
  });
});

describe('a part of a cluster elsewhere', () => {
  const part = (spec = '', status?: object): { cluster: ClusterObject } => ({
    cluster: cluster(`{ replicas: 2, joinTokenSecret: { name: t }${spec} }`, status),
  });
  const far = [0, 1, 2, 3, 4].map((ordinal) => ({ ...member(ordinal), name: `far-${ordinal}`, id: `f${ordinal}` }));
  const near = [0, 1].map((ordinal) => member(ordinal, { voter: false }));
  const both = (members: readonly MemberSeen[]): PodSeen[] =>
    [0, 1].map((ordinal) => pod(ordinal, serving(ordinal, members, { leader: 'far-0' })));

  it('is joined by its first pod, and never founded', () => {
    const wait = [0, 1].map((n) => pod(n, waiting(n)));
    assert.deepEqual(todo(look(wait, part('', {}), 2)), ['join-elsewhere c-0']);
    assert.deepEqual(todo(look(wait, part(), 2)), ['join-elsewhere c-0']);
    assert.equal(degraded(look(wait, part(), 2)), 'DataLost');
    const second = [pod(0, serving(0, [...far, member(0, { voter: false })])), pod(1, waiting(1))];
    assert.deepEqual(todo(look(second, part(), 2)), ['join c-1 through c-0']);
    assert.throws(() => part(`, recovery: { abandonGroup: '${FOUNDER}' }`), /cannot give up their group/);
  });

  it('leaves members and votes elsewhere alone', () => {
    assert.deepEqual(todo(look(both([...far, ...near]), part(), 2)), []);
    assert.deepEqual(todo(look(both([...far, ...near]), part(', voters: 1'), 2)), ['voter c-0 yes']);
    const voting = [...far, member(0), member(1, { voter: false })];
    assert.deepEqual(todo(look(both(voting), part(), 2)), ['voter c-0 no']);
    // Nor does the other side touch these.
    const founder = cluster('{ replicas: 1 }');
    const other = [member(0), ...far.map((one) => ({ ...one, voter: false }))];
    assert.deepEqual(todo(look([pod(0, serving(0, other))], { cluster: founder }, 1)), []);
  });

  it('is Ready as long as those elsewhere decide', () => {
    const ready = [{ type: 'Ready', status: 'True', reason: 'Serving', message: '', lastTransitionTime: '' }];
    const isReady = (members: readonly MemberSeen[]): unknown =>
      plan(look(both(members), part('', { founder: FOUNDER, conditions: ready }), 2), SETTINGS).status.conditions?.find(
        ({ type }) => type === 'Ready',
      )?.status;
    const down = (count: number): MemberSeen[] => far.map((one, i) => ({ ...one, up: i >= count }));
    assert.equal(isReady([...down(2), ...near]), 'True');
    assert.equal(isReady([...down(3), ...near]), 'False');
  });
});

describe('a cluster that is asked for nothing', () => {
  it('says so when it is paused or when its manifest is wrong', () => {
    const paused = look([pod(0, waiting(0))], { cluster: cluster('{ paused: true }', {}) });
    assert.deepEqual(plan(paused, SETTINGS).actions, []);
    assert.equal(plan(paused, SETTINGS).status.phase, 'Paused');
    const wrong = cluster();
    const spec = { ...wrong.spec, config: { members: 'x' } };
    assert.equal(degraded(look(all, { cluster: { ...wrong, spec } })), 'InvalidSpec');
  });
});
