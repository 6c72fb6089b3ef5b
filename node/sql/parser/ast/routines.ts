import type { ColumnRef, Expr, IntervalUnit, QualifiedName, Span, UserVariable } from './expressions.ts';
import type { QueryExpression } from './queries.ts';
import type { Account } from './schema.ts';
import type { DataType } from './types.ts';
import type { Statement } from './statements.ts';

export interface RoutineParameter {
  readonly mode: 'in' | 'out' | 'inout';
  readonly name: string;
  readonly type: DataType;
}

export interface Characteristics {
  readonly comment: string | undefined;
  readonly language: string | undefined;
  readonly deterministic: boolean | undefined;
  readonly dataAccess: 'containsSql' | 'noSql' | 'readsSqlData' | 'modifiesSqlData' | undefined;
  readonly security: 'definer' | 'invoker' | undefined;
  /** USING (lib AS alias, …) of routines in other languages. */
  readonly libraries: readonly { readonly name: QualifiedName; readonly alias: string | undefined }[];
}

/** CREATE PROCEDURE and CREATE FUNCTION; `returns` is set for functions. */
export interface CreateRoutine extends Span {
  readonly kind: 'createRoutine';
  readonly type: 'procedure' | 'function';
  readonly orReplace: boolean;
  readonly ifNotExists: boolean;
  readonly definer: Account | undefined;
  readonly name: QualifiedName;
  readonly parameters: readonly RoutineParameter[];
  readonly returns: DataType | undefined;
  readonly characteristics: Characteristics;
  /** Undefined for a body in another language: `code` then has its text. */
  readonly body: Statement | undefined;
  readonly code: string | undefined;
}

export interface AlterRoutine extends Span {
  readonly kind: 'alterRoutine';
  readonly type: 'procedure' | 'function';
  readonly name: QualifiedName;
  readonly characteristics: Characteristics;
}

export interface CreateTrigger extends Span {
  readonly kind: 'createTrigger';
  readonly orReplace: boolean;
  readonly ifNotExists: boolean;
  readonly definer: Account | undefined;
  readonly name: QualifiedName;
  readonly time: 'before' | 'after';
  readonly event: 'insert' | 'update' | 'delete';
  readonly table: QualifiedName;
  readonly order: { readonly kind: 'follows' | 'precedes'; readonly trigger: string } | undefined;
  readonly body: Statement;
}

export type EventSchedule =
  | { readonly kind: 'at'; readonly at: Expr }
  | {
      readonly kind: 'every';
      readonly amount: Expr;
      readonly unit: IntervalUnit;
      readonly starts: Expr | undefined;
      readonly ends: Expr | undefined;
    };

export interface CreateEvent extends Span {
  readonly kind: 'createEvent';
  readonly ifNotExists: boolean;
  readonly definer: Account | undefined;
  readonly name: QualifiedName;
  readonly schedule: EventSchedule;
  readonly preserve: boolean | undefined;
  readonly status: 'enable' | 'disable' | 'disableOnReplica' | undefined;
  readonly comment: string | undefined;
  readonly body: Statement;
}

export interface AlterEvent extends Span {
  readonly kind: 'alterEvent';
  readonly definer: Account | undefined;
  readonly name: QualifiedName;
  readonly schedule: EventSchedule | undefined;
  readonly preserve: boolean | undefined;
  readonly renameTo: QualifiedName | undefined;
  readonly status: 'enable' | 'disable' | 'disableOnReplica' | undefined;
  readonly comment: string | undefined;
  readonly body: Statement | undefined;
}

/** DROP PROCEDURE, FUNCTION, TRIGGER, EVENT, LIBRARY. */
export interface DropRoutine extends Span {
  readonly kind: 'dropRoutine';
  readonly type: 'procedure' | 'function' | 'trigger' | 'event' | 'library';
  readonly ifExists: boolean;
  readonly name: QualifiedName;
}

/** CREATE FUNCTION f RETURNS STRING SONAME 'x.so' */
export interface CreateLoadable extends Span {
  readonly kind: 'createLoadable';
  readonly aggregate: boolean;
  readonly ifNotExists: boolean;
  readonly name: string;
  readonly returns: 'string' | 'integer' | 'real' | 'decimal';
  readonly library: string;
}

export interface CreateLibrary extends Span {
  readonly kind: 'createLibrary';
  readonly orReplace: boolean;
  readonly ifNotExists: boolean;
  readonly name: QualifiedName;
  readonly language: string;
  readonly comment: string | undefined;
  readonly code: string;
}

export interface AlterLibrary extends Span {
  readonly kind: 'alterLibrary';
  readonly name: QualifiedName;
  readonly comment: string | undefined;
}

export interface Block extends Span {
  readonly kind: 'block';
  readonly label: string | undefined;
  readonly declarations: readonly Declaration[];
  readonly body: readonly Statement[];
}

export type Condition =
  | { readonly kind: 'sqlState'; readonly value: string }
  | { readonly kind: 'errno'; readonly value: number }
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'sqlWarning' | 'notFound' | 'sqlException' };

export type Declaration =
  | {
      readonly kind: 'declareVariables';
      readonly names: readonly string[];
      readonly type: DataType;
      readonly value: Expr | undefined;
    }
  | { readonly kind: 'declareCondition'; readonly name: string; readonly condition: Condition }
  | { readonly kind: 'declareCursor'; readonly name: string; readonly query: QueryExpression }
  | {
      readonly kind: 'declareHandler';
      readonly action: 'continue' | 'exit';
      readonly conditions: readonly Condition[];
      readonly body: Statement;
    };

export interface If extends Span {
  readonly kind: 'if';
  readonly branches: readonly { readonly condition: Expr; readonly body: readonly Statement[] }[];
  readonly otherwise: readonly Statement[] | undefined;
}

export interface CaseStatement extends Span {
  readonly kind: 'caseStatement';
  readonly operand: Expr | undefined;
  readonly branches: readonly { readonly when: Expr; readonly body: readonly Statement[] }[];
  readonly otherwise: readonly Statement[] | undefined;
}

export interface Loop extends Span {
  readonly kind: 'loop';
  readonly label: string | undefined;
  readonly body: readonly Statement[];
}

export interface While extends Span {
  readonly kind: 'while';
  readonly label: string | undefined;
  readonly condition: Expr;
  readonly body: readonly Statement[];
}

export interface Repeat extends Span {
  readonly kind: 'repeat';
  readonly label: string | undefined;
  readonly body: readonly Statement[];
  readonly until: Expr;
}

export interface LeaveOrIterate extends Span {
  readonly kind: 'leave' | 'iterate';
  readonly label: string;
}

export interface Return extends Span {
  readonly kind: 'return';
  readonly value: Expr;
}

export interface OpenOrCloseCursor extends Span {
  readonly kind: 'openCursor' | 'closeCursor';
  readonly name: string;
}

export interface FetchCursor extends Span {
  readonly kind: 'fetchCursor';
  readonly name: string;
  readonly targets: readonly string[];
}

export interface Signal extends Span {
  readonly kind: 'signal' | 'resignal';
  readonly condition: Condition | undefined;
  /** message_text, mysql_errno, class_origin, … in lower case. */
  readonly items: readonly { readonly name: string; readonly value: Expr }[];
}

export interface GetDiagnostics extends Span {
  readonly kind: 'getDiagnostics';
  readonly area: 'current' | 'stacked';
  /** CONDITION n; undefined for statement information. */
  readonly condition: Expr | undefined;
  readonly items: readonly { readonly target: UserVariable | ColumnRef; readonly name: string }[];
}
