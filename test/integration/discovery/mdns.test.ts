/** Members that know nobody's address find each other on their network. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { TestCluster } from '../../support/cluster.ts';
import { Namespaces, noNamespaces } from '../../support/netns.ts';

it('members meet by multicast DNS alone', { skip: noNamespaces() ?? false, timeout: 120_000 }, async () => {
  const namespaces = Namespaces.make(3);
  try {
    const cluster = await TestCluster.start({
      hostOf: (node) => namespaces.clientHost(node),
      peerHostOf: (node) => namespaces.peerHost(node),
      prefixOf: (node) => namespaces.prefix(node),
      envOf: () => ({ P2PDB_MDNS: 'true', P2PDB_BOOTSTRAP: '' }),
    });
    try {
      const c = await cluster.connect(0);
      await c.query('CREATE DATABASE found');
      await cluster.converged();
      const [rows] = await (await cluster.connect(2)).query("SHOW DATABASES LIKE 'found'");
      assert.equal((rows as unknown[]).length, 1);
    } finally {
      await cluster.stop();
    }
  } finally {
    namespaces.remove();
  }
});
