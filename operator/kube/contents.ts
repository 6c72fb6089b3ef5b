/**
 * Reconciles P2PDBDatabases and P2PDBUsers: what is in clusters. Statements go through the nodes' admin HTTP, whose token the operator
 * has anyway: it needs no password of root, which its owner may change, and no way to the MySQL port.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Database, User } from '../api/index.ts';
import { conditionsOf, type Condition } from '../plan/index.ts';
import { type ClusterObject, hashOf, type KubeObject } from '../specs/index.ts';
import { accountOf, databaseName, databaseStatements, quoteName, userStatements } from '../sql/statements.ts';
import type { Parts } from './clusters.ts';
import { type NodeAddress, runSql } from './members.ts';
import { addressOf } from './observe.ts';
import { type KindName, RESOURCES } from './resources.ts';

const FINALIZER = 'p2pdb.io/contents';
/** What others changed is mended this often. */
const DRIFT_MS = 3 * 60_000;
/** A deletion that cannot be done does not hold the object for longer. */
const DELETION_MS = 10 * 60_000;

type ContentKind = Extract<KindName, 'P2PDBDatabase' | 'P2PDBUser'>;
type Content = (Database | User) & { readonly metadata: KubeObject['metadata'] };

/** Why it cannot be done now, for the object's condition. */
class NotNow extends Error {
  override readonly name = 'NotNow';
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

interface Status {
  readonly name: string;
  readonly observedGeneration: number;
  readonly conditions: readonly Condition[];
  readonly passwordVersion?: string;
  readonly comment?: string;
}

/** What no catalog shows, and the status remembers therefore. */
type Remembered = Pick<Status, 'passwordVersion' | 'comment'>;

export class ContentController {
  private readonly parts: Parts;
  private readonly kind: ContentKind;

  constructor(kind: ContentKind, parts: Parts) {
    this.kind = kind;
    this.parts = parts;
  }

  /** Keys of the objects that are in a cluster. */
  *of(cluster: KubeObject): Iterable<string> {
    for (const object of this.parts.store.all(this.kind)) {
      const { metadata, spec } = object as Content;
      if (metadata.namespace === cluster.metadata.namespace && spec.cluster === cluster.metadata.name)
        yield `${metadata.namespace ?? ''}/${metadata.name}`;
    }
  }

  /** `key`: NAMESPACE/NAME. Gives the wait until it is looked at again by itself. */
  async reconcile(key: string): Promise<number | undefined> {
    const [namespace = '', name = ''] = key.split('/');
    const object = this.parts.store.get(this.kind, namespace, name) as Content | undefined;
    if (!object) return undefined;
    if (object.metadata.deletionTimestamp !== undefined) return this.remove(object);
    await this.keepFinalizer(object, object.spec.deletionPolicy === 'Delete');
    try {
      const remembered = await this.bring(object);
      await this.say(object, true, 'AsAsked', 'the cluster has it as it shall be', remembered);
      return DRIFT_MS;
    } catch (error) {
      const reason = error instanceof NotNow ? error.reason : 'StatementFailed';
      await this.say(object, false, reason, (error as Error).message, {});
      throw error;
    }
  }

  private async bring(object: Content): Promise<Remembered> {
    const node = this.nodeOf(object);
    if (object.kind === 'P2PDBDatabase') {
      const [row] = await runSql(
        node,
        'SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?',
        [databaseName(object)],
      );
      const { comment: before } = (object.status ?? {}) as Partial<Status>;
      const seen = row && { characterSet: String(row[0]), collation: String(row[1]), comment: before };
      await this.run(node, object, databaseStatements(object, seen));
      const { comment } = object.spec;
      return comment === undefined ? {} : { comment };
    }
    return { passwordVersion: await this.bringUser(node, object) };
  }

  private async bringUser(node: NodeAddress, user: User & Content): Promise<string> {
    const { name: secretName, key } = user.spec.passwordSecret;
    const secret = await this.parts.client.get(RESOURCES.Secret, user.metadata.namespace, secretName);
    const encoded = secret?.data?.[key];
    if (encoded === undefined)
      throw new NotNow('NoPassword', `there is no key ${key} in a Secret ${secretName} of this namespace`);
    const look = async (): Promise<{ readonly kept: string; readonly requiresTls: boolean } | undefined> => {
      const [row] = await runSql(
        node,
        'SELECT authentication_string, ssl_type FROM mysql.user WHERE user = ? AND host = ?',
        [user.spec.name ?? user.metadata.name, user.spec.host],
      );
      return row && { kept: String(row[0]), requiresTls: row[1] !== '' };
    };
    const version = (kept: string): string =>
      `${secret?.metadata.uid ?? ''}.${secret?.metadata.resourceVersion ?? ''}.${hashOf(kept)}`;
    const there = await look();
    const grants = there ? await runSql(node, `SHOW GRANTS FOR ${accountOf(user)}`) : [];
    const seen = there && { requiresTls: there.requiresTls, grants: grants.map((row) => String(row[0])) };
    const { passwordVersion } = (user.status ?? {}) as Partial<Status>;
    const hasPassword = there !== undefined && passwordVersion === version(there.kept);
    const password = hasPassword ? undefined : Buffer.from(encoded, 'base64').toString('utf8');
    await this.run(node, user, userStatements(user, seen, password));
    return version((await look())?.kept ?? '');
  }

