/**
 * XML as MySQL's ExtractValue and UpdateXML read it: tags, attributes and texts in the order of the text, without entities,
 * namespaces or DTDs. An end tag must be as long as its start tag, no more: so MySQL has it.
 */

export interface XmlNode {
  readonly kind: 'tag' | 'attribute' | 'text';
  /** A tag's or an attribute's name; a text itself. */
  readonly text: string;
  /** Index of the node that it stands in; the root is its own. */
  readonly parent: number;
  /** Behind the last node within it. */
  end: number;
  /** What UpdateXML replaces: from `<` to behind the `>` of the end tag; an attribute with its value. */
  readonly from: number;
  to: number;
}

export interface XmlDocument {
  /** The first is the root, which has no name. */
  readonly nodes: readonly XmlNode[];
}

export interface XmlError {
  readonly error: string;
}

type Token = 'END-OF-INPUT' | 'STRING' | 'IDENT' | 'unknown token' | "'='" | "'<'" | "'>'" | "'/'" | "'?'" | "'!'";

const SPACE = /[ \t\n\r]/;
const NAME = /[A-Za-z_:\u0080-\uffff][A-Za-z0-9_:.\-\u0080-\uffff]*/y;
/** Longer names are cut in messages. */
const NAME_SHOWN = 31;

class Failure extends Error {}

class XmlReader {
  private readonly source: string;
  private readonly nodes: XmlNode[] = [];
  /** The nodes that are open, the root first. */
  private readonly open: number[] = [];
  private at = 0;
  private tokenText = '';
  private tokenFrom = 0;
  /** The node that the tag being read closes. */
  private left: XmlNode | undefined;

  constructor(source: string) {
    this.source = source;
    this.enter('tag', '', 0);
  }

  read(): XmlDocument | XmlError {
    try {
      while (this.at < this.source.length) this.piece();
      if (this.open.length > 1) throw new Failure('unexpected END-OF-INPUT');
      this.leave();
      return { nodes: this.nodes };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const before = this.source.slice(0, this.at);
      const line = before.split('\n').length;
      const pos = this.at - Math.max(0, before.lastIndexOf('\n')) + 1;
      return { error: `parse error at line ${line} pos ${pos}: ${error.message}` };
    }
  }

  private piece(): void {
    const { source, at } = this;
    if (source[at] !== '<') {
      const next = source.indexOf('<', at);
      this.at = next < 0 ? source.length : next;
      this.addText(source.slice(at, this.at));
    } else if (source.startsWith('<!--', at)) {
      const end = source.indexOf('-->', at);
      this.at = end < 0 ? source.length : end + 3;
    } else if (source.startsWith('<![CDATA[', at)) {
      const end = source.indexOf(']]>', at + 9);
      if (end < 0) throw new Failure('unexpected END-OF-INPUT');
      this.addText(source.slice(at + 9, end));
      this.at = end + 3;
    } else {
      this.at++;
      this.tag(at);
    }
  }

  private tag(from: number): void {
    let token = this.scan();
    if (token === "'/'") {
      this.expect(this.scan(), 'IDENT', 'ident');
      this.leave(this.tokenText);
      this.close(this.scan());
      return;
    }
    const declaration = token === "'!'";
    const instruction = token === "'?'";
    if (declaration || instruction) token = this.scan();
    this.expect(token, 'IDENT', "ident or '/'");
    this.enter('tag', this.tokenText, from);
    token = this.attributes(declaration);
    let left = false;
    if (token === "'/'" && !declaration) {
      this.leave();
      left = true;
      token = this.scan();
    }
    if (instruction) {
      this.expect(token, "'?'");
      token = this.scan();
    }
    if ((declaration || instruction) && !left) this.leave();
    this.close(token);
  }

  /** Reads attributes, and gives the first token that belongs to none. */
  private attributes(declaration: boolean): Token {
    for (;;) {
      const token = this.scan();
      if (token !== 'IDENT' && !(token === 'STRING' && declaration)) return token;
      const [name, from] = [this.tokenText, this.tokenFrom];
      const next = this.scan();
      if (next === "'='") {
        const value = this.scan();
        if (value !== 'IDENT') this.expect(value, 'STRING', 'ident or string');
        this.enter('attribute', name, from);
        this.addText(this.tokenText);
      } else if (next === 'IDENT') this.enter('attribute', name, from);
      else if (next === 'STRING' && declaration) continue;
      else return next;
      this.leave();
    }
  }

  /** The end of a tag: where it closes a node, the node ends here. */
  private close(token: Token): void {
    this.expect(token, "'>'");
    const last = this.left;
    if (last !== undefined) last.to = this.at;
    this.left = undefined;
  }
  private enter(kind: 'tag' | 'attribute', text: string, from: number): void {
    const parent = this.open.at(-1) ?? 0;
    this.open.push(this.nodes.length);
    this.nodes.push({ kind, text, parent, end: 0, from, to: 0 });
  }

  private leave(name?: string): void {
    const node = this.nodes[this.open.pop() as number] as XmlNode;
    const wanted = node.text;
    if (name !== undefined && name.length !== wanted.length) {
      const found = `'</${name.slice(0, NAME_SHOWN)}>' unexpected`;
      throw new Failure(`${found} (${wanted === '' ? 'END-OF-INPUT' : `'</${wanted.slice(0, NAME_SHOWN)}>'`} wanted)`);
    }
    node.end = this.nodes.length;
    node.to = this.at;
    if (node.kind === 'tag') this.left = node;
  }

  private addText(text: string): void {
    if (text === '') return;
    const [parent, at] = [this.open.at(-1) as number, this.nodes.length];
    this.nodes.push({ kind: 'text', text, parent, end: at + 1, from: 0, to: 0 });
  }

  private expect(token: Token, wanted: Token, shown: string = wanted): void {
    if (token !== wanted) throw new Failure(`${token} unexpected (${shown} wanted)`);
  }

  private scan(): Token {
    const { source } = this;
    while (this.at < source.length && SPACE.test(source[this.at] as string)) this.at++;
    const c = source[this.at];
    if (c === undefined) return 'END-OF-INPUT';
    this.tokenFrom = this.at;
    if (c === '"' || c === "'") {
      const end = source.indexOf(c, this.at + 1);
      this.tokenText = source.slice(this.at + 1, end < 0 ? undefined : end);
      this.at = end < 0 ? source.length : end + 1;
      return 'STRING';
    }
    if ('?=/<>!'.includes(c)) {
      this.at++;
      return `'${c}'` as Token;
    }
    NAME.lastIndex = this.at;
    const name = NAME.exec(source)?.[0];
    if (name === undefined) return 'unknown token';
    this.tokenText = name;
    this.at += name.length;
    return 'IDENT';
  }
}

export function parseXml(source: string): XmlDocument | XmlError {
  return new XmlReader(source).read();
}
