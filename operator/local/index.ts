/** A P2PDBCluster on one machine: its pods are processes. */
export { runHeal, runPartition } from './partition.ts';
export { runStatus } from './status.ts';
export { runUp, type CommandLine, type UpPorts } from './up.ts';
