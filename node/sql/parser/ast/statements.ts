import type {
  Begin,
  Commit,
  CreateRole,
  CreateUser,
  Deallocate,
  Describe,
  DropUser,
  Execute,
  Explain,
  Flush,
  Grant,
  Kill,
  LockTables,
  OtherStatement,
  Prepare,
  RenameUser,
  Reset,
  ResetPersist,
  Savepoint,
  SetDefaultRole,
  SetPassword,
  SetResourceGroup,
  SetRole,
  SetStatement,
  SetTransaction,
  Show,
  SimpleAdmin,
  TableMaintenance,
  Use,
  Xa,
} from './administration.ts';
import type {
  CallProcedure,
  Delete,
  Do,
  HandlerClose,
  HandlerOpen,
  HandlerRead,
  Insert,
  LoadData,
  Update,
} from './manipulation.ts';
import type { QueryExpression } from './queries.ts';
import type {
  AlterEvent,
  AlterLibrary,
  AlterRoutine,
  Block,
  CaseStatement,
  CreateEvent,
  CreateLibrary,
  CreateLoadable,
  CreateRoutine,
  CreateTrigger,
  DropRoutine,
  FetchCursor,
  GetDiagnostics,
  If,
  LeaveOrIterate,
  Loop,
  OpenOrCloseCursor,
  Repeat,
  Return,
  Signal,
  While,
} from './routines.ts';
import type {
  AlterDatabase,
  AlterTable,
  CreateDatabase,
  CreateIndex,
  CreateTable,
  CreateTableLike,
  CreateView,
  DropDatabase,
  DropIndex,
  DropTable,
  DropView,
  RenameTable,
  TruncateTable,
} from './schema.ts';

export type ManipulationStatement =
  QueryExpression | Insert | Update | Delete | LoadData | CallProcedure | Do | HandlerOpen | HandlerClose | HandlerRead;

export type SchemaStatement =
  | CreateDatabase
  | AlterDatabase
  | DropDatabase
  | CreateTable
  | CreateTableLike
  | AlterTable
  | CreateIndex
  | DropIndex
  | DropTable
  | TruncateTable
  | RenameTable
  | CreateView
  | DropView;

export type RoutineStatement =
  | CreateRoutine
  | AlterRoutine
  | CreateTrigger
  | CreateEvent
  | AlterEvent
  | DropRoutine
  | CreateLoadable
  | CreateLibrary
  | AlterLibrary;

/** Only inside stored programs (GET DIAGNOSTICS, SIGNAL and RESIGNAL anywhere). */
export type ProgramStatement =
  | Block
  | If
  | CaseStatement
  | Loop
  | While
  | Repeat
  | LeaveOrIterate
  | Return
  | OpenOrCloseCursor
  | FetchCursor
  | Signal
  | GetDiagnostics;

export type AccountStatement =
  CreateUser | DropUser | CreateRole | RenameUser | Grant | SetPassword | SetRole | SetDefaultRole;

export type SessionStatement =
  | SetStatement
  | SetTransaction
  | SetResourceGroup
  | Show
  | Describe
  | Explain
  | Use
  | Begin
  | Commit
  | Savepoint
  | LockTables
  | SimpleAdmin
  | Xa
  | Prepare
  | Execute
  | Deallocate
  | Kill
  | Flush
  | Reset
  | ResetPersist
  | TableMaintenance
  | OtherStatement;

export type Statement =
  ManipulationStatement | SchemaStatement | RoutineStatement | ProgramStatement | AccountStatement | SessionStatement;
