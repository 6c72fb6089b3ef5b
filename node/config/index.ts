/** A node's settings: the table of them, and how their values are found and checked. */
export { ConfigError, formatConfig, loadConfig, type LoadedConfig } from './load.ts';
export { type Config, SETTINGS, settingsHelp, settingsTable } from './settings.ts';
export type { HostPort } from './kinds.ts';
