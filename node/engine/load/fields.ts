/** Splits the content of a file into lines and fields as LOAD DATA does, whatever chunks it comes in. Pure. */

export interface FileFormat {
  readonly terminated: string;
  readonly enclosed: string;
  readonly escaped: string;
  readonly lineStart: string;
  readonly lineEnd: string;
}

/** A field as its bytes, one character a byte; null is SQL's NULL. */
export type Field = string | null;

const ESCAPES: Readonly<Record<string, string>> = { '0': '\0', b: '\b', n: '\n', r: '\r', t: '\t', Z: '\x1a' };

export class FieldReader {
  private readonly format: FileFormat;
  private buffer = '';
  private at = 0;
  private ended = false;
  private skip: number;

  /** `skip`: lines to leave out at the start. */
  constructor(format: FileFormat, skip: number) {
    this.format = format;
    this.skip = skip;
  }

  /** Takes more of the file; `text` has one character a byte. */
  add(text: string): void {
    this.buffer = this.buffer.slice(this.at) + text;
    this.at = 0;
  }

  end(): void {
    this.ended = true;
  }

  /** The next line's fields; undefined when there is none, or not yet. */
  next(): Field[] | undefined {
    while (this.skip > 0) {
      const end = this.buffer.indexOf(this.format.lineEnd, this.at);
      if (end < 0) {
        if (this.ended) this.at = this.buffer.length;
        return undefined;
      }
      this.at = end + this.format.lineEnd.length;
      this.skip--;
    }
    const start = this.lineStart();
    if (start === undefined) return undefined;
    const read = this.line(start);
    if (!read) return undefined;
    this.at = read.end;
    return read.fields;
  }

  /** Where the next line's fields begin. */
  private lineStart(): number | undefined {
    if (this.at >= this.buffer.length) return undefined;
    const { lineStart } = this.format;
    if (lineStart === '') return this.at;
    const found = this.buffer.indexOf(lineStart, this.at);
    if (found >= 0) return found + lineStart.length;
    if (this.ended) this.at = this.buffer.length;
    return undefined;
  }

  private line(start: number): { fields: Field[]; end: number } | undefined {
    const { lineEnd } = this.format;
    const fields: Field[] = [];
    for (let at = start; ;) {
      const field = this.field(at);
      if (!field) return undefined;
      fields.push(field.value);
      at = field.end;
      if (field.last) return { fields, end: at };
      if (at >= this.buffer.length && this.ended && lineEnd !== '') return { fields: [...fields, ''], end: at };
    }
  }

  /** `last`: the line ends behind it. Undefined: it goes on behind what is there. */
  private field(start: number): { value: Field; end: number; last: boolean } | undefined {
    const { buffer, format } = this;
    const { enclosed } = format;
    if (enclosed !== '' && buffer[start] === enclosed) return this.enclosedField(start);
    return this.bareField(start);
  }

  private bareField(start: number): { value: Field; end: number; last: boolean } | undefined {
    const { buffer, format, ended } = this;
    const { terminated, lineEnd, escaped } = format;
    let value = '';
    let from = start;
    for (let at = start; ; at++) {
      if (at >= buffer.length) {
        if (!ended) return undefined;
        return { value: this.bare(value + buffer.slice(from), start, at), end: at, last: true };
      }
      const c = buffer[at];
      if (c === escaped && escaped !== '') {
        if (at + 1 >= buffer.length && !ended) return undefined;
        const next = buffer[at + 1] ?? '';
        value += buffer.slice(from, at) + (ESCAPES[next] ?? next);
        at++;
        from = at + 1;
        continue;
      }
      // A terminator of several characters may be cut off by the end of the chunk.
      if (c === lineEnd[0] && this.cut(lineEnd, at)) return undefined;
      if (buffer.startsWith(lineEnd, at))
        return { value: this.bare(value + buffer.slice(from, at), start, at), end: at + lineEnd.length, last: true };
      if (c === terminated[0] && this.cut(terminated, at)) return undefined;
      if (terminated !== '' && buffer.startsWith(terminated, at))
        return {
          value: this.bare(value + buffer.slice(from, at), start, at),
          end: at + terminated.length,
          last: false,
        };
    }
  }

  private cut(word: string, at: number): boolean {
    return !this.ended && at + word.length > this.buffer.length && word.startsWith(this.buffer.slice(at));
  }

  /** What a field without quotes means: \N is NULL, and so is NULL where fields can have quotes or nothing escapes. */
  private bare(value: string, start: number, end: number): Field {
    const { escaped, enclosed } = this.format;
    if (escaped !== '' && end - start === 2 && this.buffer[start] === escaped && this.buffer[start + 1] === 'N')
      return null;
    if (value === 'NULL' && (enclosed !== '' || escaped === '')) return null;
    return value;
  }

  private enclosedField(start: number): { value: Field; end: number; last: boolean } | undefined {
    const { buffer, format, ended } = this;
    const { terminated, lineEnd, escaped, enclosed } = format;
    let value = '';
    let from = start + 1;
    for (let at = from; ; at++) {
      if (at >= buffer.length) {
        if (!ended) return undefined;
        return { value: value + buffer.slice(from), end: at, last: true };
      }
      const c = buffer[at];
      if (c === escaped && escaped !== '' && escaped !== enclosed) {
        if (at + 1 >= buffer.length && !ended) return undefined;
        const next = buffer[at + 1] ?? '';
        value += buffer.slice(from, at) + (ESCAPES[next] ?? next);
        at++;
        from = at + 1;
        continue;
      }
      if (c !== enclosed) continue;
      const behind = at + 1;
      if (behind + Math.max(terminated.length, lineEnd.length) > buffer.length && !ended) return undefined;
      if (buffer[behind] === enclosed) {
        value += buffer.slice(from, behind);
        at = behind;
        from = behind + 1;
        continue;
      }
      const text = value + buffer.slice(from, at);
      if (behind >= buffer.length) return { value: text, end: behind, last: true };
      if (buffer.startsWith(lineEnd, behind)) return { value: text, end: behind + lineEnd.length, last: true };
      if (terminated !== '' && buffer.startsWith(terminated, behind))
        return { value: text, end: behind + terminated.length, last: false };
      // A quote in the middle of a text is a part of it.
    }
  }
}
