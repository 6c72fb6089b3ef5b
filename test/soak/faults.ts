/** What befalls the nodes. Each fault leaves them running and linked. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dice } from './dice.ts';
import type { Soak } from './soak.ts';

type Fault = (soak: Soak, dice: Dice) => Promise<void>;

const kill: Fault = async (soak, dice) => {
  const node = dice.pick(soak.running());
  await soak.kill(node);
  await sleep(dice.between(0, 6_000));
  await soak.start(node);
};

/** A node that is killed while it starts. */
const killStarting: Fault = async (soak, dice) => {
  const node = dice.pick(soak.running());
  await soak.kill(node);
  soak.cluster.launch(node);
  await sleep(dice.between(200, 3_000));
  await soak.kill(node);
  await soak.start(node);
};

const killSome: Fault = async (soak, dice) => {
  const nodes = dice.some(soak.running(), 0.6);
  await Promise.all(nodes.map((node) => soak.kill(node)));
  await sleep(dice.between(0, 4_000));
  await Promise.all(nodes.map((node) => soak.start(node)));
};

const freeze: Fault = async (soak, dice) => {
  const node = dice.pick(soak.running());
  soak.freeze(node);
  await sleep(dice.between(500, 12_000));
  soak.thaw(node);
};

const roll: Fault = async (soak, dice) => {
  for (const node of soak.running()) {
    await soak.kill(node, 'SIGTERM');
    await soak.start(node);
    await sleep(dice.between(0, 2_000));
  }
};

const cut: Fault = async (soak, dice) => {
  const all = soak.running();
  const side = dice.some(all, 0.5);
  await soak.cut(
    side,
    all.filter((node) => !side.includes(node)),
  );
  await sleep(dice.between(1_000, 15_000));
  await soak.heal();
};

/** Two do not hear each other; a third hears both. */
const cutPair: Fault = async (soak, dice) => {
  await soak.cut([dice.pick(soak.running())], [dice.pick(soak.running())]);
  await sleep(dice.between(1_000, 15_000));
  await soak.heal();
};

/** What a node did while it was alone is not lost with its process. */
const cutAndKill: Fault = async (soak, dice) => {
  const node = dice.pick(soak.running());
  await soak.cut(
    [node],
    soak.running().filter((other) => other !== node),
  );
  await sleep(dice.between(500, 4_000));
  await soak.kill(node);
  await soak.start(node);
  await soak.heal();
};

/** The database `mover` goes to some of the nodes, to all in a group of its own, or home. */
const move: Fault = async (soak, dice) => {
  const hosts = dice.some(soak.running(), 0.6).map((node) => soak.nameOf(node));
  const comment = dice.pick([
    '',
    '',
    `p2pdb:replicas=${hosts.join()}`,
    `p2pdb:replicas=${hosts.join()}`,
    'p2pdb:group=own',
  ]);
  await soak.order(dice.pick(soak.running()), `ALTER DATABASE mover COMMENT '${comment}'`);
  await sleep(dice.between(0, 8_000));
};

/** Small databases with groups of their own come and go. */
const place: Fault = async (soak, dice) => {
  const database = `small${dice.int(3)}`;
  const hosts = dice.some(soak.running(), 0.6).map((node) => soak.nameOf(node));
  const sql = [
    `CREATE DATABASE ${database} COMMENT 'p2pdb:replicas=${hosts.join()}'`,
    `CREATE DATABASE ${database}`,
    `ALTER DATABASE ${database} COMMENT 'p2pdb:replicas=${hosts.join()}'`,
    `ALTER DATABASE ${database} COMMENT ''`,
    `CREATE TABLE ${database}.t${dice.int(4)} (id INT PRIMARY KEY AUTO_INCREMENT, v INT)`,
    `INSERT INTO ${database}.t${dice.int(4)} (v) VALUES (1), (2), (3)`,
    `CREATE VIEW ${database}.v${dice.int(3)} AS SELECT * FROM ${database}.t0`,
    `DROP DATABASE ${database}`,
  ];
  for (let times = 3; times > 0; times--) await soak.order(dice.pick(soak.running()), dice.pick(sql));
};

