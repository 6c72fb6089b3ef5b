/** Chains of entries: what makes an entry the next one of its author. */
import { authorOf, cidOf, hex, sameBytes, unhex, type Entry, type LogCrypto, type SignedEntry } from './entry.ts';

/** How far an author's chain is: all that is needed to check what follows. */
export interface ChainHead {
  /** In hex. */
  readonly author: string;
  /** Ed25519 public key, in hex. */
  readonly key: string;
  readonly seq: number;
  /** In hex; '' at seq 0. */
  readonly cid: string;
  readonly lamport: number;
}

/** What is wrong with an entry as the next one of its chain, or undefined. */
export type ChainFault =
  | { readonly kind: 'hash'; readonly seq: number }
  | { readonly kind: 'signature'; readonly seq: number }
  | { readonly kind: 'author'; readonly seq: number }
  | { readonly kind: 'sequence'; readonly seq: number; readonly expected: number }
  | { readonly kind: 'prev'; readonly seq: number }
  | { readonly kind: 'lamport'; readonly seq: number }
  | { readonly kind: 'base'; readonly seq: number };

/** The entry may stand in another tail of its author's than the one that is known. */
export const isOfFork = ({ kind }: ChainFault): boolean => kind === 'sequence' || kind === 'prev' || kind === 'base';

/** Follows one author's chain from its first entry and checks hash, signature, sequence and links. */
export class ChainVerifier {
  private readonly crypto: LogCrypto;
  /** The author's Ed25519 public key, known from its first entry on. */
  key: Uint8Array | undefined;
  private author: Uint8Array | undefined;
  cid: Uint8Array | null = null;
  seq = 0;
  lamport = 0;

  constructor(crypto: LogCrypto) {
    this.crypto = crypto;
  }

  /** With `trusted`, hash and signature were checked before, or it comes from the replica's own disk. */
  next(signed: SignedEntry, entry: Entry, trusted = false): ChainFault | undefined {
    const { seq } = entry;
    if (!trusted && !sameBytes(cidOf(signed.body, this.crypto), signed.cid)) return { kind: 'hash', seq };
    if (seq !== this.seq + 1) return { kind: 'sequence', seq, expected: this.seq + 1 };
    if (entry.genesis) {
      this.key = entry.genesis.key;
      this.author = authorOf(entry.genesis.key, entry.genesis.incarnation, this.crypto);
    }
    if (!this.key || !this.author || !sameBytes(this.author, entry.author)) return { kind: 'author', seq };
    if (!sameBytes(entry.prev, this.cid)) return { kind: 'prev', seq };
    if (entry.lamport <= this.lamport) return { kind: 'lamport', seq };
    if (!trusted && !this.crypto.verify(this.key, signed.cid, signed.signature)) return { kind: 'signature', seq };
    this.cid = signed.cid;
    this.seq = seq;
    this.lamport = entry.lamport;
    return undefined;
  }

  /** Goes on behind a place in the chain whose entries are not here. */
  resume(head: ChainHead): void {
    this.key = unhex(head.key);
    this.author = unhex(head.author);
    this.cid = head.cid === '' ? null : unhex(head.cid);
    this.seq = head.seq;
    this.lamport = head.lamport;
  }

  /** The chain without its last entry. Lamport times may have gaps. */
  back(entry: Entry): void {
    this.cid = entry.prev;
    this.seq = entry.seq - 1;
  }
}

/** An entry, as it was sent and as it reads. */
export interface ChainLink {
  readonly signed: SignedEntry;
  readonly entry: Entry;
}

const follows = ({ entry }: ChainLink, before: ChainLink): boolean =>
  sameBytes(entry.author, before.entry.author) && sameBytes(entry.prev, before.signed.cid);

/** The place before an entry that nothing is known of but itself and whose it is. */
const headBefore = ({ seq, prev, lamport }: Entry, { author, key }: ChainHead): ChainHead => ({
  author,
  key,
  seq: seq - 1,
  cid: prev ? hex(prev) : '',
  lamport: lamport - 1,
});

