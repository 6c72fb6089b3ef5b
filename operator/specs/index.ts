/** From a manifest to the objects that stand for it, pure. */
export { dashboardJson } from './dashboard.ts';
export { certificateSecret, needsIssuer, needsOwnCertificate } from './certificate.ts';
export { type DesiredObject, desiredObjects } from './desired.ts';
export { environmentOf, settingsOf, splitSettings } from './environment.ts';
export { digestOf, hashOf } from './hash.ts';
export * from './names.ts';
export { type KubeObject, keyOf, type OwnerReference } from './object.ts';
export { rootSecret } from './pod.ts';
export * from './rules.ts';
export { serverNames } from './server-names.ts';
