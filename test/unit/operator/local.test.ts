import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readCluster } from '../../../operator/api/index.ts';
import { meaningless, nodeEnvironment, type LocalNode, type Shared } from '../../../operator/local/environment.ts';
import { cutsOf, groupsOf } from '../../../operator/local/partition.ts';
import { Screen } from '../../../operator/local/screen.ts';
import { tableOf } from '../../../operator/local/table.ts';

const node = (ordinal: number): LocalNode => ({
  name: `demo-${ordinal}`,
  host: `127.0.0.${10 + ordinal}`,
  mysql: 3306,
  peers: 4001,
  http: 8080,
  folder: `/data/demo-${ordinal}`,
  logFile: `/data/demo-${ordinal}.log`,
  tokenFile: `/data/demo-${ordinal}/admin.token`,
});
const nodes = [0, 1, 2].map(node);
const names = nodes.map(({ name }) => name);

describe('a node’s environment', () => {
  const reading = readCluster(`apiVersion: p2pdb.io/v1alpha1
kind: P2PDBCluster
metadata: { name: demo }
spec: { voters: 1, tls: { enabled: false }, bootstrapPeers: ["far:4001"], commitLevel: final, paused: true, image: x }`);
  assert.ok(reading.kind === 'cluster');
  const shared: Shared = {
    cluster: reading.cluster,
    nodes,
    ids: new Map(names.map((name, i) => [name, String(i).repeat(64)])),
    swarmKeyFile: '/data/swarm.key',
    configFile: '/data/config.yaml',
    rootPassword: 'secret',
    testFaults: false,
  };

  it('says who it is, where it listens and whom it may trust', () => {
    assert.deepEqual(nodeEnvironment(nodes[1] as LocalNode, shared), {
      P2PDB_CONFIG: '/data/config.yaml',
      P2PDB_NAME: 'demo-1',
      P2PDB_CLUSTER: 'demo',
      P2PDB_DATA: '/data/demo-1',
      P2PDB_MYSQL: '127.0.0.11:3306',
      P2PDB_HTTP: '127.0.0.11:8080',
      P2PDB_PEERS: '127.0.0.11:4001',
      P2PDB_BOOTSTRAP: '127.0.0.10:4001,127.0.0.12:4001,far:4001',
      P2PDB_SWARM_KEY: '/data/swarm.key',
      P2PDB_ADMIN_TOKEN_FILE: '/data/demo-1/admin.token',
      P2PDB_TLS: 'off',
      P2PDB_HTTP_TLS: 'false',
      P2PDB_COMMIT_LEVEL: 'final',
      P2PDB_READ_LEVEL: 'local',
      P2PDB_ALLOW_TEST_FAULTS: 'false',
      P2PDB_ROOT_PASSWORD: 'secret',
      P2PDB_MEMBERS: names.map((name, i) => `${name}=${String(i).repeat(64)}`).join(','),
      P2PDB_VOTERS: 'demo-0',
    });
  });

  it('leaves out what one machine has no use for, and says so', () => {
    assert.deepEqual(meaningless(reading.given), ['spec.image', 'spec.paused']);
  });
});

describe('a partition', () => {
  const groups: readonly (readonly [words: string[], groups: string[][] | RegExp])[] = [
    [
      ['demo-0', 'demo-1,demo-2'],
      [['demo-0'], ['demo-1', 'demo-2']],
    ],
    [['0|1,2'], [['demo-0'], ['demo-1', 'demo-2']]],
    [
      ['0', '1', '2'],
      [['demo-0'], ['demo-1'], ['demo-2']],
    ],
    [['1'], [['demo-1'], ['demo-0', 'demo-2']]],
    [['0,1,2'], /at least two groups/],
    [[], /at least two groups/],
    [['3'], /no node '3'; there are demo-0, demo-1, demo-2/],
    [['0', '0,1'], /demo-0 is named twice/],
  ];
  for (const [words, expected] of groups) {
    it(words.join(' ') || 'of nothing', () => {
      const found = groupsOf(words, names);
      if (expected instanceof RegExp) assert.match(found.kind === 'refused' ? found.reason : '', expected);
      else assert.deepEqual(found, { kind: 'groups', groups: expected });
    });
  }

  it('cuts each node off from those of the other groups', () => {
    assert.deepEqual(
      [...cutsOf([['a'], ['b', 'c']])],
      [
        ['a', ['b', 'c']],
        ['b', ['a']],
        ['c', ['a']],
      ],
    );
  });
});

describe('the table', () => {
  it('shows what nodes say, and a dash for what they do not', () => {
    const [a, b, c] = nodes as [LocalNode, LocalNode, LocalNode];
    assert.deepEqual(
      tableOf([
        { node: a, state: 'ready', status: { peers: 2, lag: { entries: 0, seconds: 0 }, final: { height: 1200 } } },
        { node: b, state: 'ready, 1 restart', status: { peers: 1, lag: { entries: 17, seconds: 0.34 } } },
        { node: c, state: 'starting', status: undefined },
      ]),
      [
        'NODE    STATE             PEERS         LAG  FINAL  ADDRESS',
        'demo-0  ready                 2           0   1200  127.0.0.10:3306',
        'demo-1  ready, 1 restart      1  17 (0.3 s)      –  127.0.0.11:3306',
        'demo-2  starting              –           –      –  127.0.0.12:3306',
      ],
    );
  });

  it('is drawn again in its place on a terminal, below the lines', () => {
    let text = '';
    const screen = new Screen({ isTTY: true, columns: 5, write: (part) => (text += part) });
    const said = (): string => {
      const part = text;
      text = '';
      return part;
    };
    screen.table(['one', 'long line']);
    assert.equal(said(), 'one\nlong\n');
    screen.table(['one', 'long line']);
    assert.equal(said(), '', 'nothing is different');
    screen.table(['two', 'long line']);
    assert.equal(said(), '\u001b[2A\u001b[Jtwo\nlong\n');
    screen.line('news');
    assert.equal(said(), '\u001b[2A\u001b[Jnews\ntwo\nlong\n');
  });

  it('is not there where the output is no terminal', () => {
    let text = '';
    const screen = new Screen({ write: (part) => (text += part) });
    screen.table(['one']);
    screen.line('news');
    assert.equal(text, 'news\n');
  });
});