/** A newcomer is let in, or is removed: clients have left it then, and the others have all that it acknowledged. */
const grow: Fault = async (soak, dice) => {
  const by = dice.pick(soak.running().filter((node) => node !== soak.newcomer));
  if (!soak.members.has(soak.newcomer)) {
    await soak.join(by);
    if (dice.chance(0.5)) await soak.order(by, `SELECT p2pdb_set_voter('${soak.nameOf(soak.newcomer)}', 1)`);
  } else await soak.remove(by);
};

/** One node's disk is full for a while, and perhaps ends there. */
const fill: Fault = async (soak, dice) => {
  const leave = dice.pick([0, 0, 4_096, 100_000, 20 << 20]);
  soak.note(`the small disk has ${leave} bytes left`);
  soak.smallDisk?.fill(leave);
  await sleep(dice.between(500, 10_000));
  soak.smallDisk?.makeRoom();
};

const slowDisk: Fault = async (soak, dice) => {
  const node = dice.pick(soak.running());
  soak.change(node, { syncMs: Math.round(dice.pick([5, 50, 500, 2_000])) });
  await sleep(dice.between(1_000, 15_000));
  soak.change(node, { syncMs: 0 });
};

const clock: Fault = async (soak, dice) => {
  const day = 86_400_000;
  const most = dice.pick([1_000, 60_000, day, 100 * day]);
  soak.change(dice.pick(soak.running()), { clockMs: Math.round(dice.between(-most, most)) });
  await sleep(dice.between(0, 5_000));
};

/** A node's folder is set back to what it was earlier; for the first time a copy is made. */
const setBack: Fault = async (soak, dice) => {
  const [by, node] = [dice.pick(others(soak)), dice.pick(others(soak))];
  if (by === node || !(await soak.isSpare(node, by))) return;
  await soak.setBack(node);
};

/** A node's folder is lost, and another node comes in its place, under its name. */
const lose: Fault = async (soak, dice) => {
  const [by, node] = [dice.pick(others(soak)), dice.pick(others(soak))];
  if (by === node || !(await soak.isSpare(node, by))) return;
  await soak.replace(node, by);
};

const others = (soak: Soak): number[] => soak.running().filter((node) => node !== soak.newcomer);

const FAULTS: Readonly<Record<string, Fault>> = {
  kill,
  killStarting,
  killSome,
  freeze,
  roll,
  cut,
  cutPair,
  cutAndKill,
  move,
  place,
  grow,
  fill,
  slowDisk,
  clock,
  setBack,
  lose,
};
export const FAULT_NAMES = Object.keys(FAULTS);

/** With another one at the same time. */
const COMPANIONS = ['freeze', 'cut', 'cutPair', 'move', 'place', 'fill', 'slowDisk', 'clock'];
/** Nothing holds where two disks are lost at a time. */
const ALONE = ['setBack', 'lose'];

/** One fault after another, until the time is over. */
export async function disturb(soak: Soak, dice: Dice, names: readonly string[], milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds;
  while (performance.now() < end) {
    await sleep(dice.between(300, 3_000));
    const companions = COMPANIONS.filter((name) => names.includes(name));
    const chosen = [dice.pick(names)];
    if (!ALONE.includes(chosen[0] as string) && companions.length > 0 && dice.chance(0.25))
      chosen.push(dice.pick(companions));
    await Promise.all(
      chosen.map(async (name) => {
        soak.note(name);
        try {
          await FAULTS[name]?.(soak, dice);
        } catch (error) {
          // Where two meet, one may find its node gone.
          soak.note(`${name}: ${(error as Error).message.slice(0, 300)}`);
        }
      }),
    );
    await soak.mend();
  }
}
