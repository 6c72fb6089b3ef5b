/** Which room may import which. Each rule says why. */
const PURE = '^node/(sql|log|consistency|consensus|sync)/';
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'A cycle has no order of initialisation and no order of reading.',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'core-is-pure',
      severity: 'error',
      comment: 'The core runs unchanged in the simulator: no Node module reaches it.',
      from: { path: PURE },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'core-knows-no-adapters',
      severity: 'error',
      comment: 'The core is joined to its adapters only in replica/ and main.ts.',
      from: { path: PURE },
      to: { path: '^node/(server|store|pubsub|discovery|admin|replica|engine)/' },
    },
    {
      name: 'rooms-have-doors',
      severity: 'error',
      comment: 'A room is entered by its index.ts, so its inside can change.',
      from: { path: '^node/([^/]+)/' },
      to: { path: '^node/[^/]+/.+', pathNot: ['^node/$1/', '^node/[^/]+/index\\.ts$'] },
    },
    {
      name: 'network-stands-alone',
      severity: 'error',
      comment: 'The network runs in a thread of its own, which loads all that it imports a second time.',
      from: { path: '^node/(discovery|pubsub)/' },
      to: { path: '^node/(server|store|admin|replica|engine|sql|config|cli)/' },
    },
    {
      name: 'gossip-knows-no-discovery',
      severity: 'error',
      comment: 'Gossip is given its members and its libp2p service; discovery puts both together.',
      from: { path: '^node/pubsub/' },
      to: { path: '^node/discovery/' },
    },
    {
      name: 'libp2p-is-the-networks-own',
      severity: 'error',
      comment: 'The rest of a node knows the network by its ports: what carries it can change.',
      from: { path: '^(node|operator)/', pathNot: '^node/(discovery|pubsub)/' },
      to: { path: 'node_modules/(libp2p|@libp2p|@chainsafe|@multiformats)/' },
    },
    {
      name: 'operator-and-node-are-apart',
      severity: 'error',
      comment: 'They meet in the custom resource, the configuration and the admin HTTP only.',
      from: { path: '^operator/' },
      to: { path: '^node/' },
    },
    {
      name: 'node-and-operator-are-apart',
      severity: 'error',
      comment: 'They meet in the custom resource, the configuration and the admin HTTP only.',
      from: { path: '^node/(?!main\\.ts)' },
      to: { path: '^operator/' },
    },
    {
      name: 'product-knows-no-tests',
      severity: 'error',
      comment: 'The product ships without its tests.',
      from: { path: '^(node|operator)/' },
      to: { path: '^test/' },
    },
    {
      name: 'no-dev-dependencies',
      severity: 'error',
      comment: 'The product ships without devDependencies.',
      from: { path: '^(node|operator)/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
};
