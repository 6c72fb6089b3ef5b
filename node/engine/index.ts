/** Runs statements: sessions, transactions and locks over the state, commits into the log. See DESIGN.md. */
export { EngineCore, type EngineOptions } from './core.ts';
export {
  DataFolderError,
  groupFolder,
  openEngine,
  openOwnGroup,
  type OpenedEngine,
  type OpenedGroup,
  type OpenOptions,
  type OwnGroup,
} from './open.ts';
export { LatencyHistogram } from './latency.ts';
export {
  firstVoters,
  genesisFile,
  keepGenesis,
  readGenesis,
  type Genesis,
  type Membership,
  type Predecessor,
} from './membership.ts';
export { commitTransaction } from './commit-transaction.ts';
export { EngineSession } from './session.ts';
export { adoptImage, imageOf } from './session-image.ts';
export { makeSuccessor, settle, type Remainder } from './successor.ts';
