/** Kinds of settings: how the text of one is read, checked and shown. */

/** What a setting's text is not; the message completes "expected …". */
export class Unexpected extends Error {
  override readonly name = 'Unexpected';
}

export interface Kind<T> {
  /** How its values look, for documentation. */
  readonly form: string;
  /** Throws Unexpected. */
  parse(text: string): T;
  format(value: T): string;
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export const text: Kind<string> = { form: 'TEXT', parse: (value) => value, format: (value) => value };

export const path: Kind<string> = {
  form: 'PATH',
  parse(value) {
    if (value === '') throw new Unexpected('a path');
    return value;
  },
  format: (value) => value,
};

export function choice<const T extends string>(...values: readonly T[]): Kind<T> {
  return {
    form: values.join('|'),
    parse(value) {
      const found = values.find((candidate) => candidate === value.toLowerCase());
      if (found === undefined) throw new Unexpected(`one of ${values.join(', ')}`);
      return found;
    },
    format: (value) => value,
  };
}

const TRUE = ['true', 'yes', 'on', '1'];
const FALSE = ['false', 'no', 'off', '0'];

export const flag: Kind<boolean> = {
  form: 'true|false',
  parse(value) {
    if (TRUE.includes(value.toLowerCase())) return true;
    if (FALSE.includes(value.toLowerCase())) return false;
    throw new Unexpected('true or false');
  },
  format: String,
};

export function integer(min: number, max: number): Kind<number> {
  return {
    form: `${min} to ${max}`,
    parse(value) {
      const number = Number(value);
      if (!/^\d+$/.test(value) || number < min || number > max) {
        throw new Unexpected(`a whole number from ${min} to ${max}`);
      }
      return number;
    },
    format: String,
  };
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

export function bytes(min: number, max: number): Kind<number> {
  return {
    form: 'BYTES[K|M|G]',
    parse(value) {
      const match = /^(\d+)([KMG]?)(?:i?B)?$/i.exec(value);
      const number = match === null ? NaN : Number(match[1]) * (UNITS[(match[2] as string).toUpperCase()] as number);
      if (!(number >= min && number <= max)) {
        throw new Unexpected(`a number of bytes from ${min} to ${max}, such as 64M`);
      }
      return number;
    },
    format: String,
  };
}

/** HOST:PORT, [IPv6]:PORT, or :PORT for all addresses. Port 0 takes any free one. */
export const hostPort: Kind<HostPort> = {
  form: 'HOST:PORT',
  parse(value) {
    const match = /^(?:\[([0-9a-f:.%]+)\]|([^:[\]\s]*)):(\d{1,5})$/i.exec(value);
    const port = Number(match?.[3]);
    if (match === null || port > 65_535) throw new Unexpected('HOST:PORT, such as 127.0.0.1:3306');
    return { host: match[1] ?? (match[2] === '' ? '::' : (match[2] as string)), port };
  },
  format: ({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`),
};

/** Several texts: a list in the file, parted by commas elsewhere. */
export const list: Kind<readonly string[]> = {
  form: 'TEXT,…',
  parse: (value) =>
    value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  format: (value) => value.join(','),
};

/** A DNS label, as Kubernetes takes it for the name of a pod. */
export const nodeName: Kind<string> = {
  form: 'NAME',
  parse(value) {
    if (!NODE_NAME.test(value)) throw new Unexpected('a name of at most 63 small letters, digits and inner hyphens');
    return value;
  },
  format: (value) => value,
};

const NODE_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

export interface NamedMember {
  readonly name: string;
  /** Ed25519 public key, 64 hex digits. */
  readonly id: string;
}

/** `name=public key,…`; no name and no key twice. */
export const members: Kind<readonly NamedMember[]> = {
  form: 'NAME=KEY,…',
  parse(value) {
    const found = list.parse(value).map((part) => {
      const [, name = '', id = ''] = /^([^=]*)=([0-9a-f]{64})$/i.exec(part) ?? [];
      if (!NODE_NAME.test(name)) throw new Unexpected('NAME=KEY,… with a public key of 64 hex digits each');
      return { name, id: id.toLowerCase() };
    });
    for (const field of ['name', 'id'] as const) {
      const twice = found.find((member, i) => found.findIndex((other) => other[field] === member[field]) < i);
      if (twice !== undefined) throw new Unexpected(`${field === 'id' ? 'each key' : 'each name'} once`);
    }
    return found;
  },
  format: (value) => value.map(({ name, id }) => `${name}=${id}`).join(','),
};

/** A setting that may be left unset. */
export function optional<T>(kind: Kind<T>): Kind<T | undefined> {
  return {
    form: kind.form,
    parse: (value) => kind.parse(value),
    format: (value) => (value === undefined ? '' : kind.format(value)),
  };
}
