/** From the tree to SQLite: see DESIGN.md. */
export { BIGINT, Bound, type Binder, type ColumnSource } from './bound.ts';
export { Compiler, sortKeyOf, unsupported, type CompileSettings, type VirtualTable } from './compiler.ts';
export { columnCollation, sqlTypeOf } from './declared-types.ts';
export * from './plan.ts';
export { compileStatement, hasPlan, newCompiler, type Compiled } from './statement.ts';
export { rowExpression, rowRelation, targetTable } from './dml.ts';
export { overlayName } from './base-table.ts';
export { isSystemDatabase } from './from.ts';
export { viewCheckFails } from './updatable-view.ts';
export { columnsNamed, containsKind, slotsIn } from './walk.ts';
export { qualifyNames } from './qualify.ts';
export { asBeginning, beginsWithCharacters } from './like-range.ts';
export { slotValue } from './literals.ts';
