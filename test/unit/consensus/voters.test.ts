// Quorums and schedules against versions that are too dumb to be wrong.
import fc from 'fast-check';
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { height, nodeId, VoterSchedule, VoterSet, type NodeId } from '../../../node/consensus/index.ts';

const WINDOW = 8;
const nodes = fc.uniqueArray(fc.constantFrom(...'abcdefg').map(nodeId), { minLength: 1, maxLength: 7 });

/** Every subset of the voters. */
function subsets(all: readonly NodeId[]): NodeId[][] {
  return Array.from({ length: 2 ** all.length }, (_, bits) => all.filter((_node, i) => (bits >> i) % 2 === 1));
}

it('a quorum is what no other set of voters can be disjoint from and be a quorum too', () => {
  fc.assert(
    fc.property(nodes, (voters) => {
      const set = new VoterSet(voters);
      const quorums = subsets(voters).filter((some) => set.isQuorum((node) => some.includes(node)));
      for (const a of quorums) for (const b of quorums) assert.ok(a.some((node) => b.includes(node)));
      // None is larger than it has to be: without any one of its members the smallest ones are none.
      const smallest = Math.min(...quorums.map((quorum) => quorum.length));
      assert.ok(subsets(voters).every((some) => 2 * some.length <= voters.length || some.length >= smallest));
    }),
  );
});

it('nodes that are no voters do not count', () => {
  const set = new VoterSet(['a', 'b', 'c'].map(nodeId));
  assert.equal(
    set.isQuorum((node) => ['a', 'x', 'y', 'z'].includes(node)),
    false,
  );
});

it('a schedule knows the voters of every height up to the applied one plus the window, and no more', () => {
  fc.assert(
    fc.property(nodes, fc.array(nodes, { maxLength: 40 }), fc.nat({ max: 40 }), (genesis, changes, restartAt) => {
      const dumb: (readonly NodeId[])[] = Array.from({ length: WINDOW + 1 }, () => genesis);
      let schedule = new VoterSchedule(height(0), [{ from: height(1), voters: genesis }], WINDOW);
      changes.forEach((voters, i) => {
        const applied = i + 1;
        if (applied === restartAt) schedule = new VoterSchedule(schedule.applied, schedule.spans(), WINDOW);
        schedule.apply(height(applied), voters);
        dumb.push(voters);
        for (let h = applied; h <= applied + WINDOW; h++) {
          assert.deepEqual(schedule.at(height(h))?.nodes, [...(dumb[h] ?? [])].sort());
        }
        assert.equal(schedule.at(height(applied + WINDOW + 1)), undefined);
        const coming = dumb.slice(applied).map((set) => [...set].sort().join());
        assert.equal(schedule.changesFrom(height(applied + 1)), new Set(coming).size > 1);
        const future = dumb.slice(applied + 1).map((set) => [...set].sort().join());
        assert.deepEqual(
          schedule.votersFrom(height(applied + 1)).sort(),
          [...new Set(future.join().split(','))].sort(),
        );
      });
    }),
  );
});
