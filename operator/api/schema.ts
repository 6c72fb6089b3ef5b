/**
 * What a structural schema of Kubernetes may say (OpenAPI v3, apiextensions.k8s.io/v1), as far as our kinds need it, and the
 * TypeScript type of the values that it describes. https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/
 */

interface Described {
  readonly description: string;
  /** What fields say of each other, or of what they were before: checked by the API server. */
  readonly 'x-kubernetes-validations'?: readonly CelRule[];
}

/** https://kubernetes.io/docs/reference/using-api/cel/ */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
  /** The field that the message is about, from here, such as `.voters`. */
  readonly fieldPath?: string;
}

export interface TextSchema extends Described {
  readonly type: 'string';
  readonly enum?: readonly string[];
  readonly pattern?: string;
  /** `quantity`: an amount as Kubernetes writes it, such as 10Gi or 500m. */
  readonly format?: 'quantity' | 'date-time';
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly default?: string;
}

export interface IntegerSchema extends Described {
  readonly type: 'integer';
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly number[];
  readonly default?: number;
}

export interface BooleanSchema extends Described {
  readonly type: 'boolean';
  readonly default?: boolean;
}

export interface ListSchema extends Described {
  readonly type: 'array';
  readonly items: Schema;
  readonly maxItems?: number;
  readonly minItems?: number;
  readonly default?: readonly unknown[];
  /** With `map`, items are told apart by the keys, and several writers may own some each. */
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'map' | 'set';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
}

/** An object with known fields; fields that it does not know are faults. */
export interface ObjectSchema extends Described {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  /** `{}` where the fields' own defaults should come to be. */
  readonly default?: object;
}

export interface MapSchema extends Described {
  readonly type: 'object';
  readonly additionalProperties: Schema;
  readonly default?: object;
}

/** Anything in it is kept as it is. */
export interface OpenSchema extends Described {
  readonly type: 'object';
  readonly 'x-kubernetes-preserve-unknown-fields': true;
  readonly default?: object;
}

/** An amount that may also be written as a plain number, such as `cpu: 2`. */
export interface AmountSchema extends Described {
  readonly 'x-kubernetes-int-or-string': true;
  readonly format: 'quantity';
}

export type Schema =
  TextSchema | IntegerSchema | BooleanSchema | ListSchema | ObjectSchema | MapSchema | OpenSchema | AmountSchema;

/** The values of a schema after its defaults were filled in. */
export type ValueOf<S> = S extends { readonly 'x-kubernetes-preserve-unknown-fields': true }
  ? Readonly<Record<string, unknown>>
  : S extends { readonly 'x-kubernetes-int-or-string': true }
    ? number | string
    : S extends { readonly properties: infer P }
      ? ObjectOf<P, PresentIn<S, P>>
      : S extends { readonly additionalProperties: infer V }
        ? Readonly<Record<string, ValueOf<V>>>
        : S extends { readonly items: infer I }
          ? readonly ValueOf<I>[]
          : S extends { readonly enum: readonly (infer E)[] }
            ? E
            : S extends { readonly type: 'string' }
              ? string
              : S extends { readonly type: 'integer' }
                ? number
                : S extends { readonly type: 'boolean' }
                  ? boolean
                  : never;

type ObjectOf<P, Present> = { readonly [K in keyof P as K extends Present ? K : never]: ValueOf<P[K]> } & {
  readonly [K in keyof P as K extends Present ? never : K]?: ValueOf<P[K]>;
};

/** The fields that are there whatever the document says: required ones, and those with a default. */
type PresentIn<S, P> =
  | (S extends { readonly required: readonly (infer R)[] } ? R : never)
  | { [K in keyof P]: P[K] extends { readonly default: unknown } ? K : never }[keyof P];
