export * from './catalog.ts';
export * from './definitions.ts';
export * from './physical.ts';