/**
 * An entry whose Lamport time is so far ahead of all that is here does not set this node's clock: a member that lies could use up
 * all the numbers that there are. Nobody falls so far behind who gets entries in causal order.
 */
const LAMPORT_AHEAD_MAX = 2 ** 20;

/** The chains of all authors of a group, each by its author in hex. */
export class Chains {
  private readonly crypto: LogCrypto;
  readonly byAuthor = new Map<string, ChainVerifier>();
  /** Highest Lamport time of all entries, but for those that are too far ahead. */
  lamport = 0;

  constructor(crypto: LogCrypto) {
    this.crypto = crypto;
  }

  seqOf(author: string): number {
    return this.byAuthor.get(author)?.seq ?? 0;
  }

  /** Goes on behind a place in an author's chain whose entries are not here. */
  resume(head: ChainHead): void {
    const chain = new ChainVerifier(this.crypto);
    chain.resume(head);
    this.byAuthor.set(head.author, chain);
  }

  /** Takes the next entry of its author, or says what is wrong with it and takes nothing. */
  next(signed: SignedEntry, entry: Entry, trusted = false): ChainFault | undefined {
    const author = hex(entry.author);
    const chain = this.byAuthor.get(author) ?? new ChainVerifier(this.crypto);
    const fault = chain.next(signed, entry, trusted);
    if (fault) return fault;
    this.byAuthor.set(author, chain);
    if (entry.lamport <= this.lamport + LAMPORT_AHEAD_MAX) this.lamport = Math.max(this.lamport, entry.lamport);
    return undefined;
  }

  /**
   * How many of entries of one author that follow each other are proven to be the author's: by their own signature or by that of a
   * later one, as each names the one before it by its hash. The hashes were made here, of what came. `genesis`: the author's, where it
   * is not in its chain yet.
   */
  proven(run: readonly ChainLink[], genesis?: Entry['genesis']): number {
    const first = run[0]?.entry;
    const key = first && (this.byAuthor.get(hex(first.author))?.key ?? this.keyBy(first, first.genesis ?? genesis));
    if (!key) return 0;
    let count = 1;
    while (count < run.length && follows(run[count] as ChainLink, run[count - 1] as ChainLink)) count++;
    while (count > 0) {
      const { signed } = run[count - 1] as ChainLink;
      if (this.crypto.verify(key, signed.cid, signed.signature)) break;
      count--;
    }
    return count;
  }

  private keyBy({ author }: Entry, genesis: Entry['genesis']): Uint8Array | undefined {
    const isItsOwn = genesis && sameBytes(author, authorOf(genesis.key, genesis.incarnation, this.crypto));
    return isItsOwn ? genesis.key : undefined;
  }

  /**
   * As next(), of a log that begins from a base: what lies before it may begin and end anywhere and have gaps, which earlier bases stood
   * for.
   */
  nextFrom(base: ChainHead | undefined, signed: SignedEntry, entry: Entry, trusted = false): ChainFault | undefined {
    const { seq } = entry;
    if (base) {
      const isGap = seq > this.seqOf(base.author) + 1;
      if (isGap && seq === base.seq + 1) this.resume(base);
      else if (isGap && seq <= base.seq) this.resume(headBefore(entry, base));
      if (seq === base.seq && hex(signed.cid) !== base.cid) return { kind: 'base', seq };
    }
    return this.next(signed, entry, trusted);
  }

  /** Takes back the last entry of an author, which nobody has seen. */
  back(author: string, entry: Entry): void {
    const chain = this.byAuthor.get(author);
    if (chain?.seq !== entry.seq) throw new Error('only the last entry of a chain can be taken back');
    if (entry.seq === 1) this.byAuthor.delete(author);
    else chain.back(entry);
  }
}