  private async run(node: NodeAddress, object: Content, statements: readonly string[]): Promise<void> {
    for (const statement of statements) {
      this.parts.client.checkMayChange();
      await runSql(node, statement);
      const shown = statement.replace(/IDENTIFIED BY '(?:[^'\\]|\\.)*'/, 'IDENTIFIED BY …');
      this.parts.log.info({ object: `${object.kind}/${object.metadata.name}`, statement: shown }, 'done');
      const notice = { type: 'Normal', reason: 'StatementDone', note: shown } as const;
      await this.parts.events.tell(object, notice, Date.now());
    }
  }

  private nodeOf({ metadata, spec }: Content): NodeAddress {
    const { store } = this.parts;
    const { namespace = '' } = metadata;
    const cluster = store.get('P2PDBCluster', namespace, spec.cluster) as ClusterObject | undefined;
    if (!cluster) throw new NotNow('NoCluster', `there is no P2PDBCluster ${spec.cluster} in this namespace`);
    const objects = store.of(namespace, spec.cluster);
    for (const { name, phase } of cluster.status?.nodes ?? []) {
      const address = phase === 'InSync' ? addressOf(objects.get(`Pod/${name}`), objects, spec.cluster) : undefined;
      if (address) return address;
    }
    throw new NotNow('ClusterNotReady', `no member of ${spec.cluster} is in sync`);
  }

  /** Nothing is left to do where the cluster is gone or goes; what cannot be done in time is told, and given up. */
  private async remove(object: Content): Promise<number | undefined> {
    const { metadata, spec } = object;
    if (!metadata.finalizers?.includes(FINALIZER)) return undefined;
    const cluster = this.parts.store.get('P2PDBCluster', metadata.namespace ?? '', spec.cluster);
    const isThere = cluster !== undefined && cluster.metadata.deletionTimestamp === undefined;
    if (isThere && spec.deletionPolicy === 'Delete') {
      const statement =
        object.kind === 'P2PDBDatabase'
          ? `DROP DATABASE IF EXISTS ${quoteName(databaseName(object))}`
          : `DROP USER IF EXISTS ${accountOf(object)}`;
      try {
        await this.run(this.nodeOf(object), object, [statement]);
      } catch (error) {
        if (Date.now() - Date.parse(metadata.deletionTimestamp ?? '') < DELETION_MS) throw error;
        const note = `${statement} was given up: ${(error as Error).message}`;
        await this.parts.events.tell(object, { type: 'Warning', reason: 'ActionFailed', note }, Date.now());
      }
    }
    await this.keepFinalizer(object, false);
    return undefined;
  }

  private async keepFinalizer({ metadata }: Content, isWanted: boolean): Promise<void> {
    const { finalizers = [], name, namespace, resourceVersion } = metadata;
    if (finalizers.includes(FINALIZER) === isWanted) return;
    const others = finalizers.filter((finalizer) => finalizer !== FINALIZER);
    // With the version it fails where somebody else changed the list meanwhile.
    const patch = { metadata: { resourceVersion, finalizers: isWanted ? [...others, FINALIZER] : others } };
    this.parts.store.keep(await this.parts.client.mergePatch(RESOURCES[this.kind], namespace, name, patch));
  }

  private async say(
    { apiVersion, kind, metadata, spec, status: before }: Content,
    isReady: boolean,
    reason: string,
    message: string,
    remembered: Remembered,
  ): Promise<void> {
    const { name, namespace, uid, generation = 0 } = metadata;
    const old = before as Partial<Status> | undefined;
    const statement = { type: 'Ready', status: isReady, reason, message };
    const { passwordVersion = old?.passwordVersion, comment = old?.comment } = remembered;
    const status: Status = {
      name: spec.name ?? metadata.name,
      observedGeneration: generation,
      conditions: conditionsOf(old?.conditions, [statement], generation, Date.now()),
      ...(passwordVersion !== undefined && { passwordVersion }),
      ...(comment !== undefined && { comment }),
    };
    if (isDeepStrictEqual(old, status)) return;
    const head = { name, ...(namespace !== undefined && { namespace }), ...(uid !== undefined && { uid }) };
    const object = { apiVersion, kind, metadata: head, status };
    this.parts.store.keep(await this.parts.client.apply(RESOURCES[this.kind], object, 'status'));
  }
}
