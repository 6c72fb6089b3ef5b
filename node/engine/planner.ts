/** Plans kept by the shape of statements: the same text with other literals finds its plan without being parsed. */
import {
  compileStatement,
  hasPlan,
  parseNext,
  shapeOf,
  type CompileSettings,
  type Catalog,
  type LiteralValue,
  type ParsedStatement,
  type ParseOptions,
  type Plan,
  type Shape,
  type SqlType,
  type Statement,
} from '../sql/index.ts';

/** Of all plans that are kept, in characters of their shapes: a plan takes about 60 bytes for each. */
const KEPT_CHARS_MAX = 1 << 20;
/** A longer shape is not kept: the same one hardly comes again. */
const SHAPE_CHARS_MAX = 100_000;
const PLANS_PER_SHAPE_MAX = 50;

interface CachedShape {
  readonly catalogVersion: number;
  readonly pinned: readonly number[];
  readonly plans: Map<string, Plan>;
}

/** A statement ready to run: with a plan, or as a tree for the engine itself. */
export interface Ready {
  readonly plan: Plan | undefined;
  /** Undefined when the plan came from the cache. */
  readonly parsed: ParsedStatement | undefined;
  readonly slots: readonly (LiteralValue | null)[];
}

export interface PlanSource {
  readonly statement: Statement;
  readonly text: string;
  readonly slotTypes: ReadonlyMap<number, SqlType>;
}

export class Planner {
  private readonly catalog: Catalog;
  /** The oldest first. */
  private readonly shapes = new Map<string, CachedShape>();
  private keptChars = 0;
  readonly stats = { hits: 0, misses: 0 };
  /** Where plans came from, to compile them again over overlays. */
  readonly sources = new WeakMap<Plan, PlanSource>();

  constructor(catalog: Catalog) {
    this.catalog = catalog;
  }

  /** The cached plan of a whole text, if there is one. `scope` is what of the session decides compilation. */
  cached(text: string, options: ParseOptions, scope: string): Ready | undefined {
    const shape = shapeOf(text, options);
    if (!shape || shape.params > 0) return undefined;
    const found = this.shapes.get(scope + shape.key);
    if (!found || found.catalogVersion !== this.catalog.version) return undefined;
    const plan = found.plans.get(pinnedKey(found.pinned, shape.values));
    if (!plan) return undefined;
    this.stats.hits++;
    return { plan, parsed: undefined, slots: shape.values as readonly LiteralValue[] };
  }

  /** Parses and compiles the statement at `from`, and keeps the plan where that is right. */
  prepare(
    text: string,
    from: number,
    options: ParseOptions,
    scope: string | undefined,
    settings: (text: string) => CompileSettings,
  ): Ready {
    this.stats.misses++;
    const parsed = parseNext(text, from, options);
    const compiled = hasPlan(parsed.statement)
      ? compileStatement(this.catalog, settings(text), parsed.statement)
      : undefined;
    if (!compiled) return { plan: undefined, parsed, slots: slotValues(parsed) };
    const { plan } = compiled;
    this.noteSource(plan, { statement: parsed.statement, text, slotTypes: new Map() });
    const shape =
      from === 0 && parsed.last && parsed.params === 0 && !plan.volatile && scope !== undefined
        ? shapeOf(text, options)
        : undefined;
    if (shape && scope !== undefined)
      this.keep(
        scope,
        shape,
        plan,
        [...new Set([...parsed.pinned, ...compiled.pinned])].sort((a, b) => a - b),
      );
    return { plan, parsed, slots: shape ? (shape.values as readonly LiteralValue[]) : slotValues(parsed) };
  }

  /** Where a plan came from, and what it runs first. */
  noteSource(plan: Plan, source: PlanSource): void {
    this.sources.set(plan, source);
    if (plan.kind === 'select')
      for (const read of plan.within) this.sources.set(read.plan, { ...source, statement: read.query });
  }

  private keep(scope: string, shape: Shape, plan: Plan, pinned: readonly number[]): void {
    const key = scope + shape.key;
    if (key.length > SHAPE_CHARS_MAX) return;
    let kept = this.shapes.get(key);
    if (!kept || kept.catalogVersion !== this.catalog.version || kept.pinned.join() !== pinned.join()) {
      this.forget(key);
      kept = { catalogVersion: this.catalog.version, pinned, plans: new Map() };
      this.shapes.set(key, kept);
    }
    if (kept.plans.size >= PLANS_PER_SHAPE_MAX) {
      kept.plans.delete(kept.plans.keys().next().value as string);
      this.keptChars -= key.length;
    }
    const values = pinnedKey(pinned, shape.values);
    if (!kept.plans.has(values)) this.keptChars += key.length;
    kept.plans.set(values, plan);
    for (const oldest of this.shapes.keys()) {
      if (this.keptChars <= KEPT_CHARS_MAX) break;
      this.forget(oldest);
    }
  }

  private forget(key: string): void {
    const kept = this.shapes.get(key);
    if (!kept) return;
    this.shapes.delete(key);
    this.keptChars -= key.length * kept.plans.size;
  }
}

function pinnedKey(pinned: readonly number[], values: Shape['values']): string {
  if (pinned.length === 0) return '';
  return pinned.map((slot) => keyText(values[slot])).join('\u0001');
}

function keyText(value: LiteralValue | undefined): string {
  if (value === undefined) return '';
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString('latin1')}`;
  if (typeof value === 'object') return `d${value.unscaled}/${value.scale}`;
  return `${typeof value}${String(value)}`;
}

/** Values of the literals of a tree, by slot. */
export function slotValues(parsed: ParsedStatement): (LiteralValue | null)[] {
  const slots = new Array<LiteralValue | null>(parsed.slots).fill(null);
  const walk = (node: unknown): void => {
    if (node === null || typeof node !== 'object' || node instanceof Uint8Array) return;
    if (Array.isArray(node)) {
      for (const n of node) walk(n);
      return;
    }
    const literal = node as { kind?: string; slot?: number; value?: LiteralValue; bytes?: Uint8Array };
    if (typeof literal.slot === 'number' && literal.kind !== 'param') {
      slots[literal.slot] = literal.bytes ?? literal.value ?? null;
      return;
    }
    for (const key in node) {
      const value = (node as Record<string, unknown>)[key];
      if (typeof value === 'object') walk(value);
    }
  };
  walk(parsed.statement);
  return slots;
}
