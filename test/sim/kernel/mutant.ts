/** Planted faults: one method of a class is replaced for the time of a run. */
type Method = (this: object, ...args: never[]) => unknown;

export interface Mutant {
  readonly name: string;
  /** The class whose method (or getter) is replaced, and by what; `original` is the right one. */
  readonly of: { readonly prototype: object };
  readonly member: string;
  readonly replace: (original: Method) => Method;
}

export const mutant = <A extends unknown[]>(
  name: string,
  of: { readonly prototype: object },
  member: string,
  replace: (original: (this: object, ...args: A) => unknown) => (this: object, ...args: A) => unknown,
): Mutant => ({ name, of, member, replace: replace as unknown as Mutant['replace'] });

export const nothing = (): (() => void) => () => undefined;

/** Plants a fault; the returned function takes it away. */
export function plant({ of, member, replace }: Mutant): () => void {
  const before = Object.getOwnPropertyDescriptor(of.prototype, member) as { get?: Method; value?: Method } | undefined;
  const original = before?.get ?? before?.value;
  if (!before || !original) throw new Error(`there is no ${member} to replace`);
  Object.defineProperty(of.prototype, member, { ...before, [before.get ? 'get' : 'value']: replace(original) });
  return () => void Object.defineProperty(of.prototype, member, before);
}
