/** From a manifest to the objects that stand for it, pure. */
export { dashboardJson } from './dashboard.ts';
export { type DesiredObject, desiredObjects, needsOwnCertificate } from './desired.ts';
export { environmentOf, settingsOf, splitSettings } from './environment.ts';
export { digestOf, hashOf } from './hash.ts';
export * from './names.ts';
export { type KubeObject, keyOf, type OwnerReference } from './object.ts';
export { certificateSecret, rootSecret } from './pod.ts';
export * from './rules.ts';
export { serverNames } from './server-names.ts';
