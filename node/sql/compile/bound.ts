/** A compiled expression: its MySQL type, and how SQLite computes it. */
import type { SqliteValue, SqlType } from '../types/index.ts';
import type { ExecContext } from './plan.ts';

/** Computes a statement parameter when the statement runs: literals, placeholders, variables, NOW(), and what follows from them. */
export type Binder = (x: ExecContext) => SqliteValue;

/** How strongly an expression's collation binds; MySQL manual, "Collation Coercibility in Expressions". */
export const COERCIBILITY = { explicit: 0, none: 1, implicit: 2, system: 3, literal: 4, numeric: 5, null: 6 } as const;

export interface BoundInit {
  readonly type: SqlType;
  readonly nullable: boolean;
  readonly coercibility?: number;
  /** |value| < 2^bits: lets integer arithmetic stay SQLite's own where it cannot overflow. */
  readonly bits?: number;
  /** It is x'..', 0x.. or b'..': a number in numeric context. */
  readonly hex?: boolean;
  /** It has no columns and can be computed before the statement runs. */
  readonly bind?: Binder;
  /** It stands for this column of a table, unchanged. */
  readonly column?: ColumnSource;
  /** Its value is 0, 1 or NULL. */
  readonly truth?: boolean;
  /**
   * SQLite's own product that an exact number of more than 18 digits is: its digits without the point. Beyond 63 bits it is a REAL, so it is the
   * number only beside others of up to 18 digits, of which none lies where REALs are rounded.
   */
  readonly product?: () => string;
  /** Its value, where the text alone says it; asking for it pins the plan to that value. */
  readonly known?: () => SqliteValue;
}

/** Where a result column comes from. */
export interface ColumnSource {
  readonly database: string;
  /** Alias of the table in the query. */
  readonly alias: string;
  /** Name of the table itself. */
  readonly table: string;
  readonly name: string;
  /** The catalog's ids, for base tables. */
  readonly tableId?: number;
  readonly columnId?: number;
}

export class Bound {
  readonly type: SqlType;
  readonly nullable: boolean;
  readonly coercibility: number;
  readonly bits: number;
  readonly hex: boolean;
  readonly bind: Binder | undefined;
  readonly column: ColumnSource | undefined;
  readonly truth: boolean;
  readonly known: (() => SqliteValue) | undefined;
  readonly product: (() => string) | undefined;
  private text: string | (() => string);

  /** `sql`: SQLite's expression, or what makes it when it is first needed (a parameter that nobody needs is never bound). */
  constructor(sql: string | (() => string), init: BoundInit) {
    this.text = sql;
    this.type = init.type;
    this.nullable = init.nullable;
    this.coercibility =
      init.coercibility ??
      (init.type.kind === 'null' ? COERCIBILITY.null : isText(init.type) ? COERCIBILITY.literal : COERCIBILITY.numeric);
    this.bits = init.bits ?? bitsOf(init.type);
    this.hex = init.hex ?? false;
    this.bind = init.bind;
    this.column = init.column;
    this.truth = init.truth ?? false;
    this.known = init.known;
    this.product = init.product;
  }

  get sql(): string {
    if (typeof this.text !== 'string') this.text = this.text();
    return this.text;
  }

  /** The same expression as another type or with other facts. */
  with(init: Partial<BoundInit>): Bound {
    return new Bound(() => this.sql, {
      type: this.type,
      nullable: this.nullable,
      coercibility: this.coercibility,
      bits: this.bits,
      hex: this.hex,
      ...(this.bind && { bind: this.bind }),
      ...(this.column && { column: this.column }),
      ...(this.known && { known: this.known }),
      ...init,
    });
  }
}

export const isText = (type: SqlType): boolean =>
  type.kind === 'string' || type.kind === 'binary' || type.kind === 'enum' || type.kind === 'set';

export const isDated = ({ kind }: SqlType): boolean => kind === 'date' || kind === 'datetime' || kind === 'timestamp';

export const isNumber = ({ kind }: SqlType): boolean =>
  kind === 'int' || kind === 'year' || kind === 'bit' || kind === 'decimal' || kind === 'float' || kind === 'double';

function bitsOf(type: SqlType): number {
  if (type.kind === 'int') return type.unsigned ? type.bits : type.bits - 1;
  if (type.kind === 'year') return 12;
  return 64;
}

export const BOOLEAN: SqlType = { kind: 'int', bits: 64, unsigned: false, width: 1 };
export const BIGINT: SqlType = { kind: 'int', bits: 64, unsigned: false };
export const DOUBLE: SqlType = { kind: 'double', unsigned: false };

/** A truth value computed by SQLite. */
export const truthValue = (sql: string, nullable: boolean): Bound =>
  new Bound(sql, { type: BOOLEAN, nullable, bits: 1, truth: true });
