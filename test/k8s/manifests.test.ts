// The one file for kubectl and the examples, taken by a real API server.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { startApiServer, type ApiServer } from './support/api-server.ts';
import { missing } from './support/machine.ts';

const REPOSITORY = path.join(import.meta.dirname, '../..');
const reason = await missing('api');

describe('plain manifests', { skip: reason, timeout: 120_000 }, () => {
  let api: ApiServer;
  before(async () => {
    api = await startApiServer();
  });
  after(() => api.stop());

  const kubectl = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)('kubectl', ['--kubeconfig', api.kubeconfig, ...args], { cwd: REPOSITORY })).stdout;

  it('install.yaml installs, twice', async () => {
    const apply = ['apply', '--server-side', '-f', 'charts/install.yaml'];
    assert.match(await kubectl(...apply), /deployment\.apps\/p2pdb-operator serverside-applied/);
    await kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
    await kubectl(...apply);
  });

  for (const example of ['examples/cluster.yaml', 'examples/kubernetes/cluster.yaml']) {
    it(`${example} is accepted, with no field unknown`, async () => {
      await kubectl('apply', '--validate=strict', '-f', example);
      const [name] = (await kubectl('get', 'p2pdb', '-o', 'name')).trim().split('\n');
      assert.equal(name, 'p2pdbcluster.p2pdb.io/demo');
    });
  }

  it('kubectl scale and short names work', async () => {
    await kubectl('scale', 'p2pdb/demo', '--replicas=5');
    assert.equal(await kubectl('get', 'p2pdb', 'demo', '-o', 'jsonpath={.spec.replicas}'), '5');
    assert.match(await kubectl('get', 'p2pdbs'), /p2pdbuser\.p2pdb\.io\/shop/);
  });
});
