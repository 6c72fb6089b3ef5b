import type { XmlNode } from './document.ts';

/** XPath's axes over a document. */

/** A node that a path has found, with its place among those that its step found with it. */
export interface Hit {
  readonly node: number;
  readonly place: number;
  /** In a predicate: how many nodes it is asked of. */
  readonly size?: number;
}

export type Axis =
  'ancestor' | 'ancestor-or-self' | 'attribute' | 'child' | 'descendant' | 'descendant-or-self' | 'parent' | 'self';

type Test = (node: XmlNode) => boolean;
type Walk = (nodes: readonly XmlNode[], hits: readonly Hit[], test: Test) => Hit[];

const at = (nodes: readonly XmlNode[], index: number): XmlNode => nodes[index] as XmlNode;

/** From each hit to nodes within it; places are counted for each hit anew. */
const within =
  (wanted: (node: XmlNode, parent: number) => boolean, self = false): Walk =>
  (nodes, hits, test) => {
    const found: Hit[] = [];
    for (const { node } of hits) {
      let place = 0;
      if (self && test(at(nodes, node))) found.push({ node, place: place++ });
      for (let i = node + 1; i < at(nodes, node).end; i++) {
        const candidate = at(nodes, i);
        if (wanted(candidate, node) && test(candidate)) found.push({ node: i, place: place++ });
      }
    }
    return found;
  };

/** The ancestors of all hits, each once, counted from the nearest; the root is none. */
const upwards =
  (self: boolean): Walk =>
  (nodes, hits, test) => {
    const found = new Set<number>();
    let place = 0;
    const add = (node: number): void => {
      if (!test(at(nodes, node))) return;
      found.add(node);
      place++;
    };
    for (const { node } of hits) {
      if (self) add(node);
      for (let up = at(nodes, node).parent; up !== 0; up = at(nodes, up).parent) add(up);
    }
    return [...found].toSorted((a, b) => a - b).map((node) => ({ node, place: --place }));
  };

export const AXES: Readonly<Record<Axis, Walk>> = {
  ancestor: upwards(false),
  'ancestor-or-self': upwards(true),
  attribute: within((node, parent) => node.kind === 'attribute' && node.parent === parent),
  child: within((node, parent) => node.kind === 'tag' && node.parent === parent),
  descendant: within((node) => node.kind === 'tag'),
  'descendant-or-self': within((node) => node.kind === 'tag', true),
  parent: (nodes, hits, test) => {
    const found = new Set(hits.filter((h) => h.node !== 0).map((h) => at(nodes, h.node).parent));
    return [...found]
      .filter((node) => test(at(nodes, node)))
      .toSorted((a, b) => a - b)
      .map((node, place) => ({ node, place }));
  },
  self: (nodes, hits, test) => hits.filter((h) => test(at(nodes, h.node))).map(({ node }) => ({ node, place: 0 })),
};

/** Both, each node once, in the order of the document. */
export function union(a: readonly Hit[], b: readonly Hit[]): Hit[] {
  const found = new Set([...a, ...b].map((h) => h.node));
  return [...found].toSorted((x, y) => x - y).map((node, place) => ({ node, place }));
}

/** The texts that stand right in the hits, hit by hit. */
export function textsOf(nodes: readonly XmlNode[], hits: readonly Hit[]): string[] {
  return textNodes(nodes, hits).map((i) => at(nodes, i).text);
}

/** All of these texts, each once, in the order of the document. */
export function joinedText(nodes: readonly XmlNode[], hits: readonly Hit[]): string {
  const found = [...new Set(textNodes(nodes, hits))].toSorted((a, b) => a - b);
  return found.map((i) => at(nodes, i).text).join(' ');
}

function textNodes(nodes: readonly XmlNode[], hits: readonly Hit[]): number[] {
  const found: number[] = [];
  for (const { node } of hits) {
    for (let i = node + 1; i < at(nodes, node).end; i++) {
      const { kind, parent } = at(nodes, i);
      if (kind === 'text' && parent === node) found.push(i);
    }
  }
  return found;
}
