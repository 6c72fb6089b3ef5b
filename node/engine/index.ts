/** Runs statements: sessions, transactions and locks over the state, commits into the log. See DESIGN.md. */
export { EngineCore, type EngineOptions } from './core.ts';
export {
  DataFolderError,
  openEngine,
  openOwnGroup,
  type Disk,
  type OpenedEngine,
  type OpenedGroup,
  type OpenOptions,
  type OwnGroup,
  type OwnGroupOptions,
} from './open.ts';
export { departureFrom, giveAway, isEnding, removeOld, stayIn } from './departure.ts';
export { LatencyHistogram } from './latency.ts';
export {
  firstVoters,
  genesisFile,
  groupFolder,
  keepGenesis,
  readGenesis,
  stayOf,
  type Genesis,
  type Membership,
  type Predecessor,
} from './membership.ts';
export { commitTransaction, rollbackTransaction } from './commit-transaction.ts';
export {
  copyTables,
  doWithoutRemoved,
  handOver,
  isMoving,
  movingDatabases,
  sayClosed,
  type MovingDatabase,
} from './moving.ts';
export { bringHome, closedFor, closeToReturn, openAgain, returnsOf } from './returning.ts';
export {
  departuresOf,
  groupOf,
  hostedDatabases,
  placedDatabases,
  withoutTraces,
  type PlacedDatabase,
} from './placement.ts';
export type { PreparedText } from './execute-prepared.ts';
export { EngineSession } from './session.ts';
export { adoptImage, imageOf, imageReached } from './session-image.ts';
export { makeSuccessor, settle, type Remainder } from './successor.ts';
