/** The custom resources: their fields, defaults and rules. */
export { CLUSTER_RULES, type Cluster, type ClusterSpec, isPart, nodeNames, votersOf } from './cluster.ts';
export type { ClusterStatus, NodePhase, NodeReport, Phase } from './cluster-status.ts';
export { crdFiles, crds } from './crds.ts';
export type { Database, User } from './database.ts';
export { API_GROUP, API_VERSION } from './fields.ts';
export { nearest } from './nearest.ts';
export { amountOf } from './quantity.ts';
export { type Fault, readCluster } from './read.ts';
export { fieldsPage } from './reference.ts';
