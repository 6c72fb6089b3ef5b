/** The custom resources: their fields, defaults and rules. */
export { type Cluster, nodeNames, votersOf } from './cluster.ts';
export { crdFiles, crds } from './crds.ts';
export { nearest } from './nearest.ts';
export { type Fault, readCluster } from './read.ts';
